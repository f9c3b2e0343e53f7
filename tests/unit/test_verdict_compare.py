# SPDX-License-Identifier: GPL-2.0-only
"""The base against the patch: each outcome has its class, nothing bad is dropped, and nothing is blamed by mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from harness.causes import Cause
from harness.changes import KERNEL, Change
from harness.model import (
    BootOutcome,
    PlannedTest,
    Splat,
    Status,
    TestResult,
    VariantReport,
)
from harness.splat import identity
from harness.verdict import compare, judge, undecided
from tests.support.report_strategies import variant_reports
from tests.support.sample_reports import OFF, ON, boot, failed_build, problem, splat, variant_report
from tests.support.verdicts import ERROR, FAIL, MISSING, OTHER, PASS, SKIP, change, only, report, x

# --- tests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        (PASS, PASS, Change.UNCHANGED),
        (PASS, FAIL, Change.NEW),
        (PASS, ERROR, Change.NEW),
        (PASS, SKIP, Change.NEW),
        (PASS, MISSING, Change.LOST),
        (FAIL, PASS, Change.FIXED),
        (FAIL, FAIL, Change.PRE_EXISTING),
        (FAIL, ERROR, Change.NEW),
        (FAIL, SKIP, Change.LOST),
        (FAIL, MISSING, Change.LOST),
        (SKIP, PASS, Change.GAINED),
        (SKIP, FAIL, Change.NEW),
        (SKIP, ERROR, Change.NEW),
        (SKIP, SKIP, Change.UNCHANGED),
        (SKIP, MISSING, Change.LOST),
        (ERROR, PASS, Change.FIXED),
        (ERROR, FAIL, Change.PRE_EXISTING),
        (ERROR, ERROR, Change.PRE_EXISTING),
        (ERROR, SKIP, Change.LOST),
        (ERROR, MISSING, Change.LOST),
        (MISSING, PASS, Change.NOT_COMPARABLE),
        (MISSING, FAIL, Change.NOT_COMPARABLE),
        (MISSING, ERROR, Change.NOT_COMPARABLE),
        (MISSING, SKIP, Change.NOT_COMPARABLE),
        (MISSING, MISSING, Change.NOT_COMPARABLE),
    ],
)
def test_each_pair_of_outcomes_has_its_class(base: Status, patched: Status, expected: Change) -> None:
    assert change(compare(report(x(base)), report(x(patched)))) is expected


def lost(status: Status, cause: Cause | None) -> TestResult:
    return replace(x(status), cause=cause)


@pytest.mark.parametrize("patched", [Cause.SILENCE, Cause.TIME_LIMIT, Cause.MACHINE, Cause.ASSERTION])
@pytest.mark.parametrize("machine", [Cause.MACHINE, Cause.ACCELERATOR])
def test_a_base_whose_guest_the_machine_took_excuses_nothing(machine: Cause, patched: Cause) -> None:
    found = compare(report(lost(ERROR, machine)), report(lost(ERROR, patched)))
    assert change(found) is Change.NOT_COMPARABLE


@pytest.mark.parametrize("base", [Cause.SILENCE, Cause.TIME_LIMIT, Cause.ASSERTION, Cause.PANIC])
def test_what_the_machine_took_is_not_excused_by_a_base_that_fails(base: Cause) -> None:
    assert change(compare(report(lost(ERROR, base)), report(lost(ERROR, Cause.MACHINE)))) is Change.NEW
    assert change(compare(report(lost(ERROR, base)), report(lost(ERROR, base)))) is Change.PRE_EXISTING


def test_what_is_unchanged_are_tests_and_not_the_build_and_the_boot_beside_them() -> None:
    assert compare(report(x(PASS)), report(x(PASS))).unchanged == 2
    assert compare(report(x(PASS)), report(x(FAIL))).unchanged == 1


@pytest.mark.parametrize(
    ("patched", "expected"),
    [
        (PASS, Change.GAINED),
        (SKIP, Change.UNCHANGED),
        (FAIL, Change.NEW),
        (ERROR, Change.NEW),
        (MISSING, Change.NOT_COMPARABLE),
    ],
)
def test_a_test_that_came_with_the_patch(patched: Status, expected: Change) -> None:
    assert change(compare(report(), report(x(patched)))) is expected


@pytest.mark.parametrize(
    ("base", "expected"), [(PASS, True), (FAIL, True), (ERROR, True), (SKIP, False), (MISSING, False)]
)
def test_a_test_that_disappears_with_the_patch_is_missing_then(base: Status, expected: bool) -> None:
    found = compare(report(x(base)), report())
    judged = judge(report(), found)
    gone = [result for result in judged.results if result.name == "x"]
    assert [result.status for result in gone] == ([MISSING] if expected else [])
    assert judged.is_bad is expected
    assert (change(found) is Change.LOST) is expected


def test_a_base_that_has_none_of_the_tests_asked_for_is_not_to_blame() -> None:
    empty = variant_report(ON, (), boots=())
    patched = variant_report(ON, (x(FAIL),))
    found = compare(empty, patched)
    assert (only(found).change, found.why_not) == (Change.NEW, "")
    assert compare(empty, variant_report(ON, (x(PASS),))).those(Change.GAINED)


def test_what_was_not_asked_for_has_not_disappeared() -> None:
    found = compare(report(x(PASS)), report(), same_request=False)
    assert (only(found).change, only(found).patched) == (Change.NOT_COMPARABLE, "not asked for")
    assert not judge(report(), found).is_bad


@pytest.mark.parametrize("status", [PASS, FAIL])
def test_what_the_base_was_not_asked_for_is_neither_new_nor_gained(status: Status) -> None:
    found = compare(report(), report(x(status)), same_request=False)
    assert (only(found).change, only(found).base) == (Change.NOT_COMPARABLE, "not asked for")
    assert judge(report(x(status)), found).is_bad == (status is FAIL)


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        ((), ("no vgem",), Change.LOST),
        (("no vgem",), (), Change.GAINED),
        (("no vgem",), ("no vgem", "no heap"), Change.LOST),
        (("no vgem", "no heap"), ("no vgem",), Change.GAINED),
        (("3 were not finished",), ("5 were not finished",), Change.UNCHANGED),
    ],
)
def test_two_passes_may_differ_in_what_they_tested(
    base: tuple[str, ...], patched: tuple[str, ...], expected: Change
) -> None:
    found = compare(report(x(PASS, lost_coverage=base)), report(x(PASS, lost_coverage=patched)))
    assert change(found) is expected


@pytest.mark.parametrize("excuse", ["not_applicable", "cut_short"])
def test_a_skip_that_blames_no_kernel_is_lost_coverage_and_no_failure(excuse: str) -> None:
    base, patched = report(x(PASS)), report(x(SKIP, "too little memory", **{excuse: True}))
    found = compare(base, patched)
    assert (change(found), judge(patched, found).is_bad) == (Change.LOST, False)


def test_of_several_results_of_one_test_the_worst_counts() -> None:
    found = compare(report(x(PASS)), report(x(FAIL, "wrong"), x(ERROR, "guest lost")))
    assert [(one.change, one.patched) for one in found.differences] == [(Change.NEW, "error: guest lost")]


def test_differences_tell_what_was_seen_on_each_side() -> None:
    one = only(compare(report(x(PASS)), report(x(FAIL, "odd bytes"))))
    assert one.summary == "base: pass; patched: fail: odd bytes"


# --- building and booting ---------------------------------------------------------------------

BROKEN = variant_report(ON, (), kernel=None, build_failure=failed_build(), boots=())
PANICS = replace(report(x(MISSING), replace(OTHER, status=MISSING)), boots=(boot(ON, BootOutcome.PANIC),))


def test_a_build_that_only_the_patch_breaks_is_new() -> None:
    found = compare(report(x(PASS)), BROKEN)
    assert change(found, "build", KERNEL) is Change.NEW
    assert change(found, "boot", KERNEL) is Change.UNCHANGED


def test_a_base_that_does_not_build_can_be_compared_with_nothing() -> None:
    found = compare(BROKEN, report(x(FAIL), splats=(splat(),)))
    assert found.why_not == "the base does not build"
    assert change(found, "build", KERNEL) is Change.FIXED
    assert {one.change for one in found.differences if one.name != "build"} == {Change.NOT_COMPARABLE}
    judged = judge(report(x(FAIL), splats=(splat(),)), found)
    assert judged.results[0].is_bad and judged.splats[0].is_bad, "nobody knows that it was there before"


def test_neither_builds() -> None:
    assert change(compare(BROKEN, BROKEN), "build", KERNEL) is Change.PRE_EXISTING
    assert judge(BROKEN, compare(BROKEN, BROKEN)).is_bad, "nothing was tested"


def test_a_boot_that_only_the_patch_breaks_is_new_and_its_tests_are_missing() -> None:
    found = compare(report(x(PASS)), PANICS)
    assert change(found, "boot", KERNEL) is Change.NEW
    assert change(found) is Change.LOST
    assert change(compare(PANICS, report(x(PASS))), "boot", KERNEL) is Change.FIXED
    assert change(compare(PANICS, PANICS), "boot", KERNEL) is Change.PRE_EXISTING
    assert compare(PANICS, report(x(FAIL))).why_not.startswith("the base does not boot")


def test_a_symbol_that_is_lost_with_the_patch() -> None:
    lost, fatal = report(config_problems=(problem(required=False),)), report(config_problems=(problem(required=True),))
    name = "config: CONFIG_DRM_VGEM"
    assert change(compare(report(), lost), name, KERNEL) is Change.LOST
    assert change(compare(report(), fatal), name, KERNEL) is Change.NEW
    assert change(compare(lost, report()), name, KERNEL) is Change.GAINED
    assert change(compare(lost, lost), name, KERNEL) is Change.UNCHANGED
    assert change(compare(fatal, fatal), name, KERNEL) is Change.PRE_EXISTING


def test_a_base_without_the_option_shows_what_was_there_but_not_what_is_new() -> None:
    base = report(TestResult("checks", "y", FAIL), x(PASS), splats=(splat(),))
    patched = report(TestResult("checks", "y", FAIL), x(FAIL), splats=(splat(), other_splat()))
    found = undecided(compare(base, patched), "the base has no CONFIG_A")
    assert (change(found, "y"), change(found)) == (Change.PRE_EXISTING, Change.NOT_COMPARABLE)
    assert {one.change for one in found.differences if one.fingerprint} == {
        Change.PRE_EXISTING,
        Change.NOT_COMPARABLE,
    }
    assert found.why_not == "the base has no CONFIG_A"
    assert [result.is_bad for result in judge(patched, found).results] == [False, True, False]


# --- splats -----------------------------------------------------------------------------------


def other_splat() -> Splat:
    return Splat("oops", "BUG: kernel NULL pointer dereference, address: 0000000000000008", "text", 9, "checks: x")


def test_a_splat_of_the_base_is_pre_existing_wherever_it_comes_and_whatever_its_numbers_are() -> None:
    moved = replace(splat(), title=splat().title.replace("PID: 63", "PID: 1204"), during="checks: x", line=3, count=4)
    found = compare(report(splats=(splat(),)), report(splats=(moved,)))
    assert only(found).change is Change.PRE_EXISTING
    assert only(found).summary == "base: printed during kselftest; patched: printed 4 times during checks: x"
    assert not judge(report(splats=(moved,)), found).is_bad


def test_a_splat_that_only_the_patch_has_is_new_also_beside_one_of_the_same_name() -> None:
    twin = replace(splat(), fingerprint="warn-other")
    found = compare(report(splats=(splat(),)), report(splats=(splat(), twin)))
    assert [one.change for one in found.differences] == [Change.PRE_EXISTING, Change.NEW]
    assert [one.is_bad for one in judge(report(splats=(splat(), twin)), found).splats] == [False, True]


def test_a_splat_that_is_gone_is_fixed_if_the_patch_got_there() -> None:
    base = report(x(PASS), splats=(other_splat(),))
    assert only(compare(base, report(x(PASS)))).change is Change.FIXED
    found = compare(base, report(x(MISSING)))
    assert [one.change for one in found.differences if one.fingerprint] == [Change.NOT_COMPARABLE]


def test_a_splat_of_a_test_that_was_not_chosen_is_not_fixed() -> None:
    base = report(x(PASS), splats=(other_splat(),))
    assert only(compare(base, report(x(PASS)))).change is Change.FIXED
    found = compare(base, report(not_chosen=(PlannedTest("checks", "x"),)))
    assert [one.change for one in found.differences if one.fingerprint] == [Change.NOT_COMPARABLE]


def test_a_splat_where_the_base_never_got_is_not_comparable() -> None:
    found = compare(report(x(MISSING)), report(x(PASS), splats=(other_splat(),)))
    assert [one.change for one in found.differences if one.fingerprint] == [Change.NOT_COMPARABLE]


def test_a_splat_at_boot_needs_a_boot_to_compare_with() -> None:
    early = replace(other_splat(), during="boot")
    assert only(compare(report(), report(splats=(early,)))).change is Change.NEW
    assert only(compare(report(splats=(early,)), report(splats=(early,)))).change is Change.PRE_EXISTING


# --- judging ----------------------------------------------------------------------------------


def test_the_patch_answers_for_what_is_new_and_for_nothing_else() -> None:
    base = report(x(FAIL, "odd"), splats=(splat(),))
    patched = report(x(FAIL, "odd"), splats=(splat(),))
    judged = judge(patched, compare(base, patched))
    assert not judged.is_bad
    assert judged.results[0].excuse == "pre-existing (base: fail: odd)"
    assert judged.splats[0].excused == "pre-existing (base: printed during kselftest)"
    assert judge(patched, compare(base, patched), strict=True).is_bad
    assert judge(patched, compare(report(x(PASS)), patched)).is_bad


def test_a_test_that_never_ran_is_excused_by_nothing() -> None:
    patched = report(x(MISSING))
    assert judge(patched, compare(report(x(MISSING)), patched)).is_bad


def keys(side: VariantReport) -> dict[tuple[str, str], set[Status]]:
    found: dict[tuple[str, str], set[Status]] = {}
    for result in side.results:
        found.setdefault((result.suite, result.name), set()).add(result.status)
    return found


@settings(deadline=None, max_examples=40)
@given(variant_reports(ON))
def test_a_run_compared_with_itself_has_nothing_new_fixed_lost_or_gained(same: VariantReport) -> None:
    classes = {one.change for one in compare(same, same).differences}
    assert classes <= {Change.PRE_EXISTING, Change.NOT_COMPARABLE}


@settings(deadline=None, max_examples=40)
@given(variant_reports(ON), variant_reports(OFF))
def test_nothing_bad_with_the_patch_is_ever_unchanged(base: VariantReport, patched: VariantReport) -> None:
    found = compare(base, patched)
    for (suite, name), statuses in keys(patched).items():
        if any(status.is_bad for status in statuses):
            assert change(found, name, suite) is not Change.UNCHANGED
    for one in patched.splats:
        assert found.of_splat(identity(one)) is not None
    if patched.build_failure is not None:
        assert change(found, "build", KERNEL) is not Change.UNCHANGED
    if patched.boots and patched.boots[-1].outcome is not BootOutcome.UP:
        assert change(found, "boot", KERNEL) is not Change.UNCHANGED


@settings(deadline=None, max_examples=40)
@given(variant_reports(ON), variant_reports(OFF))
def test_a_planned_test_of_the_base_is_told_of_or_still_there(base: VariantReport, patched: VariantReport) -> None:
    judged = judge(patched, compare(base, patched))
    here = keys(judged)
    for (suite, name), statuses in keys(base).items():
        if PlannedTest(suite, name) in base.planned and statuses & {PASS, FAIL, ERROR}:
            assert (suite, name) in here


@settings(deadline=None, max_examples=40)
@given(variant_reports(ON), variant_reports(OFF))
def test_only_what_the_base_has_too_is_excused(base: VariantReport, patched: VariantReport) -> None:
    judged = judge(patched, compare(base, patched))
    bad_before = {key for key, statuses in keys(base).items() if statuses & {FAIL, ERROR}}
    splats_before = {identity(one) for one in base.splats}
    for result in judged.results:
        assert not result.excused or (result.suite, result.name) in bad_before
    for one in judged.splats:
        assert not one.excused or identity(one) in splats_before
    assert {one.is_bad for one in judge(patched, compare(base, patched), strict=True).results if one.excused} == set()


@settings(deadline=None, max_examples=40)
@given(variant_reports(ON), variant_reports(OFF))
def test_what_is_new_makes_the_run_red(base: VariantReport, patched: VariantReport) -> None:
    fresh = replace(
        patched,
        results=tuple(replace(result, known="") for result in patched.results),
        splats=tuple(replace(one, known="") for one in patched.splats),
    )
    found = compare(base, fresh)
    assert judge(fresh, found).is_bad or not found.those(Change.NEW)
