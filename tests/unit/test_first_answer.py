# SPDX-License-Identifier: GPL-2.0-only
"""What is told when the tests that reach the change have ended."""

from __future__ import annotations

from harness.executor.first_answer import first_answer
from harness.model import PlannedTest, Splat, Status, TestResult

ONE, TWO = PlannedTest("checks", "one"), PlannedTest("sync", "sync/test")


def _result(test: PlannedTest, status: Status, below: str = "") -> TestResult:
    return TestResult(test.suite, test.name + below, status)


def test_none_is_bad() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.SKIP, "/part"), _result(TWO, Status.PASS)]
    note = first_answer("on", (ONE, TWO), results, (), 14.2)
    assert (note.text, note.level) == ("the 2 tests that reach the change: none is bad: 14 s", "info")


def test_a_bad_part_makes_its_program_bad_whatever_comes_after() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL, "/part"), _result(TWO, Status.PASS)]
    note = first_answer("on", (ONE, TWO), results, (), 3)
    assert note.text.startswith("the 2 tests that reach the change: 1 bad (sync sync/test): 3 s")
    assert note.level == "warning"


def test_what_never_ran_is_no_good_news() -> None:
    assert "1 bad (checks one)" in first_answer("on", (ONE,), [], (), 3).text


def test_others_have_no_say() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL)]
    assert first_answer("on", (ONE,), results, (), 3).text == "the test that reaches the change: none is bad: 3 s"


def test_one_that_skipped_itself_tells_nothing() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.PASS, "/part"), _result(TWO, Status.SKIP)]
    note = first_answer("on", (ONE, TWO), results, (), 3)
    assert (note.text, note.level) == ("the 2 tests that reach the change: 1 skipped (sync sync/test): 3 s", "info")


def test_what_the_kernel_reports_is_told_once_for_each_case() -> None:
    report = Splat("kasan", "BUG: KASAN: slab-use-after-free in f+0x1/0x2", "", 1, "checks")
    note = first_answer("on", (ONE,), [_result(ONE, Status.PASS)], (report, report), 3)
    assert "none is bad" not in note.text and note.level == "warning"
    assert "1 reported by the kernel (kasan: " in note.text


def test_a_guest_that_died_after_its_last_test_is_told() -> None:
    results = [_result(ONE, Status.PASS), TestResult("checks", "guest", Status.ERROR)]
    note = first_answer("on", (ONE,), results, (), 3)
    assert note.text.startswith("the test that reaches the change: 1 lost after the last test (checks): 3 s; whether")
