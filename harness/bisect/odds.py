# SPDX-License-Identifier: GPL-2.0-only
"""How often a test must pass before its commit may be called good, and what a decision is worth.

A failure that was seen is a fact; a pass is only a hint: a test that fails half the time passes half the time. What is
known about the failure rate p of bad commits is what was seen on them: ``bad`` of ``seen`` runs. Before that, nine in
ten bugs are taken to show each time (p = 1); of the others every rate is as likely as any other (a uniform prior).
With that, by Bayes, p of the others is distributed as Beta(bad + 1, seen - bad + 1).
"""

from __future__ import annotations

import math

EACH_TIME = 0.9
"""How many bugs show each time, before anything was seen of the one at hand."""

NEVER_WITHOUT = 0.99
"""How many failures, told apart by message or fingerprint, never show without their bug."""

MOST_RUNS = 60
"""Runs of one commit, whatever the odds: beyond that a test is no help."""


def chance_of_passing(runs: int, bad: int, seen: int) -> float:
    """That a bad commit passes ``runs`` runs, where bad commits failed ``bad`` of ``seen`` runs."""
    if runs == 0:
        return 1.0
    good = seen - bad
    flaky = (1 - EACH_TIME) / (seen + 1)  # times the chance to see just this, for any rate
    weight = flaky / (flaky + EACH_TIME) if good == 0 else 1.0
    passes = math.prod((good + 1 + run) / (seen + 2 + run) for run in range(runs))
    return weight * passes


def runs_needed(allowed: float, bad: int, seen: int) -> int:
    """The fewest runs that, all passed, have at most the chance ``allowed`` on a bad commit; at most ``MOST_RUNS``."""
    return next((runs for runs in range(1, MOST_RUNS) if chance_of_passing(runs, bad, seen) <= allowed), MOST_RUNS)


def chance_of_false_alarm(passes: int) -> float:
    """That a good commit shows the failure, where good ones passed all of ``passes`` runs."""
    sometimes = (1 - NEVER_WITHOUT) / (passes + 1)
    return sometimes / (sometimes + NEVER_WITHOUT) / (passes + 2)


def allowed_for_each(confidence: float, decisions: int) -> float:
    """The chance of error that each of ``decisions`` may have, so that all are right with ``confidence``."""
    return (1 - confidence) / max(1, decisions)


def in_words(chance: float) -> str:
    """A chance as people read it: "3 %", "0.4 %", "less than 0.1 %"."""
    percent = 100 * chance
    if percent < 0.1:
        return "less than 0.1 %"
    return f"{percent:.1f} %" if percent < 1 else f"{percent:.0f} %"
