# SPDX-License-Identifier: GPL-2.0-only
"""Which walks are taken, and how many; and the names of single ones.

"walks.seed-17.walk-42" is a test of its own, though no list has it. Pure: the host plans with it.
"""

from __future__ import annotations

import os

GROUP = "walks"
SEED, WALKS = 1, 240
"""What is taken if nobody says otherwise: the same each time, for what a patch fails must have been asked of its base,
too, and again when it is repeated."""

_DIGITS = 4300  # of a number: int() takes no more (sys.int_info)


def seed() -> int:
    """HARNESS_SEED in the environment, or ``SEED``."""
    return _given("HARNESS_SEED", SEED)


def walks() -> int:
    """How many walks, of all kinds together: HARNESS_WALKS in the environment, or ``WALKS``."""
    return _given("HARNESS_WALKS", WALKS)


def patience(check: str, number: int) -> float:
    """By what the time limit of ``check`` is stretched for so many walks."""
    return max(1.0, number / WALKS) if check.startswith(f"{GROUP}.") else 1.0


def walk_name(seed_: int, number: int) -> str:
    """ "walks.seed-17.walk-42"."""
    return f"{GROUP}.seed-{seed_}.walk-{number}"


def single_walk(name: str) -> tuple[int, int] | None:
    """(seed, number) of a single walk; None for any other name."""
    group, _, rest = name.partition(".seed-")
    seed_, _, number = rest.partition(".walk-")
    if group != GROUP or not _is_number(seed_) or not _is_number(number):
        return None
    return int(seed_), int(number)


def _given(variable: str, otherwise: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if _is_number(text) else otherwise


def _is_number(text: str) -> bool:
    """As one would write it: each walk has one name."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS and str(int(text)) == text
