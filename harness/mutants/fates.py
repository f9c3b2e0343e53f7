# SPDX-License-Identifier: GPL-2.0-only
"""What became of each mutant, as values."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.mutants.mutation import Mutation


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
class Verdict:
    """``number``: of the mutant in its kernel, 0 if it is in none. ``test`` and ``how``: who noticed, if it was killed.

    ``detail``: what was said, in one line. ``reaching``: how many tests run its code; ``tried``: how many of them were
    run with it. ``seconds``: from the start of its first test to its end, without boots.
    """

    mutation: Mutation
    number: int
    fate: Fate
    test: str = ""
    how: How | None = None
    detail: str = ""
    reaching: int = 0
    tried: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Control:
    """The kernel with all mutants in it and none chosen. ``seconds``: of each check that passed.

    ``red``: "check: what it said" of those that did not, and so are of no use. ``skipped``: those that skip themselves.
    ``reached``: number of a mutant -> the checks that run its code, in the order in which they ran.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    red: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    reached: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Something ran, and all of it is as on a kernel without mutants."""
        return bool(self.seconds) and not self.red

    def tests_for(self, number: int) -> tuple[str, ...]:
        """The checks that run the code of this mutant and passed: those that run little else, and are quick, first."""
        width: dict[str, int] = {}
        for tests in self.reached.values():
            for test in tests:
                width[test] = width.get(test, 0) + 1
        usable = [test for test in self.reached.get(number, ()) if test in self.seconds]
        return tuple(sorted(usable, key=lambda test: (width[test], self.seconds[test])))


def counted(verdicts: Iterable[Verdict]) -> dict[Fate, int]:
    """How many there are of each fate, in the order of ``Fate``."""
    fates = [verdict.fate for verdict in verdicts]
    return {fate: fates.count(fate) for fate in Fate}
