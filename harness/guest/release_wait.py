# SPDX-License-Identifier: GPL-2.0-only
"""How long what a check left behind may take to go: less, once the kernel has shown that it keeps it.

The last reference may be dropped by a worker or a timer, a moment after close(), and nobody tells. On a busy host that
moment is long, so the full wait is far longer than it ever was. A patch that leaks at each close would make every check
wait it out: so after the second one in vain the wait for that kind of object shrinks, until it is short. It never gets
shorter than many times what came back has needed, nor than it takes every processor to run its workers, which is
counted in turns and not in seconds. It is the full one again as soon as something came back late.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Look = Callable[[], Mapping[str, tuple[int, int]]]

_SURE = 2  # full waits in vain for one kind, before they shrink
_SHRINKS = 4.0
_SHORTEST = 1 / 80  # of the full wait: 0.2 s under emulation, 25 ms under KVM
_MARGIN = 20.0  # times the slowest return
_TURNS = 3
_PAUSE = 0.01  # seconds: several ticks of the kernel's clock


class ReleaseWait:
    """Waits, and learns from what came of it. A kind is a word: "dma-buf", "timeline"."""

    def __init__(self) -> None:
        self._in_vain: dict[str, int] = {}
        self._late: set[str] = set()
        self._slowest = 0.0
        self._left: dict[str, int] = {}  # how many there were when the last wait ended in vain

    def until_gone(self, look: Look, full: float) -> Mapping[str, tuple[int, int]]:
        """What ``look`` still finds (kind -> what there was, what there is) after up to ``full`` seconds."""
        started, turns, waited = time.monotonic(), 0, 0.0
        while found := look():
            limit = self.limit(found, full)
            waited = time.monotonic() - started
            if waited >= limit and (limit >= full or turns >= _TURNS):
                break
            if limit < full:
                give_turns()
                turns += 1
            else:
                time.sleep(_PAUSE)
        # What came back did so within the last pause, which is no part of what was looked at before it.
        self._learn(found, waited if found else max(time.monotonic() - started, waited), full)
        return found

    def limit(self, kinds: Iterable[str], full: float) -> float:
        """Seconds to wait for ``kinds``. One that is surely kept is enough for the check to have failed."""
        return min((self._limit(kind, full) for kind in kinds), default=0.0)

    def _limit(self, kind: str, full: float) -> float:
        sure = self._in_vain.get(kind, 0) - _SURE
        if sure < 0 or kind in self._late:
            return full
        return min(full, max(full / _SHRINKS ** (sure + 1), full * _SHORTEST, self._slowest * _MARGIN))

    def _learn(self, found: Mapping[str, tuple[int, int]], waited: float, full: float) -> None:
        self._left = {kind: now for kind, (_, now) in found.items()}
        if not found:
            self._slowest = max(self._slowest, waited)
        for kind, (before, now) in found.items():
            if now < before:  # what one check left went while the next one ran
                self._is_late(kind)
            elif full > 0 and self._limit(kind, full) <= waited:
                self._in_vain[kind] = self._in_vain.get(kind, 0) + 1

    def look_again(self, counts: Mapping[str, int]) -> None:
        """``counts`` before the next check: who came back by then came late, and is waited for in full from now on."""
        left, self._left = self._left, {}
        for kind, count in left.items():
            if counts.get(kind, count) < count:
                self._is_late(kind)

    def _is_late(self, kind: str) -> None:
        if kind in self._in_vain:
            self._late.add(kind)


def give_turns() -> None:
    """Sleep on each processor in turn. When this returns, each has run its timers, and had time for its workers."""
    mine = os.sched_getaffinity(0)
    try:
        for processor in mine:
            os.sched_setaffinity(0, {processor})
            time.sleep(_PAUSE)
    finally:
        os.sched_setaffinity(0, mine)
