# SPDX-License-Identifier: GPL-2.0-only
"""Which mutant comes next, and what became of each, by what guests say. Pure: it runs nothing.

A mutant is killed by a check that is not good with it and good without it, in the same guest; by a report of the
kernel, a hang or a lost guest while it was chosen. Where the check is not good without the mutant either, that or
an earlier mutant damaged the guest: it is tried again, first of all in a fresh one, and there its word counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.trials.fates import Control, Fate, How, MutantOrder, TrialOutcome
from harness.trials.guest_words import (
    CheckBegan,
    CheckEnded,
    CodePassed,
    GuestDamaged,
    MutantBegan,
    PlanDone,
    RanAgain,
    Word,
)

_TRIES = 2  # guests in which something else than the kernel may end the trial of one mutant
_SLOW = 1.0  # seconds of a check without a mutant, above which a time-out may be the host's: it must come twice
_BY_ITSELF = (How.SPLAT, How.HANG)  # the runner does not run the check again: the guest is of no use any more


@dataclass
class _Trial:
    """``left``: tests that were not good with it yet. ``mishaps``: guests that told nothing."""

    number: int
    place: str
    left: list[str]
    reaching: int
    tried: int = 0
    mishaps: int = 0
    began: float = 0.0

    def outcome(self, fate: Fate, test: str = "", how: How | None = None, detail: str = "") -> TrialOutcome:
        seconds = time.monotonic() - self.began if self.began else 0.0
        return TrialOutcome(self.number, fate, test, how, detail, self.reaching, self.tried, seconds)

    def prefer(self, test: str) -> None:
        """Try ``test`` before all others, if it is one of those that are left."""
        if test in self.left:
            self.left.remove(test)
            self.left.insert(0, test)


class ControlLedger:
    """What the guest says of the checks while no mutant is chosen."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._red: list[str] = []
        self._skipped: list[str] = []
        self._reached: dict[str, tuple[int, ...]] = {}
        self._passed: tuple[int, ...] = ()
        self.is_done = False

    def take(self, word: Word) -> None:
        match word:
            case CodePassed(numbers):
                self._passed = numbers
            case CheckEnded():
                self._ended(word)
            case PlanDone():
                self.is_done = True

    def _ended(self, ended: CheckEnded) -> None:
        if ended.how is None:
            self._seconds[ended.test] = ended.seconds
        elif ended.how is How.SKIP:
            self._skipped.append(ended.test)
        else:
            self._red.append(f"{ended.test}: {ended.words}")
        self._reached[ended.test] = self._passed

    def control(self) -> Control:
        """What is known by now."""
        return Control(dict(self._seconds), tuple(self._red), tuple(self._skipped), dict(self._reached))


