# SPDX-License-Identifier: GPL-2.0-only
"""The walk: both ends proved, then git bisect, step by step, until the culprit or a range is left.

There is one way through it, for a fresh walk and for one that goes on: what a commit is, and what its guests have
shown, is looked up in the state first. So a walk that was cut off anywhere comes to the same end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.bisect.commit_tests import Built, CommitTester
from harness.bisect.evaluate import ENDS, Examiner, passes
from harness.bisect.git_bisect import Found, Next, Position, Stuck
from harness.bisect.relevant import relevant_files
from harness.bisect.render import headline, progress, step_line
from harness.bisect.state import BisectOutcome, CommitTest, CommitVerdict, End, Role, State
from harness.bisect.targets import Target
from harness.errors import UserError


class Walk:
    """``directory``: of the walk; ``tell`` is given a line as soon as something is known."""

    def __init__(
        self, state: State, target: Target, tester: CommitTester, directory: Path, tell: Callable[[str], None]
    ) -> None:
        self._examiner = Examiner(state, target, tester, directory, tell)
        self._target = target
        self._tester = tester
        self._tell = tell

    @property
    def state(self) -> State:
        """All that is known."""
        return self._examiner.state

    def go(self) -> State:
        """To the end, which is in the state then. Raises ``InfrastructureError``: the state is kept, go on later."""
        started, before = time.monotonic(), self.state.seconds
        try:
            ending = self._ends() or self._limit() or self._steps(resume(self.state, self._target))
        finally:
            self._examiner.note(replace(self.state, seconds=before + time.monotonic() - started))
        self._examiner.note(replace(self.state, ending=ending))
        return self.state

    def one(self, commit: str) -> CommitVerdict:
        """What ``commit`` is, with nothing known of any other."""
        verdict = self._examiner.tested(commit, Role.STEP).verdict
        assert verdict is not None
        return verdict

    # --- the ends -----------------------------------------------------------------------------

    def _ends(self) -> BisectOutcome | None:
        """None if both are what they are said to be."""
        bad = self._examiner.tested(self._target.bad, Role.BAD_END)
        if bad.verdict is not CommitVerdict.BAD:
            return BisectOutcome(_unproved(bad, End.NOT_BAD), (bad.commit,), bad.why)
        good = self._examiner.tested(self._target.good, Role.GOOD_END)
        if good.verdict is not CommitVerdict.GOOD:
            return BisectOutcome(_unproved(good, End.NOT_GOOD), (good.commit,), good.why)
        return None

    # --- the limit ----------------------------------------------------------------------------

    def _limit(self) -> BisectOutcome | None:
        """Find the files that can matter, if that was asked for; an end if there are none."""
        question = self.state.question
        if self.state.limit is None:
            files = question.paths
            if question.limited and not files:
                found = self._relevant()
                if found == ():
                    detail = "no commit between them touches a file that takes part in the build"
                    return BisectOutcome(End.NOTHING, (), detail)
                files = found or ()
            span = [f"{self._target.good}..{self._target.bad}"]
            kept = len(self._target.git.commits(span, files)) if files else self.state.total
            self._examiner.note(replace(self.state, limit=files, kept=kept))
            if files:
                self._tell(f"{kept} of {self.state.total} commits can matter")
        return None

    def _relevant(self) -> tuple[str, ...] | None:
        """None if it is not known what takes part in the build."""
        sources: set[str] = set()
        for commit in (self._target.bad, self._target.good):
            built = self._tester.build(commit, self.state.question.symptom, self._examiner.place(commit))
            if not isinstance(built, Built) or built.sources is None:
                self._tell("not limited: what takes part in the build of a kernel from the cache is not recorded")
                return None
            sources |= built.sources
        return relevant_files(self._target.git.touched(self._target.good, self._target.bad), sources)

    # --- the steps ----------------------------------------------------------------------------

    def _steps(self, position: Position) -> BisectOutcome:
        while isinstance(position, Next):
            self._tell(progress(self.state, *self._target.git.left()))
            step = self._examiner.tested(position.commit, Role.STEP)
            assert step.verdict is not None
            position = self._target.git.mark(step.commit, step.verdict)
        return self._doubted() or self._limited(position) or self._ending(position)

    def _ending(self, position: Found | Stuck) -> BisectOutcome:
        if isinstance(position, Stuck):
            return BisectOutcome(End.STUCK, (), position.words)
        if len(position.commits) > 1:
            return BisectOutcome(End.RANGE, position.commits, "the others of these cannot be tested")
        return BisectOutcome(End.FOUND, position.commits)

    def _doubted(self) -> BisectOutcome | None:
        """A commit that passed may have to pass again, now that more is known about how often a bad one fails.

        All of them, before git hears of any: with one turned bad and a later one not yet, it could not go on.
        """
        turned = False
        for step in self.state.steps:
            often = passes(self._examiner.observations(step))
            if step.verdict is CommitVerdict.GOOD and not step.same_as and often < self._examiner.needed():
                again = self._examiner.tested(step.commit, step.role, afresh=True)
                turned = turned or again.verdict is not CommitVerdict.GOOD
        return (self._ends() or self._steps(resume(self.state, self._target))) if turned else None

    def _limited(self, position: Found | Stuck) -> BisectOutcome | None:
        """With a limit, it may be another commit after all: the parents of the culprit were perhaps never tested.

        Of a range, or where git finds nothing to test, that is not to be told: there the limit is dropped at once.
        """
        if not self.state.limit:
            return None
        if isinstance(position, Stuck) or len(position.commits) > 1:
            return self._unlimited("that leaves no single commit")
        for parent in self._target.git.parents(*position.commits):
            if self._examiner.tested(parent, Role.PARENT).verdict is not CommitVerdict.GOOD:
                return self._unlimited(f"{parent[:12]} before it is not good")
        return None

    def _unlimited(self, why: str) -> BisectOutcome:
        self._tell(f"{why}: going on without the limit")
        steps = tuple(replace(one, role=_as_step(one.role)) for one in self.state.steps)
        self._examiner.note(replace(self.state, limit=(), steps=steps))
        return self._steps(resume(self.state, self._target))


def _unproved(step: CommitTest, end: End) -> End:
    return End.NO_END if step.verdict is CommitVerdict.SKIP else end


def _as_step(role: Role) -> Role:
    return role if role in ENDS else Role.STEP


def resume(state: State, target: Target) -> Position:
    """git bisect, taken as far as it was before."""
    position = target.git.start(target.good, target.bad, state.limit or ())
    for step in state.steps:
        if step.role not in ENDS and step.verdict is not None and isinstance(position, Next):
            position = target.git.mark(step.commit, step.verdict)
    return position


def status(state: State, target: Target) -> str:
    """What is known of each commit, and how far it is."""
    told = [f"{step_line(step, state)}\n" for step in state.steps]
    position = resume(state, target)
    if state.ending is not None:
        return "".join([*told, headline(state, target), "\n"])
    proved = [step for step in state.steps if step.role in ENDS and step.verdict is not None]
    if len(proved) < len(ENDS):
        told.append("the ends are being proved; after that: ")
    return "".join(
        [*told, progress(state, *target.git.left()) if isinstance(position, Next) else "the last step", "\n"]
    )


def begin(state: State, target: Target) -> State:
    """``state`` with the ends and the number of commits. Raises ``UserError`` if the ends are no ends."""
    if target.good == target.bad:
        raise UserError("good and bad are the same commit", where=target.bad[:12])
    target.git.start(target.good, target.bad)
    between = target.git.commits([f"{target.good}..{target.bad}"])
    cut = next((commit for commit in between if commit in target.git.shallow), None)
    if cut is not None:
        hint = "git fetch --unshallow, or --deepen=N until both ends are connected"
        raise UserError("the clone is shallow, and cut off between the ends", where=cut[:12], hint=hint)
    _check_paths(state.question.paths, target)
    return replace(state, good=target.good, bad=target.bad, total=len(between))


def _check_paths(paths: tuple[str, ...], target: Target) -> None:
    """A limit that names nothing is a slip of the pen, told before anything is built."""
    for name in paths:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts:
            raise UserError("not a path inside the tree", where=f"--path {name!r}", hint="name it from the tree's top")
    if paths and not target.git.commits([f"{target.good}..{target.bad}"], paths):
        where = f"--path {' '.join(paths)}"
        raise UserError("no commit between the ends touches that", where=where, hint="name other paths, or none")
