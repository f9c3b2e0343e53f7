# SPDX-License-Identifier: GPL-2.0-only
"""What is told when the tests that a patch concerns have ended, while all others are still to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.changes import GUEST
from harness.events import Note
from harness.identities import covering
from harness.model import PlannedTest, Splat, Status, TestResult
from harness.splat import case_name

_MAX_NAMED = 5


def first_answer(
    variant: str, first: Iterable[PlannedTest], results: Sequence[TestResult], reports: Iterable[Splat], seconds: float
) -> Note:
    """How the tests ``first`` ended by ``results``, in one line.

    ``reports``: what the kernel said against itself up to now. ``seconds``: since the kernel was there.
    """
    ended = _ended(first, results)
    bad = [test for test, seen in ended.items() if not seen or any(status.is_bad for status in seen)]
    skipped = [test for test, seen in ended.items() if test not in bad and seen[-1] is Status.SKIP]
    lost = [result.suite for result in results if result.name == GUEST and result.status.is_bad]
    said = list(dict.fromkeys(case_name(report) for report in reports))
    wrong = [
        *_counted("bad", _named(bad)),
        *_counted("lost after the last test", lost),
        *_counted("reported by the kernel", said),
    ]
    head = f"the {len(ended)} tests that reach the change" if len(ended) != 1 else "the test that reaches the change"
    what = ", ".join([*wrong, *_counted("skipped", _named(skipped))]) or "none is bad"
    text = f"{head}: {what}: {seconds:.0f} s"
    if not wrong:
        return Note(variant, text)
    return Note(variant, f"{text}; whether it is the patch's doing is still to be seen", "warning")


def _ended(first: Iterable[PlannedTest], results: Iterable[TestResult]) -> dict[PlannedTest, list[Status]]:
    """How each of ``first`` and its parts ended, in order; nothing for one that never ran."""
    ended: dict[PlannedTest, list[Status]] = {test: [] for test in first}
    for result in results:
        test = covering(ended, result)
        if test is not None:
            ended[test].append(result.status)
    return ended


def _named(tests: Iterable[PlannedTest]) -> list[str]:
    return [f"{test.suite} {test.name}" for test in tests]


def _counted(what: str, names: Sequence[str]) -> list[str]:
    """One item: "2 skipped (checks one, checks two)"; none if there are no ``names``."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return [f"{len(names)} {what} ({', '.join(names[:_MAX_NAMED])}{more})"] if names else []
