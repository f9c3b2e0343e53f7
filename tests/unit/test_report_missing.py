# SPDX-License-Identifier: GPL-2.0-only
"""What was planned and did not run is never green, in no report, however good the rest of the run is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.causes import Cause
from harness.errors import ExitCode
from harness.model import BootOutcome, BootReport, RunReport, Status, TestResult, Variant, VariantReport
from harness.report import Written, headline, load, render_table, save, write_reports
from harness.report.case_summary import FEW
from harness.report.style import Style
from harness.verdict import compare, complete, exit_code, judge
from tests.support.sample_reports import (
    OFF,
    ON,
    PASSES,
    RUN_DIR,
    boot,
    failed_build,
    planned,
    run_report,
    variant_report,
)

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
        Written(RUN_DIR, RUN_DIR / "results.json"),
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


# --- many of them -----------------------------------------------------------------------------

MANY = tuple(TestResult("checks" if n % 2 else "contract", f"g.test{n:03d}", Status.PASS) for n in range(300))


def short(variant: Variant, done: int, **changes: object) -> VariantReport:
    """A variant of whose 300 tests the first ``done`` ran."""
    return variant_report(variant, complete(planned(MANY), MANY[:done]), **changes)


def table(report: RunReport) -> str:
    return render_table(report, Written(RUN_DIR, RUN_DIR / "results.json"), Style(120, False))


def test_of_a_run_that_was_cut_off_each_variant_has_one_line() -> None:
    report = run_report(short(ON, 100), short(OFF, 0, kernel=None, boots=()), interrupted="interrupted (Ctrl-C)")
    lines = table(report).splitlines()
    start = lines.index("500 tests never ran, 1 kernel never built")
    assert lines[start + 1 : start + 4] == [
        "  move-notify-on: 200 tests never ran: interrupted (Ctrl-C)",
        "  move-notify-off: never built, 300 tests never ran: interrupted (Ctrl-C)",
        "",
    ]
    assert "g.test" not in table(report) and report.is_bad
    assert headline(report).startswith("INCOMPLETE: interrupted (Ctrl-C); move-notify-on: 200 tests never ran")


def test_real_failures_of_a_run_that_was_cut_off_are_told_as_ever() -> None:
    failed = replace(MANY[0], status=Status.FAIL, message="odd")
    on = variant_report(ON, complete(planned(MANY), [failed, *MANY[1:299]]))
    text = table(run_report(on, interrupted="interrupted (Ctrl-C)"))
    assert "1 failure, 1 test never ran" in text
    assert text.count("again:") == 1 and "move-notify-on: contract g.test000: fail" in text
    assert "  move-notify-on: 1 test never ran: interrupted (Ctrl-C)" in text


PANIC = replace(boot(ON), ended="panic: oh in 17, during checks", cause=Cause.PANIC)
HANGS = [replace(boot(ON), ended=f"{n} waits", cause=Cause.HANG, hangs_in="dma_resv_lock") for n in "ab"]


@pytest.mark.parametrize(
    ("boots", "why"),
    [
        (
            [PANIC, replace(PANIC, ended="panic: oh in 4, during checks")],
            "2 guests were lost, each alike: panic: oh in 4",
        ),
        (HANGS, "2 guests were lost, each alike: b waits"),
        ([PANIC, HANGS[0]], "2 guests were lost, the last: a waits"),
        ([PANIC], "1 guest was lost, the last: panic: oh in 17"),
        ([PANIC, boot(ON)], "contract g.test250, "),  # they are missing for another reason
    ],
)
def test_what_never_ran_as_guests_were_lost_tells_why_they_were(boots: list[BootReport], why: str) -> None:
    report = run_report(short(ON, 250, boots=tuple(boots)))
    assert report.is_bad and f"  move-notify-on: 50 tests never ran: {why}" in table(report)


def test_kernel_that_does_not_build_is_one_failure_and_two_lines() -> None:
    broken = short(ON, 0, kernel=None, build_failure=failed_build(), boots=())
    report = run_report(judge(broken, compare(variant_report(ON, MANY), broken)))
    text = table(report)
    assert "1 failure, 300 tests never ran" in text
    assert "  move-notify-on: 300 tests never ran: it does not build" in text
    assert "coverage lost: 300 tests, contract g.test000 and others: base: pass; patched: never ran" in " ".join(
        text.split()
    )
    assert text.count("g.test") == 1 and len(text.splitlines()) < 40


@pytest.mark.parametrize(
    ("changes", "message", "says"),
    [
        ({"boots": (boot(ON, BootOutcome.HANG),)}, "never ran", "200 tests never ran: it hangs while booting"),
        ({}, "never ran: the probe does not build", "200 tests never ran: the probe does not build"),
        ({}, "never ran", "200 tests never ran: contract g.test100, checks g.test101, contract g.test102, ..."),
    ],
)
def test_reason_is_told_as_far_as_it_is_known(changes: dict[str, object], message: str, says: str) -> None:
    results = tuple(replace(one, status=Status.MISSING, message=message) for one in MANY[100:])
    report = variant_report(ON, MANY[:100] + results, **changes)
    assert f"move-notify-on: {says}" in " ".join(table(run_report(report)).split())


def test_few_are_named_unless_the_run_was_cut_off() -> None:
    few = run_report(short(ON, 300 - FEW))
    assert table(few).count(": missing") == FEW
    assert table(replace(few, interrupted="interrupted (Ctrl-C)")).count(": missing") == 0
    assert table(run_report(short(ON, 300 - FEW - 1))).count(": missing") == 0


def test_junit_still_has_each_of_them(tmp_path: Path) -> None:
    report = run_report(short(ON, 100), interrupted="interrupted (Ctrl-C)")
    write_reports(report, tmp_path)
    found = {case.get("name"): case for case in ElementTree.parse(tmp_path / "junit.xml").getroot().iter("testcase")}
    red = {name for name, case in found.items() if case.find("error") is not None}
    assert {one.name for one in MANY[100:]} <= red and not red & {one.name for one in MANY[:100]}
    assert "200 tests never ran" in (tmp_path / "report.html").read_text()


def test_a_variant_that_was_never_built_lacks_everything() -> None:
    report = run_report(variant_report(ON), VariantReport(OFF, planned=variant_report(ON).planned))
    assert report.is_bad and exit_code(report) is ExitCode.FAILED


def test_a_run_that_tested_nothing_is_not_green() -> None:
    report = run_report(variant_report(ON, ()), variant_report(OFF, ()))
    assert report.is_bad and headline(report).startswith("FAIL: ")
