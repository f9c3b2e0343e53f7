# SPDX-License-Identifier: GPL-2.0-only
"""The commands that repeat one test of a run, or its base."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from harness.changes import KERNEL
from harness.identities import OWN_TESTS, covering
from harness.model import RunReport, TestResult, VariantReport
from harness.report.text import one_line

# What narrows a run, and where its results go: replaced, or pointless to repeat.
_RESULTS = ("--out", "--report", "--junit")
_REPLACED_FOR_KERNEL = ("--variant", *_RESULTS)
_REPLACED = (*_REPLACED_FOR_KERNEL, "--suite", "--only")
_ABOUT_PATCH = (
    *("--patch", "--worktree", "--revert", "--up-to", "--each"),
    *("--repeat", "--strict", "--no-base", *_RESULTS),
)


def reproduce(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    """A shell command that repeats the run with ``variant`` only, and only the test of ``case`` if it is a test.

    What the kernel printed may be due to tests before the one that it came in: it takes all that ran.
    """
    of_kernel = case.suite == KERNEL
    only = [] if of_kernel else [*_suite(case.suite), *_only(variant, case)]
    where = [] if variant.of_patch else ["--variant", variant.variant.name]
    kept = _kept(report.command, _REPLACED_FOR_KERNEL if of_kernel else _REPLACED)
    return one_line(shlex.join([*kept, *where, *only]))


def _suite(name: str) -> list[str]:
    """A user's own pytest files are named by ``--pytest``, which stays."""
    return [] if name.startswith(OWN_TESTS) else ["--suite", name]


def _only(variant: VariantReport, case: TestResult) -> list[str]:
    """A test that the patch made disappear cannot be asked for."""
    told = variant.comparison.of(case.suite, case.name) if variant.comparison is not None else None
    return [] if told is not None and told.gone and not told.skipped else ["--only", _planned(variant, case)]


def _planned(variant: VariantReport, case: TestResult) -> str:
    """Only what was planned can be asked for: for a subtest that is the test above it."""
    above = covering(variant.planned, case)
    return above.name if above is not None else case.name


def without_patch(command: Sequence[str], base: str = "") -> str:
    """A shell command that tests only the base of the run that ``command`` stands for, and remembers the outcome.

    ``base``: the one that was guessed from the patch, if ``command`` names none.
    """
    named = ["--base", base] if base else []
    return one_line(shlex.join([*_kept(command, _ABOUT_PATCH), *named, "--no-patch"]))


def _kept(command: Sequence[str], dropped: Sequence[str] = _REPLACED) -> Iterator[str]:
    """``command`` without the ``dropped`` options (also abbreviated, as argparse allows) and their values."""
    dropping = False
    for argument in command:
        if argument.startswith("-") and argument != "-":
            dropping = _is_one_of(argument.partition("=")[0], dropped)
        if not dropping:
            yield argument


def _is_one_of(option: str, names: Sequence[str]) -> bool:
    """``-pFILE`` is ``--patch FILE``."""
    if not option.startswith("--"):
        return option.startswith("-p") and "--patch" in names
    return len(option) > 2 and any(name.startswith(option) for name in names)
