# SPDX-License-Identifier: GPL-2.0-only
"""What is bad only with the patch is repeated: which of it, how it is settled, and what must not get lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.causes import Cause, Observed
from harness.changes import KERNEL, Change, Comparison, Difference, Repeats
from harness.model import BootOutcome, PlannedTest, Splat, Status, TestResult, VariantReport
from harness.splat import identity
from harness.verdict import (
    Rerun,
    Round,
    compare,
    is_unseen,
    judge,
    needs_base,
    seen_besides,
    settle,
    settle_unseen,
    suspects,
)
from tests.support.sample_reports import ON, boot, failed_build, planned, variant_report

PASS, FAIL, SKIP, ERROR, MISSING = Status.PASS, Status.FAIL, Status.SKIP, Status.ERROR, Status.MISSING


def result(name: str, status: Status, suite: str = "checks") -> TestResult:
    return TestResult(suite, name, status)


def report(*results: TestResult, splats: tuple[Splat, ...] = ()) -> VariantReport:
    return variant_report(ON, results, planned=planned(results), splats=splats)


def oops(during: str, number: int = 8) -> Splat:
    return Splat(
        "oops", "BUG: kernel NULL pointer", "text", 9, during, log="boots/1/console.log", fingerprint=f"f{number}"
    )


def new(patched: VariantReport, base: VariantReport | None = None) -> Comparison:
    good = tuple(replace(one, status=PASS) for one in patched.results)
    return compare(base or replace(patched, results=good, splats=(), boots=(boot(),)), patched)


# --- which ------------------------------------------------------------------------------------


def test_only_what_is_new_is_repeated() -> None:
    patched = report(result("a", FAIL), result("b", FAIL), result("c", PASS))
    base = report(result("a", PASS), result("b", FAIL), result("c", FAIL))
    chosen, _ = suspects(patched, compare(base, patched), 10)
    assert [(one.test, [told.name for told in one.about]) for one in chosen] == [(PlannedTest("checks", "a"), ["a"])]


def test_a_result_inside_a_program_and_a_splat_of_it_are_one_suspect() -> None:
    results = (result("sync/test", FAIL, "sync"), result("sync/test/merge", FAIL, "sync"))
    patched = replace(report(*results, splats=(oops("sync: sync/test"),)), planned=planned(results[:1]))
    (one,), _ = suspects(patched, new(patched), 10)
    assert one.test == PlannedTest("sync", "sync/test")
    assert [told.name for told in one.about] == ["sync/test", "sync/test/merge", "oops: BUG: kernel NULL pointer"]


def test_a_boot_is_repeated_for_its_own_sake_and_for_what_it_printed() -> None:
    patched = report(result("a", PASS), splats=(oops("boot"),))
    (one,), _ = suspects(patched, new(patched), 10)
    assert one.test is None and not one.deadly
    dies = replace(report(result("a", MISSING)), boots=(boot(ON, BootOutcome.PANIC),))
    (one,), _ = suspects(dies, new(dies), 10)
    assert one.test is None and one.deadly


@pytest.mark.parametrize("during", ["", "after checks", "checks"])
def test_what_has_no_test_of_its_own_is_not_repeated_and_that_is_said(during: str) -> None:
    patched = report(result("a", PASS), splats=(oops(during),))
    chosen, noted = suspects(patched, new(patched), 10)
    assert chosen == ()
    assert [one.note for one in noted.differences] == ["not repeated: no single test to repeat"]
    assert judge(patched, noted).is_bad


def test_a_build_is_not_repeated() -> None:
    broken = variant_report(ON, (), kernel=None, build_failure=failed_build(), boots=())
    chosen, noted = suspects(broken, compare(report(result("a", PASS)), broken), 10)
    assert chosen == () and noted.of(KERNEL, "build") is not None


def test_of_many_only_some_are_repeated_and_the_rest_is_new_all_the_same() -> None:
    patched = report(*(result(f"test{number:02d}", FAIL) for number in range(30)))
    chosen, noted = suspects(patched, new(patched), 10)
    assert len(chosen) == 10
    assert [one.note for one in noted.differences].count(
        "not repeated: too many tests are bad only with the patch"
    ) == 20
    assert len(noted.those(Change.NEW)) == 30


def test_a_test_that_costs_its_guest_counts_double() -> None:
    patched = report(*(result(f"test{number:02d}", ERROR) for number in range(30)))
    chosen, _ = suspects(patched, new(patched), 10)
    assert len(chosen) == 5 and all(one.deadly for one in chosen)


# --- how it is settled ------------------------------------------------------------------------

A = Difference("checks", "a", Change.NEW, "pass", "fail: odd")


def attempt(status: Status, *splats: Splat, boot: BootOutcome = BootOutcome.UP) -> Rerun:
    return Rerun((result("a", status),), splats, boot, lost=status is ERROR)


def rounds(*pairs: tuple[Status, Status]) -> list[Round]:
    return [(attempt(with_patch), attempt(without)) for with_patch, without in pairs]


@pytest.mark.parametrize(
    ("pairs", "change", "told"),
    [
        ([(FAIL, PASS)] * 3, Change.NEW, "patched 3/3 failed, base 0/3"),
        ([(ERROR, PASS)], Change.NEW, "patched 1/1 failed, base 0/1"),
        ([(FAIL, PASS), (PASS, PASS)], Change.NEW, "patched 1/2 failed, base 0/2; intermittent"),
        ([(PASS, PASS)] * 3, Change.NEW, "patched 0/3 failed, base 0/3"),
        ([(FAIL, PASS), (FAIL, FAIL)], Change.FLAKY, "patched 2/2 failed, base 1/2"),
        ([(PASS, FAIL)], Change.FLAKY, "patched 0/1 failed, base 1/1"),
        ([(FAIL, MISSING)] * 2, Change.NEW, "patched 2/2 failed, base 0/0"),
        ([(MISSING, PASS)] * 2, Change.NEW, "patched 0/0 failed, base 0/2"),
        ([(SKIP, SKIP)] * 3, Change.NEW, "patched 0/0 failed, base 0/0"),  # a skip shows nothing of a failure
        ([(SKIP, PASS), (PASS, PASS)], Change.NEW, "patched 0/1 failed, base 0/2"),
    ],
)
def test_counts_decide(pairs: list[tuple[Status, Status]], change: Change, told: str) -> None:
    settled = settle(A, rounds(*pairs), "repeats/1")
    assert settled.change is change
    assert told in settled.summary
    assert settled.logs == "repeats/1"


@pytest.mark.parametrize(
    ("again", "change", "note"),
    [
        (PASS, Change.FLAKY, "not seen again"),
        (FAIL, Change.NEW, "seen again after the tests before it, not when it ran alone"),
        (MISSING, Change.NEW, "whether it needs the tests before it is not known"),
    ],
)
def test_what_does_not_come_again_alone_may_need_the_tests_before_it(again: Status, change: Change, note: str) -> None:
    unseen = settle(A, rounds(*([(PASS, PASS)] * 3)))
    assert is_unseen(unseen)
    settled = settle_unseen(unseen, attempt(again))
    assert (settled.change, settled.note) == (change, note)
    judged = judge(report(result("a", FAIL)), Comparison((settled,)))
    assert judged.is_bad is (change is Change.NEW)


@pytest.mark.parametrize(
    ("base", "change"), [(FAIL, Change.FLAKY), (PASS, Change.NEW), (MISSING, Change.NEW), (None, Change.NEW)]
)
def test_what_comes_after_the_same_tests_without_the_patch_too_is_not_the_patchs(
    base: Status | None, change: Change
) -> None:
    unseen = settle(A, rounds(*([(PASS, PASS)] * 3)))
    assert (
        needs_base(unseen, attempt(FAIL)) and not needs_base(unseen, attempt(PASS)) and not needs_base(A, attempt(FAIL))
    )
    without = attempt(base) if base is not None else None
    assert settle_unseen(unseen, attempt(FAIL), without).change is change
    assert settle_unseen(unseen, attempt(PASS), without).note == "not seen again"


@pytest.mark.parametrize(
    ("kind", "change"),
    [("lockdep", Change.NEW), ("kasan", Change.NEW), ("rcu-stall", Change.FLAKY), ("soft-lockup", Change.FLAKY)],
)
def test_a_race_that_is_lost_once_stays_red_and_a_stall_that_the_host_may_cause_does_not(
    kind: str, change: Change
) -> None:
    splat = Splat(kind, "possible trouble", "text", 9, "checks: a", fingerprint="f8")
    patched = report(result("a", PASS), splats=(splat,))
    [one] = new(patched).differences
    settled = settle_unseen(settle(one, rounds(*([(PASS, PASS)] * 3))), attempt(PASS))
    assert settled.change is change and "not seen again" in settled.summary
    assert judge(patched, Comparison((settled,))).is_bad is (change is Change.NEW)


@pytest.mark.parametrize("pairs", [[(FAIL, PASS)], [(PASS, FAIL)], [(MISSING, PASS)]])
def test_what_came_again_or_never_ran_again_is_settled_without(pairs: list[tuple[Status, Status]]) -> None:
    assert not is_unseen(settle(A, rounds(*pairs)))


def test_where_the_base_fails_too_only_a_lost_guest_counts() -> None:
    worse = replace(A, on_base=Observed(FAIL), with_patch=Observed(ERROR, Cause.PANIC))
    assert settle(worse, rounds((ERROR, FAIL))).repeats == Repeats(1, 1, 0, 1)
    assert settle(worse, rounds((ERROR, ERROR))).change is Change.FLAKY


SAID, LIMIT, KILLED, GONE = Cause.ASSERTION, Cause.TIME_LIMIT, Cause.SIGNAL, Cause.SILENCE


def bad(cause: Cause, status: Status = FAIL) -> Rerun:
    return Rerun((replace(result("a", status), cause=cause),), (), BootOutcome.UP, status is ERROR)


@pytest.mark.parametrize(
    ("base", "patched", "pairs", "change", "repeats"),
    [
        # A time-out of the base settles no failure that is not one, on whichever run it comes.
        (None, SAID, [(bad(SAID), bad(LIMIT))] * 2, Change.NEW, Repeats(2, 2, 0, 0)),
        (LIMIT, SAID, [(bad(SAID), attempt(PASS))] * 2, Change.NEW, Repeats(2, 2, 0, 2)),
        (LIMIT, SAID, [(bad(SAID), bad(SAID))], Change.FLAKY, Repeats(1, 1, 1, 1)),
        (LIMIT, SAID, [(bad(LIMIT), bad(LIMIT))], Change.NEW, Repeats(0, 1, 0, 0)),  # and is unseen
        (None, SAID, [(bad(SAID), bad(GONE, ERROR))], Change.NEW, Repeats(1, 1, 0, 0)),
        (None, LIMIT, [(bad(LIMIT), bad(LIMIT))], Change.FLAKY, Repeats(1, 1, 1, 1)),
        # What the base shows, too, is not the patch's; a milder failure is not that.
        (SAID, KILLED, [(bad(KILLED), bad(SAID))] * 2, Change.NEW, Repeats(2, 2, 0, 2)),
        (SAID, KILLED, [(bad(KILLED), bad(KILLED))], Change.FLAKY, Repeats(1, 1, 1, 1)),
        (SAID, LIMIT, [(bad(SAID), bad(SAID))] * 3, Change.NEW, Repeats(0, 3, 0, 3)),  # a busy host: unseen
        (None, SAID, [(bad(SAID), bad(KILLED))], Change.FLAKY, Repeats(1, 1, 1, 1)),
    ],
)
def test_only_a_failure_of_the_same_way_or_a_graver_one_settles(
    base: Cause | None, patched: Cause, pairs: list[Round], change: Change, repeats: Repeats
) -> None:
    on_base = Observed(FAIL, base) if base is not None else Observed(PASS)
    settled = settle(replace(A, on_base=on_base, with_patch=Observed(FAIL, patched)), pairs)
    assert (settled.change, settled.repeats) == (change, repeats)


def test_a_time_out_that_comes_once_beside_a_failure_of_the_base_is_flaky() -> None:
    late = replace(A, on_base=Observed(FAIL, SAID), with_patch=Observed(FAIL, LIMIT))
    unseen = settle(late, [(bad(SAID), bad(SAID))] * 3)
    assert is_unseen(unseen)
    assert settle_unseen(unseen, bad(SAID)).change is Change.FLAKY


B = Difference("sync", "sync/test/b", Change.NEW, "pass", "no such result", gone=True)


def inside(status: Status, *names: str, cause: Cause | None = None, cut_short: bool = False) -> Rerun:
    own = replace(result("sync/test", status, "sync"), cause=cause, cut_short=cut_short)
    return Rerun((own, *(result(f"sync/test/{name}", PASS, "sync") for name in names)), (), BootOutcome.UP)


@pytest.mark.parametrize(
    ("with_patch", "without", "change", "repeats"),
    [
        (inside(FAIL, "a"), inside(FAIL, "a", "b"), Change.NEW, Repeats(1, 1, 0, 1)),
        (inside(Status.SKIP), inside(Status.SKIP, "a", "b"), Change.NEW, Repeats(1, 1, 0, 1)),
        (inside(FAIL, "a"), inside(FAIL, "a"), Change.FLAKY, Repeats(1, 1, 1, 1)),
        (inside(FAIL, "a", "b"), inside(FAIL, "a", "b"), Change.NEW, Repeats(0, 1, 0, 1)),
        (
            inside(FAIL, "a"),
            inside(FAIL, "a", cause=LIMIT),
            Change.NEW,
            Repeats(1, 1, 0, 0),
        ),
        (inside(Status.SKIP, cut_short=True), inside(MISSING), Change.NEW, Repeats(0, 0, 0, 0)),
    ],
)
def test_a_result_that_is_gone_is_looked_for_inside_its_program(
    with_patch: Rerun, without: Rerun, change: Change, repeats: Repeats
) -> None:
    settled = settle(B, [(with_patch, without)])
    assert (settled.change, settled.repeats) == (change, repeats)


def test_a_result_that_is_gone_is_repeated_with_its_program_and_missing_unless_it_is_flaky() -> None:
    before = (result("sync/test", FAIL, "sync"), result("sync/test/b", PASS, "sync"))
    base = replace(report(*before), planned=planned(before[:1]))
    patched = replace(base, results=before[:1])
    [suspect], found = suspects(patched, compare(base, patched), 10)
    assert (suspect.test, [one.name for one in suspect.about]) == (PlannedTest("sync", "sync/test"), ["sync/test/b"])
    assert judge(patched, found).is_bad
    flaky = replace(suspect.about[0], change=Change.FLAKY)
    pre_existing = found.those(Change.PRE_EXISTING)
    assert not judge(patched, replace(found, differences=(*pre_existing, flaky))).is_bad


def test_a_splat_is_looked_for_by_its_fingerprint() -> None:
    one = replace(A, suite=KERNEL, name="oops: x", fingerprint="f8")
    seen, other = attempt(PASS, oops("checks: a")), attempt(PASS, oops("checks: a", 9))
    assert settle(one, [(seen, other)]).repeats == Repeats(1, 1, 0, 1)
    assert settle(one, [(seen, seen)]).change is Change.FLAKY
    assert settle(one, [(seen, attempt(MISSING))]).repeats == Repeats(1, 1, 0, 0)


@pytest.mark.parametrize("machine", [Cause.MACHINE, Cause.ACCELERATOR])
def test_a_repeat_that_the_machine_took_tells_nothing(machine: Cause) -> None:
    assert settle(A, [(bad(machine, ERROR), bad(machine, ERROR))] * 2).repeats == Repeats(0, 0, 0, 0)
    assert settle(A, [(bad(GONE, ERROR), bad(GONE, ERROR))]).repeats != Repeats(0, 0, 0, 0)
    hang = replace(A, with_patch=Observed(ERROR, GONE))
    assert settle(hang, [(bad(GONE, ERROR), bad(machine, ERROR))]).change is Change.NEW


def test_a_boot_is_settled_by_boots() -> None:
    one = replace(A, suite=KERNEL, name="boot")
    up, panics = Rerun((), (), BootOutcome.UP), Rerun((), (), BootOutcome.PANIC, lost=True)
    assert settle(one, [(panics, up)]).repeats == Repeats(1, 1, 0, 1)
    assert settle(one, [(panics, panics)]).change is Change.FLAKY


def test_a_test_that_the_base_has_not_cannot_be_settled_by_it() -> None:
    assert settle(A, [(attempt(FAIL), Rerun())]).repeats == Repeats(1, 1, 0, 0)


def test_a_flaky_test_excuses_itself_alone() -> None:
    patched = report(result("a", FAIL), result("b", FAIL))
    found = new(patched)
    flaky = tuple(settle(one, rounds((FAIL, FAIL))) if one.name == "a" else one for one in found.differences)
    judged = judge(patched, replace(found, differences=flaky))
    assert [one.is_bad for one in judged.results] == [False, True]
    assert judged.results[0].excused == "flaky (patched 1/1 failed, base 1/1)"


# --- what repeats show besides ----------------------------------------------------------------


def test_a_splat_that_comes_only_in_a_repeat_is_not_lost() -> None:
    patched, base = report(result("a", FAIL), splats=(oops("boot", 1),)), report(result("a", PASS))
    first = (attempt(FAIL, oops("checks: a", 1), oops("checks: a", 2)), attempt(PASS, oops("checks: a", 3)))
    second = (attempt(FAIL, oops("checks: a", 2), oops("checks: a", 3)), attempt(PASS))
    found = seen_besides(base, patched, [first, second], ["r/patched-1", "r/patched-2"])
    assert [(identity(one), one.log) for one in found] == [("f2", "r/patched-1/boots/1/console.log")]


# --- skipped with the patch -------------------------------------------------------------------

NOT_THERE = "DMA_BUF_IOCTL_SYNC is not in this kernel"


def skips(**changes: object) -> VariantReport:
    own = replace(result("test", Status.SKIP), message=NOT_THERE, **changes)  # type: ignore[arg-type]
    return report(own)


def attempted(status: Status, **changes: object) -> Rerun:
    own = replace(result("test", status), **changes)  # type: ignore[arg-type]
    return Rerun((own,), (), BootOutcome.UP)


SKIPPED, PASSED = attempted(Status.SKIP), attempted(PASS)


@pytest.mark.parametrize(
    ("rounds", "change", "red"),
    [
        ([(SKIPPED, PASSED)] * 3, Change.NEW, True),
        ([(SKIPPED, PASSED), (PASSED, PASSED)], Change.LOST, False),
        ([(SKIPPED, PASSED), (SKIPPED, SKIPPED)], Change.LOST, False),
        ([(SKIPPED, PASSED), (PASSED, attempted(MISSING))], Change.LOST, False),
        ([(SKIPPED, attempted(MISSING))] * 3, Change.NEW, True),  # nothing says that the base may skip, too
        ([(attempted(Status.SKIP, cut_short=True), PASSED)], Change.NEW, True),  # and these repeats say nothing
        ([(attempted(MISSING), PASSED)], Change.NEW, True),
        ([], Change.NEW, True),
    ],
)
def test_what_the_patch_makes_skip_itself_is_new_unless_a_repeat_shows_that_it_comes_and_goes(
    rounds: list[tuple[Rerun, Rerun]], change: Change, red: bool
) -> None:
    patched, more = skips(), result("other", PASS)
    patched = replace(patched, results=(*patched.results, more), planned=planned((*patched.results, more)))
    base = replace(patched, results=(result("test", PASS), more))
    [suspect], found = suspects(patched, compare(base, patched), 10)
    [lost] = suspect.about
    assert (lost.change, lost.gone) == (Change.NEW, True)
    settled = settle(lost, rounds)
    assert settled.change is change
    judged = judge(patched, replace(found, differences=(settled,)))
    assert judged.is_bad is red
    assert judged.results[0].status is (FAIL if red else Status.SKIP) and NOT_THERE in judged.results[0].message


@pytest.mark.parametrize("excuse", ["not_applicable", "cut_short"])
def test_what_is_not_promised_or_was_cut_short_is_not_repeated(excuse: str) -> None:
    patched = skips(**{excuse: True})
    chosen, found = suspects(patched, compare(report(result("test", PASS)), patched), 10)
    assert chosen == () and [one.gone for one in found.differences] == [False]


def test_of_many_that_skip_themselves_those_that_are_not_repeated_count() -> None:
    own = tuple(replace(result(f"test{number:02d}", SKIP), message=NOT_THERE) for number in range(11))
    patched, base = report(*own, result("other", PASS)), report(*(replace(one, status=PASS) for one in own))
    chosen, found = suspects(patched, compare(base, patched), 10)
    assert len(chosen) == 10
    settled = {one: settle(one, [(attempted(PASS), PASSED)]) for suspect in chosen for one in suspect.about}
    last = [one for one in found.differences if one.name == "test10"]
    assert [(one.change, one.note) for one in last] == [
        (Change.NEW, "not repeated: too many tests are bad only with the patch")
    ]
    judged = judge(patched, replace(found, differences=tuple(settled.get(one, one) for one in found.differences)))
    assert "test10" in [one.name for one in judged.results if one.is_bad]


def test_a_failure_where_the_base_skips_has_not_come_again_if_it_skips() -> None:
    settled = settle(replace(A, on_base=Observed(SKIP)), rounds(*([(SKIP, SKIP)] * 3)))
    assert settled.repeats == Repeats(0, 3, 0, 3) and is_unseen(settled)
