# SPDX-License-Identifier: GPL-2.0-only
"""The command that repeats just one test of a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from harness.model import RunReport, TestResult, VariantReport
from harness.report.facts import KERNEL
from harness.report.text import one_line

# What narrows a run, and where its results go: replaced, or pointless to repeat.
_REPLACED = ("--variant", "--suite", "--only", "--out", "--junit")


def reproduce(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    """A shell command that repeats the run with ``variant`` only, and only the test of ``case`` if it is a test."""
    only = [] if case.suite == KERNEL else [*_suite(case.suite), "--only", _planned(variant, case)]
    return one_line(shlex.join([*_kept(report.command), "--variant", variant.variant.name, *only]))


def _suite(name: str) -> list[str]:
    """A user's own pytest files are named by ``--pytest``, which stays."""
    return [] if name.startswith("pytest:") else ["--suite", name]


def _planned(variant: VariantReport, case: TestResult) -> str:
    """Only what was planned can be asked for: for a subtest that is the test above it."""
    above = [test.name for test in variant.planned if test.covers(case)]
    return max(above, key=len, default=case.name)


def _kept(command: Sequence[str]) -> Iterator[str]:
    """``command`` without the replaced options (also abbreviated, as argparse allows) and their values."""
    dropping = False
    for argument in command:
        if argument.startswith("-"):
            dropping = _is_replaced(argument.partition("=")[0])
        if not dropping:
            yield argument


def _is_replaced(option: str) -> bool:
    return len(option) > 2 and any(name.startswith(option) for name in _REPLACED)
