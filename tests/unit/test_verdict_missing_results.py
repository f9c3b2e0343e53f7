# SPDX-License-Identifier: GPL-2.0-only
"""What is gone with the patch: results inside a program, a suite; and a failure that is another than the base's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.causes import Cause
from harness.changes import EVERY_TEST, Change
from harness.model import BootOutcome, PlannedTest, Status, TestResult, VariantReport
from harness.verdict import Rerun, compare, judge, settle
from tests.support.sample_reports import ON, variant_report
from tests.support.verdicts import ERROR, FAIL, MISSING, PASS, SKIP, change, only, report, x

# --- results inside a program -----------------------------------------------------------------

PROGRAM = PlannedTest("sync", "sync/test")


SAID, REPORTED, KILLED, LIMIT = Cause.ASSERTION, Cause.REPORT, Cause.SIGNAL, Cause.TIME_LIMIT


def program(status: Status, cause: Cause | None = None, cut_short: bool = False, **inside: Status) -> VariantReport:
    results = [TestResult("sync", "sync/test", status, cause=cause, cut_short=cut_short)]
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
        (program(FAIL, LIMIT, a=PASS), program(FAIL, LIMIT), Change.UNCHANGED),  # where it is cut is chance
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


@pytest.mark.parametrize("cause", [SAID, KILLED, REPORTED, None])
def test_a_result_that_is_gone_makes_the_run_red_beside_a_failure_that_was_there(cause: Cause | None) -> None:
    base, patched = program(FAIL, cause, a=PASS), program(FAIL, cause)
    judged = judge(patched, compare(base, patched))
    assert [(one.name, one.status, one.is_bad) for one in judged.results] == [
        ("sync/test", FAIL, False),
        ("sync/test/a", MISSING, True),
    ]
    assert not judge(base, compare(base, base)).is_bad


# --- how grave it is ------- -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        ((FAIL, SAID), (FAIL, KILLED), Change.NEW),
        ((FAIL, SAID), (FAIL, LIMIT), Change.NEW),
        ((FAIL, LIMIT), (FAIL, SAID), Change.NEW),
        ((FAIL, LIMIT), (FAIL, KILLED), Change.NEW),
        ((FAIL, LIMIT), (FAIL, REPORTED), Change.NEW),
        ((ERROR, Cause.SILENCE), (FAIL, SAID), Change.NEW),
        ((ERROR, Cause.SILENCE), (ERROR, Cause.PANIC), Change.NEW),
        ((ERROR, Cause.CONNECTION), (FAIL, SAID), Change.NEW),
        ((FAIL, LIMIT), (FAIL, LIMIT), Change.PRE_EXISTING),
        ((FAIL, KILLED), (FAIL, SAID), Change.PRE_EXISTING),
        ((FAIL, KILLED), (FAIL, LIMIT), Change.PRE_EXISTING),
        ((ERROR, Cause.PANIC), (FAIL, SAID), Change.PRE_EXISTING),
        ((ERROR, Cause.HANG), (FAIL, SAID), Change.PRE_EXISTING),
        ((ERROR, Cause.PANIC), (ERROR, Cause.SILENCE), Change.PRE_EXISTING),
        ((ERROR, Cause.SILENCE), (FAIL, LIMIT), Change.PRE_EXISTING),
        ((FAIL, None), (FAIL, SAID), Change.PRE_EXISTING),
    ],
)
def test_a_graver_failure_is_new(
    base: tuple[Status, Cause | None], patched: tuple[Status, Cause | None], expected: Change
) -> None:
    before, after = (report(x(status, cause=cause)) for status, cause in (base, patched))
    assert change(compare(before, after)) is expected


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


def suite_attempt(*statuses: Status) -> Rerun:
    """What a repeat of all of ``suite`` shows."""
    return Rerun(suite(*statuses * 2).results, (), BootOutcome.UP)


@pytest.mark.parametrize(
    ("base", "patched", "red"),
    [
        (suite(PASS, PASS), suite(SKIP, SKIP), True),
        (suite(PASS, SKIP), suite(SKIP, SKIP), True),
        (suite(PASS, PASS), suite(SKIP, PASS), False),  # the skip comes and goes
        (suite(SKIP, SKIP), suite(SKIP, SKIP), False),
        (suite(PASS, SKIP), suite(SKIP, PASS), False),
        (suite(PASS, PASS), suite(SKIP, SKIP, not_applicable=True), False),  # not promised on this kernel
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
