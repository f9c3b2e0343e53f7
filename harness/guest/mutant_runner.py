# SPDX-License-Identifier: GPL-2.0-only
"""Runs checks against mutants of the kernel: one process, one mutant after the other, each until a check notices.

A kernel with mutants has ``dmabuf_mutant`` in debugfs (harness/mutants/kernel/dmabuf_mutant.c). The plan is a file with
a line for each mutant: its number, and the checks to try in this order; number 0 is the kernel as it should be. Before
them come lines "limit NAME FACTOR", for checks whose time limits are stretched by another factor than the usual one. On
stdout comes, a line each, as it happens::

    mutant 12                     the lines below are about it
    start udmabuf.create          a check begins
    passed 3 12 40                (mutant 0 only) the mutants whose code ran meanwhile
    good udmabuf.create 0.0123    how it ended and the seconds it took: good, skip, fail, leak, splat or hang
    bad fail udmabuf.create 0.01 expected EINVAL, but the call succeeded
    again good                    the same check once more, without the mutant, after it noticed something
    damaged REASON                this kernel is no use any more; nothing follows
    done                          all of the plan was tried

The mutant is chosen only while a check and what looks after it run. A kernel in which anything is left behind that was
not there at first (descriptors, buffers, attachments, mappings, timelines, taint flags) is of no use any more.
"""

from __future__ import annotations

import os

from harness.guest import checks, marks, oracle, registry, runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]

DIRECTORY = "/sys/kernel/debug/dmabuf_mutant"
TAINTED = "/proc/sys/kernel/tainted"
# Bits of trouble: a bad page, an oops, a warning, a soft lockup (Documentation/admin-guide/tainted-kernels.rst). Others
# tell of modules: the first test of the contract loads one.
_WARNED = 1 << 9
_TROUBLE = 1 << 5 | 1 << 7 | _WARNED | 1 << 14
_DAMAGING = ("splat", "hang")
_WORDS = 400  # characters of what a check says


class _Switch:
    """Chooses the mutant. ``directory``: of ``active`` and ``passed``, which are opened anew each time: one of
    debugfs's numbers has no position."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def choose(self, number: int) -> None:
        self._write("active", f"{number}\n")

    def forget_passed(self) -> None:
        self._write("passed", "0")

    def passed(self) -> list[int]:
        """The numbers of the mutants whose code ran since ``forget_passed``."""
        with open(f"{self._directory}/passed", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            return [number for number, flag in enumerate(file.read()) if flag and number]

    def _write(self, name: str, text: str) -> None:
        fd = os.open(f"{self._directory}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def _taint() -> int:
    with open(TAINTED) as file:  # noqa: PTH123 - pathlib is slow to import
        return int(file.read()) & _TROUBLE


def how_it_ended(outcome: runner.CheckOutcome) -> str:
    """ "good", "skip", or what gave the mutant away: a report of the kernel says more than a time limit, and that more
    than what the check says itself. "leak" is what is seen of a check that was content."""
    for how, cause in (("splat", runner.REPORT), ("hang", runner.LATE)):
        if cause in outcome.causes:
            return how
    if any(line.startswith(runner.UNREADABLE) for line in outcome.trouble):
        return "hang"  # a lock is held, which the check that runs next would wait for
    if outcome.trouble:
        return "leak" if all(line.startswith(("leaked ", "lost ")) for line in outcome.trouble) else "fail"
    return "skip" if outcome.skipped else "good"


class _Run:
    """``factors``: on the limits of checks, as for run_checks.py; ``factor``: of those that have none of their own."""

    def __init__(self, switch: _Switch, say: Say, factor: float, factors: dict[str, float]) -> None:
        self._switch = switch
        self._say = say
        self._factor = factor
        self._factors = factors
        self._checks = registry.registered()
        self._taint = _taint()
        self._at_first = oracle.Inventory()

    def control(self, names: list[str]) -> None:
        """All of ``names`` on the kernel as it should be."""
        for name in names:
            self._switch.forget_passed()
            how, outcome = self._check(0, name)
            self._say(" ".join(["passed", *map(str, self._switch.passed())]))
            self._tell(how, name, outcome)

    def trial(self, number: int, names: list[str]) -> bool:
        """``names`` with the mutant ``number``, until one is not good; False if the kernel is of no use after that."""
        for name in names:
            how, outcome = self._check(number, name)
            if (taint := self._new_taint(name)) and how not in _DAMAGING:
                how = "splat"
                outcome.trouble.insert(0, f"taint flags {self._taint} -> {self._taint | taint}")
            self._tell(how, name, outcome)
            if how in _DAMAGING:
                self._say(f"damaged by {name}")
                return False
            if how != "good":
                return self._is_well(name)
        return True

    def _new_taint(self, name: str) -> int:
        """Flags that are new since the start. A warning that a check provokes taints, too, and is no mutant's doing:
        the check sees to it that it is the only one."""
        if registry.provoked(name):
            self._taint |= _taint() & _WARNED
        return _taint() & ~self._taint

    def _is_well(self, name: str) -> bool:
        """The check is good without the mutant, and nothing is left behind."""
        how, outcome = self._check(0, name)
        self._say(f"again {how}")
        if how != "good":
            self._say(f"damaged {name} without the mutant: {how} {_words(outcome)}")
        elif left := [*self._at_first.leaked_files(), *self._at_first.leaked_objects()]:
            self._say(f"damaged since {name}: {'; '.join(left)}")
        else:
            return True
        return False

    def _check(self, number: int, name: str) -> tuple[str, runner.CheckOutcome]:
        self._say(f"start {name}")
        marks.mark(f"start {number} {name}")
        marks.listen()
        self._switch.choose(number)
        try:
            outcome = runner.run_check(
                self._checks[name], self._factors.get(name, self._factor), registry.provoked(name)
            )
        finally:
            self._switch.choose(0)
        marks.mark(f"end {number} {name}")
        return how_it_ended(outcome), outcome

    def _tell(self, how: str, name: str, outcome: runner.CheckOutcome) -> None:
        if how == "good":
            self._say(f"good {name} {outcome.seconds:.4f}")
        else:
            self._say(f"bad {how} {name} {outcome.seconds:.4f} {_words(outcome)}")


def _words(outcome: runner.CheckOutcome) -> str:
    return " ".join("; ".join([*outcome.trouble, outcome.skipped]).split())[:_WORDS]


class Plan:
    """``text``: as the head of this file says. ``trials``: (number, names of checks); ``factors``: of checks.

    Raises ``ValueError`` for a line that begins with no number.
    """

    def __init__(self, text: str) -> None:
        self.factors: dict[str, float] = {}
        self.trials: list[tuple[int, list[str]]] = []
        for line in text.splitlines():
            first, *names = line.split()
            if first == "limit":
                self.factors[names[0]] = float(names[1])
            else:
                self.trials.append((int(first), names))


def run_plan(text: str, factor: float, say: Say, directory: str = DIRECTORY) -> None:
    """Try what the plan ``text`` says."""
    checks.load()
    plan = Plan(text)
    run = _Run(_Switch(directory), say, factor, plan.factors)
    for number, names in plan.trials:
        say(f"mutant {number}")
        if number == 0:
            run.control(names)
        elif not run.trial(number, names):
            return
    say("done")


def main(arguments: list[str]) -> int:
    """``PLAN-FILE FACTOR``."""
    path, factor = arguments
    with open(path) as file:  # noqa: PTH123 - pathlib is slow to import
        plan = file.read()
    with runner.KeptApart():
        run_plan(plan, float(factor), runner.say)
    return 0
