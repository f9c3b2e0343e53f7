# SPDX-License-Identifier: GPL-2.0-only
"""What the results are worth: every planned test accounted for, known trouble excused, the exit code."""

from harness.verdict.completing import complete
from harness.verdict.excusing import apply_expectations
from harness.verdict.exit_code import exit_code
from harness.verdict.expectations import Expectation, load_expectations

__all__ = ["Expectation", "apply_expectations", "complete", "exit_code", "load_expectations"]
