# SPDX-License-Identifier: GPL-2.0-only
"""How long the guest's runner waits for what a check left: in full, and less where the kernel surely keeps it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from harness.guest import release_wait
from harness.guest.release_wait import ReleaseWait

FULL = 16.0  # seconds: under emulation
KEPT = {"dma-buf": (1, 2)}


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.visited: list[set[int]] = []
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self._sleep)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _who: {0, 1})
        monkeypatch.setattr(os, "sched_setaffinity", lambda _who, mask: self.visited.append(set(mask)))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def took(self, wait: ReleaseWait, look: release_wait.Look) -> float:
        began = self.now
        wait.until_gone(look, FULL)
        return self.now - began


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def kept() -> dict[str, tuple[int, int]]:
    return KEPT


def gone_at(clock: Clock, seconds: float) -> Callable[[], dict[str, tuple[int, int]]]:
    ready = clock.now + seconds
    return lambda: {} if clock.now >= ready else KEPT


def test_two_waits_in_vain_are_full_and_then_they_shrink(clock: Clock) -> None:
    wait = ReleaseWait()
    took = [round(clock.took(wait, kept), 1) for _ in range(6)]
    assert took == [16.0, 16.0, 4.0, 1.0, 0.3, 0.2]


def test_what_came_in_time_shortens_nothing(clock: Clock) -> None:
    wait = ReleaseWait()
    for _ in range(9):
        assert wait.until_gone(gone_at(clock, 15.0), FULL) == {}


def test_the_short_wait_is_many_times_what_others_needed(clock: Clock) -> None:
    wait = ReleaseWait()
    wait.until_gone(gone_at(clock, 0.1), FULL)
    took = [clock.took(wait, kept) for _ in range(9)]
    assert took[-1] == pytest.approx(20 * 0.1, abs=0.3)  # the pause in which it went is a part


def test_in_a_short_wait_each_processor_has_its_turns(clock: Clock) -> None:
    """Its own timers and workers run, however slow the host is: a worker that was late is seen to be only that."""
    wait = ReleaseWait()
    for _ in range(8):
        wait.until_gone(kept, FULL)
    clock.visited.clear()

    def look() -> dict[str, tuple[int, int]]:
        clock.now += 1.0  # the host is so slow that the limit is over at the second look
        return {} if clock.visited.count({1}) >= 3 else KEPT

    assert wait.until_gone(look, FULL) == {}
    assert clock.visited[-1] == {0, 1}


def test_what_comes_late_is_waited_for_in_full_again(clock: Clock) -> None:
    wait = ReleaseWait()
    for _ in range(5):
        wait.until_gone(kept, FULL)
    wait.look_again({"dma-buf": 2})
    assert clock.took(wait, kept) < 1
    wait.look_again({"dma-buf": 1})
    assert [clock.took(wait, kept) for _ in range(3)] == pytest.approx([16.0] * 3, abs=0.1)


def test_what_goes_while_the_next_check_runs_came_late(clock: Clock) -> None:
    wait = ReleaseWait()
    for _ in range(5):
        wait.until_gone(kept, FULL)
    wait.until_gone(lambda: {"dma-buf": (2, 1)}, FULL)
    assert clock.took(wait, kept) == pytest.approx(16.0, abs=0.1)


def test_another_kind_is_waited_for_in_full(clock: Clock) -> None:
    wait = ReleaseWait()
    for _ in range(5):
        wait.until_gone(kept, FULL)
    assert clock.took(wait, lambda: {"timeline": (0, 1)}) == pytest.approx(16.0, abs=0.1)


def test_one_that_is_surely_kept_is_enough(clock: Clock) -> None:
    wait = ReleaseWait()
    for _ in range(5):
        wait.until_gone(kept, FULL)
    assert clock.took(wait, lambda: {**KEPT, "timeline": (0, 1)}) < 1


def test_a_look_without_patience_teaches_nothing(clock: Clock) -> None:
    wait = ReleaseWait()
    for _ in range(5):
        wait.until_gone(kept, 0.0)
    assert clock.took(wait, kept) == pytest.approx(16.0, abs=0.1)


def test_turns_are_taken_on_processors_that_are_there() -> None:
    before = os.sched_getaffinity(0)
    release_wait.give_turns()
    assert os.sched_getaffinity(0) == before
