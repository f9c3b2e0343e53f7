# SPDX-License-Identifier: GPL-2.0-only
"""The walk: both ends proved, then git bisect, step by step, until the culprit or a range is left.

There is one way through it, for a fresh walk and for one that goes on: what a commit is, and what its guests have
shown, is looked up in the state first. So a walk that was cut off anywhere comes to the same end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.bisect import odds
from harness.bisect.driving import Found, Next, Position, Stuck
from harness.bisect.judging import Seen, Sight, judge
from harness.bisect.relevant import relevant_files
from harness.bisect.state import Attempt, End, Ending, Kind, Role, State, Step, Verdict, save
from harness.bisect.telling import decision, headline, progress
from harness.bisect.trails import Course
from harness.bisect.trying import Bench, Built, Untestable
from harness.errors import InfrastructureError, UserError
from harness.splat import identity

END_RUNS, MOST_END_RUNS = 3, 8
"""Runs of the bad end if all are bad, and if not: they tell how often the failure shows."""

MACHINE_RETRIES = 2
"""Guests in a row that may be lost without a word of the kernel; after that something is wrong with the machine."""

T = TypeVar("T")
_ENDS = (Role.BAD_END, Role.GOOD_END)


class Walk:
    """``directory``: of the walk; ``tell`` is given a line as soon as something is known."""

    def __init__(
        self, state: State, course: Course, bench: Bench, directory: Path, tell: Callable[[str], None]
    ) -> None:
        self.state = state
        self._course = course
        self._bench = bench
        self._directory = directory
        self._tell = tell

    def go(self) -> State:
        """To the end, which is in the state then. Raises ``InfrastructureError``: the state is kept, go on later."""
        started, before = time.monotonic(), self.state.seconds
        try:
            ending = self._ends() or self._limit() or self._steps(resume(self.state, self._course))
        finally:
            self._note(replace(self.state, seconds=before + time.monotonic() - started))
        self._note(replace(self.state, ending=ending))
        return self.state

    def one(self, commit: str) -> Verdict:
        """What ``commit`` is, with nothing known of any other."""
        verdict = self._tested(commit, Role.STEP).verdict
        assert verdict is not None
        return verdict

    def _note(self, state: State) -> None:
        self.state = state
        save(self._directory, state)

    # --- the ends -----------------------------------------------------------------------------

    def _ends(self) -> Ending | None:
        """None if both are what they are said to be."""
        bad = self._tested(self._course.bad, Role.BAD_END)
        if bad.verdict is not Verdict.BAD:
            return Ending(_unproved(bad, End.NOT_BAD), (bad.commit,), bad.why)
        good = self._tested(self._course.good, Role.GOOD_END)
        if good.verdict is not Verdict.GOOD:
            return Ending(_unproved(good, End.NOT_GOOD), (good.commit,), good.why)
        return None

    # --- the limit ----------------------------------------------------------------------------

    def _limit(self) -> Ending | None:
        """Find the files that can matter, if that was asked for; an end if there are none."""
        question = self.state.question
        if self.state.limit is None:
            files = question.paths
            if question.limited and not files:
                found = self._relevant()
                if found == ():
                    detail = "no commit between them touches a file that takes part in the build"
                    return Ending(End.NOTHING, (), detail)
                files = found or ()
            span = [f"{self._course.good}..{self._course.bad}"]
            kept = len(self._course.git.commits(span, files)) if files else self.state.total
            self._note(replace(self.state, limit=files, kept=kept))
            if files:
                self._tell(f"{kept} of {self.state.total} commits can matter")
        return None

    def _relevant(self) -> tuple[str, ...] | None:
        """None if it is not known what takes part in the build."""
        sources: set[str] = set()
        for commit in (self._course.bad, self._course.good):
            built = self._bench.build(commit, self.state.question.symptom, self._place(commit))
            if not isinstance(built, Built) or built.sources is None:
                self._tell("not limited: what takes part in the build of a kernel from the cache is not recorded")
                return None
            sources |= built.sources
        return relevant_files(self._course.git.touched(self._course.good, self._course.bad), sources)

    # --- the steps ----------------------------------------------------------------------------

    def _steps(self, position: Position) -> Ending:
        while isinstance(position, Next):
            self._tell(progress(self.state, *self._course.git.left()))
            step = self._tested(position.commit, Role.STEP)
            assert step.verdict is not None
            position = self._course.git.mark(step.commit, step.verdict)
        if isinstance(position, Stuck):
            return Ending(End.STUCK, (), position.words)
        return self._found(position)

    def _found(self, position: Found) -> Ending:
        if len(position.commits) > 1:
            return Ending(End.RANGE, position.commits, "the others of these cannot be tested")
        (culprit,) = position.commits
        return self._doubted(culprit) or self._parents(culprit) or Ending(End.FOUND, (culprit,))

    def _doubted(self, culprit: str) -> Ending | None:
        """A commit that passed may have to pass again, now that more is known about how often a bad one fails."""
        for step in self.state.steps:
            passes = _passes(self._sights(step))
            if step.verdict is Verdict.GOOD and not step.same_as and passes < self._needed():
                again = self._tested(step.commit, step.role, afresh=True)
                if again.verdict is not Verdict.GOOD:
                    return self._ends() or self._steps(resume(self.state, self._course))
        return None

    def _parents(self, culprit: str) -> Ending | None:
        """With a limit, the parents of the culprit were perhaps never tested: it may be another one after all."""
        if not self.state.limit:
            return None
        for parent in self._course.git.parents(culprit):
            step = self._tested(parent, Role.PARENT)
            if step.verdict is Verdict.SKIP:
                return Ending(
                    End.RANGE, (culprit, parent), f"the parent of {culprit[:12]} cannot be tested: {step.why}"
                )
            if step.verdict is Verdict.BAD:
                self._tell(f"{parent[:12]} before it is bad, too: going on without the limit")
                steps = tuple(replace(one, role=_as_step(one.role)) for one in self.state.steps)
                self._note(replace(self.state, limit=(), steps=steps))
                return self._steps(resume(self.state, self._course))
        return None

    # --- one commit ---------------------------------------------------------------------------

    def _tested(self, commit: str, role: Role, *, afresh: bool = False) -> Step:
        """``commit`` with a verdict: known, taken from an equal kernel, or found out now."""
        known = self.state.step(commit)
        if known is not None and known.verdict is not None and not afresh:
            return known
        step = known or Step(commit, self._subject(commit), role, directory=self._name())
        started, before = time.monotonic(), step.seconds
        step = self._decided(replace(step, verdict=None, needed=self._runs(role)))
        step = replace(step, seconds=before + time.monotonic() - started)
        self._note(self.state.with_step(step))
        self._tell(f"{role.value} {commit[:12]} {step.subject}: {decision(step, self.state)}")
        return step

    def _keep(self, step: Step) -> None:
        """Note an undecided step; what was decided about it before holds until it is decided anew."""
        known = self.state.step(step.commit)
        self._note(self.state.with_step(replace(step, verdict=known.verdict if known is not None else None)))

    def _decided(self, step: Step) -> Step:
        self._keep(step)
        symptom, place = self.state.question.symptom, self._place(step.commit)
        built = self._patiently(step, lambda: self._bench.build(step.commit, symptom, place))
        if isinstance(built, Untestable):
            return replace(step, verdict=Verdict.SKIP, why=built.why, built=built.tried)
        step = replace(step, kernel=built.digest, built=step.built or not built.reused)
        self._keep(step)
        equal = self._equal(step)
        if equal is not None:
            return replace(step, verdict=equal.verdict, why=equal.why, same_as=equal.commit, odds=equal.odds)
        return self._asked(step, built)

    def _equal(self, step: Step) -> Step | None:
        """A commit with the same kernel that has a verdict of its own."""
        return next(
            (
                one
                for one in self.state.steps
                if (one.kernel, one.same_as) == (step.kernel, "") and one.verdict is not None and not step.attempts
            ),
            None,
        )

    def _asked(self, step: Step, built: Built) -> Step:
        """Guests are asked until it is clear."""
        while (decided := self._verdict(step)) is None:
            attempt = self._patiently(step, partial(self._attempt, step, built))
            self._learn(step, self._judge(step, attempt))
            step = replace(step, attempts=(*step.attempts, attempt))
            self._keep(step)
        return decided

    def _attempt(self, step: Step, built: Built) -> Attempt:
        """What one more guest shows of the kernel. Raises ``InfrastructureError`` if that is nothing."""
        number = len(step.attempts)
        place = self._place(step.commit) / f"run-{number + 1}"
        attempt = self._bench.attempt(built, place, number)
        sight = self._judge(step, attempt)
        if sight.seen is Seen.MACHINE:
            raise InfrastructureError(f"the guest told nothing: {sight.why}", where=step.commit[:12])
        if attempt.again:
            return attempt
        self._bench.remember(built, attempt)
        return replace(attempt, log=str(place.relative_to(self._directory)))

    def _patiently(self, step: Step, work: Callable[[], T]) -> T:
        """Do ``work``, again if the machine fails, and give up if it fails again and again."""
        for _ in range(MACHINE_RETRIES):
            try:
                return work()
            except InfrastructureError as error:
                self._tell(f"{step.commit[:12]}: trouble with the machine, once more: {error}")
        return work()

    def _learn(self, step: Step, sight: Sight) -> None:
        """The bad end shows in which manners the test fails, if nobody has said."""
        question = self.state.question
        learning = step.role is Role.BAD_END and question.symptom.kind is not Kind.SPLAT
        if learning and sight.seen is Seen.BAD and sight.manner not in question.symptom.manners:
            symptom = replace(question.symptom, manners=(*question.symptom.manners, sight.manner))
            self._note(replace(self.state, question=replace(question, symptom=symptom)))

    def _judge(self, step: Step, attempt: Attempt) -> Sight:
        return judge(self.state.question.symptom, attempt, self._usual(step, attempt))

    def _sights(self, step: Step) -> list[Sight]:
        return [self._judge(step, attempt) for attempt in step.attempts]

    def _usual(self, step: Step, attempt: Attempt) -> frozenset[str]:
        """Splats that are no sign of another trouble: those of the good end, and those beside the one in question.

        What the ends themselves show beside it cannot be told from that.
        """
        if step.role in _ENDS:
            return _fingerprints([attempt])
        good = [one for step in self.state.steps if step.role is Role.GOOD_END for one in step.attempts]
        bad = [one for step in self.state.steps if step.verdict is Verdict.BAD for one in step.attempts]
        question = self.state.question
        mine = question.symptom.name
        return _fingerprints([*good, *(one for one in bad if mine in _fingerprints([one]))]) | {*question.usual}

    # --- verdicts -----------------------------------------------------------------------------

    def _verdict(self, step: Step) -> Step | None:
        """``step`` decided, or None if more guests must be asked."""
        sights = self._sights(step)
        if step.role is Role.BAD_END:
            return self._bad_end(step, sights)
        for seen, verdict in ((Seen.BAD, Verdict.BAD), (Seen.OTHER, Verdict.SKIP)):
            first = next((sight for sight in sights if sight.seen is seen), None)
            if first is not None:
                chance = odds.chance_of_false_alarm(self._good_passes()) if verdict is Verdict.BAD else 0.0
                return replace(step, verdict=verdict, why=first.why, odds=chance)
        if _passes(sights) < step.needed:
            return None
        chance = odds.chance_of_passing(_passes(sights), *self._rate())
        return replace(step, verdict=Verdict.GOOD, why=sights[-1].why, odds=chance)

    def _bad_end(self, step: Step, sights: list[Sight]) -> Step | None:
        """As bad as it is said to be, and how often."""
        other = next((sight for sight in sights if sight.seen is Seen.OTHER), None)
        bad = [sight for sight in sights if sight.seen is Seen.BAD]
        if other is not None and not bad:
            return replace(step, verdict=Verdict.SKIP, why=other.why)
        wanted = step.needed if len(bad) == len(sights) else max(step.needed, MOST_END_RUNS)
        if len(sights) < wanted:
            return None
        if not bad:
            return replace(step, verdict=Verdict.GOOD, why=f"{sights[-1].why} in {len(sights)} of {len(sights)} runs")
        return replace(step, verdict=Verdict.BAD, why=bad[0].why)

    def _runs(self, role: Role) -> int:
        if role is Role.BAD_END:
            return max(END_RUNS, self.state.question.runs)
        return self._needed()

    def _needed(self) -> int:
        """Runs that a good commit must pass: so many that a bad one would hardly do it."""
        question = self.state.question
        decisions = math.ceil(math.log2(max(2, self.state.total))) + 1
        allowed = odds.allowed_for_each(question.confidence, decisions)
        return question.runs or odds.runs_needed(allowed, *self._rate())

    def _rate(self) -> tuple[int, int]:
        """(bad runs, all runs) of the commits that are bad."""
        sights = [
            sight
            for step in self.state.steps
            if step.verdict is Verdict.BAD and not step.same_as
            for sight in self._sights(step)
        ]
        bad = sum(sight.seen is Seen.BAD for sight in sights)
        return bad, bad + _passes(sights)

    def _good_passes(self) -> int:
        good = [step for step in self.state.steps if step.verdict is Verdict.GOOD]
        return sum(_passes(self._sights(step)) for step in good)

    # --- words --------------------------------------------------------------------------------

    def _subject(self, commit: str) -> str:
        return self._course.git.show(commit, "%s")

    def _name(self) -> str:
        """Of the next commit's directory."""
        return f"steps/{len(self.state.steps) + 1:02d}"

    def _place(self, commit: str) -> Path:
        step = self.state.step(commit)
        return self._directory / (step.directory if step is not None else self._name())


