# SPDX-License-Identifier: GPL-2.0-only
"""A run in which nothing is bad but what the machine brought about is no verdict, and not green."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.changes import Change, Comparison, Difference, Repeats
from harness.errors import ExitCode
from harness.machine_failures import machine_trouble
from harness.model import BootOutcome, BuildFailure, RunReport, Status, TestResult, VariantReport
from harness.report.headline import headline
from harness.report.store import verdict_word
from harness.verdict import exit_code
from tests.support.sample_reports import ON, PASSES, boot, planned, run_report, splat, variant_report

BUSY = "no answer for 80 s; the host is too busy: of 900 s the guest waited 600 s for a processor"
LOST = replace(boot(ON), ended=BUSY, cause=Cause.MACHINE)
ERROR = TestResult("checks", "dmabuf.seek", Status.ERROR, message=f"guest lost: {BUSY}", cause=Cause.MACHINE)
NEVER = TestResult("checks", "dmabuf.size", Status.MISSING, message="never ran")
FAILED = TestResult("checks", "dmabuf.poll", Status.FAIL, message="odd bytes", cause=Cause.ASSERTION)


def spoiled(*more: TestResult, **changes: object) -> RunReport:
    """Both variants; the first lost a guest twice in one test, and never ran another."""
    results = (*PASSES, ERROR, NEVER, *more)
    on = variant_report(ON, results, planned=planned(results), boots=(LOST, LOST))
    return run_report(replace(on, **changes), variant_report())  # type: ignore[arg-type]


def test_it_is_neither_green_nor_red() -> None:
    report = spoiled()
    assert report.is_bad and machine_trouble(report) == BUSY
    assert exit_code(report) is ExitCode.INFRASTRUCTURE
    assert headline(report).startswith(f"INCOMPLETE: {BUSY}; ")
    assert verdict_word(report) == "incomplete"


def test_a_kernel_that_could_not_boot_on_a_busy_host_was_not_tested() -> None:
    late = replace(LOST, outcome=BootOutcome.HANG, ended="no login within 240 s; the host is too busy: of 900 s ...")
    missing = tuple(replace(one, status=Status.MISSING) for one in PASSES)
    report = spoiled(results=missing, boots=(late, late))
    assert exit_code(report) is ExitCode.INFRASTRUCTURE
    assert "hangs" not in headline(report)


@pytest.mark.parametrize(
    "changes",
    [
        {"results": (*PASSES, ERROR, FAILED)},
        {"splats": (splat(),)},
        {"boots": (LOST, replace(LOST, outcome=BootOutcome.PANIC, cause=Cause.PANIC))},
        {"boots": (boot(ON),), "results": (*PASSES, NEVER)},
        {"results": (*PASSES, replace(NEVER, cause=Cause.GONE))},
        {"boots": (LOST, replace(LOST, ended="panic: oh", cause=Cause.PANIC)), "results": (*PASSES, NEVER)},
        {"comparison": Comparison((Difference(ERROR.suite, ERROR.name, Change.NEW, repeats=Repeats(3, 3, 0, 3)),))},
        {"kernel": None, "build_failure": BuildFailure("kernel", (), Path("build.log"), "")},
    ],
    ids=[
        "a test fails",
        "a splat",
        "a panic",
        "a test that nobody explains",
        "a test that is gone",
        "a panic that is known",
        "repeats that fail",
        "no kernel",
    ],
)
def test_whatever_else_is_bad_is_a_failure(changes: dict[str, object]) -> None:
    report = spoiled(**changes)
    assert exit_code(report) is ExitCode.FAILED and headline(report).startswith("FAIL: ")


def test_one_variant_that_fails_is_enough() -> None:
    failed: VariantReport = variant_report(results=(*PASSES, FAILED))
    report = replace(spoiled(), variants=(spoiled().variants[0], failed))
    assert exit_code(report) is ExitCode.FAILED


def test_a_green_run_has_no_trouble() -> None:
    assert machine_trouble(run_report()) == "" and exit_code(run_report()) is ExitCode.OK
