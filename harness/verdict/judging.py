# SPDX-License-Identifier: GPL-2.0-only
"""What a comparison means for the verdict: the patch answers for what is new, not for what was there before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.changes import KERNEL, Change, Comparison, Difference
from harness.model import Splat, Status, TestResult, VariantReport

_GONE = "the base has this test, and the kernel with the patch has not"


def judge(patched: VariantReport, comparison: Comparison, *, strict: bool = False) -> VariantReport:
    """``patched`` with ``comparison`` set, and with ``excused`` on each failure and splat that is not the patch's.

    A planned test that the patch made disappear is added as missing. ``strict``: nothing is excused.
    A test that never ran is not excused either: a run that tested less than it should is no good news.
    """
    told = {(one.suite, one.name): one for one in comparison.differences}
    gone = tuple(
        TestResult(one.suite, one.name, Status.MISSING, message=_GONE) for one in comparison.differences if one.gone
    )
    here = {(result.suite, result.name) for result in patched.results}
    return replace(
        patched,
        results=tuple(_result(result, {} if strict else told) for result in patched.results)
        + tuple(result for result in gone if (result.suite, result.name) not in here),
        splats=tuple(_splat(splat, {} if strict else told) for splat in patched.splats),
        comparison=comparison,
    )


def _result(result: TestResult, told: Mapping[tuple[str, str], Difference]) -> TestResult:
    one = told.get((result.suite, result.name))
    counts = result.status.is_bad and result.status is not Status.MISSING
    return replace(result, excused=_excuse(one) if one is not None and counts else "")


def _splat(splat: Splat, told: Mapping[tuple[str, str], Difference]) -> Splat:
    one = told.get((KERNEL, splat.name))
    return replace(splat, excused=_excuse(one) if one is not None else "")


def _excuse(one: Difference) -> str:
    if one.change is Change.PRE_EXISTING:
        return f"{one.change.value} (base: {one.base})"
    if one.change is Change.FLAKY:
        return f"{one.change.value} ({one.repeats})"
    return ""
