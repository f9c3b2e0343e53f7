# SPDX-License-Identifier: GPL-2.0-only
"""``report`` as a user calls it: a run is shown again, and a series that was tested patch by patch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.model import RunReport
from harness.report import ReportFile, SeriesStep, Written, render_each, write_each, write_reports
from tests.support.sample_reports import bad_report, run_report


def series(directory: Path, *reports: RunReport | None) -> list[SeriesStep]:
    """A finished run with --each, in ``directory``."""
    steps = []
    for number, report in enumerate(reports, 1):
        place = directory / f"{number:02}-patch"
        if report is not None:
            place.mkdir(parents=True)
            write_reports(report, place)
        steps.append(SeriesStep(number, f"patch {number}", place, report))
    write_each(steps, directory)
    return steps


def show(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> tuple[int, str, str]:
    code = main(["report", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


# --- one run ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("report", "code"), [(run_report(), 0), (bad_report(), 1)])
@pytest.mark.parametrize("named", ["", "results.json"])
def test_run_is_shown_again_by_its_directory_or_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], report: RunReport, code: int, named: str
) -> None:
    write_reports(report, tmp_path)
    before = (tmp_path / "junit.xml").read_bytes()
    for file in ("junit.xml", "report.html"):
        (tmp_path / file).unlink()
    found, said, _ = show(capsys, tmp_path / named)
    assert found == code and f"results  {tmp_path}/results.json" in said
    assert (tmp_path / "junit.xml").read_bytes() == before and (tmp_path / "report.html").is_file()


# --- patch by patch ---------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["", "each.json"])
@pytest.mark.parametrize(
    ("reports", "code", "verdict"),
    [
        ((run_report(), run_report()), 0, "PASS: the kernel builds after each patch (2)"),
        ((run_report(), bad_report()), 1, "FAIL: red after patch 2, of 2"),
        ((run_report(), None), 1, "FAIL: not tested: patch 2, of 2"),
    ],
    ids=["green", "red", "cut off"],
)
def test_series_is_shown_as_at_its_end(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    reports: tuple[RunReport | None, ...],
    code: int,
    verdict: str,
    named: str,
) -> None:
    steps = series(tmp_path, *reports)
    stored = {name: (tmp_path / name).read_bytes() for name in ("each.json", "junit.xml")}
    (tmp_path / "junit.xml").unlink()
    (tmp_path / "01-patch" / "report.html").unlink()
    found, said, _ = show(capsys, tmp_path / named, "--junit", tmp_path / "out.xml")
    asked = Written(tmp_path, tmp_path / "each.json", (ReportFile("junit", tmp_path / "out.xml"),))
    assert (found, said) == (code, render_each(steps, asked)) and verdict in said
    assert {name: (tmp_path / name).read_bytes() for name in stored} == stored
    assert (tmp_path / "out.xml").read_bytes() == stored["junit.xml"]
    assert (tmp_path / "01-patch" / "report.html").is_file()


def test_series_can_be_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "old", run_report(), bad_report())
    (tmp_path / "old").rename(tmp_path / "new")
    code, said, _ = show(capsys, tmp_path / "new")
    assert code == 1 and f"dmabuf-harness report {tmp_path}/new/01-patch" in said


# --- what is none -----------------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    """The one line that says why."""
    code, said, why = show(capsys, *arguments)
    assert (code, said, why.count("\n")) == (2, "", 1), why
    return why


def test_foreign_directory_is_told_from_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{tmp_path}: not the directory of a run: no results.json in it" in refused(capsys, tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    assert "this run has no results.json: it goes on, or it was killed" in refused(capsys, tmp_path)
    assert "no such file or directory" in refused(capsys, tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_series_without_one_of_its_runs_names_that(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path, run_report(), run_report())
    shutil.rmtree(tmp_path / "02-patch")
    assert f"{tmp_path}/02-patch" in refused(capsys, tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 3}, "has version 3"),
        ({"patches": []}, "it has no patches"),
        ({"patches": [{"number": "1"}]}, "patches[0].number is not of type int"),
        ({"run": "../elsewhere"}, "../elsewhere is no directory beside it"),
        ({"run": "/tmp"}, "/tmp is no directory beside it"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_json_of_another_shape_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], says: str
) -> None:
    series(tmp_path, run_report())
    stored = json.loads((tmp_path / "each.json").read_text())
    if "run" in change:
        change = {"patches": [{**stored["patches"][0], **change}]}
    (tmp_path / "each.json").write_text(json.dumps({**stored, **change}))
    assert says in refused(capsys, tmp_path)


@pytest.mark.parametrize("command", ["compare", "expect"])
def test_other_commands_ask_for_one_run_of_the_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    series(tmp_path, run_report())
    arguments = [str(tmp_path)] * (2 if command == "compare" else 1)
    assert main([command, *arguments]) == 2
    assert "name the run of one patch, a directory in it" in capsys.readouterr().err
