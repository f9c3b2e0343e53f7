# SPDX-License-Identifier: GPL-2.0-only
"""The state on disk is all that a walk has: it comes back as it was, or it is said why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bisect import (
    STATE,
    BisectRequest,
    CommitFixup,
    CommitVerdict,
    End,
    ObservationKind,
    State,
    Symptom,
    SymptomKind,
    Trail,
    load,
    observe,
    result_cache,
    save,
)
from harness.bisect.observation import manner
from harness.bisect.render import builds_and_boots, confidence, decision, progress, step_line
from harness.bisect.state import Attempt, BisectOutcome, CommitTest, Role
from harness.errors import UserError
from harness.model import BootOutcome, Splat, Status, TestResult

SPLAT = Splat("warn", "WARNING: x", "text", 3, "checks: a", fingerprint="warn-0123456789ab")
RESULT = TestResult("checks", "a", Status.FAIL, 0.3, "failed: x")
ATTEMPT = Attempt(BootOutcome.UP, "", (RESULT,), (SPLAT,), 9.5, "steps/01/run-1", "2026-11-24T06:00:00+00:00")
STEP = CommitTest(
    "c" * 40, "dma-buf: x", Role.BAD_END, CommitVerdict.BAD, "failed: x", (ATTEMPT,) * 2, "digest", True, seconds=60.0
)
QUESTION = BisectRequest(
    command=("dmabuf-harness", "bisect"),
    trail=Trail.COMMITS,
    base="git:/linux",
    good="v6.12",
    bad="HEAD",
    symptom=Symptom(SymptomKind.TEST, "checks", "a", ("fail: failed: x",)),
    variant="move-notify-on",
    fixups=(CommitFixup(Path("/fix.patch"), "a..b"),),
    paths=("drivers/dma-buf",),
    junit=Path("/junit.xml"),
)
WALK = State(QUESTION, "a" * 40, "c" * 40, 8, (STEP,), (), 8, BisectOutcome(End.RANGE, ("c" * 40,), "why"), 61.5)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    for state in (WALK, replace(WALK, limit=None, ending=None, question=replace(QUESTION, junit=None))):
        save(tmp_path, state)
        assert load(tmp_path) == state


@pytest.mark.parametrize(
    ("message", "then", "now"),
    [
        ("failed: size is 4", "fail: failed: size is #", "fail: failed: size is #"),
        ("guest lost: panic: Fatal exception", "lost: panic: Fatal exception", "lost: panic"),
        ("guest lost: no answer for 80 s", "lost: no answer for # s", "lost: no answer"),
        ("guest lost: it hangs; hangs in f <- g (sh, pid 7)", "lost: hangs in f", "lost: hangs in f"),
        ("the runner ended in it with status 139: x", "error: the runner ended in it with status #: x", None),
        ("pytest ended in it with status 3: x", "error: pytest ended in it with status #: x", "lost: process death"),
        ("still ran after 60 s", "error: still ran after # s", "lost: time limit"),
        ("nobody knows", "error: nobody knows", "lost: process death"),
        ("sync/x was not built from this tree", "error: sync/x was not built from this tree", None),
        ("guest lost: panic: x", "lost: oops-0123456789ab, warn-0123456789ab", None),
    ],
)
def test_a_walk_of_version_1_goes_on(tmp_path: Path, message: str, then: str, now: str | None) -> None:
    """It told causes in words, in each result and in what it looks for."""
    status = Status.FAIL if then.startswith("fail") else Status.ERROR
    attempt = replace(ATTEMPT, results=(replace(RESULT, status=status, message=message),), splats=())
    symptom = replace(QUESTION.symptom, manners=(then,))
    old = replace(WALK, question=replace(QUESTION, symptom=symptom), steps=(replace(STEP, attempts=(attempt,)),))
    save(tmp_path, old)
    path = tmp_path / STATE
    path.write_text(path.read_text().replace('"version": 2', '"version": 1'))
    found = load(tmp_path)
    made = manner(found.steps[0].attempts[0].results[0], found.steps[0].attempts[0])
    if now is not None:
        assert (made, found.question.symptom.manners) == (now, (now,))
    if "oops" not in then:
        seen = observe(found.question.symptom, found.steps[0].attempts[0]).seen
        assert seen in (ObservationKind.BAD, ObservationKind.MACHINE)
    else:
        assert found.question.symptom.manners == (then,)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file"),
        ("{", "cannot be read"),
        ("[]", "another version"),
        ('{"version": 99}', "another version"),
        ('{"version": 1, "walk": {"good": 7}}', "cannot be read"),
    ],
)
def test_what_is_no_state_is_refused(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / STATE).write_text(content)
    with pytest.raises(UserError, match=told):
        load(tmp_path)


def test_a_step_is_put_in_the_place_of_what_was_known_of_its_commit() -> None:
    other = replace(STEP, commit="d" * 40)
    state = WALK.with_step(other).with_step(replace(STEP, why="anew"))
    assert [(step.commit[0], step.why) for step in state.steps] == [("c", "anew"), ("d", "failed: x")]


def test_answers_are_known_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert result_cache.recall("key") is None
    mine, another, third = (replace(ATTEMPT, seconds=seconds) for seconds in (1.0, 2.0, 3.0))
    for attempt in (another, mine, third):  # another walk was faster
        result_cache.keep("key", attempt)
    first = result_cache.recall("key", [mine])
    assert first is not None and (first.seconds, first.again, first.log) == (2.0, True, "")
    second = result_cache.recall("key", [mine, first])
    assert second is not None and second.seconds == 3.0
    assert result_cache.recall("key", [mine, first, second]) is None
    (tmp_path / "dmabuf-harness" / "bisect" / "key.json").write_text(json.dumps({"attempts": [7]}))
    assert result_cache.recall("key") is None


def test_in_words() -> None:
    told = decision(STEP, WALK)
    assert told == "bad: failed: x, 2 of 2 runs bad, 60.0 s"
    assert "the same kernel as ffffffffffff" in decision(replace(STEP, same_as="f" * 40), WALK)
    assert decision(replace(STEP, verdict=None), WALK) == "not decided yet"
    assert builds_and_boots(WALK) == (1, 2)
    assert progress(WALK, 8, 3) == "8 commits left, 3 or 4 steps, about 3 min 00 s"
    assert progress(WALK, 1, 0) == "1 commit left, 1 step at most, about 60.0 s"
    assert step_line(STEP, WALK) == f'bad end cccccccccccc ("dma-buf: x"): {told}'
    assert confidence(WALK.with_step(replace(STEP, commit="e", odds=0.1))) == pytest.approx(0.9)
