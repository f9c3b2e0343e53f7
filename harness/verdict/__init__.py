# SPDX-License-Identifier: GPL-2.0-only
"""What the results are worth: every test accounted for, base held against patch, known trouble excused."""

from harness.verdict.base_comparison import compare, undecided
from harness.verdict.expectations import Expectation, apply_expectations, load_expectations, own_expectations, propose
from harness.verdict.failure_mode import is_silent
from harness.verdict.patch_verdict import complete, exit_code, judge, unjudged
from harness.verdict.reruns import (
    MAX_REPEATED,
    Rerun,
    Round,
    Suspect,
    is_unseen,
    needs_base,
    seen_besides,
    settle,
    settle_unseen,
    suspects,
)

__all__ = [
    "MAX_REPEATED",
    "Expectation",
    "Rerun",
    "Round",
    "Suspect",
    "apply_expectations",
    "compare",
    "complete",
    "exit_code",
    "is_silent",
    "is_unseen",
    "judge",
    "load_expectations",
    "needs_base",
    "own_expectations",
    "propose",
    "seen_besides",
    "settle",
    "settle_unseen",
    "suspects",
    "undecided",
    "unjudged",
]
