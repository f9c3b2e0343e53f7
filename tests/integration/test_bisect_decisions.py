# SPDX-License-Identifier: GPL-2.0-only
"""What a walk decides, with real git: what is bad, what is skipped, what stops it, and that it comes to its end."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.bisect import End, State, Symptom, SymptomKind, load, save, status
from harness.bisect.state import CommitVerdict, Role
from harness.errors import InfrastructureError, UserError
from tests.support.bisected import (
    BUG,
    CODE,
    TEST,
    GitBench,
    History,
    ScriptedGuests,
    go_on,
    names,
    opened,
    question,
    quick,
)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "linux")


def end_of(state: State) -> End:
    assert state.ending is not None
    return state.ending.end


def test_as_few_builds_and_guests_as_halving_allows(history: History, tmp_path: Path) -> None:
    history.plain(20, "before")
    culprit = history.add("culprit", BUG)
    history.plain(11, "after")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert (end_of(walked.state), walked.commits) == (End.FOUND, (culprit,))
    assert walked.builds <= math.ceil(math.log2(32)) + 2
    assert len(walked.guests.asked) == walked.builds + 2, "the bad end is asked three times, every other commit once"


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_culprit_may_be_beside_an_end(history: History, tmp_path: Path, place: str) -> None:
    if place == "last":
        history.plain(5, "before")
    culprit = history.add("culprit", BUG)
    if place == "first":
        history.plain(5, "after")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.commits == (culprit,)


@pytest.mark.parametrize("trouble", ["int broken;", "int no_boot;", "int other_splat;"])
def test_another_trouble_is_skipped_and_the_culprit_found_behind_it(
    history: History, tmp_path: Path, trouble: str
) -> None:
    history.plain(3, "before")
    history.add("trouble", trouble)
    history.add("with trouble")
    history.drop("mended", trouble)
    history.plain(2, "between")
    culprit = history.add("culprit", BUG)
    history.plain(2, "after")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.commits == (culprit,)
    verdicts = {history.name(step.commit): step.verdict for step in walked.state.steps}
    assert CommitVerdict.BAD not in {verdicts.get("trouble"), verdicts.get("with trouble")}
    assert "git bisect skip" in walked.target.git.log


@pytest.mark.parametrize("trouble", ["int broken;", "int no_boot;", "int other_splat;"])
def test_trouble_around_the_culprit_leaves_a_range(history: History, tmp_path: Path, trouble: str) -> None:
    history.plain(3, "before")
    history.add("trouble", trouble)
    history.add("culprit", BUG)
    history.drop("mended", trouble)
    history.plain(3, "after")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert end_of(walked.state) is End.RANGE
    assert names(history, walked.commits) == {"trouble", "culprit", "mended"}


def test_the_same_test_that_fails_otherwise_is_not_the_failure(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    history.add("other", "int other_splat;")
    history.drop("mended", "int other_splat;")
    culprit = history.add("culprit", BUG)
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.commits == (culprit,)
    assert walked.state.question.symptom.manners == ("fail: the size is #, not #",)


def test_a_test_may_be_named_without_its_suite(history: History, tmp_path: Path) -> None:
    history.plain(1, "before")
    culprit = history.add("culprit", BUG)
    asked = question(history, history.commits["start"], symptom=Symptom(SymptomKind.TEST, "", TEST))
    walked = quick(asked, tmp_path / "walk")
    assert walked.commits == (culprit,)
    assert str(walked.state.question.symptom) == f"checks: {TEST}"


def test_a_kernel_that_was_tested_is_not_booted_again(history: History, tmp_path: Path) -> None:
    history.plain(4, "before")
    for number in range(4):
        history.add(f"comment {number}", f"/* comment {number} */")
    culprit = history.add("culprit", BUG)
    for number in range(7):
        history.add(f"remark {number}", f"/* remark {number} */")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.commits == (culprit,)
    taken = [step for step in walked.state.steps if step.same_as]
    assert taken and not any(step.attempts for step in taken)


def test_a_test_that_fails_half_the_time(history: History, tmp_path: Path) -> None:
    history.plain(9, "before")
    culprit = history.add("culprit", BUG)
    history.plain(6, "after")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk", ScriptedGuests(rate=0.5))
    assert walked.commits == (culprit,)
    good = [step for step in walked.state.steps if step.role is Role.STEP and step.verdict is CommitVerdict.GOOD]
    assert all(len(step.attempts) >= 5 and 0 < step.odds < 0.05 for step in good)
    assert any("a bad one does that in" in line for line in walked.said)


def test_more_confidence_asks_more_guests(history: History, tmp_path: Path) -> None:
    history.plain(3, "before")
    history.add("culprit", BUG)
    asked = []
    for confidence in (0.5, 0.999):
        guests = ScriptedGuests(rate=0.5)
        quick(question(history, history.commits["start"], confidence=confidence), tmp_path / str(confidence), guests)
        asked.append(len(guests.asked))
    assert asked[0] < asked[1]


# --- ends ------------------------------------------------------------------------------------


def test_a_good_end_that_is_bad_stops_it(history: History, tmp_path: Path) -> None:
    good = history.add("bad already", BUG)
    history.plain(5, "after")
    walked = quick(question(history, good), tmp_path / "walk")
    assert end_of(walked.state) is End.NOT_GOOD
    assert {step.role for step in walked.state.steps} == {Role.BAD_END, Role.GOOD_END}


def test_a_bad_end_that_is_good_stops_it(history: History, tmp_path: Path) -> None:
    history.plain(5)
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert end_of(walked.state) is End.NOT_BAD
    assert "passes in 8 of 8 runs" in walked.state.ending.detail  # type: ignore[union-attr]
    assert {step.role for step in walked.state.steps} == {Role.BAD_END}


def test_an_end_that_does_not_build_stops_it(history: History, tmp_path: Path) -> None:
    history.plain(3)
    history.add("culprit", BUG + " int broken;")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert end_of(walked.state) is End.NO_END


def test_ends_that_are_none_are_refused_before_anything_is_built(history: History, tmp_path: Path) -> None:
    history.plain(2)
    start, head = history.commits["start"], history.commits["step 1"]
    for good, bad, told in ((head, start, "not before"), (head, head, "the same commit"), ("nowhere", head, "no such")):
        with pytest.raises(UserError, match=told):
            opened(question(history, good, bad), tmp_path / told)


# --- the machine ------------------------------------------------------------------------------


def test_a_guest_that_is_lost_without_a_word_is_no_verdict(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    history.add("culprit", BUG)
    history.add("silent", "int lost_silently;")
    walked_to = tmp_path / "walk"
    history.drop("mended", "int lost_silently;")
    with pytest.raises(InfrastructureError, match="the guest told nothing"):
        quick(question(history, history.commits["start"]), walked_to)
    kept = load(walked_to)
    assert kept.ending is None
    (open_step,) = [step for step in kept.steps if step.verdict is None]
    assert history.name(open_step.commit) == "silent"


def test_trouble_with_the_machine_is_tried_again(history: History, tmp_path: Path) -> None:
    history.plain(3, "before")
    culprit = history.add("culprit", BUG)
    state, made = opened(question(history, history.commits["start"]), tmp_path / "walk")
    guests = ScriptedGuests()
    tester = GitBench(made, guests)
    tester.trouble = ["no space left", "no space left"]
    walked = go_on(state, made, tmp_path / "walk", guests, tester)
    assert walked.commits == (culprit,)
    assert sum("no space left" in line for line in walked.said) == 2


def test_stopped_at_every_guest_it_comes_to_the_same_end(history: History, tmp_path: Path) -> None:
    history.plain(6, "before")
    history.add("trouble", "int no_boot;")
    history.drop("mended", "int no_boot;")
    culprit = history.add("culprit", BUG)
    history.plain(5, "after")
    asked = question(history, history.commits["start"])
    straight = quick(asked, tmp_path / "straight")
    directory = tmp_path / "stopped"
    state, made = opened(asked, directory)
    save(directory, state)
    stops, walked = 0, None
    while walked is None:
        guests = ScriptedGuests(before=_stop_at_second)
        made.open(directory / "git")
        try:
            walked = go_on(load(directory), made, directory, guests, GitBench(made, guests))
        except KeyboardInterrupt:
            stops += 1
            assert "commits left" in status(load(directory), made)
    assert stops == len(straight.guests.asked) - 1
    assert walked.commits == straight.commits == (culprit,)
    assert [(step.commit, step.verdict) for step in walked.state.steps] == [
        (step.commit, step.verdict) for step in straight.state.steps
    ]


def _stop_at_second(number: int) -> None:
    if number == 1:
        raise KeyboardInterrupt


# --- histories --------------------------------------------------------------------------------


def test_a_culprit_on_a_side_branch(history: History, tmp_path: Path) -> None:
    history.plain(3, "before")
    history.git("checkout", "-q", "-b", "side")
    history.add("side 1", "one\n", "side.txt")
    culprit = history.add("culprit", BUG)
    history.add("side 2", "two\n", "side.txt")
    history.git("checkout", "-q", "main")
    history.add("main 1", "one\n", "main.txt")
    history.add("main 2", "two\n", "main.txt")
    history.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    history.commits["merge"] = history.git("rev-parse", "HEAD")
    history.plain(2, "after")
    walked = quick(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.commits == (culprit,)


def test_a_bug_that_was_mended_on_the_way_is_told_by_git(history: History, tmp_path: Path) -> None:
    history.add("old bug", BUG)
    history.git("branch", "other")
    good = history.drop("mended", BUG)
    history.git("checkout", "-q", "other")
    history.add("later", "int later;")
    walked = quick(question(history, good, "other"), tmp_path / "walk")
    assert end_of(walked.state) is End.STUCK
    assert "merge base" in walked.state.ending.detail  # type: ignore[union-attr]


def test_only_commits_that_can_matter_are_looked_at(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    for number in range(12):
        history.add(f"elsewhere {number}", "x\n", f"drivers/net/other{number}.c")
    culprit = history.add("culprit", BUG)
    for number in range(12):
        history.add(f"document {number}", "x\n", f"Documentation/{number}.rst")
    walked = quick(question(history, history.commits["start"], limited=True), tmp_path / "walk")
    assert walked.commits == (culprit,)
    assert (walked.state.limit, walked.state.kept) == ((CODE,), 3)
    parent = next(step for step in walked.state.steps if step.role is Role.PARENT)
    assert (history.name(parent.commit), parent.verdict) == ("elsewhere 11", CommitVerdict.GOOD)


def test_nothing_that_can_matter_is_an_answer(history: History, tmp_path: Path) -> None:
    history.add("culprit", BUG)
    state, made = opened(question(history, history.commits["start"], limited=True), tmp_path / "walk")
    guests = ScriptedGuests()
    tester = GitBench(made, guests)
    tester.sources = frozenset({"mm/slab.c"})
    walked = go_on(state, made, tmp_path / "walk", guests, tester)
    assert end_of(walked.state) is End.NOTHING


def test_a_limit_that_leaves_the_culprit_out_is_found_out(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    culprit = history.add("culprit", BUG)
    history.add("in between")
    history.add("innocent", "x\n", "lib/innocent.c")
    history.plain(2, "after")
    asked = question(history, history.commits["start"], limited=True, paths=("lib/innocent.c",))
    walked = quick(asked, tmp_path / "walk")
    assert walked.commits == (culprit,)
    assert any("going on without the limit" in line for line in walked.said)
    assert TEST in str(walked.state.question.symptom)
