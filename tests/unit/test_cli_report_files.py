# SPDX-License-Identifier: GPL-2.0-only
"""``--report FORMAT=FILE``: every format of the table, and what is refused before anything is done."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from harness.cli.main import main, parser
from harness.cli.report_files import report_files
from harness.errors import UserError
from harness.model import RunReport
from harness.paths import PROJECT_ROOT
from harness.report import FORMATS, ReportFile, SeriesStep, load, write_each, write_reports
from tests.support.sample_reports import bad_report, compared_report, run_report

SERIES = [name for name, kind in FORMATS.items() if kind.render_series is not None]
NO_SERIES = [name for name in FORMATS if name not in SERIES]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory of a finished run."""
    return stored(tmp_path / "run")


def stored(directory: Path, report: RunReport | None = None) -> Path:
    directory.mkdir()
    write_reports(report or bad_report(), directory)
    return directory


def parsed(*options: Path | str, command: str = "report") -> argparse.Namespace:
    return parser().parse_args([command, *map(str, options)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    """The one line that says why."""
    code = main(list(map(str, arguments)))
    told = capsys.readouterr()
    assert (code, told.out, told.err.count("\n")) == (2, "", 1), told
    return told.err


# --- every format -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("report", [run_report(), bad_report(), compared_report()], ids=["green", "bad", "compared"])
def test_report_writes_every_format_where_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, report: RunReport
) -> None:
    run, file = stored(tmp_path / "run", report), tmp_path / "out"
    main(["report", str(run), "--report", f"{name}={file}"])
    assert re.search(rf"^{name} +{file}$", capsys.readouterr().out, re.MULTILINE)
    assert file.read_text() == FORMATS[name].render(load(run), run, tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_compare_writes_every_format_and_changes_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    old, new = stored(tmp_path / "old", run_report()), stored(tmp_path / "new")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    main(["compare", str(old), str(new), "--report", f"{name}={tmp_path / 'out'}"])
    assert str(tmp_path / "out") in capsys.readouterr().out and (tmp_path / "out").stat().st_size
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {*before, tmp_path / "out"}


def series(directory: Path) -> list[SeriesStep]:
    first = SeriesStep(1, "one", stored(directory / "01", run_report()), run_report())
    steps = [first, SeriesStep(2, "two", directory / "02")]
    write_each(steps, directory)
    return steps


@pytest.mark.parametrize("name", SERIES)
def test_series_is_told_in_every_format_that_can(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    steps = series(tmp_path)
    assert main(["report", str(tmp_path), "--report", f"{name}={tmp_path / 'out'}"]) == 1
    render = FORMATS[name].render_series
    assert render is not None and (tmp_path / "out").read_text() == render(steps)
    assert re.search(rf"^{name} +{tmp_path / 'out'}$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("name", NO_SERIES)
def test_format_that_tells_of_one_run_is_refused_for_a_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    series(tmp_path)
    assert "not of a series" in refused(capsys, "report", tmp_path, "--report", f"{name}={tmp_path / 'out'}")
    assert "not of a series" in refused(capsys, "run", "--each", "--report", f"{name}={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_short_forms_and_several_files_of_one_format() -> None:
    given = ["--report", "html=a.html", "--report", "junit=b.xml", "--junit", "c.xml"]
    assert report_files(parsed("x", *given)) == (
        ReportFile("html", Path("a.html")),
        ReportFile("junit", Path("b.xml")),
        ReportFile("junit", Path("c.xml")),
    )
    short = parsed("x", "y", "--junit", "a=b.xml", "--html", "c.html", command="compare")
    assert report_files(short) == (ReportFile("junit", Path("a=b.xml")), ReportFile("html", Path("c.html")))


def test_documentation_lists_the_formats_of_the_table() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", (PROJECT_ROOT / "docs/reports.md").read_text(), re.M
    )
    assert [(name, title, own.strip("`"), each == "yes") for name, title, own, each in rows] == [
        (name, kind.title, kind.file_name or "no", kind.render_series is not None) for name, kind in FORMATS.items()
    ]


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("pdf=x.pdf", "--report pdf=x.pdf: there is no format 'pdf'; name junit"),
        ("x.xml", "there is no format 'x.xml'"),
        ("", "there is no format ''"),
        ("junit", "--report junit: it names no file; say --report junit=FILE"),
        ("junit=", "it names no file"),
        ("junit=nowhere/x.xml", "nowhere/x.xml: its directory does not exist"),
        ("junit=file/x.xml", "its directory does not exist"),
        ("junit=.", "it is there already, and no plain file"),
        ("junit=link", "link: it is there already, and no plain file"),
        ("junit=/dev/stdout", "/dev/stdout: it is there already, and no plain file"),
        ("junit=/dev/null", "/dev/null: it is there already, and no plain file"),
        ("junit=" + "x" * 300, "cannot be written: File name too long"),
    ],
)
@pytest.mark.parametrize("command", ["run", "show", "report", "compare", "bench"])
def test_names_that_no_report_can_have(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    option: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    runs = {"report": ["x"], "compare": ["x", "y"]}.get(command, [])
    assert says in refused(capsys, command, *runs, "--report", option)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}


def test_directory_that_nobody_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", deny)  # for root there is no such directory
    with pytest.raises(UserError, match=r"x\.xml: cannot be written: Permission denied; name another file"):
        report_files(parsed("x", "--junit", tmp_path / "x.xml"))


@pytest.mark.parametrize("twin", ["same.xml", "./same.xml", "../{name}/same.xml", "link/same.xml"])
def test_two_reports_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twin: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    given = ["--report", "junit=same.xml", "--report", f"html={twin.format(name=tmp_path.name)}"]
    with pytest.raises(UserError, match=r"two reports are to be written there \(junit, html\)"):
        report_files(parsed("x", *given))
    with pytest.raises(UserError, match=r"\(junit, junit\)"):
        report_files(parsed("x", "--junit", "same.xml", "--report", "junit=same.xml"))


@pytest.mark.parametrize("name", ["results.json", "plan.json", "events.jsonl", "each.json", "junit.xml"])
def test_files_of_a_run_are_not_overwritten(run: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    commands: list[list[Path | str]] = [["report", run], ["compare", run, run], ["run", "--out", run]]
    for command in commands:
        assert "it is a file of the run itself" in refused(capsys, *command, "--report", f"html={run / name}")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_own_file_of_a_run_may_be_named_as_what_it_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "junit.xml").read_bytes()
    assert main(["report", str(run), "--junit", str(run / "junit.xml")]) == 1
    assert capsys.readouterr().out.count(f"{run}/junit.xml") == 1
    assert (run / "junit.xml").read_bytes() == before
