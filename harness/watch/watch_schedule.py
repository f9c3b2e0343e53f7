# SPDX-License-Identifier: GPL-2.0-only
"""What is run for the changes of a tree, and when: one run at a time, the quick answer before the whole verdict.

A run whose question is out of date is ended. A whole verdict also makes way for a quick answer, and is begun again when
there is nothing quick to tell: the kernels that it built are in the cache by then.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.watch.tree_state import TreeState


class WatchKind(enum.Enum):
    """``QUICK``: of uncommitted changes, only the tests that reach them. ``VERDICT``: of commits, everything."""

    QUICK = "quick"
    VERDICT = "verdict"


@dataclass(frozen=True)
class WatchOrder:
    """A run that is wanted, for the tree as it was at ``state``."""

    kind: WatchKind
    state: TreeState


class WatchRunner(Protocol):
    """Does one run at a time."""

    def start(self, order: WatchOrder) -> None:
        """Begin; nothing else runs."""

    def interrupt(self) -> None:
        """Ask the run to end, as Ctrl-C does; ``ended`` tells when it has."""

    def ended(self) -> str | None:
        """What came of the run, in one line, once it has ended; None as long as it goes on."""


Told = Callable[[WatchOrder, str], None]


class WatchSchedule:
    """``since``: the commit at which watching began: it needs no verdict. ``tell``: gets each run and what came of it;
    "starts" when it begins."""

    def __init__(self, since: str, runner: WatchRunner, tell: Told) -> None:
        self._runner, self._tell = runner, tell
        self._seen = TreeState(since)
        self._due: dict[WatchKind, WatchOrder] = {}
        self.running: WatchOrder | None = None
        self._outdated = False

    def waiting(self, kind: WatchKind) -> bool:
        """True if a run of ``kind`` is wanted and has not begun."""
        return kind in self._due

    def saw(self, state: TreeState) -> None:
        """Take in that the tree is like this now."""
        before, self._seen = self._seen, state
        if state == before:
            return
        if state.head != before.head:
            self._due[WatchKind.VERDICT] = WatchOrder(WatchKind.VERDICT, TreeState(state.head))
        self._due.pop(WatchKind.QUICK, None)
        if state.work:
            self._due[WatchKind.QUICK] = WatchOrder(WatchKind.QUICK, state)
        self._make_way()

    def _make_way(self) -> None:
        """End what runs if it is out of date, or a verdict for which a quick answer would have to wait."""
        running = self.running
        if running is None or self._outdated:
            return
        stale = running.state != (self._seen if running.kind is WatchKind.QUICK else TreeState(self._seen.head))
        if not stale and WatchKind.QUICK in self._due:
            self._due.setdefault(running.kind, running)
            stale = True
        if stale:
            self._outdated = True
            self._runner.interrupt()

    def step(self) -> None:
        """Take note of a run that has ended, and begin the next one."""
        if self.running is not None:
            came_of_it = self._runner.ended()
            if came_of_it is None:
                return
            again = "waits" if self._due.get(self.running.kind) == self.running else "out of date"
            self._tell(self.running, again if self._outdated else came_of_it)
            self.running, self._outdated = None, False
        for kind in (WatchKind.QUICK, WatchKind.VERDICT):
            if (order := self._due.pop(kind, None)) is not None:
                self.running = order
                self._tell(order, "starts")
                self._runner.start(order)
                return
