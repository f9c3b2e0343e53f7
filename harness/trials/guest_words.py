# SPDX-License-Identifier: GPL-2.0-only
"""What ``harness.guest.mutant_runner`` says, read strictly: lines in, values out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.trials.fates import How


@dataclass(frozen=True)
class MutantBegan:
    number: int


@dataclass(frozen=True)
class CheckBegan:
    test: str


@dataclass(frozen=True)
class CodePassed:
    """``numbers``: of the mutants whose code ran during the check that is about to end."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class CheckEnded:
    """``how``: None if it is good. ``seconds``: in the guest."""

    test: str
    how: How | None
    seconds: float
    words: str = ""


@dataclass(frozen=True)
class RanAgain:
    """The check that noticed something, without the mutant. ``is_good``: it is the mutant's doing."""

    is_good: bool


@dataclass(frozen=True)
class GuestDamaged:
    reason: str


@dataclass(frozen=True)
class PlanDone:
    pass


Word = MutantBegan | CheckBegan | CodePassed | CheckEnded | RanAgain | GuestDamaged | PlanDone


def _good(rest: str) -> CheckEnded:
    test, seconds = rest.split()
    return CheckEnded(test, None, float(seconds))


def _bad(rest: str) -> CheckEnded:
    how, test, seconds, words = (*rest.split(" ", 3), "")[:4]
    return CheckEnded(test, How(how), float(seconds), words)


_READERS: dict[str, Callable[[str], Word]] = {
    "mutant": lambda rest: MutantBegan(int(rest)),
    "start": CheckBegan,
    "passed": lambda rest: CodePassed(tuple(map(int, rest.split()))),
    "good": _good,
    "bad": _bad,
    "again": lambda rest: RanAgain(rest == "good"),
    "damaged": GuestDamaged,
    "done": lambda _rest: PlanDone(),
}


def read_word(line: str) -> Word:
    """The value of one line. Raises ``ValueError`` for any other text."""
    verb, _, rest = line.partition(" ")
    if (read := _READERS.get(verb)) is None:
        raise ValueError(f"not a word of the runner of mutants: {line[:80]!r}")
    return read(rest)
