# SPDX-License-Identifier: GPL-2.0-only
"""What KVM loses: tried once more, then everything again under TCG, and no trace of it in the results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from harness.causes import Cause
from harness.interfaces import Guest, GuestLost, SuiteContext
from harness.model import Status, TestResult
from tests.support.fake_launcher import FakeGuest, FakeLauncher, FakeSuite, run_suite, statuses

STALL = """\
[   30.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [python3:63]
[   30.000001] RIP: 0010:native_queued_spin_lock_slowpath+0x20/0x90
[   30.000002] Call Trace:
[   30.000003]  dma_resv_lock+0x20/0x40
"""
KVM = GuestLost("KVM failed: KVM internal error. Suberror: 1", Cause.ACCELERATOR)


def test_what_kvm_loses_once_is_tried_once_more(tmp_path: Path) -> None:
    """Stalls of a guest whose processors stood still are no splats of its kernel."""
    suite = FakeSuite(("a", "b", "c"), {"b": [KVM]})
    launcher = FakeLauncher([FakeGuest(1, says=STALL)], accel="kvm")
    test = run_suite(tmp_path, suite, launcher)
    assert statuses(test) == [("a", Status.PASS), ("b", Status.PASS), ("c", Status.PASS)]
    assert test.findings.splats == () and launcher.accused == [KVM.reason]
    assert "not by its kernel: b tried once more" in test.findings.notes[-1]


def test_a_stall_of_a_guest_that_its_kernel_lost_stays(tmp_path: Path) -> None:
    launcher = FakeLauncher([FakeGuest(1, says=STALL)], accel="kvm")
    test = run_suite(tmp_path, FakeSuite(("a",), {"a": [GuestLost("no answer for 10 s", Cause.SILENCE)]}), launcher)
    assert [splat.kind for splat in test.findings.splats] == ["soft-lockup"] and launcher.accused == []


def test_all_is_run_again_once_kvm_is_given_up(tmp_path: Path) -> None:
    """Nothing of what ran under it is left, but its logs under another name."""
    for number in (1, 2):
        (tmp_path / "boots" / f"on-{number}").mkdir(parents=True)
    suite = FakeSuite(("a", "b"), {"a": [GuestLost("panic: oh", Cause.PANIC)], "b": [KVM, KVM]})
    launcher = FakeLauncher([], accel="kvm")
    test = run_suite(tmp_path, suite, launcher)
    assert statuses(test) == [("a", Status.PASS), ("b", Status.PASS)]
    assert ([boot.accel for boot in test.findings.boots], test.findings.notes) == (["tcg"], ())
    assert suite.ran == ["a", "b", "b", "a", "b"]
    assert (tmp_path / "boots" / "on-1-under-kvm").is_dir() and all(guest.ended for guest in launcher.booted)


class Failing(FakeSuite):
    """Test "b" fails, in the first guest."""

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        for result in super().run(guest, context):
            bad = result.name == "b" and cast(FakeGuest, guest).number == 1
            yield replace(result, status=Status.FAIL, message="timed out after 10 s") if bad else result


@pytest.mark.parametrize(("crawls", "status"), [(True, Status.PASS), (False, Status.FAIL)])
def test_a_failure_under_a_kvm_that_crawls_is_no_result(tmp_path: Path, crawls: bool, status: Status) -> None:
    launcher = FakeLauncher([FakeGuest(1, slowed_down=crawls)], accel="kvm")
    test = run_suite(tmp_path, Failing(("a", "b", "c")), launcher)
    assert statuses(test) == [("a", Status.PASS), ("b", status), ("c", Status.PASS)]
    assert len(launcher.accused) == crawls


def test_a_kvm_that_crawls_at_the_end_of_a_suite_costs_the_suite(tmp_path: Path) -> None:
    """Its stalls are left out, and all its tests are run again."""
    suite = FakeSuite(("a", "b"))
    test = run_suite(tmp_path, suite, FakeLauncher([FakeGuest(1, says=STALL, slowed_down=True)], accel="kvm"))
    assert (statuses(test), suite.ran) == ([("a", Status.PASS), ("b", Status.PASS)], ["a", "b", "a", "b"])
    assert test.findings.splats == ()


class LosesItsGuestAtTheEnd(FakeGuest):
    """Once all tests have ended."""

    def mark(self, text: str) -> None:
        super().mark(text)
        if text == "end suite":
            raise KVM


def test_what_is_looked_at_after_the_last_test_is_not_forgiven(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b"))
    second = FakeGuest(2, tainted=128)
    test = run_suite(tmp_path, suite, FakeLauncher([LosesItsGuestAtTheEnd(1), second], accel="kvm"))
    assert statuses(test) == [("a", Status.PASS), ("b", Status.PASS)] and suite.ran == ["a", "b", "a", "b"]
    assert [splat.kind for splat in test.findings.splats] == ["taint"], "the second guest was looked at"


def test_a_test_that_the_machine_cost_once_may_be_lost_by_kvm_once(tmp_path: Path) -> None:
    killed = GuestLost("QEMU was killed or failed (QEMU exit status 137)", Cause.MACHINE)
    test = run_suite(tmp_path, FakeSuite(("a",), {"a": [killed, KVM]}), FakeLauncher([], accel="kvm"))
    assert statuses(test) == [("a", Status.PASS)]


def test_what_hangs_under_either_accelerator_is_the_kernels(tmp_path: Path) -> None:
    still = GuestLost("no answer for 10 s; its processors stand still", Cause.ACCELERATOR)
    suite = FakeSuite(("a", "b"), {"a": [still, still, GuestLost("no answer for 80 s", Cause.SILENCE)]})
    test = run_suite(tmp_path, suite, FakeLauncher([], accel="kvm"))
    assert statuses(test) == [("a", Status.ERROR), ("b", Status.PASS)]
    assert test.findings.results[0].message == "guest lost: no answer for 80 s"
