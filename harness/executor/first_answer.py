# SPDX-License-Identifier: GPL-2.0-only
"""What is told when the tests that a patch concerns have ended, while all others are still to run."""

from __future__ import annotations

from collections.abc import Iterable

from harness.events import Note
from harness.identities import covering
from harness.model import PlannedTest, TestResult

_MAX_NAMED = 5


def first_answer(variant: str, first: Iterable[PlannedTest], results: Iterable[TestResult], seconds: float) -> Note:
    """How the tests ``first`` ended by ``results``, in one line. ``seconds``: since the kernel was there."""
    bad: dict[PlannedTest, bool] = dict.fromkeys(first, True)  # what has no result never ran
    ran: set[PlannedTest] = set()
    for result in results:
        test = covering(bad, result)
        if test is not None:
            bad[test] = result.status.is_bad or (bad[test] and test in ran)
            ran.add(test)
    wrong = [f"{test.suite} {test.name}" for test, is_bad in bad.items() if is_bad]
    head = f"the {len(bad)} tests that reach the change" if len(bad) != 1 else "the test that reaches the change"
    if not wrong:
        return Note(variant, f"{head}: none is bad: {seconds:.0f} s")
    more = f" and {len(wrong) - _MAX_NAMED} more" if len(wrong) > _MAX_NAMED else ""
    named = f"{', '.join(wrong[:_MAX_NAMED])}{more}"
    text = f"{head}: {len(wrong)} bad ({named}): {seconds:.0f} s; whether it is the patch's doing is still to be seen"
    return Note(variant, text, "warning")