class MutantLedger:
    """``usual``: seconds of each test without a mutant. ``tell`` gets each outcome, and a second one for a survivor
    that is found out later."""

    def __init__(
        self, orders: Sequence[MutantOrder], usual: Mapping[str, float], tell: Callable[[TrialOutcome], None]
    ) -> None:
        self._tell = tell
        self._slow = {test for test, seconds in usual.items() if seconds > _SLOW}
        self._queue: list[_Trial] = []
        self.outcomes: dict[int, TrialOutcome] = {}
        self._fresh_guest()
        for order in orders:
            if order.tests:
                self._queue.append(_Trial(order.number, order.place, list(order.tests), len(order.tests)))
            else:
                self._decide(TrialOutcome(order.number, Fate.NOT_REACHED))

    @property
    def is_done(self) -> bool:
        return not self._queue

    @property
    def waiting(self) -> int:
        """How many are not decided yet."""
        return len(self._queue)

    def plan(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """What is left to do: (number, tests) in this order."""
        return tuple((trial.number, tuple(trial.left)) for trial in self._queue)

    # --- one guest ----------------------------------------------------------------------------

    def _fresh_guest(self) -> None:
        self._tried_here = 0
        self._survived_here: set[int] = set()
        self._died_here: set[int] = set()  # the runner died before it could read what the kernel reported
        self._running = ""
        self._noticed: CheckEnded | None = None
        self._at_hand = False  # the first of the queue is being tried
        self.guest_is_over = False

    def take(self, word: Word) -> None:
        """What the guest says next."""
        match word:
            case MutantBegan(number):
                self._begin(number)
            case CheckBegan(test):
                self._running = test
            case CheckEnded():
                self._ended(word)
            case RanAgain(is_good):
                self._ran_again(is_good)
            case GuestDamaged():
                self.guest_is_over = True
            case PlanDone():
                self._survived()
                self.guest_is_over = True

    def _begin(self, number: int) -> None:
        self._survived()
        trial = self._queue[0]
        if trial.number != number:
            raise ValueError(f"mutant {number} is tried, and it is the turn of {trial.number}")
        trial.began = time.monotonic()
        self._tried_here += 1
        self._at_hand = True

    def _survived(self) -> None:
        """Whoever is at hand was tried by all its tests."""
        if self._at_hand:
            trial = self._take_off()
            self._survived_here.add(trial.number)
            self._decide(trial.outcome(Fate.SURVIVED))

    def _ended(self, ended: CheckEnded) -> None:
        self._running = ""
        trial = self._queue[0]
        trial.tried += 1
        if ended.how is None:
            trial.left.remove(ended.test)
        elif self._is_doubtful(ended.how, ended.test):
            self._mishap(ended.words)
        elif ended.how in _BY_ITSELF:
            self._kill(ended.test, ended.how, ended.words)
        else:
            self._noticed = ended

    def _ran_again(self, is_good: bool) -> None:
        self._running = ""
        noticed, self._noticed = self._noticed, None
        if noticed is None or noticed.how is None:
            raise ValueError("a check ran again that had noticed nothing")
        if is_good or self._tried_here == 1:
            self._kill(noticed.test, noticed.how, noticed.words)
        else:  # the first thing in a fresh guest
            self._queue[0].prefer(noticed.test)
            self._at_hand = False

    def lost(self, how: How, reason: str, *, machine: bool = False, chance: bool = False) -> None:
        """The guest, or what ran in it, is gone. ``machine``: the kernel has no part in it; ``chance``: maybe."""
        self.guest_is_over = True
        if self._noticed is not None and not machine:
            self._ran_again(False)
        elif self._running and not machine and not self._is_doubtful(how, self._running, chance):
            self._died_here |= {self._queue[0].number} if how is How.DEATH else set()
            self._kill(self._running, how, reason)
        else:
            self._mishap(reason)

    def _is_doubtful(self, how: How | None, test: str, chance: bool = False) -> bool:
        """It may be chance, and is believed the second time."""
        return (chance or (how is How.HANG and test in self._slow)) and not self._queue[0].mishaps

    def _mishap(self, reason: str) -> None:
        self._at_hand = False
        if self._queue:
            self._queue[0].mishaps += 1
            if self._queue[0].mishaps >= _TRIES:
                self._decide(self._take_off().outcome(Fate.UNDECIDED, detail=reason))

    def guest_ended(self, late: Mapping[int, tuple[str, str]]) -> None:
        """The next guest is a fresh one. ``late``: what its console shows, number of a mutant -> (test, report)."""
        for number in sorted((self._survived_here | self._died_here) & late.keys()):
            test, report = late[number]
            killed = replace(self.outcomes[number], fate=Fate.KILLED, test=test, how=How.SPLAT, detail=report)
            self._decide(killed)
        self._fresh_guest()

    # --- outcomes -----------------------------------------------------------------------------

    def _kill(self, test: str, how: How, words: str) -> None:
        killed = self._take_off()
        for trial in self._queue:
            if trial.place == killed.place:  # mistakes in one function are often seen by the same test
                trial.prefer(test)
        self._decide(killed.outcome(Fate.KILLED, test, how, words))

    def _take_off(self) -> _Trial:
        self._at_hand = False
        return self._queue.pop(0)

    def _decide(self, outcome: TrialOutcome) -> None:
        self.outcomes[outcome.number] = outcome
        self._tell(outcome)
