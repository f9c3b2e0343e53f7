# SPDX-License-Identifier: GPL-2.0-only
"""What is gone with the patch: results inside a program, a suite; and a failure that is another than the base's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.changes import EVERY_TEST, Change
from harness.model import BootOutcome, PlannedTest, Status, TestResult, VariantReport
from harness.verdict import Attempt, compare, judge, settle
from tests.support.sample_reports import ON, variant_report
from tests.support.verdicts import ERROR, FAIL, MISSING, PASS, SKIP, change, only, report, x

# --- results inside a program -----------------------------------------------------------------

PROGRAM = PlannedTest("sync", "sync/test")


SAID = "not ok: b"
KILLED = "killed by signal 11 after 1 of 6 results"
STOPPED = "stopped at its time limit after 360 s after 5 of 6 results"
LIMIT, SILENT = "timed out after 80 s (udmabuf.py:42)", "guest lost: it hangs: no word for 160 s"


def program(status: Status, message: str = "", cut_short: bool = False, **inside: Status) -> VariantReport:
    results = [TestResult("sync", "sync/test", status, message=message, cut_short=cut_short)]
    results += [TestResult("sync", f"sync/test/{name}", one) for name, one in inside.items()]
    return variant_report(ON, tuple(results), planned=(PROGRAM,))


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        (program(PASS, a=PASS), program(PASS), Change.LOST),
        (program(PASS, a=PASS), program(FAIL), Change.UNCHANGED),  # the program tells it
        (program(SKIP, a=PASS), program(SKIP, cut_short=True), Change.UNCHANGED),  # cut short: chance
        (program(PASS, a=PASS), program(SKIP, cut_short=True), Change.UNCHANGED),
        (program(SKIP, a=PASS), program(SKIP), Change.NEW),  # skipped for another reason
        (program(SKIP, cut_short=True, a=PASS), program(SKIP), Change.NEW),
        (program(SKIP, a=SKIP), program(SKIP), Change.UNCHANGED),
        (program(FAIL, a=PASS), program(FAIL), Change.NEW),  # fails on both sides, but now earlier
        (program(FAIL, SAID, a=PASS), program(FAIL, KILLED), Change.UNCHANGED),  # the program tells it
        (program(FAIL, KILLED, a=PASS), program(FAIL, KILLED), Change.NEW),
        (program(FAIL, STOPPED, a=PASS), program(FAIL, STOPPED), Change.UNCHANGED),  # where it is cut is chance
        (program(FAIL, a=FAIL), program(FAIL), Change.UNCHANGED),
        (program(ERROR, a=PASS), program(ERROR), Change.UNCHANGED),  # when a guest dies is chance
        (program(SKIP), program(SKIP, a=PASS), Change.UNCHANGED),
        (program(PASS), program(PASS, a=PASS), Change.GAINED),
        (program(PASS), program(PASS, a=FAIL), Change.NEW),
        (program(SKIP), program(SKIP, a=FAIL), Change.NEW),
        (program(ERROR), program(FAIL, a=FAIL), Change.NOT_COMPARABLE),  # would it have failed there, too?
        (program(MISSING), program(FAIL, a=FAIL), Change.NOT_COMPARABLE),
    ],
)
def test_results_inside_a_program(base: VariantReport, patched: VariantReport, expected: Change) -> None:
    assert change(compare(base, patched), "sync/test/a", "sync") is expected


@pytest.mark.parametrize("message", [SAID, KILLED, "failed: odd bytes", "exit status 1: [FAIL,test-4]"])
def test_a_result_that_is_gone_makes_the_run_red_beside_a_failure_that_was_there(message: str) -> None:
    base, patched = program(FAIL, message, a=PASS), program(FAIL, message)
    judged = judge(patched, compare(base, patched))
    assert [(one.name, one.status, one.is_bad) for one in judged.results] == [
        ("sync/test", FAIL, False),
        ("sync/test/a", MISSING, True),
    ]
    assert not judge(base, compare(base, base)).is_bad


# --- in which way it is bad -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        ((FAIL, SAID), (FAIL, KILLED), Change.NEW),
        ((FAIL, SAID), (FAIL, LIMIT), Change.NEW),
        ((FAIL, LIMIT), (FAIL, "failed: expected EINVAL, but the call succeeded (udmabuf.py:42)"), Change.NEW),
        ((FAIL, STOPPED), (FAIL, KILLED), Change.NEW),
        ((FAIL, "killed by signal 9 after 2 of 6 results"), (FAIL, SAID), Change.NEW),
        ((ERROR, SILENT), (FAIL, SAID), Change.NEW),
        ((ERROR, SILENT), (ERROR, "guest lost: panic: Fatal exception"), Change.NEW),
        ((ERROR, "guest lost: no answer for 80 s: the guest hangs"), (FAIL, "failed: odd"), Change.NEW),
        ((FAIL, LIMIT), (FAIL, "timed out after 240 s (udmabuf.py:51)"), Change.PRE_EXISTING),
        ((FAIL, LIMIT), (FAIL, STOPPED), Change.PRE_EXISTING),
        ((FAIL, KILLED), (FAIL, SAID), Change.PRE_EXISTING),
        ((FAIL, KILLED), (FAIL, STOPPED), Change.PRE_EXISTING),
        ((ERROR, "guest lost: panic: Fatal exception"), (FAIL, SAID), Change.PRE_EXISTING),
        ((ERROR, f"{SILENT}; hangs in dma_fence_default_wait <- f"), (FAIL, SAID), Change.PRE_EXISTING),
        ((ERROR, "guest lost: panic: Fatal exception"), (ERROR, SILENT), Change.PRE_EXISTING),
        ((ERROR, SILENT), (FAIL, LIMIT), Change.PRE_EXISTING),
        ((FAIL, "failed: it timed out after 3 s"), (FAIL, "failed: odd bytes"), Change.PRE_EXISTING),
    ],
)
def test_a_failure_of_a_graver_way_is_new(
    base: tuple[Status, str], patched: tuple[Status, str], expected: Change
) -> None:
    assert change(compare(report(x(*base)), report(x(*patched)))) is expected


def test_of_two_failures_the_mended_one_is_no_trouble_but_the_other_way_is_told() -> None:
    base, patched = report(x(FAIL, "failed: byte 1 is 7")), report(x(FAIL, "failed: 3 pages stay pinned"))
    found = compare(base, patched)
    assert (only(found).change, only(found).note) == (Change.PRE_EXISTING, "fails in another way than on the base")
    judged = judge(patched, found)
    assert not judged.is_bad
    assert judged.results[0].excused == (
        "pre-existing (base: fail: failed: byte 1 is 7; fails in another way than on the base)"
    )
    assert only(compare(base, report(x(FAIL, "failed: byte 1 is 9")))).note == ""


# --- suites of which nothing is left ----------------------------------------------------------


def suite(*statuses: Status, **changes: bool) -> VariantReport:
    results = [TestResult("checks", f"udmabuf.{number}", one) for number, one in enumerate(statuses)]
    results = [replace(one, **changes) for one in results]  # type: ignore[arg-type]
    return variant_report(ON, (*results, TestResult("sync", "sync/test", PASS)))


def suite_attempt(*statuses: Status) -> Attempt:
    """What a repeat of all of ``suite`` shows."""
    return Attempt(suite(*statuses * 2).results, (), BootOutcome.UP)


@pytest.mark.parametrize(
    ("base", "patched", "red"),
    [
        (suite(PASS, PASS), suite(SKIP, SKIP), True),
        (suite(PASS, SKIP), suite(SKIP, SKIP), True),
        (suite(PASS, PASS), suite(SKIP, PASS), False),  # the skip comes and goes
        (suite(SKIP, SKIP), suite(SKIP, SKIP), False),
        (suite(PASS, SKIP), suite(SKIP, PASS), False),
        (suite(PASS, PASS), suite(SKIP, SKIP, moot=True), False),  # not promised on this kernel
        (suite(PASS), suite(SKIP, cut_short=True), False),  # a busy host
        (suite(FAIL, PASS), suite(FAIL, SKIP), True),  # what was bad before is excused, and hides nothing
    ],
)
def test_a_suite_of_which_all_is_skipped_is_red_if_it_passed(
    base: VariantReport, patched: VariantReport, red: bool
) -> None:
    found = compare(base, patched)
    settled = tuple(settle(one, [(suite_attempt(PASS), suite_attempt(PASS))]) for one in found.those(Change.NEW))
    left = tuple(one for one in found.differences if one.change is not Change.NEW)
    assert judge(patched, replace(found, differences=(*settled, *left))).is_bad is red
    assert [one.suite for one in found.differences if one.name == EVERY_TEST] == (["checks"] if red else [])


def test_a_suite_is_held_against_what_both_were_asked_for() -> None:
    assert not judge(suite(SKIP), compare(suite(SKIP, PASS), suite(SKIP), same_request=False)).is_bad
