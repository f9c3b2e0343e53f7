# SPDX-License-Identifier: GPL-2.0-only
"""Caught, missed, caught by another, broken: read off reports as real runs leave them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes import Blame, Cause
from harness.faults import Detection, Fault, FaultOutcome
from harness.faults.fault_verdict import alarms, judge_fault, judge_whole, red_checks
from harness.model import BootOutcome, Splat, Status, TestResult, VariantReport
from tests.support.sample_reports import OFF, ON, boot, failed_build, run_report, splat, variant_report

CHECK = "dmabuf.idle-buffer-is-ready"
FAULT = Fault(
    "a-bug", Path("a-bug.patch"), "dma-buf: a bug", ("dma-buf.c",), "checks", CHECK, "on", Detection.FAIL, "it says so"
)
GREEN = TestResult("checks", CHECK, Status.PASS)
FAILED = TestResult("checks", CHECK, Status.FAIL, message="failed: expected EINVAL (dmabuf.py:3)")
REPORTED = TestResult(
    "checks",
    CHECK,
    Status.FAIL,
    message="kernel report: WARNING: CPU: 0 at dma-buf.c:86",
    cause=Cause.REPORT,
    reported=True,
)
LEAKED = TestResult("checks", CHECK, Status.FAIL, message="leaked 1 dma-buf: 1 now, before the check 0")
KILLED = TestResult("checks", CHECK, Status.FAIL, message="the runner ended in it", cause=Cause.PROCESS)
PANICKED = TestResult("checks", CHECK, Status.ERROR, message="guest lost: panic: oh", cause=Cause.PANIC)
ENDED = TestResult("checks", CHECK, Status.ERROR, message="guest lost: ended by itself", cause=Cause.EXIT)
ENDLESS = TestResult("checks", CHECK, Status.FAIL, message="timed out after 80 s", cause=Cause.TIME_LIMIT)
SILENT = TestResult("checks", CHECK, Status.ERROR, message="guest lost: it hangs", cause=Cause.SILENCE)
DEAF = TestResult("checks", CHECK, Status.ERROR, message="guest lost: no answer for 80 s", cause=Cause.HANG)


def seen(during: str = f"checks: {CHECK}", known: str = "") -> Splat:
    return replace(splat(known), during=during)


def of(*results: TestResult, splats: tuple[Splat, ...] = ()) -> VariantReport:
    return variant_report(ON, results, splats=splats)


def judged(how: Detection, variant: VariantReport) -> FaultOutcome:
    return judge_fault(replace(FAULT, how=how), run_report(variant)).outcome


@pytest.mark.parametrize(
    ("how", "variant"),
    [
        (Detection.FAIL, of(FAILED)),
        (Detection.FAIL, of(LEAKED)),
        (Detection.FAIL, of(FAILED, splats=(seen(),))),
        (Detection.SPLAT, of(GREEN, splats=(seen(),))),
        (Detection.SPLAT, of(REPORTED)),
        (Detection.SPLAT, of(FAILED, splats=(seen(),))),
        (Detection.CRASH, of(PANICKED)),
        (Detection.CRASH, of(ENDED)),
        (Detection.CRASH, of(KILLED, splats=(seen(),))),
        (Detection.CRASH, of(SILENT, splats=(replace(seen(), kind="oops"),))),
        (Detection.HANG, of(ENDLESS)),
        (Detection.HANG, of(SILENT)),
        (Detection.HANG, of(DEAF)),
    ],
)
def test_the_named_check_goes_red_as_it_should(how: Detection, variant: VariantReport) -> None:
    assert judged(how, variant) is FaultOutcome.CAUGHT


@pytest.mark.parametrize(
    ("how", "variant"),
    [
        (Detection.SPLAT, of(FAILED)),
        (Detection.CRASH, of(FAILED, splats=(seen(),))),
        (Detection.FAIL, of(REPORTED)),
        (Detection.FAIL, of(KILLED)),
        (Detection.FAIL, of(ENDLESS)),
        (Detection.HANG, of(PANICKED)),
        (Detection.CRASH, of(SILENT, splats=(seen(),))),
    ],
)
def test_red_in_another_way_is_not_what_was_said(how: Detection, variant: VariantReport) -> None:
    assert judged(how, variant) is FaultOutcome.OTHERWISE


@pytest.mark.parametrize(
    "variant",
    [
        of(GREEN),
        of(replace(GREEN, status=Status.SKIP, message="no device")),
        of(replace(FAILED, known="known trouble")),
        of(GREEN, splats=(seen(known="known trouble"),)),
        of(GREEN, splats=(seen(during="checks: another"),)),
        of(GREEN, replace(FAILED, name="dmabuf.another")),
    ],
    ids=["green", "skipped", "excused", "excused splat", "splat of another", "another failed"],
)
def test_a_check_that_is_not_red_has_missed_it(variant: VariantReport) -> None:
    assert judged(Detection.FAIL, variant) is FaultOutcome.MISSED
    assert judged(Detection.SPLAT, variant) is FaultOutcome.MISSED


def test_a_fault_of_two_variants_must_be_caught_in_both() -> None:
    on, off = of(FAILED), replace(of(FAILED), variant=OFF)
    assert judge_fault(FAULT, run_report(on, off)).outcome is FaultOutcome.CAUGHT
    verdict = judge_fault(FAULT, run_report(on, replace(off, results=(GREEN,))))
    assert verdict.outcome is FaultOutcome.MISSED and OFF.name in verdict.detail


def test_a_variant_that_is_the_same_kernel_is_not_asked_again() -> None:
    same = VariantReport(OFF, same_as=ON.name)
    assert judge_fault(FAULT, run_report(of(FAILED), same)).outcome is FaultOutcome.CAUGHT


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        (variant_report(ON, (), kernel=None, build_failure=failed_build()), "'attach' undeclared"),
        (variant_report(ON, (), kernel=None), "not built"),
        (variant_report(ON, (), boots=(boot(ON, BootOutcome.PANIC),)), "does not boot"),
        (of(), "did not run"),
        (of(replace(GREEN, status=Status.MISSING)), "did not run"),
    ],
    ids=["build", "no kernel", "boot", "unknown", "missing"],
)
def test_where_nothing_was_tested_nothing_was_missed(variant: VariantReport, word: str) -> None:
    verdict = judge_fault(FAULT, run_report(variant))
    assert verdict.outcome is FaultOutcome.BROKEN and word in verdict.detail


def test_a_run_that_was_cut_off_says_nothing() -> None:
    cut = run_report(of(GREEN), interrupted="no space left")
    for verdict in (judge_fault(FAULT, cut), judge_whole(FAULT, cut)):
        assert (verdict.outcome, verdict.detail) == (FaultOutcome.BROKEN, "no space left")


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause.blame is not Blame.KERNEL])
def test_a_guest_that_the_machine_lost_gives_no_bug_away(cause: Cause) -> None:
    status = Status.MISSING if cause is Cause.INJECTION else Status.ERROR
    lost = replace(GREEN, status=status, message="guest lost: QEMU was killed", cause=cause)
    told = f"{ON.name}: {CHECK}: {lost.message}"
    for how in (Detection.CRASH, Detection.HANG):
        verdict = judge_fault(replace(FAULT, how=how), run_report(of(lost)))
        assert (verdict.outcome, verdict.detail) == (FaultOutcome.BROKEN, told)
    assert judge_whole(FAULT, run_report(of(lost))).outcome is FaultOutcome.BROKEN


def test_a_check_that_is_red_without_the_bug_proves_nothing() -> None:
    verdict = judge_fault(FAULT, run_report(of(FAILED)), red_on_base={CHECK})
    assert verdict.outcome is FaultOutcome.BROKEN and CHECK in verdict.detail


# --- whole suites -----------------------------------------------------------------------------


def test_others_that_see_it_are_named() -> None:
    other = replace(FAILED, name="dmabuf.another")
    verdict = judge_whole(FAULT, run_report(of(GREEN, other)))
    assert verdict.outcome is FaultOutcome.ANOTHER
    assert verdict.others == (f"{ON.name}: checks: dmabuf.another",)
    late = judge_whole(FAULT, run_report(of(GREEN, splats=(seen(during="after checks"),))))
    assert late.outcome is FaultOutcome.ANOTHER and late.others == (f"{ON.name}: after checks",)


def test_missed_is_what_nobody_sees() -> None:
    assert judge_whole(FAULT, run_report(of(GREEN))).outcome is FaultOutcome.MISSED


# --- control ----------------------------------------------------------------------------------


def test_a_clean_control_raises_no_alarm() -> None:
    report = run_report(of(GREEN, splats=(seen(known="known trouble"),)))
    assert alarms(report) == () and red_checks(report) == frozenset()


def test_every_kind_of_false_alarm_is_told() -> None:
    lost = replace(GREEN, name="dmabuf.lost", status=Status.MISSING, message="never ran")
    report = run_report(
        of(FAILED, lost, splats=(seen(),)),
        variant_report(OFF, (), kernel=None, build_failure=failed_build()),
    )
    told = alarms(report)
    assert len(told) == 4 and red_checks(report) == {CHECK, "dmabuf.lost"}
    for word in ("EINVAL", "never ran", splat().title, "does not build"):
        assert any(word in line for line in told), told
