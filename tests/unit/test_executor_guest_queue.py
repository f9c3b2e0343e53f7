# SPDX-License-Identifier: GPL-2.0-only
"""Guests that boot ahead: never more than two, and none is left behind."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import pytest

from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.executor.guest_queue import GuestQueue, ReadyGuest
from harness.executor.guests import WatchedGuest
from harness.interfaces import GuestLost
from harness.model import BootOutcome, BootReport
from tests.support.fake_launcher import FakeGuest


class Boots:
    """Boots that count guests that live; ``fail``: numbers of those that do not come up. A boot waits for ``go``."""

    def __init__(self, fail: frozenset[int] = frozenset()) -> None:
        self.fail = fail
        self.guests: list[FakeGuest] = []
        self.go = threading.Event()
        self.go.set()
        self.most = 0

    def boot(self, directory: Path) -> tuple[WatchedGuest, BootReport]:
        guest = FakeGuest(len(self.guests) + 1)
        self.guests.append(guest)
        self.most = max(self.most, sum(not one.ended for one in self.guests))
        self.go.wait()
        up = BootOutcome.EXITED if guest.number in self.fail else BootOutcome.UP
        ended = "QEMU is gone" if up is not BootOutcome.UP else ""
        return cast(WatchedGuest, guest), BootReport(
            up, "tcg", 1.0, f"{directory.name}/console.log", "7.2", ended=ended
        )

    def queue(self, tmp_path: Path, prepare: object = None) -> GuestQueue:
        self.notes: list[str] = []
        return GuestQueue(self.boot, prepare or (lambda _: None), tmp_path / "boots" / "m", self.notes.append)  # type: ignore[arg-type]


def test_the_next_one_boots_while_one_is_used(tmp_path: Path) -> None:
    boots = Boots()
    with boots.queue(tmp_path) as queue:
        first = queue.take(more=True)
        second = queue.take(more=False)
        assert [cast(FakeGuest, one.guest).number for one in (first, second)] == [1, 2]
        assert second.logs == tmp_path / "boots" / "m-2" / "logs" and second.logs.is_dir()
    assert len(boots.guests) == 2, "nobody wants a third"


def test_there_are_never_more_than_two(tmp_path: Path) -> None:
    boots = Boots()
    with boots.queue(tmp_path) as queue:
        for _ in range(4):
            queue.take(more=True).guest.shutdown()
    assert boots.most <= 2 and all(guest.ended for guest in boots.guests)


def test_the_one_that_waits_is_ended_with_the_queue(tmp_path: Path) -> None:
    boots = Boots()
    with boots.queue(tmp_path) as queue:
        queue.take(more=False).guest.shutdown()
        boots.go.clear()
        queue._begun()
        threading.Timer(0.05, boots.go.set).start()
    assert [guest.ended for guest in boots.guests] == [True, True]


def test_a_boot_that_fails_is_tried_again_and_told(tmp_path: Path) -> None:
    boots = Boots(frozenset({1}))
    with boots.queue(tmp_path) as queue:
        assert cast(FakeGuest, queue.take(more=False).guest).number == 2
    assert boots.notes == ["guest 1 did not come up: QEMU is gone"]
    assert [boot.outcome for boot in queue.boots] == [BootOutcome.EXITED, BootOutcome.UP]
    assert boots.guests[0].ended


def test_three_that_fail_are_the_machine(tmp_path: Path) -> None:
    boots = Boots(frozenset({1, 2, 3}))
    with boots.queue(tmp_path) as queue, pytest.raises(InfrastructureError, match="did not come up, 3 times"):
        queue.take(more=True)
    assert all(guest.ended for guest in boots.guests)


def test_one_that_is_lost_while_it_is_prepared_is_not_used(tmp_path: Path) -> None:
    def prepare(ready: ReadyGuest) -> None:
        if cast(FakeGuest, ready.guest).number == 1:
            raise GuestLost("it takes no files", Cause.UNUSABLE)

    boots = Boots()
    with boots.queue(tmp_path, prepare) as queue:
        assert cast(FakeGuest, queue.take(more=False).guest).number == 2
    assert boots.notes == ["guest 1 did not come up: it takes no files"]
    assert boots.guests[0].ended
