# SPDX-License-Identifier: GPL-2.0-only
"""How often a test must pass: against what chance really does."""

from __future__ import annotations

import random

import pytest

from harness.bisect.odds import (
    MOST_RUNS,
    allowed_for_each,
    chance_of_false_alarm,
    chance_of_passing,
    in_words,
    runs_needed,
)


def test_a_failure_that_came_each_time_needs_one_run() -> None:
    assert runs_needed(0.01, 3, 3) == 1


def test_one_that_came_half_the_time_needs_many() -> None:
    assert 6 <= runs_needed(0.01, 4, 8) <= 15
    assert runs_needed(0.01, 1, 8) > runs_needed(0.01, 4, 8) > runs_needed(0.01, 7, 8)


def test_more_seen_or_more_runs_make_it_surer() -> None:
    assert chance_of_passing(0, 3, 3) == 1.0
    assert chance_of_passing(1, 9, 9) < chance_of_passing(1, 3, 3) < chance_of_passing(1, 1, 1)
    chances = [chance_of_passing(runs, 4, 8) for runs in range(1, 20)]
    assert chances == sorted(chances, reverse=True)
    assert chance_of_false_alarm(9) < chance_of_false_alarm(1) < 0.01


def test_a_test_that_hardly_fails_has_a_limit() -> None:
    assert runs_needed(1e-9, 1, 8) == MOST_RUNS


@pytest.mark.parametrize("allowed", [0.05, 0.01])
def test_bad_commits_pass_as_seldom_as_was_promised(allowed: float) -> None:
    """Rates drawn from the prior of a flaky test, ends as they come: the promise is kept on the average."""
    chance = random.Random(1)
    wrong = tried = 0
    for _ in range(20_000):
        rate = chance.random()
        bad = sum(chance.random() < rate for _ in range(8))
        if bad in (0, 8):
            continue
        runs = runs_needed(allowed, bad, 8)
        if runs < MOST_RUNS:
            tried += 1
            wrong += all(chance.random() >= rate for _ in range(runs))
    assert tried > 5_000
    assert wrong / tried <= allowed * 1.2


def test_the_whole_answer_is_as_sure_as_was_asked_for() -> None:
    each = allowed_for_each(0.95, 6)
    assert (1 - each) ** 6 >= 0.95


@pytest.mark.parametrize(
    ("chance", "words"), [(0.5, "50 %"), (0.031, "3 %"), (0.004, "0.4 %"), (0.0001, "less than 0.1 %")]
)
def test_chances_in_words(chance: float, words: str) -> None:
    assert in_words(chance) == words
