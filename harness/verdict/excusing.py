# SPDX-License-Identifier: GPL-2.0-only
"""Holding results against the expectations: what is known is marked, what no longer holds is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from harness.model import Splat, Status, TestResult, VariantReport
from harness.verdict.expectations import Expectation

# A guest that died (ERROR) and a test that never ran (MISSING) are never what was expected.
_EXCUSED = {"fail": Status.FAIL, "flaky": Status.FAIL, "skip": Status.SKIP}


def apply_expectations(
    report: VariantReport, base_version: str, expectations: Sequence[Expectation], today: date
) -> VariantReport:
    """``report`` with ``known`` set on each failure, skip and splat that an entry excuses.

    Notes tell of an entry that would have excused something but is past its day, and of one whose test passes now.
    """
    entries = [entry for entry in expectations if entry.holds_for(base_version, report.variant.name)]
    valid = [entry for entry in entries if today <= entry.until]
    return replace(
        report,
        results=tuple(_result(result, valid) for result in report.results),
        splats=tuple(_splat(splat, valid) for splat in report.splats),
        notes=(*report.notes, *_outdated(report, entries, today), *_unfulfilled(report, valid)),
    )


def _result(result: TestResult, entries: Sequence[Expectation]) -> TestResult:
    entry = next((entry for entry in entries if _excuses(entry, result)), None)
    return replace(result, known=entry.excuse) if entry is not None else result


def _splat(splat: Splat, entries: Sequence[Expectation]) -> Splat:
    entry = next((entry for entry in entries if _excuses_splat(entry, splat)), None)
    return replace(splat, known=entry.excuse) if entry is not None else splat


def _excuses(entry: Expectation, result: TestResult) -> bool:
    return _EXCUSED.get(entry.kind) is result.status and _is_about(entry, result)


def _is_about(entry: Expectation, result: TestResult) -> bool:
    return entry.match.fullmatch(result.name) is not None


def _excuses_splat(entry: Expectation, splat: Splat) -> bool:
    found = entry.match.search(splat.title) or entry.match.search(splat.text)
    return entry.kind == "splat" and found is not None


def _outdated(report: VariantReport, entries: Sequence[Expectation], today: date) -> list[str]:
    past = [entry for entry in entries if entry.until < today]
    return [
        f"{entry.origin} ended on {entry.until} and no longer excuses {name}; mend the cause, or renew the entry"
        for entry in past
        for name in _excusable(entry, report)
    ]


def _excusable(entry: Expectation, report: VariantReport) -> list[str]:
    names = [result.name for result in report.results if _excuses(entry, result)]
    return names + [splat.title for splat in report.splats if _excuses_splat(entry, splat)]


def _unfulfilled(report: VariantReport, entries: Sequence[Expectation]) -> list[str]:
    return [
        f"{entry.origin} expects {result.name} to {entry.kind}, but it passes; remove the entry if that is here to stay"
        for entry in entries
        if entry.kind in ("fail", "skip")
        for result in report.results
        if result.status is Status.PASS and _is_about(entry, result)
    ]
