# SPDX-License-Identifier: GPL-2.0-only
"""One commit on its way to a verdict: built, or the same as one that is known; asked until it is clear."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.bisect import odds
from harness.bisect.commit_tests import Built, CommitTester, Untestable
from harness.bisect.observation import Observation, ObservationKind, observe
from harness.bisect.render import step_line
from harness.bisect.state import Attempt, CommitTest, CommitVerdict, Role, State, SymptomKind, save
from harness.bisect.targets import Target
from harness.errors import InfrastructureError
from harness.splat import identity, is_called

END_RUNS, MOST_END_RUNS = 3, 8
"""Runs of the bad end if all are bad, and if not: they tell how often the failure shows."""

MACHINE_RETRIES = 2
"""How often what the machine spoiled is done again, before something is taken to be wrong with it."""

ENDS = (Role.BAD_END, Role.GOOD_END)
T = TypeVar("T")


class Examiner:
    """``state`` holds all that is known, and is on disk at any time, in ``directory``.

    ``tell`` is given a line as soon as something is known.
    """

    def __init__(
        self, state: State, target: Target, tester: CommitTester, directory: Path, tell: Callable[[str], None]
    ) -> None:
        self.state = state
        self._target = target
        self._tester = tester
        self._directory = directory
        self._tell = tell

    def note(self, state: State) -> None:
        """``state`` is what is known from now on."""
        self.state = state
        save(self._directory, state)

    def tested(self, commit: str, role: Role, *, afresh: bool = False) -> CommitTest:
        """``commit`` with a verdict: known, taken from an equal kernel, or found out now."""
        known = self.state.step(commit)
        if known is not None and known.verdict is not None and not afresh:
            return known
        step = known or CommitTest(commit, self._subject(commit), role, directory=self._name())
        started, before = time.monotonic(), step.seconds
        step = self._decided(replace(step, verdict=None, needed=self._runs(role)))
        step = replace(step, seconds=before + time.monotonic() - started)
        self.note(_spread(step, self.state.with_step(step)))
        self._tell(step_line(step, self.state))
        return step

    def _keep(self, step: CommitTest) -> None:
        """Note an undecided step; what was decided about it before holds until it is decided anew."""
        known = self.state.step(step.commit)
        self.note(self.state.with_step(replace(step, verdict=known.verdict if known is not None else None)))

    def _decided(self, step: CommitTest) -> CommitTest:
        self._keep(step)
        symptom, place = self.state.question.symptom, self.place(step.commit)
        built = self._patiently(step, lambda: self._tester.build(step.commit, symptom, place))
        if isinstance(built, Untestable):
            return replace(step, verdict=CommitVerdict.SKIP, why=built.why, built=built.tried)
        step = replace(step, kernel=built.digest, built=step.built or not built.reused)
        self._keep(step)
        self._name_suite(built)
        equal = self._equal(step)
        if equal is not None:
            return replace(step, verdict=equal.verdict, why=equal.why, same_as=equal.commit, odds=equal.odds)
        return self._asked(step, built)

    def _equal(self, step: CommitTest) -> CommitTest | None:
        """A commit with the same kernel that has a verdict of its own."""
        return next(
            (
                one
                for one in self.state.steps
                if (one.kernel, one.same_as) == (step.kernel, "") and one.verdict is not None and not step.attempts
            ),
            None,
        )

    def _asked(self, step: CommitTest, built: Built) -> CommitTest:
        """Guests are asked until it is clear."""
        while (decided := self._verdict(step)) is None:
            attempt = self._patiently(step, partial(self._attempt, step, built))
            self._learn(step, self._judge(step, attempt))
            step = replace(step, attempts=(*step.attempts, attempt))
            self._keep(step)
        return decided

    def _attempt(self, step: CommitTest, built: Built) -> Attempt:
        """What one more guest shows of the kernel. Raises ``InfrastructureError`` if that is nothing."""
        place = self.place(step.commit) / f"run-{len(step.attempts) + 1}"
        attempt = self._tester.attempt(built, place, step.attempts)
        observation = self._judge(step, attempt)
        if observation.seen is ObservationKind.MACHINE:
            raise InfrastructureError(f"the guest told nothing: {observation.why}", where=step.commit[:12])
        if attempt.again:
            return attempt
        self._tester.remember(built, attempt)
        return replace(attempt, log=str(place.relative_to(self._directory)))

    def _patiently(self, step: CommitTest, work: Callable[[], T]) -> T:
        """Do ``work``, again if the machine fails, and give up if it fails again and again."""
        for _ in range(MACHINE_RETRIES):
            try:
                return work()
            except InfrastructureError as error:
                self._tell(f"{step.commit[:12]}: trouble with the machine, once more: {error}")
        return work()

    def _name_suite(self, built: Built) -> None:
        """A test may be named without its suite, which is known once there is a kernel."""
        question = self.state.question
        if question.symptom.kind is SymptomKind.TEST and not question.symptom.suite:
            symptom = replace(question.symptom, suite=built.tests[0].suite)
            self.note(replace(self.state, question=replace(question, symptom=symptom)))

    def _learn(self, step: CommitTest, observation: Observation) -> None:
        """The bad end shows in which manners the test fails, if nobody has said."""
        question = self.state.question
        learning = step.role is Role.BAD_END and question.symptom.kind is not SymptomKind.SPLAT
        if learning and observation.seen is ObservationKind.BAD and observation.manner not in question.symptom.manners:
            symptom = replace(question.symptom, manners=(*question.symptom.manners, observation.manner))
            self.note(replace(self.state, question=replace(question, symptom=symptom)))

    def _judge(self, step: CommitTest, attempt: Attempt) -> Observation:
        return observe(self.state.question.symptom, attempt, self._usual(step, attempt))

    def observations(self, step: CommitTest) -> list[Observation]:
        return [self._judge(step, attempt) for attempt in step.attempts]

    def _usual(self, step: CommitTest, attempt: Attempt) -> frozenset[str]:
        """Splats that are no sign of another trouble: those of the good end, and those beside the one in question.

        What the ends themselves show beside it cannot be told from that.
        """
        if step.role in ENDS:
            return _fingerprints([attempt])
        good = [one for step in self.state.steps if step.role is Role.GOOD_END for one in step.attempts]
        bad = [one for step in self.state.steps if step.verdict is CommitVerdict.BAD for one in step.attempts]
        question = self.state.question
        mine = question.symptom.name
        beside = [one for one in bad if any(is_called(splat, mine) for splat in one.splats)]
        return _fingerprints([*good, *beside]) | {*question.usual}

    # --- verdicts -----------------------------------------------------------------------------

    def _verdict(self, step: CommitTest) -> CommitTest | None:
        """``step`` decided, or None if more guests must be asked."""
        observations = self.observations(step)
        if step.role is Role.BAD_END:
            return self._bad_end(step, observations)
        for seen, verdict in ((ObservationKind.BAD, CommitVerdict.BAD), (ObservationKind.OTHER, CommitVerdict.SKIP)):
            first = next((observation for observation in observations if observation.seen is seen), None)
            if first is not None:
                chance = odds.chance_of_false_alarm(self._good_passes()) if verdict is CommitVerdict.BAD else 0.0
                return replace(step, verdict=verdict, why=first.why, odds=chance)
        if passes(observations) < step.needed:
            return None
        chance = odds.chance_of_passing(passes(observations), *self._rate())
        return replace(step, verdict=CommitVerdict.GOOD, why=observations[-1].why, odds=chance)

    def _bad_end(self, step: CommitTest, observations: list[Observation]) -> CommitTest | None:
        """As bad as it is said to be, and how often."""
        other = next((observation for observation in observations if observation.seen is ObservationKind.OTHER), None)
        bad = [observation for observation in observations if observation.seen is ObservationKind.BAD]
        if other is not None and not bad:
            return replace(step, verdict=CommitVerdict.SKIP, why=other.why)
        enough = self.state.question.runs or len(bad) == len(observations)
        wanted = step.needed if enough else max(step.needed, MOST_END_RUNS)
        if len(observations) < wanted:
            return None
        if not bad:
            runs = len(observations)
            return replace(step, verdict=CommitVerdict.GOOD, why=f"{observations[-1].why} in {runs} of {runs} runs")
        return replace(step, verdict=CommitVerdict.BAD, why=bad[0].why)

    def _runs(self, role: Role) -> int:
        if role is Role.BAD_END:
            return self.state.question.runs or END_RUNS
        return self.needed()

    def needed(self) -> int:
        """Runs that a good commit must pass: so many that a bad one would hardly do it."""
        question = self.state.question
        decisions = math.ceil(math.log2(max(2, self.state.total))) + 1
        allowed = odds.allowed_for_each(question.confidence, decisions)
        return question.runs or odds.runs_needed(allowed, *self._rate())

    def _rate(self) -> tuple[int, int]:
        """(bad runs, all runs) of the commits that are bad."""
        observations = [
            observation
            for step in self.state.steps
            if step.verdict is CommitVerdict.BAD and not step.same_as
            for observation in self.observations(step)
        ]
        bad = sum(observation.seen is ObservationKind.BAD for observation in observations)
        return bad, bad + passes(observations)

    def _good_passes(self) -> int:
        good = [step for step in self.state.steps if step.verdict is CommitVerdict.GOOD]
        return sum(passes(self.observations(step)) for step in good)

    # --- words --------------------------------------------------------------------------------

    def _subject(self, commit: str) -> str:
        return self._target.git.show(commit, "%s")

    def _name(self) -> str:
        """Of the next commit's directory."""
        return f"steps/{len(self.state.steps) + 1:02d}"

    def place(self, commit: str) -> Path:
        step = self.state.step(commit)
        return self._directory / (step.directory if step is not None else self._name())


def _spread(step: CommitTest, state: State) -> State:
    """``state`` in which commits with the same kernel have the verdict of ``step``, also if that was another before."""
    for one in state.steps:
        if one.same_as == step.commit:
            state = state.with_step(replace(one, verdict=step.verdict, why=step.why, odds=step.odds))
    return state


def passes(observations: Sequence[Observation]) -> int:
    return sum(observation.seen is ObservationKind.GOOD for observation in observations)


def _fingerprints(attempts: Sequence[Attempt]) -> frozenset[str]:
    return frozenset(identity(splat) for attempt in attempts for splat in attempt.splats)
