# SPDX-License-Identifier: GPL-2.0-only
"""``compare`` and ``expect`` as a user calls them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.cli.main import main
from harness.model import RunReport, Status, TestResult
from harness.report import save
from tests.support.sample_reports import ON, PASSES, kernel, run_report, variant_report

FAILED = TestResult("checks", "x", Status.FAIL, message="odd bytes", log="boots/a/logs/checks.log")
PASSED = TestResult("checks", "x", Status.PASS)


def stored(directory: Path, *results: TestResult) -> Path:
    directory.mkdir()
    config = directory / "config"
    config.write_text("")
    report: RunReport = run_report(variant_report(ON, (*PASSES, *results), kernel=kernel(config=config)))
    save(directory, report)
    return directory


def test_compare_exits_by_what_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = stored(tmp_path / "good", PASSED), stored(tmp_path / "bad", FAILED)
    assert main(["compare", str(good), str(bad)]) == 1
    assert "checks x: fail, new failure" in capsys.readouterr().out
    assert main(["compare", str(bad), str(good)]) == 0
    assert "fixed: checks x" in capsys.readouterr().out
    assert main(["compare", str(bad), str(bad)]) == 0
    assert "pre-existing (base: fail: odd bytes)" in capsys.readouterr().out
    assert main(["compare", str(bad), str(bad), "--strict"]) == 1


def test_compare_takes_files_and_writes_only_what_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = stored(tmp_path / "good", PASSED), stored(tmp_path / "bad", FAILED)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["compare", str(good / "results.json"), str(bad / "results.json")]) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    out = tmp_path / "out"
    out.mkdir()
    junit, page = out / "ci.xml", out / "page.html"
    assert main(["compare", str(good), str(bad), "--junit", str(junit), "--html", str(page)]) == 1
    told = capsys.readouterr().out
    assert str(junit) in told and str(page) in told
    assert [one.get("message") for one in ElementTree.parse(junit).getroot().iter("failure")] == [
        "new failure: odd bytes"
    ]
    assert 'href="../bad/boots/a/logs/checks.log"' in page.read_text()


def test_compare_names_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = stored(tmp_path / "good", PASSED)
    assert main(["compare", str(good), str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_expect_prints_entries_to_paste(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["expect", str(stored(tmp_path / "bad", FAILED))]) == 0
    told = capsys.readouterr().out
    assert "# in kselftest-wrappers/checks/expectations.toml" in told
    assert 'kind = "fail"' in told and 'reason = ""' in told
    assert main(["expect", str(stored(tmp_path / "good", PASSED))]) == 0
    assert "nothing unexpected" in capsys.readouterr().out
