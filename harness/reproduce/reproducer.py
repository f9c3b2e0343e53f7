# SPDX-License-Identifier: GPL-2.0-only
"""A failure once more: alone, and if it does not come alone, after the tests that ran before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.bisect import ObservationKind, observe
from harness.bisect.commit_tests import attempt_of
from harness.bisect.observation import Observation
from harness.errors import ExitCode, InfrastructureError, UserError
from harness.executor import Executor, JobSource, KernelJob
from harness.identities import OWN_TESTS, PlannedTest
from harness.model import Kernel
from harness.paths import exists
from harness.reproduce.sought_failure import SoughtFailure

_PATIENCE = 2  # attempts more that the machine may spoil
_WORDS = {
    ObservationKind.BAD: "fails as in the run",
    ObservationKind.GOOD: "passes",
    ObservationKind.MACHINE: "nothing was learned",
}


@dataclass
class Reproduction:
    """``alone``, ``after``: what was seen alone, and after the tests that ran before, without what the machine took."""

    sought: SoughtFailure
    alone: list[Observation] = field(default_factory=list)
    after: list[Observation] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """0: it passed every time; 1: it did not."""
        passed = all(one.seen is ObservationKind.GOOD for one in (*self.alone, *self.after))
        return ExitCode.OK if passed else ExitCode.FAILED

    def summary(self) -> list[str]:
        """Lines for the end: what came out, beside what the run had."""
        lines = [f"{self.sought.name} ({self.sought.stored.name})"]
        lines += [f"  in the run: {self.sought.failure.summary or 'it failed'}"]
        lines += [f"  alone:      {_counted(self.alone)}"] if self.alone else []
        lines += (
            [f"  after the {len(self.sought.before)} tests before it: {_counted(self.after)}"] if self.after else []
        )
        return lines


def _counted(seen: list[Observation]) -> str:
    """ "fails as in the run: 3 of 3"."""
    words = [_words(one) for one in seen]
    return ", ".join(f"{word}: {words.count(word)} of {len(words)}" for word in dict.fromkeys(words))


def _words(one: Observation) -> str:
    return _WORDS.get(one.seen, one.why)


class Reproducer:
    """``executor``: runs the guests. ``tell`` gets a line for each."""

    def __init__(
        self, executor: Executor, kernel: Kernel, source: JobSource, directory: Path, tell: Callable[[str], None]
    ) -> None:
        """``directory``: gets one for each guest."""
        self._executor = executor
        self._kernel = kernel
        self._source = source
        self._directory = directory
        self._tell = tell

    def reproduce(self, sought: SoughtFailure, times: int) -> Reproduction:
        """``sought`` in ``times`` fresh guests; as often after what ran before it if it passes in all of them.

        Raises ``InfrastructureError`` if the machine lets nothing be learned.
        """
        found = Reproduction(sought)
        self._repeat(sought, found.alone, times, (), "alone")
        if sought.before and found.exit_code is ExitCode.OK:
            self._tell(f"it passes alone: now after the {len(sought.before)} tests that ran before it in its guest")
            self._repeat(sought, found.after, times, sought.before, "after")
        return found

    def _repeat(
        self, sought: SoughtFailure, seen: list[Observation], times: int, before: tuple[PlannedTest, ...], label: str
    ) -> None:
        spoiled = 0
        while len(seen) < times:
            number = len(seen) + spoiled + 1
            one = self._once(sought, before, self._directory / f"{label}-{number}")
            self._tell(f"{label} {len(seen) + 1} of {times}: {_words(one)}{_reason(one)}")
            if one.seen is not ObservationKind.MACHINE:
                seen.append(one)
                continue
            spoiled += 1
            if spoiled > _PATIENCE:
                raise InfrastructureError(f"nothing can be learned here: {one.why}", where=str(self._directory))

    def _once(self, sought: SoughtFailure, before: tuple[PlannedTest, ...], place: Path) -> Observation:
        found = self._executor.run(kernel_job(sought, self._kernel, self._source, before), place)
        # Of the tests before it only the splats are asked about: how they end is nobody's question.
        planned = sought.tests or found.planned
        mine = replace(found, results=tuple(one for one in found.results if any(t.covers(one) for t in planned)))
        return observe(sought.failure.symptom, attempt_of(mine, planned, 0.0), sought.usual)


def _reason(one: Observation) -> str:
    return "" if one.seen is ObservationKind.GOOD or _words(one) == one.why else f": {one.why}"


def kernel_job(
    sought: SoughtFailure, kernel: Kernel, source: JobSource, before: tuple[PlannedTest, ...] = ()
) -> KernelJob:
    """The tests of ``sought`` after ``before``, in one guest."""
    planned = (*before, *sought.tests)
    return KernelJob(
        kernel=kernel.key,
        variant=sought.stored.variant.variant,
        suites=tuple(dict.fromkeys(test.suite for test in planned)),
        planned=planned,
        narrowed=True,
        own_tests={test.suite: _own_file(test.suite) for test in planned if test.suite.startswith(OWN_TESTS)},
        source=source,
        limits=sought.stored.limits,
        label="reproduce ",
        first=_first_part(planned),
    )


def _own_file(suite: str) -> str:
    """Runs keep the name of a user's own file, not the file. Raises ``UserError`` if none of that name is here."""
    path = Path(suite.removeprefix(OWN_TESTS))
    if not exists(path):
        hint = "change into the directory in which that file is"
        raise UserError("it is a test of yours, and its file is not here", where=str(path), hint=hint)
    return str(path.resolve())


def _first_part(planned: tuple[PlannedTest, ...]) -> tuple[PlannedTest, ...]:
    """Up to where a suite comes a second time: what the change concerned ran first then."""
    ended: set[str] = set()
    for number, test in enumerate(planned):
        if test.suite in ended:
            return planned[:number]
        if number and planned[number - 1].suite != test.suite:
            ended.add(planned[number - 1].suite)
    return ()
