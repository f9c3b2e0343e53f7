# SPDX-License-Identifier: GPL-2.0-only
"""What the base has and the patched kernel has not: tests, results inside of programs, all of a suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.changes import EVERY_TEST, Change, Difference
from harness.model import PlannedTest, Status, TestResult
from harness.verdict.failure_mode import is_graver, is_silent, words

NO_RESULT = "no such result"
_NOTHING_LEFT = "what passes without the patch is skipped with it, and nothing of the suite passes"


def absent(result: TestResult, same_request: bool) -> Difference:
    """A planned test of the base that is not planned with the patch."""
    change = Change.LOST
    if result.status is Status.SKIP:
        change = Change.UNCHANGED
    elif result.status is Status.MISSING or not same_request:
        change = Change.NOT_COMPARABLE
    told = "no such test" if same_request else "not asked for"
    lost, seen = change is Change.LOST, result.observed
    return Difference(result.suite, result.name, change, words(result), told, gone=lost, on_base=seen)


def vanished(result: TestResult, before: TestResult | None, now: TestResult | None) -> Iterator[Difference]:
    """A result of the base inside a program that does not have it with the patch. ``before``, ``now``: the program's
    own result."""
    if now is not None and now.status is Status.PASS and result.status is not Status.SKIP:
        yield Difference(result.suite, result.name, Change.LOST, words(result), NO_RESULT, on_base=result.observed)
    elif result.status is Status.PASS and now is not None and not _explains(before, now):
        yield Difference(
            result.suite, result.name, Change.NEW, words(result), NO_RESULT, gone=True, on_base=result.observed
        )


def _explains(before: TestResult | None, now: TestResult) -> bool:
    """True if what became of the program says why it lacks a result, or that is told of the program itself."""
    if now.status is Status.SKIP:
        return now.cut_short
    told_itself = now.status is not Status.FAIL or before is None or is_graver(now.observed, before.observed)
    return told_itself or is_silent(now)  # where a time limit cuts is chance


def is_left_out(result: TestResult) -> bool:
    """True for a skip that tells of the kernel: something is not there."""
    return result.status is Status.SKIP and not (result.moot or result.cut_short)


def suites_left_out(
    before: Mapping[PlannedTest, TestResult], after: Mapping[PlannedTest, TestResult]
) -> Iterator[Difference]:
    """Suites in which tests pass on the base, and all of those are skipped with the patch: nothing tests them."""
    for suite in dict.fromkeys(test.suite for test in after):
        passed = [
            key for key, one in before.items() if key.suite == suite and one.status is Status.PASS and key in after
        ]
        now = [one for key, one in after.items() if key.suite == suite]
        lost = [key for key in passed if is_left_out(after[key])]
        if passed and len(lost) == len(passed) and not any(one.status is Status.PASS for one in now):
            seen = f"{len(lost)} skipped: {after[lost[0]].message}"
            yield Difference(
                suite, EVERY_TEST, Change.LOST, f"{len(passed)} passed", seen, note=_NOTHING_LEFT, gone=True
            )
