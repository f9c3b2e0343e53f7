# SPDX-License-Identifier: GPL-2.0-only
"""What the results are worth: every test accounted for, base held against patch, known trouble excused."""

from harness.verdict.apply_expectations import apply_expectations
from harness.verdict.compare import compare, undecided
from harness.verdict.exit_code import exit_code
from harness.verdict.expectations import Expectation, load_expectations
from harness.verdict.failure_mode import is_silent
from harness.verdict.fill_missing import complete
from harness.verdict.patch_verdict import judge, unjudged
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
from harness.verdict.suggest import propose

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
    "propose",
    "seen_besides",
    "settle",
    "settle_unseen",
    "suspects",
    "undecided",
    "unjudged",
]
