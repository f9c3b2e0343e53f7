# SPDX-License-Identifier: GPL-2.0-only
"""What was planned and did not run is never green, in no report, however good the rest of the run is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.errors import ExitCode
from harness.model import RunReport, Status, TestResult, VariantReport
from harness.report import Written, headline, load, render_table, save, write_reports
from harness.report.style import Style
from harness.verdict import complete, exit_code
from tests.support.sample_reports import OFF, ON, PASSES, RUN_DIR, run_report, variant_report

NAME = "dma_fence/test_wait"


def lacking(results: tuple[TestResult, ...]) -> RunReport:
    """A run whose second variant has only ``results`` of the three tests that were planned."""
    good = variant_report(ON)
    short = replace(good, variant=OFF, results=complete(good.planned, results))
    return run_report(good, short)


@pytest.fixture(params=["one test", "a whole suite"])
def report(request: pytest.FixtureRequest) -> RunReport:
    left_out = (PASSES[1],) if request.param == "one test" else PASSES[1:]
    return lacking(tuple(result for result in PASSES if result not in left_out))


def test_it_is_in_the_results_and_makes_the_run_red(report: RunReport, tmp_path: Path) -> None:
    assert report.is_bad and report.variants[1].is_bad and not report.variants[0].is_bad
    assert exit_code(report) is ExitCode.FAILED
    document = json.loads(save(tmp_path, report).read_text())
    assert document["verdict"] == "fail"
    stored = {result.name: result.status for result in load(tmp_path).variants[1].results}
    assert stored[NAME] is Status.MISSING and stored.keys() == {result.name for result in PASSES}


def test_the_terminal_says_so(report: RunReport) -> None:
    text = render_table(
        report,
        Written(RUN_DIR, RUN_DIR / "results.json", RUN_DIR / "junit.xml", RUN_DIR / "report.html"),
        Style(120, False),
    )
    assert headline(report).startswith("FAIL: ") and "never ran" in headline(report)
    assert headline(report) in " ".join(text.split())
    assert f"move-notify-off: in-kernel {NAME}: missing" in text


def test_junit_and_html_say_so(report: RunReport, tmp_path: Path) -> None:
    write_reports(report, tmp_path)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    red = {
        (suite.get("name"), case.get("name"))
        for suite in root.iter("testsuite")
        for case in suite.iter("testcase")
        if case.find("error") is not None or case.find("failure") is not None
    }
    assert ("move-notify-off: in-kernel", NAME) in red
    assert {name for name, _ in red} <= {"move-notify-off: in-kernel", "move-notify-off: checks"}
    assert sum(int(suite.get("errors", "0")) for suite in root.iter("testsuite")) == len(red)
    assert NAME in (tmp_path / "report.html").read_text()


def test_a_variant_that_was_never_built_lacks_everything() -> None:
    report = run_report(variant_report(ON), VariantReport(OFF, planned=variant_report(ON).planned))
    assert report.is_bad and exit_code(report) is ExitCode.FAILED


def test_a_run_that_tested_nothing_is_not_green() -> None:
    report = run_report(variant_report(ON, ()), variant_report(OFF, ()))
    assert report.is_bad and headline(report).startswith("FAIL: ")