def _passes(sights: list[Sight]) -> int:
    return sum(sight.seen is Seen.GOOD for sight in sights)


def _fingerprints(attempts: Sequence[Attempt]) -> frozenset[str]:
    return frozenset(identity(splat) for attempt in attempts for splat in attempt.splats)


def _unproved(step: Step, end: End) -> End:
    return End.NO_END if step.verdict is Verdict.SKIP else end


def _as_step(role: Role) -> Role:
    return role if role in _ENDS else Role.STEP


def resume(state: State, course: Course) -> Position:
    """git bisect, taken as far as it was before."""
    position = course.git.start(course.good, course.bad, state.limit or ())
    for step in state.steps:
        if step.role not in _ENDS and step.verdict is not None and isinstance(position, Next):
            position = course.git.mark(step.commit, step.verdict)
    return position


def status(state: State, course: Course) -> str:
    """What is known of each commit, and how far it is."""
    told = [f"{step.role.value} {step.commit[:12]} {step.subject}: {decision(step, state)}\n" for step in state.steps]
    position = resume(state, course)
    if state.ending is not None:
        return "".join([*told, headline(state, course), "\n"])
    proved = [step for step in state.steps if step.role in _ENDS and step.verdict is not None]
    if len(proved) < len(_ENDS):
        told.append("the ends are being proved; after that: ")
    return "".join(
        [*told, progress(state, *course.git.left()) if isinstance(position, Next) else "the last step", "\n"]
    )


def begin(state: State, course: Course) -> State:
    """``state`` with the ends and the number of commits. Raises ``UserError`` if the ends are no ends."""
    if course.good == course.bad:
        raise UserError("good and bad are the same commit", where=course.bad[:12])
    course.git.start(course.good, course.bad)
    total = len(course.git.commits([f"{course.good}..{course.bad}"]))
    return replace(state, good=course.good, bad=course.bad, total=total)
