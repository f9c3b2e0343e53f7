# SPDX-License-Identifier: GPL-2.0-only
"""A guest given up since a failure that we injected missed its aim: nobody is blamed, nothing disappears."""

from __future__ import annotations

from pathlib import Path

from harness.causes import Cause
from harness.interfaces import GuestLost
from harness.model import Status
from tests.support.fake_launcher import OOPS, FakeGuest, FakeLauncher, FakeSuite, run_suite, statuses
from tests.support.oom_reports import IN_USER_SPACE

MISSED = GuestLost("a failure that the harness injected missed the call under test", Cause.INJECTION)


def test_a_test_that_our_own_injection_killed_is_tried_once_more_and_its_report_is_none(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b"), {"a": [MISSED]})
    says = "[    1.000000] dmabuf-harness: start a\n" + IN_USER_SPACE
    test = run_suite(tmp_path, suite, FakeLauncher([FakeGuest(1, says=says)]))
    assert statuses(test) == [("a", Status.PASS), ("b", Status.PASS)]
    assert test.findings.splats == ()
    assert any("missed the call under test" in note and "a tried once more" in note for note in test.findings.notes)


def test_other_reports_of_a_guest_that_our_injection_ended_stay(tmp_path: Path) -> None:
    """One of the same kind in another test, and one of another kind in this."""
    before = "[    0.500000] dmabuf-harness: start before\n" + IN_USER_SPACE
    says = before + "[   30.000000] dmabuf-harness: start a\n" + OOPS + IN_USER_SPACE.replace("[   20", "[   40")
    test = run_suite(tmp_path, FakeSuite(("a",), {"a": [MISSED]}), FakeLauncher([FakeGuest(1, says=says)]))
    assert [(splat.kind, splat.during) for splat in test.findings.splats if splat.kind != "panic"] == [
        ("oom", "suite: before"),
        ("oops", "suite: a"),
    ]


def test_the_same_report_in_a_test_that_the_kernel_killed_stays(tmp_path: Path) -> None:
    says = "[    1.000000] dmabuf-harness: start a\n" + IN_USER_SPACE
    test = run_suite(
        tmp_path, FakeSuite(("a",), {"a": [GuestLost("oh", Cause.PANIC)]}), FakeLauncher([FakeGuest(1, says=says)])
    )
    assert statuses(test) == [("a", Status.ERROR)]
    assert [splat.kind for splat in test.findings.splats] == ["oom"]


def test_our_injection_that_kills_twice_is_told_as_a_fault_of_the_check_and_is_no_result(tmp_path: Path) -> None:
    test = run_suite(tmp_path, FakeSuite(("a", "b"), {"a": [MISSED] * 2}), FakeLauncher([]))
    assert statuses(test) == [("a", Status.MISSING), ("b", Status.PASS)]
    assert test.findings.results[0].message.startswith("no result, by a fault of the check: ")
