# SPDX-License-Identifier: GPL-2.0-only
"""What is told when the tests that a patch concerns have ended, while all others are still to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.changes import GUEST
from harness.events import Note
from harness.identities import covering
from harness.model import PlannedTest, Status, TestResult, VariantReport
from harness.splat import case_name

_MAX_NAMED = 5


def first_answer(report: VariantReport, first: Iterable[PlannedTest], seconds: float) -> Note:
    """How the tests ``first`` ended, in one line.

    ``report``: what is known of their kernel up to now, with what is expected of the base marked as known. ``seconds``:
    since the kernel was there.
    """
    ended = _ended(first, report.results)
    bad = [test for test, seen in ended.items() if not seen or any(result.is_bad for result in seen)]
    known = [test for test, seen in ended.items() if test not in bad and any(result.status.is_bad for result in seen)]
    skipped = [test for test, seen in ended.items() if test not in bad and seen[-1].status is Status.SKIP]
    lost = [result.suite for result in report.results if result.name == GUEST and result.is_bad]
    said = list(dict.fromkeys(case_name(splat) for splat in report.splats if splat.is_bad))
    wrong = [
        *_counted("bad", _named(bad)),
        *_counted("lost after the last test", lost),
        *_counted("reported by the kernel", said),
    ]
    head = f"the {len(ended)} tests that reach the change" if len(ended) != 1 else "the test that reaches the change"
    rest = [*_counted("bad as is known of the base", _named(known)), *_counted("skipped", _named(skipped))]
    what = ", ".join(wrong + rest if wrong else ["none is bad", *rest])
    text = f"{head}: {what}: {seconds:.0f} s"
    if not wrong:
        return Note(report.variant.name, text)
    return Note(report.variant.name, f"{text}; whether it is the patch's doing is still to be seen", "warning")


def _ended(first: Iterable[PlannedTest], results: Iterable[TestResult]) -> dict[PlannedTest, list[TestResult]]:
    """How each of ``first`` and its parts ended, in order; nothing for one that never ran."""
    ended: dict[PlannedTest, list[TestResult]] = {test: [] for test in first}
    for result in results:
        test = covering(ended, result)
        if test is not None:
            ended[test].append(result)
    return ended


def _named(tests: Iterable[PlannedTest]) -> list[str]:
    return [f"{test.suite} {test.name}" for test in tests]


def _counted(what: str, names: Sequence[str]) -> list[str]:
    """One item: "2 skipped (checks one, checks two)"; none if there are no ``names``."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return [f"{len(names)} {what} ({', '.join(names[:_MAX_NAMED])}{more})"] if names else []
