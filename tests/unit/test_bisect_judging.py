# SPDX-License-Identifier: GPL-2.0-only
"""What a guest says about a commit: bad only for the very same failure, good only if the test came to its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.bisect import FAILS, Kind, Seen, Symptom, judge
from harness.bisect.judging import manner
from harness.bisect.state import Attempt
from harness.model import BootOutcome, Splat, Status, TestResult

TEST = Symptom(Kind.TEST, "checks", "dmabuf.x")
WARN, OTHER = "warn-0123456789ab", "oops-ba9876543210"
PRINTED = Symptom(Kind.SPLAT, name=WARN, during="checks: dmabuf.x")
KILLED = "QEMU was killed or failed (QEMU exit status 137)"


def splat(fingerprint: str, during: str = "checks: dmabuf.x", kind: str = "warn") -> Splat:
    return Splat(kind, f"WARNING: {fingerprint}", "", 1, during, fingerprint=fingerprint)


def attempt(status: Status | None, message: str = "", *splats: Splat) -> Attempt:
    results = (TestResult("checks", "dmabuf.x", status, message=message),) if status is not None else ()
    return Attempt(BootOutcome.UP, "ended by the harness", results, splats, 1.0)


def no_boot(ended: str, *splats: Splat, outcome: BootOutcome = BootOutcome.PANIC) -> Attempt:
    return Attempt(outcome, ended, (), splats, 1.0)


def learned(symptom: Symptom, seen: Attempt) -> Symptom:
    return replace(symptom, manners=(judge(symptom, seen).manner,))


FAILED = attempt(Status.FAIL, "size is 4096, not 8192")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (FAILED, Seen.BAD),
        (attempt(Status.FAIL, "size is 0x2000, not 12288"), Seen.BAD),
        (attempt(Status.FAIL, "open() fails with EIO"), Seen.OTHER),
        (attempt(Status.FAIL, "kernel report: WARNING", splat(WARN)), Seen.OTHER),
        (attempt(Status.ERROR, "guest lost: panic: Fatal exception", splat(OTHER)), Seen.OTHER),
        (attempt(Status.PASS), Seen.GOOD),
        (attempt(Status.PASS, "", splat(WARN)), Seen.GOOD),
        (attempt(Status.SKIP, "no udmabuf"), Seen.OTHER),
        (attempt(Status.MISSING), Seen.OTHER),
        (attempt(None), Seen.OTHER),
        (no_boot("panic: no init"), Seen.OTHER),
        (no_boot("no login within 240 s", outcome=BootOutcome.HANG), Seen.OTHER),
        (no_boot(KILLED, outcome=BootOutcome.EXITED), Seen.MACHINE),
        (attempt(Status.ERROR, f"guest lost: {KILLED}"), Seen.MACHINE),
        (attempt(Status.ERROR, "guest lost: no answer for 80 s"), Seen.MACHINE),
        (attempt(Status.ERROR, "guest lost: sshd was ended in the guest, while its kernel lived"), Seen.MACHINE),
        (attempt(Status.ERROR, "guest lost: no answer for 80 s; hangs in dma_fence_wait <- x"), Seen.OTHER),
        (attempt(Status.ERROR, "guest lost: the guest ended by itself (QEMU exit status 0)"), Seen.OTHER),
    ],
)
def test_a_failing_test(seen: Attempt, expected: Seen) -> None:
    assert judge(learned(TEST, FAILED), seen).seen is expected


def test_a_guest_that_is_lost_in_the_same_way_is_the_same_failure() -> None:
    hangs = attempt(Status.ERROR, "guest lost: no answer for 80 s; hangs in dma_fence_wait <- a (pid 7)")
    elsewhere = attempt(Status.ERROR, "guest lost: no answer for 80 s; hangs in mutex_lock <- b (pid 7)")
    again = attempt(Status.ERROR, "guest lost: it hangs: dmesg; hangs in dma_fence_wait <- c (pid 99); see state.txt")
    symptom = learned(TEST, hangs)
    assert [judge(symptom, one).seen for one in (again, elsewhere)] == [Seen.BAD, Seen.OTHER]
    oops = attempt(Status.ERROR, "guest lost: panic: Fatal exception", splat(OTHER), splat("panic-1", kind="panic"))
    assert judge(learned(TEST, oops), oops).seen is Seen.BAD
    assert judge(learned(TEST, oops), attempt(Status.ERROR, "guest lost: panic: x", splat(WARN))).seen is Seen.OTHER


def test_what_the_machine_did_is_never_the_failure() -> None:
    killed = attempt(Status.ERROR, f"guest lost: {KILLED}")
    assert judge(TEST, killed).seen is Seen.MACHINE, "not even if nobody knows yet how the test fails"
    as_before = replace(TEST, manners=(manner(killed.results[0], killed),))
    assert judge(as_before, killed).seen is Seen.MACHINE, "nor if it was the same in an earlier run"


def test_a_kernel_that_does_not_boot_is_told_as_such() -> None:
    never = attempt(Status.MISSING, "never ran")
    assert judge(TEST, replace(never, outcome=BootOutcome.PANIC, ended="panic: no init")).why == (
        "does not boot: panic: no init"
    )


def test_who_only_names_a_test_means_that_it_says_so_itself() -> None:
    symptom = replace(TEST, manners=(FAILS,))
    assert judge(symptom, attempt(Status.FAIL, "whatever")).seen is Seen.BAD
    assert judge(symptom, attempt(Status.ERROR, "guest lost: panic: x", splat(OTHER))).seen is Seen.OTHER


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (attempt(Status.PASS, "", splat(WARN)), Seen.BAD),
        (attempt(Status.ERROR, "guest lost: panic: x", splat(OTHER), splat(WARN)), Seen.BAD),
        (no_boot("panic: x", splat(WARN, "boot")), Seen.BAD),
        (attempt(Status.PASS), Seen.GOOD),
        (attempt(Status.FAIL, "another thing"), Seen.GOOD),
        (attempt(Status.SKIP, "no udmabuf here"), Seen.OTHER),
        (attempt(None), Seen.OTHER),
        (attempt(Status.PASS, "", splat(OTHER)), Seen.OTHER),
        (attempt(Status.PASS, "", splat("warn-usual")), Seen.GOOD),
        (attempt(Status.MISSING), Seen.OTHER),
        (attempt(Status.ERROR, "guest lost: panic: x"), Seen.OTHER),
        (attempt(Status.ERROR, f"guest lost: {KILLED}"), Seen.MACHINE),
        (no_boot("panic: no init"), Seen.OTHER),
    ],
)
def test_a_splat(seen: Attempt, expected: Seen) -> None:
    assert judge(PRINTED, seen, {"warn-usual"}).seen is expected


def test_a_kernel_that_does_not_boot() -> None:
    symptom = Symptom(Kind.BOOT)
    dead = no_boot("panic: VFS: no root", splat(OTHER, "boot"))
    assert judge(symptom, Attempt(BootOutcome.UP, "", (), (), 1.0)).seen is Seen.GOOD
    assert judge(learned(symptom, dead), dead).seen is Seen.BAD
    assert judge(learned(symptom, dead), no_boot("panic: other", splat(WARN, "boot"))).seen is Seen.OTHER
    assert judge(learned(symptom, dead), no_boot(KILLED)).seen is Seen.MACHINE


def test_the_worst_of_several_results_counts() -> None:
    twice = replace(FAILED, results=(TestResult("checks", "dmabuf.x", Status.PASS), *FAILED.results))
    assert judge(TEST, twice).seen is Seen.BAD


def test_a_manner_has_no_numbers_and_no_place_of_logs() -> None:
    first = TestResult("checks", "dmabuf.x", Status.FAIL, message="at 0xdeadbeef: 17 of 20; see boots/on-1/state.txt")
    again = replace(first, message="at 0xcafe0000: 3 of 20; see boots/on-2/state.txt")
    assert manner(first, FAILED) == manner(again, FAILED) == "fail: at #: # of #"
