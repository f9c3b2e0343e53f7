# SPDX-License-Identifier: GPL-2.0-only
"""What a guest says about a commit: bad only for the very same failure, good only if the test came to its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.bisect import FAILS, ObservationKind, Symptom, SymptomKind, observe
from harness.bisect.observation import manner
from harness.bisect.state import Attempt
from harness.causes import Cause
from harness.model import BootOutcome, Splat, Status, TestResult

TEST = Symptom(SymptomKind.TEST, "checks", "dmabuf.x")
WARN, OTHER = "warn-0123456789ab", "oops-ba9876543210"
PRINTED = Symptom(SymptomKind.SPLAT, name=WARN, during="checks: dmabuf.x")


def splat(fingerprint: str, during: str = "checks: dmabuf.x", kind: str = "warn") -> Splat:
    return Splat(kind, f"WARNING: {fingerprint}", "", 1, during, fingerprint=fingerprint)


def attempt(
    status: Status | None, message: str = "", *splats: Splat, cause: Cause | None = None, hangs_in: str = ""
) -> Attempt:
    result = TestResult("checks", "dmabuf.x", status or Status.MISSING, message=message, cause=cause, hangs_in=hangs_in)
    results = (result,) if status is not None else ()
    return Attempt(BootOutcome.UP, "ended by the harness", results, splats, 1.0)


def lost(cause: Cause, *splats: Splat, hangs_in: str = "") -> Attempt:
    return attempt(Status.ERROR, "guest lost: for some reason", *splats, cause=cause, hangs_in=hangs_in)


def no_boot(cause: Cause, *splats: Splat, outcome: BootOutcome = BootOutcome.PANIC) -> Attempt:
    return Attempt(outcome, "for some reason", (), splats, 1.0, cause=cause)


def learned(symptom: Symptom, seen: Attempt) -> Symptom:
    return replace(symptom, manners=(observe(symptom, seen).manner,))


FAILED = attempt(Status.FAIL, "size is 4096, not 8192")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (FAILED, ObservationKind.BAD),
        (attempt(Status.FAIL, "size is 0x2000, not 12288"), ObservationKind.BAD),
        (attempt(Status.FAIL, "open() fails with EIO"), ObservationKind.OTHER),
        (attempt(Status.FAIL, "WARNING", splat(WARN), cause=Cause.REPORT), ObservationKind.OTHER),
        (lost(Cause.PANIC, splat(OTHER)), ObservationKind.OTHER),
        (attempt(Status.PASS), ObservationKind.GOOD),
        (attempt(Status.PASS, "", splat(WARN)), ObservationKind.GOOD),
        (attempt(Status.SKIP, "no udmabuf"), ObservationKind.OTHER),
        (attempt(Status.MISSING), ObservationKind.OTHER),
        (attempt(None), ObservationKind.OTHER),
        (no_boot(Cause.PANIC), ObservationKind.OTHER),
        (no_boot(Cause.SILENCE, outcome=BootOutcome.HANG), ObservationKind.OTHER),
        (no_boot(Cause.MACHINE, outcome=BootOutcome.EXITED), ObservationKind.MACHINE),
        (lost(Cause.MACHINE), ObservationKind.MACHINE),
        (lost(Cause.SILENCE), ObservationKind.MACHINE),
        (lost(Cause.CONNECTION), ObservationKind.MACHINE),
        (lost(Cause.HANG, hangs_in="dma_fence_wait"), ObservationKind.OTHER),
        (lost(Cause.EXIT), ObservationKind.OTHER),
        (lost(Cause.FLOOD), ObservationKind.OTHER),
    ],
)
def test_a_failing_test(seen: Attempt, expected: ObservationKind) -> None:
    assert observe(learned(TEST, FAILED), seen).seen is expected


def test_a_guest_that_is_lost_in_the_same_way_is_the_same_failure() -> None:
    hangs, elsewhere = (lost(Cause.HANG, hangs_in=name) for name in ("dma_fence_wait", "mutex_lock"))
    again = attempt(Status.ERROR, "in other words", cause=Cause.HANG, hangs_in="dma_fence_wait")
    symptom = learned(TEST, hangs)
    assert [observe(symptom, one).seen for one in (again, elsewhere)] == [ObservationKind.BAD, ObservationKind.OTHER]
    oops = lost(Cause.PANIC, splat(OTHER), splat("panic-1", kind="panic"))
    assert observe(learned(TEST, oops), oops).seen is ObservationKind.BAD
    assert observe(learned(TEST, oops), lost(Cause.PANIC, splat(WARN))).seen is ObservationKind.OTHER
    panics, other = (lost(Cause.PANIC, splat(f"panic-{number}", kind="panic")) for number in (1, 2))
    seen = [observe(learned(TEST, panics), one).seen for one in (panics, other)]
    assert seen == [ObservationKind.BAD, ObservationKind.OTHER]


def test_what_is_silent_may_be_the_failure_itself() -> None:
    for cause in (Cause.SILENCE, Cause.CONNECTION):
        assert (
            observe(learned(replace(TEST, manners=(f"lost: {cause.value}",)), lost(cause)), lost(cause)).seen
            is ObservationKind.BAD
        )


def test_what_the_machine_did_is_never_the_failure() -> None:
    killed = lost(Cause.MACHINE)
    assert observe(TEST, killed).seen is ObservationKind.MACHINE, "not even if nobody knows yet how the test fails"
    as_before = replace(TEST, manners=(manner(killed.results[0], killed),))
    assert observe(as_before, killed).seen is ObservationKind.MACHINE, "nor if it was the same in an earlier run"


def test_a_kernel_that_does_not_boot_is_told_as_such() -> None:
    never = attempt(Status.MISSING, "never ran")
    assert observe(TEST, replace(never, outcome=BootOutcome.PANIC, ended="panic: no init")).why == (
        "does not boot: panic: no init"
    )


def test_who_only_names_a_test_means_that_it_says_so_itself() -> None:
    symptom = replace(TEST, manners=(FAILS,))
    assert observe(symptom, attempt(Status.FAIL, "whatever")).seen is ObservationKind.BAD
    assert observe(symptom, lost(Cause.PANIC, splat(OTHER))).seen is ObservationKind.OTHER


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (attempt(Status.PASS, "", splat(WARN)), ObservationKind.BAD),
        (lost(Cause.PANIC, splat(OTHER), splat(WARN)), ObservationKind.BAD),
        (no_boot(Cause.PANIC, splat(WARN, "boot")), ObservationKind.BAD),
        (attempt(Status.PASS), ObservationKind.GOOD),
        (attempt(Status.FAIL, "another thing"), ObservationKind.GOOD),
        (attempt(Status.SKIP, "no udmabuf here"), ObservationKind.OTHER),
        (attempt(None), ObservationKind.OTHER),
        (attempt(Status.PASS, "", splat(OTHER)), ObservationKind.OTHER),
        (attempt(Status.PASS, "", splat("warn-usual")), ObservationKind.GOOD),
        (attempt(Status.MISSING), ObservationKind.OTHER),
        (lost(Cause.PANIC), ObservationKind.OTHER),
        (lost(Cause.MACHINE), ObservationKind.MACHINE),
        (no_boot(Cause.PANIC), ObservationKind.OTHER),
    ],
)
def test_a_splat(seen: Attempt, expected: ObservationKind) -> None:
    assert observe(PRINTED, seen, {"warn-usual"}).seen is expected


def test_a_kernel_that_does_not_boot() -> None:
    symptom = Symptom(SymptomKind.BOOT)
    dead = no_boot(Cause.PANIC, splat(OTHER, "boot"))
    assert observe(symptom, Attempt(BootOutcome.UP, "", (), (), 1.0)).seen is ObservationKind.GOOD
    assert observe(learned(symptom, dead), dead).seen is ObservationKind.BAD
    assert observe(learned(symptom, dead), no_boot(Cause.PANIC, splat(WARN, "boot"))).seen is ObservationKind.OTHER
    assert observe(learned(symptom, dead), no_boot(Cause.MACHINE)).seen is ObservationKind.MACHINE


def test_the_worst_of_several_results_counts() -> None:
    twice = replace(FAILED, results=(TestResult("checks", "dmabuf.x", Status.PASS), *FAILED.results))
    assert observe(TEST, twice).seen is ObservationKind.BAD


def test_a_manner_has_no_numbers() -> None:
    first = TestResult("checks", "dmabuf.x", Status.FAIL, message="at 0xdeadbeef: 17 of 20")
    again = replace(first, message="at 0xcafe0000: 3 of 20")
    assert manner(first, FAILED) == manner(again, FAILED) == "fail: at #: # of #"
