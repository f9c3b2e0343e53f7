# SPDX-License-Identifier: GPL-2.0-only
"""Holding results against the expectations: what is known is marked, what no longer holds is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

from harness.causes import Observed, Severity
from harness.changes import Change
from harness.model import Splat, Status, TestResult, VariantReport
from harness.verdict.compare import told_of
from harness.verdict.expectations import Expectation

# A guest that died (ERROR) and a test that never ran (MISSING) are never what was expected.
_EXCUSED = {"fail": Status.FAIL, "flaky": Status.FAIL, "skip": Status.SKIP}
_Case = TypeVar("_Case", TestResult, Splat)


def apply_expectations(
    report: VariantReport, base_version: str, expectations: Sequence[Expectation], today: date
) -> VariantReport:
    """``report`` with ``known`` set on each failure, skip and splat that an entry excuses.

    An entry speaks of the base: what the comparison with it shows to be new, no entry excuses.
    Notes tell of an entry that would have excused something but is past its day, or is refuted by the base, and of one
    whose test passes now.
    """
    entries = [entry for entry in expectations if entry.holds_for(base_version, report.variant.name)]
    valid = [entry for entry in entries if today <= entry.until]
    return replace(
        report,
        results=tuple(_marked(result, valid, report) for result in report.results),
        splats=tuple(_marked(splat, valid, report) for splat in report.splats),
        notes=(
            *report.notes,
            *_outdated(report, entries, today),
            *_refuted(report, valid),
            *_unfulfilled(report, valid),
        ),
    )


def _marked(case: _Case, entries: Sequence[Expectation], report: VariantReport) -> _Case:
    excuses = (entry.excuse for entry in entries if _excuses(entry, case) and not _is_refuted(entry, case, report))
    return replace(case, known=next(excuses, case.known))


def _excuses(entry: Expectation, case: TestResult | Splat) -> bool:
    if isinstance(case, TestResult):
        return _EXCUSED.get(entry.kind) is case.status and _is_about(entry, case)
    found = entry.match.search(case.title) or entry.match.search(case.text)
    return entry.kind == "splat" and found is not None


def _is_about(entry: Expectation, result: TestResult) -> bool:
    return entry.suite == result.suite and entry.match.fullmatch(result.name) is not None


def _is_refuted(entry: Expectation, case: TestResult | Splat, report: VariantReport) -> bool:
    """A test that is expected to fail and does not, or not so, on the base; one that is said to be flaky, and was not
    repeated; anything that comes each time with the patch only."""
    told = told_of(report, case)
    if told is None or told.change is not Change.NEW:
        return False
    if entry.kind == "fail":
        # A base that only ran out of time says nothing against it.
        return (_severity(told.on_base), _severity(told.with_patch)) != (Severity.SILENT, Severity.SAID)
    return told.repeats.is_certain if told.repeats is not None else entry.kind == "flaky"


def _severity(seen: Observed | None) -> Severity | None:
    return seen.severity if seen is not None else None


def _outdated(report: VariantReport, entries: Sequence[Expectation], today: date) -> list[str]:
    past = [entry for entry in entries if entry.until < today]
    return [
        f"{entry.origin} ended on {entry.until} and no longer excuses {name}; mend the cause, or renew the entry"
        for entry in past
        for name in _excusable(entry, report)
    ]


def _excusable(entry: Expectation, report: VariantReport) -> list[str]:
    cases: list[TestResult | Splat] = [*report.results, *report.splats]
    return [_name(case) for case in cases if _excuses(entry, case)]


def _name(case: TestResult | Splat) -> str:
    return case.title if isinstance(case, Splat) else case.name


def _refuted(report: VariantReport, entries: Sequence[Expectation]) -> list[str]:
    cases: list[TestResult | Splat] = [*report.results, *report.splats]
    return [
        f"{entry.origin} does not excuse {_name(case)}: the base without the patch does not have it"
        for case in cases
        for entry in entries
        if _excuses(entry, case) and _is_refuted(entry, case, report)
    ]


def _unfulfilled(report: VariantReport, entries: Sequence[Expectation]) -> list[str]:
    return [
        f"{entry.origin} expects {result.name} to {entry.kind}, but it passes; remove the entry if that is here to stay"
        for entry in entries
        if entry.kind in ("fail", "skip")
        for result in report.results
        if result.status is Status.PASS and _is_about(entry, result)
    ]
