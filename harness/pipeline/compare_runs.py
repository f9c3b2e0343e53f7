# SPDX-License-Identifier: GPL-2.0-only
"""Any two runs held against each other, as a run holds its patch against its base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.model import RunReport, VariantReport
from harness.pipeline.comparing import lacking
from harness.pipeline.kernel_set import moved
from harness.verdict import Expectation, apply_expectations, compare, judge, undecided, unjudged


def compare_runs(
    before: RunReport,
    after: RunReport,
    before_directory: Path,
    expectations: Sequence[Expectation],
    today: date,
    *,
    strict: bool = False,
) -> RunReport:
    """``after`` with ``before`` as its base; what it was compared with in its own time is forgotten.

    ``before_directory``: where the logs of ``before`` are.
    """
    base = {report.variant.name: report for report in _resolved(before)}
    same_request = sorted(before.asked) == sorted(after.asked)  # each series has its own order of suites
    same_request = same_request and not (before.not_chosen or after.not_chosen)
    about = f"run {before.run_id} ({before.base}, {'; '.join(before.patches) or 'no patch'})"

    def judged(report: VariantReport) -> VariantReport:
        fresh = unjudged(report)
        if not report.same_as:
            other = base.get(report.variant.name, VariantReport(report.variant))
            found = undecided(compare(other, fresh, same_request=same_request), _lacking(other, fresh))
            fresh = judge(fresh, replace(found, against=about), strict=strict)
        return apply_expectations(fresh, after.base_version, expectations, today)

    return replace(
        after,
        variants=tuple(map(judged, after.variants)),
        base_variants=tuple(moved(report, before_directory) for report in before.variants),
        notes=(*after.notes, *_left_out(before, after)),
    )


def _lacking(base: VariantReport, patched: VariantReport) -> str:
    """Empty also if a config is not at hand, as of a run that another machine did: then what is bad stays new."""
    try:
        return lacking(base, patched)
    except OSError:
        return ""


def _left_out(before: RunReport, after: RunReport) -> list[str]:
    """A line for each variant of which only ``before`` knows anything."""
    here = {report.variant.name for report in after.variants}
    names = [report.variant.name for report in before.variants if report.variant.name not in here]
    return [f"{name} is only in run {before.run_id}: nothing is said of it" for name in names]


def _resolved(report: RunReport) -> list[VariantReport]:
    """Each variant with the results of the one that it equals."""
    own = {variant.variant.name: unjudged(variant) for variant in report.variants}
    return [replace(own[one.same_as or one.variant.name], variant=one.variant) for one in report.variants]
