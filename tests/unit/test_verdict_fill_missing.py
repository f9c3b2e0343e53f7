# SPDX-License-Identifier: GPL-2.0-only
"""Every planned test is in the results; nothing bad is dropped."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.model import PlannedTest, Status, TestResult
from harness.verdict import complete

A, B, C = (PlannedTest("checks", name) for name in ("a", "b", "c"))


def result(test: PlannedTest, status: Status = Status.PASS, message: str = "") -> TestResult:
    return TestResult(test.suite, test.name, status, message=message)


def names(results: tuple[TestResult, ...]) -> list[tuple[str, Status]]:
    return [(found.name, found.status) for found in results]


def test_results_come_in_planned_order_with_missing_ones_filled_in() -> None:
    done = complete((A, B, C), [result(C), result(A)])
    assert names(done) == [("a", Status.PASS), ("b", Status.MISSING), ("c", Status.PASS)]


def test_a_complete_run_is_left_alone() -> None:
    full = (result(A), result(B, Status.FAIL), result(C, Status.SKIP))
    assert complete((A, B, C), full) == full


def test_the_same_name_in_another_suite_is_another_test() -> None:
    done = complete((A,), [TestResult("kselftest", "a", Status.PASS)])
    assert [(found.suite, found.status) for found in done] == [("checks", Status.MISSING), ("kselftest", Status.PASS)]


def test_subtests_follow_their_parent() -> None:
    short, long = PlannedTest("kselftest", "sync:sync"), PlannedTest("kselftest", "sync:sync_test")
    below = [TestResult("kselftest", f"sync:sync_test/{part}", Status.PASS) for part in ("alloc", "merge")]
    done = complete((short, long), [*below, result(long), result(short)])
    assert [found.name for found in done] == [
        "sync:sync",
        "sync:sync_test",
        "sync:sync_test/alloc",
        "sync:sync_test/merge",
    ]


def test_a_parent_of_which_only_subtests_spoke_is_missing() -> None:
    done = complete((A,), [TestResult("checks", "a.one", Status.PASS)])
    assert names(done) == [("a", Status.MISSING), ("a.one", Status.PASS)]


def test_a_result_without_a_parent_comes_last() -> None:
    done = complete((A,), [TestResult("checks", "other", Status.FAIL), result(A)])
    assert names(done) == [("a", Status.PASS), ("other", Status.FAIL)]


def test_a_second_answer_does_not_excuse_the_first() -> None:
    done = complete((A,), [result(A, Status.ERROR, "guest lost"), result(A)])
    assert names(done) == [("a", Status.ERROR)]


def test_different_bad_results_of_one_test_all_stay() -> None:
    lost, wrong = result(A, Status.ERROR, "guest lost"), result(A, Status.FAIL, "wrong")
    assert complete((A,), [lost, wrong, lost]) == (lost, wrong)


def test_of_good_results_of_one_test_the_last_stays() -> None:
    assert names(complete((A,), [result(A, Status.SKIP), result(A)])) == [("a", Status.PASS)]


tests = st.builds(PlannedTest, st.sampled_from(["s", "t"]), st.sampled_from(["a", "a.b", "a.b/c", "d"]))
results = st.builds(result, tests, st.sampled_from(Status))


@given(st.lists(tests, unique=True), st.lists(results))
def test_nothing_planned_and_nothing_bad_is_ever_lost(planned: list[PlannedTest], found: list[TestResult]) -> None:
    done = complete(planned, found)
    told = {PlannedTest(one.suite, one.name) for one in done}
    assert told == set(planned) | {PlannedTest(one.suite, one.name) for one in found}
    assert {one for one in found if one.status.is_bad} <= set(done)
    assert complete(planned, [replace(one) for one in done]) == done
