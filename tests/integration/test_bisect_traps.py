# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong answer that were once taken: limits, doubts, clones that are not whole, refs that move."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.bisect import Built, End, Symptom, SymptomKind, Target, Untestable, pinned, write_reports
from harness.bisect.state import Attempt
from harness.errors import UserError
from harness.executor import Findings
from harness.model import PlannedTest, Status, TestResult
from tests.support.bisected import (
    BUG,
    CODE,
    SYMPTOM,
    TEST,
    GitBench,
    History,
    ScriptedGuests,
    Walked,
    go_on,
    names,
    opened,
    question,
    quick,
    splat,
)

INNOCENT = "lib/innocent.c"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "linux")


def end_of(walked: Walked) -> End:
    assert walked.state.ending is not None
    return walked.state.ending.end


# --- a limit that is wrong --------------------------------------------------------------------


def test_a_culprit_after_the_last_commit_that_the_limit_leaves(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    history.add("innocent", "x\n", INNOCENT)
    history.plain(2, "between")
    culprit = history.add("culprit", BUG)
    history.plain(2, "after")
    asked = question(history, history.commits["start"], limited=True, paths=(INNOCENT,))
    assert quick(asked, tmp_path / "walk").commits == (culprit,)


def test_a_range_that_the_limit_leaves_is_not_the_answer(history: History, tmp_path: Path) -> None:
    history.plain(1, "before")
    culprit = history.add("culprit", BUG)
    history.plain(1, "between")
    history.add("trouble", "int broken;")
    history.add("innocent 1", "x\n", INNOCENT)
    history.add("innocent 2", "x\n", INNOCENT)
    history.drop("mended", "int broken;")
    history.add("innocent 3", "x\n", INNOCENT)
    history.plain(2, "after")
    asked = question(history, history.commits["start"], limited=True, paths=(INNOCENT,))
    walked = quick(asked, tmp_path / "walk")
    assert (end_of(walked), walked.commits) == (End.FOUND, (culprit,))


@pytest.mark.parametrize("path", ["/etc", "../elsewhere", "", "lib/nowhere.c"])
def test_a_limit_that_names_nothing_is_told_before_anything_is_built(
    history: History, tmp_path: Path, path: str
) -> None:
    history.add("culprit", BUG)
    with pytest.raises(UserError, match="--path"):
        opened(question(history, history.commits["start"], limited=True, paths=(path,)), tmp_path / "walk")


# --- good commits that were not ---------------------------------------------------------------


@dataclass
class Told(ScriptedGuests):
    """Guests that fail as they are told, by the name of the commit; without a word they fail where the bug is."""

    plan: Mapping[str, list[bool]] = field(default_factory=dict)
    commit: str = ""

    def _result(self, suite: str, name: str, source: str) -> TestResult:
        left = self.plan.get(self.commit)
        self.rate = 1.0 if not left or left.pop(0) else 0.0
        return super()._result(suite, name, source)


def told(history: History, directory: Path, plan: Mapping[str, list[bool]]) -> Walked:
    guests = Told(plan=plan)
    state, made = opened(question(history, history.commits["start"]), directory)
    return go_on(state, made, directory, guests, _Naming(made, guests, history))


class _Naming(GitBench):
    def __init__(self, made: Target, guests: Told, history: History) -> None:
        super().__init__(made, guests)
        self._told, self._history = guests, history
        self._commits: dict[str, str] = {}

    def build(self, commit: str, symptom: Symptom, directory: Path) -> Built | Untestable:
        self._told.commit = self._history.name(commit)
        return super().build(commit, symptom, directory)


PASSES_FIRST = [False] * 4
LATE = [False] * 3 + [True]
OFTEN = [False] + [True] * 7


def test_several_commits_that_passed_by_chance_are_all_asked_again(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    culprit = history.add("culprit", BUG)
    history.plain(20, "after")
    plan = {f"after {number}": [*PASSES_FIRST, True] for number in range(14)}
    plan |= {f"after {number}": list(LATE) for number in range(14, 19)}
    walked = told(history, tmp_path / "walk", {**plan, "after 19": list(OFTEN)})
    assert (end_of(walked), walked.commits) == (End.FOUND, (culprit,))


def test_a_commit_that_turns_out_bad_takes_those_with_its_kernel_along(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    culprit = history.add("culprit", BUG)
    for number in range(4):
        history.add(f"comment {number}", f"/* {number} */")
    history.plain(4, "after")
    plan = {f"comment {number}": [*PASSES_FIRST, False, True] for number in range(4)}
    plan |= {f"after {number}": list(LATE) for number in range(3)}
    walked = told(history, tmp_path / "walk", {**plan, "after 3": list(OFTEN)})
    assert (end_of(walked), walked.commits) == (End.FOUND, (culprit,))


def test_runs_that_were_asked_for_hold_for_a_bad_end_that_passes(history: History, tmp_path: Path) -> None:
    history.plain(3)
    walked = quick(question(history, history.commits["start"], runs=1), tmp_path / "walk")
    assert end_of(walked) is End.NOT_BAD and len(walked.guests.asked) == 1


# --- splats that could not be printed ---------------------------------------------------------

PRINTED = Symptom(SymptomKind.SPLAT, name="warn-00000000abcd", during=f"checks: {TEST}")


class Printing(ScriptedGuests):
    """The bug prints a splat, unless the test that provokes it is skipped."""

    def findings(self, source: str, tests: tuple[PlannedTest, ...]) -> Findings:
        found = super().findings("", tests)
        if "int skipped" in source:
            return replace(found, results=tuple(TestResult(one.suite, one.name, Status.SKIP) for one in found.results))
        if BUG in source and tests:
            return replace(found, splats=(splat(PRINTED.name, "WARNING: mine", f"checks: {TEST}"),))
        return found


def test_a_splat_is_not_gone_where_its_test_is_skipped(history: History, tmp_path: Path) -> None:
    history.plain(3, "before")
    history.add("off", "int skipped;")
    history.add("culprit", BUG)
    history.drop("on", "int skipped;")
    history.plain(3, "after")
    guests = Printing()
    state, made = opened(question(history, history.commits["start"], symptom=PRINTED), tmp_path / "walk")
    walked = go_on(state, made, tmp_path / "walk", guests, GitBench(made, guests))
    assert end_of(walked) is End.RANGE
    assert names(history, walked.commits) == {"off", "culprit", "on"}


# --- clones that are not whole ----------------------------------------------------------------


def clone(history: History, target: Path, *options: str) -> Path:
    history.git("config", "uploadpack.allowFilter", "true")
    subprocess.run(["git", "clone", "-q", *options, f"file://{history.path}", target], check=True)
    return target


def test_a_shallow_clone_does_not_blame_the_commit_at_its_edge(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    history.git("tag", "good")
    history.add("culprit", BUG)
    history.plain(6, "after")
    place = clone(history, tmp_path / "shallow", "--depth=3")
    subprocess.run(["git", "-C", place, "fetch", "-q", "--depth=1", "origin", "tag", "good"], check=True)
    with pytest.raises(UserError, match="shallow"):
        opened(question(history, "good", base=f"git:{place}"), tmp_path / "walk")


def test_a_partial_clone_has_its_reports(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    culprit = history.add("culprit", BUG)
    history.plain(2, "after")
    place = clone(history, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    guests = ScriptedGuests()
    state, made = opened(question(history, history.commits["start"], base=f"git:{place}"), tmp_path / "walk")
    whole = opened(question(history, history.commits["start"]), tmp_path / "whole")[1]
    walked = go_on(state, made, tmp_path / "walk", guests, GitBench(whole, guests))
    assert walked.commits == (culprit,)
    write_reports(walked.state, made, tmp_path / "walk")
    assert CODE in (tmp_path / "walk" / "bisect.md").read_text()


# --- what moves meanwhile ---------------------------------------------------------------------


def test_the_range_of_a_fixup_stays_what_it_was(history: History) -> None:
    history.plain(2)
    span = pinned(history.path, "main~1..main")
    before = history.git("rev-list", *span.split())
    history.plain(2, "later")
    assert history.git("rev-list", *span.split()) == before == history.commits["step 1"]
    with pytest.raises(UserError, match="no range"):
        pinned(history.path, "main..nowhere")


def test_the_answers_of_a_bench_are_asked_with_those_before(history: History, tmp_path: Path) -> None:
    history.add("culprit", BUG)
    seen: list[int] = []

    class Counting(GitBench):
        def attempt(self, built: Built, directory: Path, before: Sequence[Attempt]) -> Attempt:
            seen.append(len(before))
            return super().attempt(built, directory, before)

    state, made = opened(question(history, history.commits["start"], symptom=SYMPTOM), tmp_path / "walk")
    guests = ScriptedGuests()
    go_on(state, made, tmp_path / "walk", guests, Counting(made, guests))
    assert seen == [0, 1, 2, 0]
