# SPDX-License-Identifier: GPL-2.0-only
"""What is told when the tests that reach the change have ended."""

from __future__ import annotations

from harness.executor.first_answer import first_answer
from harness.model import PlannedTest, Status, TestResult

ONE, TWO = PlannedTest("checks", "one"), PlannedTest("sync", "sync/test")


def _result(test: PlannedTest, status: Status, below: str = "") -> TestResult:
    return TestResult(test.suite, test.name + below, status)


def test_none_is_bad() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.PASS, "/part"), _result(TWO, Status.SKIP)]
    note = first_answer("on", (ONE, TWO), results, 14.2)
    assert (note.text, note.level) == ("the 2 tests that reach the change: none is bad: 14 s", "info")


def test_a_bad_part_makes_its_program_bad_whatever_comes_after() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL, "/part"), _result(TWO, Status.PASS)]
    note = first_answer("on", (ONE, TWO), results, 3)
    assert note.text.startswith("the 2 tests that reach the change: 1 bad (sync sync/test): 3 s")
    assert note.level == "warning"


def test_what_never_ran_is_no_good_news() -> None:
    assert "1 bad (checks one)" in first_answer("on", (ONE,), [], 3).text


def test_others_have_no_say() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL)]
    assert first_answer("on", (ONE,), results, 3).text == "the test that reaches the change: none is bad: 3 s"
