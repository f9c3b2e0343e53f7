# SPDX-License-Identifier: GPL-2.0-only
"""What the results of a patched kernel are worth, and the exit code.

Each planned test has a result, and the patch answers for what is new, not for what was there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.causes import Cause
from harness.changes import Change, Comparison, Difference
from harness.errors import ExitCode
from harness.identities import covering
from harness.machine_failures import machine_trouble
from harness.model import PlannedTest, RunReport, Splat, Status, TestResult, VariantReport
from harness.splat import identity

# --- every planned test ends up in the results, once ------------------------------------------


def complete(planned: Iterable[PlannedTest], results: Iterable[TestResult]) -> tuple[TestResult, ...]:
    """The results in planned order, with a ``MISSING`` one for each planned test that has none.

    A result that was not planned (a subtest) follows the planned test whose name begins its own; one without such
    a parent comes last. Of several results of one test all bad ones stay; if none is bad, the last one does.
    """
    mine: dict[PlannedTest, list[TestResult]] = {test: [] for test in planned}
    strays: list[TestResult] = []
    for result in _without_repeats(results):
        parent = covering(mine, result)
        (strays if parent is None else mine[parent]).append(result)
    placed = [result for test, found in mine.items() for result in _with_own(test, found)]
    return (*placed, *strays)


def _without_repeats(results: Iterable[TestResult]) -> list[TestResult]:
    """A test that ran again in a second guest is not excused by the second answer."""
    found: dict[PlannedTest, list[TestResult]] = {}
    for result in results:
        found.setdefault(result.test, []).append(result)
    return [result for repeats in found.values() for result in _worth_keeping(repeats)]


def _worth_keeping(repeats: Sequence[TestResult]) -> list[TestResult]:
    bad = list(dict.fromkeys(result for result in repeats if result.status.is_bad))
    return bad or [repeats[-1]]


def _with_own(test: PlannedTest, found: list[TestResult]) -> list[TestResult]:
    own = [result for result in found if result.name == test.name]
    below = [result for result in found if result.name != test.name]
    return [*(own or [TestResult(test.suite, test.name, Status.MISSING, message="never ran")]), *below]


# --- what a comparison means for the verdict --------------------------------------------------


_GONE = "the base has this test, and the kernel with the patch has not"
_SKIPPED = "passes on the base, and is skipped with the patch"


def judge(patched: VariantReport, comparison: Comparison, *, strict: bool = False) -> VariantReport:
    """``patched`` with ``comparison`` set, and with ``excused`` on each failure and splat that is not the patch's.

    What the patch made disappear (a planned test, a result inside a program, a whole suite) is added as missing; a test
    of which it took away what it needs has failed.
    ``strict``: nothing is excused. A test that never ran is not excused either: a run that tested less than it should
    is no good news.
    """
    gone = {
        PlannedTest.of(one): one
        for one in comparison.differences
        if one.gone and (one.change is Change.NEW or (one.change is Change.LOST and not one.skipped))
    }
    excusing = Comparison() if strict else comparison
    here = {result.test for result in patched.results}
    kept = (_unless_skipped(result, gone.get(result.test)) for result in patched.results)
    return replace(
        patched,
        results=tuple(_result(result, excusing) for result in kept)
        + tuple(
            TestResult(key.suite, key.name, Status.MISSING, message=_GONE, cause=Cause.GONE)
            for key in gone
            if key not in here
        ),
        splats=tuple(_splat(splat, excusing) for splat in patched.splats),
        comparison=comparison,
    )


def unjudged(report: VariantReport) -> VariantReport:
    """``report`` as its tests left it: what ``judge`` and ``apply_expectations`` made of it is taken back."""
    found = report.comparison if report.comparison is not None else Comparison()
    kept = [result for result in report.results if not _is_added(report, result)]
    return replace(
        report,
        results=tuple(_as_it_ran(result, found.of(result.suite, result.name)) for result in kept),
        splats=tuple(replace(splat, known="", excused="") for splat in report.splats),
        comparison=None,
    )


def _is_added(report: VariantReport, result: TestResult) -> bool:
    planned = result.test in report.planned
    return result.cause is Cause.GONE and not planned


def _as_it_ran(result: TestResult, one: Difference | None) -> TestResult:
    plain = replace(result, known="", excused="")
    if one is None or not one.skipped or one.change is not Change.NEW:
        return plain
    return replace(plain, status=Status.SKIP, cause=None, message=one.with_patch.message if one.with_patch else "")


def _unless_skipped(result: TestResult, one: Difference | None) -> TestResult:
    """A test that the patch makes skip itself has failed, whatever it says of itself."""
    if one is None or result.status is not Status.SKIP:
        return result
    message = f"{_SKIPPED}: {result.message or 'no reason given'}"
    return replace(result, status=Status.FAIL, cause=Cause.SKIPPED, message=message)


def _result(result: TestResult, comparison: Comparison) -> TestResult:
    counts = result.status.is_bad and result.status is not Status.MISSING
    return replace(result, excused=_excuse(comparison.of(result.suite, result.name)) if counts else "")


def _splat(splat: Splat, comparison: Comparison) -> Splat:
    return replace(splat, excused=_excuse(comparison.of_splat(identity(splat))))


def _excuse(one: Difference | None) -> str:
    if one is None:
        return ""
    if one.change is Change.PRE_EXISTING:
        return f"{one.change.value} ({'; '.join(filter(None, [f'base: {one.base}', one.note]))})"
    if one.change is Change.FLAKY:
        return f"{one.change.value} ({'; '.join(filter(None, [str(one.repeats), one.note]))})"
    return ""


# --- the exit code ----------------------------------------------------------------------------


def exit_code(report: RunReport) -> ExitCode:
    """``OK`` only if nothing in ``report`` is bad, ``INFRASTRUCTURE`` if that is the machine's alone, else ``FAILED``.

    A kernel that does not build or boot, or takes its guest down, is a failure like any other. Whoever cut a run
    off (a signal, trouble with the machine) knows the better code for it.
    """
    if machine_trouble(report):
        return ExitCode.INFRASTRUCTURE
    return ExitCode.FAILED if report.is_bad else ExitCode.OK
