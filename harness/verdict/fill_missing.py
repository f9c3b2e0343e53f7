# SPDX-License-Identifier: GPL-2.0-only
"""Every planned test ends up in the results, once; nothing bad gets lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.identities import covering
from harness.model import PlannedTest, Status, TestResult


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
