# SPDX-License-Identifier: GPL-2.0-only
"""What is told when the tests that reach the change have ended."""

from __future__ import annotations

from harness.events import Note
from harness.model import PlannedTest, Splat, Status, TestResult
from harness.pipeline.first_answer import first_answer
from tests.support.sample_reports import ON, variant_report

ONE, TWO = PlannedTest("checks", "one"), PlannedTest("sync", "sync/test")


def _result(test: PlannedTest, status: Status, below: str = "", known: str = "") -> TestResult:
    return TestResult(test.suite, test.name + below, status, known=known)


def _answer(*results: TestResult, first: tuple[PlannedTest, ...] = (ONE,), splats: tuple[Splat, ...] = ()) -> Note:
    return first_answer(variant_report(ON, results=results, splats=splats), first, 3.2)


def test_none_is_bad() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.SKIP, "/part"), _result(TWO, Status.PASS)]
    note = _answer(*results, first=(ONE, TWO))
    assert (note.text, note.level) == ("the 2 tests that reach the change: none is bad: 3 s", "info")


def test_a_bad_part_makes_its_program_bad_whatever_comes_after() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL, "/part"), _result(TWO, Status.PASS)]
    note = _answer(*results, first=(ONE, TWO))
    assert note.text.startswith("the 2 tests that reach the change: 1 bad (sync sync/test): 3 s")
    assert note.level == "warning"


def test_what_is_bad_on_the_base_as_is_known_is_no_warning_and_is_told() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL, known="a bug of the base")]
    note = _answer(*results, first=(ONE, TWO))
    known = "1 bad as is known of the base (sync sync/test)"
    assert (note.text, note.level) == (f"the 2 tests that reach the change: none is bad, {known}: 3 s", "info")


def test_one_of_two_failures_of_a_program_that_is_not_known_makes_it_bad() -> None:
    known = _result(TWO, Status.FAIL, "/old", known="a bug of the base")
    note = _answer(known, _result(TWO, Status.FAIL, "/new"), first=(TWO,))
    assert note.text.startswith("the test that reaches the change: 1 bad (sync sync/test): 3 s; whether")


def test_what_never_ran_is_no_good_news() -> None:
    assert "1 bad (checks one)" in _answer().text


def test_others_have_no_say() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.FAIL)]
    assert _answer(*results).text == "the test that reaches the change: none is bad: 3 s"


def test_one_that_skipped_itself_tells_nothing() -> None:
    results = [_result(ONE, Status.PASS), _result(TWO, Status.PASS, "/part"), _result(TWO, Status.SKIP)]
    note = _answer(*results, first=(ONE, TWO))
    told = "the 2 tests that reach the change: none is bad, 1 skipped (sync sync/test): 3 s"
    assert (note.text, note.level) == (told, "info")


def test_what_the_kernel_reports_is_told_once_for_each_case() -> None:
    report = Splat("kasan", "BUG: KASAN: slab-use-after-free in f+0x1/0x2", "", 1, "checks")
    note = _answer(_result(ONE, Status.PASS), splats=(report, report))
    assert "none is bad" not in note.text and note.level == "warning"
    assert "1 reported by the kernel (kasan: " in note.text


def test_a_report_that_is_known_of_the_base_is_no_news() -> None:
    report = Splat("kasan", "BUG: KASAN: slab-use-after-free in f+0x1/0x2", "", 1, "checks", known="a bug of the base")
    assert _answer(_result(ONE, Status.PASS), splats=(report,)).level == "info"


def test_a_guest_that_died_after_its_last_test_is_told() -> None:
    note = _answer(_result(ONE, Status.PASS), TestResult("checks", "guest", Status.ERROR))
    assert note.text.startswith("the test that reaches the change: 1 lost after the last test (checks): 3 s; whether")
