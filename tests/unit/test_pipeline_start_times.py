# SPDX-License-Identifier: GPL-2.0-only
"""When tests and phases began, as a report has it."""

from __future__ import annotations

from harness.events import Note, PhaseStarted
from harness.events import TestEnded as Ended
from harness.model import Status, TestResult
from harness.pipeline.start_times import StartTimes
from tests.support.sample_reports import OFF, ON, variant_report

QUICK = TestResult("checks", "quick", Status.PASS, 0.5)
AGAIN = TestResult("checks", "again", Status.PASS, 1.0)
NEVER = TestResult("checks", "never", Status.MISSING)


def test_each_variant_has_its_own_times() -> None:
    times = StartTimes()
    for elapsed, event in (
        (1.0, PhaseStarted(ON.name, "build")),
        (2.0, PhaseStarted(ON.name, "boot")),
        (3.0, Note(ON.name, "something else")),
        (4.0, Ended(ON.name, QUICK)),
        (5.0, Ended(ON.name, AGAIN)),
        (6.0, PhaseStarted(ON.name, "boot")),  # the guest was lost
        (9.0, Ended(ON.name, AGAIN)),
        (20.0, Ended(f"base {ON.name}", QUICK)),
    ):
        times(elapsed, event)
    report = variant_report(ON, (QUICK, AGAIN, NEVER))
    told = times.added_to(report)
    assert dict(told.started) == {"build": 1.0, "boot": 2.0}
    assert [result.started for result in told.results] == [3.5, 8.0, None]
    assert [result.started for result in times.added_to(report, "base ").results] == [19.5, None, None]
    nothing = times.added_to(variant_report(OFF, (QUICK,)))
    assert not nothing.started and nothing.results[0].started is None


def test_a_clock_that_is_a_little_off_never_goes_below_the_start() -> None:
    times = StartTimes()
    times(0.2, Ended(ON.name, QUICK))
    assert times.added_to(variant_report(ON, (QUICK,))).results[0].started == 0.0
