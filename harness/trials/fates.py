# SPDX-License-Identifier: GPL-2.0-only
"""Which mutants are to be tried, and what became of each, as values that JSON can hold."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


class Fate(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"  # a test noticed
    SURVIVED = "survived"  # tests ran its code, and none noticed
    NOT_REACHED = "not reached"  # no test ran its code
    EQUIVALENT = "equivalent"  # the compiler makes the same of it as of the original: there is nothing to notice
    UNDECIDED = "not decidable"  # it cannot be built beside the others, or the machine failed


class How(enum.Enum):
    """What gave a mutant away."""

    FAIL = "fail"  # a check says so
    SKIP = "skip"  # a check that runs on the kernel as it should be skips itself
    LEAK = "leak"  # something is left behind
    SPLAT = "splat"  # the kernel reports it
    PANIC = "panic"  # the guest is gone
    HANG = "hang"  # a check comes to no end
    DEATH = "death"  # the process that runs the checks is gone, by a signal such as SIGBUS


@dataclass(frozen=True)
class MutantOrder:
    """``number``: of the mutant in its kernel. ``tests``: those to try, in this order. ``name``: for people.

    ``place``: where it is, most of all its function: what notices one mutant there may well notice another.
    """

    number: int
    tests: tuple[str, ...]
    name: str = ""
    place: str = ""


@dataclass(frozen=True)
class TrialPlan:
    """Either the ``control``, tests that are to run with no mutant chosen, or ``orders``, mutants to be tried.

    ``usual``: seconds that each test took in the control. ``seconds``: after which no mutant begins, None: no limit.
    ``snapshots``: guests go on from a saved one, where that is quicker than a boot.
    """

    control: tuple[str, ...] = ()
    orders: tuple[MutantOrder, ...] = ()
    usual: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    snapshots: bool = False


@dataclass(frozen=True)
class TrialOutcome:
    """``number``: of the mutant in its kernel, 0 if it is in none. ``test`` and ``how``: who noticed, if it was killed.

    ``detail``: what was said, in one line. ``reaching``: how many tests run its code; ``tried``: how many of them were
    run with it. ``seconds``: from the start of its first test to its end, without boots.
    """

    number: int
    fate: Fate
    test: str = ""
    how: How | None = None
    detail: str = ""
    reaching: int = 0
    tried: int = 0
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """What is said of it as soon as it is decided."""
        if self.fate is Fate.KILLED and self.how is not None:
            what = f"killed by {self.test} ({self.how.value}), {self.seconds:.0f} s"
        elif self.fate is Fate.SURVIVED:
            what = f"survived {self.tried} tests, {self.seconds:.0f} s"
        else:
            what = self.fate.value
        return what + (f": {self.detail[:_WIDTH]}" if self.detail else "")


_WIDTH = 100  # columns of a detail


@dataclass(frozen=True)
class Control:
    """The kernel with all mutants in it and none chosen. ``seconds``: of each check that passed.

    ``red``: "check: what it said" of those that did not, and so are of no use. ``skipped``: those that skip themselves.
    ``reached``: check -> numbers of the mutants whose code it runs, checks in the order in which they ran.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    red: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    reached: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Something ran, and all of it is as on a kernel without mutants."""
        return bool(self.seconds) and not self.red

    def tests_for(self, number: int) -> tuple[str, ...]:
        """The checks that run the code of this mutant and passed: those that run little else, and are quick, first."""
        usable = [test for test, passed in self.reached.items() if number in passed and test in self.seconds]
        return tuple(sorted(usable, key=lambda test: (len(self.reached[test]), self.seconds[test])))


@dataclass(frozen=True)
class TrialFindings:
    """What came of a ``TrialPlan``. ``outcomes``: each mutant that was decided. ``snapshots``: each guest
    went on from a saved one.
    """

    control: Control = field(default_factory=Control)
    outcomes: tuple[TrialOutcome, ...] = ()
    snapshots: bool = False


def counted(outcomes: Iterable[TrialOutcome]) -> dict[Fate, int]:
    """How many there are of each fate, in the order of ``Fate``."""
    fates = [outcome.fate for outcome in outcomes]
    return {fate: fates.count(fate) for fate in Fate}
