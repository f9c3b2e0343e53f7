# SPDX-License-Identifier: GPL-2.0-only
"""Small reports to compare, and what a comparison says of one test in them."""

from __future__ import annotations

from dataclasses import replace

from harness.changes import Change, Comparison, Difference
from harness.model import PlannedTest, Status, TestResult, VariantReport
from tests.support.sample_reports import ON, planned, variant_report

PASS, FAIL, SKIP, ERROR, MISSING = Status.PASS, Status.FAIL, Status.SKIP, Status.ERROR, Status.MISSING
X = PlannedTest("checks", "x")
OTHER = TestResult("checks", "other", PASS)


def report(*results: TestResult, **changes: object) -> VariantReport:
    """A variant with these results, and one more that always passes."""
    every = (*results, OTHER)
    return variant_report(ON, every, planned=planned(every), **changes)


def x(status: Status, message: str = "", **changes: object) -> TestResult:
    return replace(TestResult("checks", "x", status, message=message), **changes)  # type: ignore[arg-type]


def change(found: Comparison, name: str = "x", suite: str = "checks") -> Change:
    told = found.of(suite, name)
    return told.change if told is not None else Change.UNCHANGED


def only(found: Comparison) -> Difference:
    (one,) = found.differences
    return one
