# SPDX-License-Identifier: GPL-2.0-only
"""What announces results and has none has not passed; results two programs deep are results."""

from __future__ import annotations

import re

import pytest

from harness.interfaces import CommandResult
from harness.ktap import KtapReport, parse
from harness.model import Status
from harness.suites.module_log import Ended, KunitLog
from harness.suites.program_verdict import judge_program

EMPTY = "it announced subtests, and not one has a result"


def statuses(report: KtapReport) -> list[tuple[str, Status]]:
    return [(test.name, test.status) for test in report.leaves()]


def verdict(text: str) -> Status:
    return judge_program(CommandResult("./program", 0, text, "", 1.0), parse(text), None, "").status


TAP, KTAP = "TAP version 13\n1..1\n", "KTAP version 1\n1..1\n"
ANNOUNCED = {
    "a case without parameters": (
        "TAP version 14\n1..1\n  # Subtest: suite\n  1..1\n    # Subtest: case\n  ok 1 - case\nok 1 - suite\n"
    ),
    "with a version": (
        f"{KTAP}  KTAP version 1\n  # Subtest: suite\n  1..1\n    KTAP version 1\n  ok 1 case\nok 1 suite\n"
    ),
    "a plan of none": f"{KTAP}  KTAP version 1\n  # Subtest: suite\n  1..0\nok 1 suite\n",
    "a program of the runner": f"{TAP}# selftests: sync: a\n# TAP version 13\nok 1 selftests: sync: a\n",
    "a second one": "KTAP version 1\n1..2\n  # Subtest: a\n  1..1\n  ok 1 x\nok 1 a\n  # Subtest: b\nok 2 b\n",
    "in a kernel log": "".join(
        f"<6>[   12.345678][  T100] {line}\n"
        for line in ("KTAP version 1", "1..1", "    # Subtest: suite", "ok 1 suite")
    ),
    "with words in between": f"{KTAP}  # Subtest: suite\n  # nothing to do here\n  probe: loaded\nok 1 suite\n",
}


@pytest.mark.parametrize("name", ANNOUNCED)
def test_an_announced_subtest_without_results_has_not_passed(name: str) -> None:
    report = parse(ANNOUNCED[name])
    assert [problem for problem in report.problems if EMPTY in problem]
    assert Status.FAIL in [status for _, status in statuses(report)]
    assert verdict(ANNOUNCED[name]) is Status.FAIL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..1\n  # Subtest: a\nok 1 a # SKIP no parameters\n", [("a", Status.SKIP)]),
        ("1..1\n  # Subtest: a\nnot ok 1 a\n", [("a", Status.FAIL)]),
        ("1..1\n  # Subtest: a\n  1..1\n  ok 1 x\nok 1 a\n", [("x", Status.PASS)]),
        ("1..1\n# not a header\nok 1 a\n", [("a", Status.PASS)]),
        ("KTAP version 1\n1..1\nok 1 a\n", [("a", Status.PASS)]),
    ],
)
def test_what_is_no_empty_pass_is_left_alone(text: str, expected: list[tuple[str, Status]]) -> None:
    report = parse(text)
    assert statuses(report) == expected
    assert not [problem for problem in report.problems if EMPTY in problem]


@pytest.mark.parametrize("reason", ["no device", ""])
def test_a_program_that_skips_itself_is_no_pass(reason: str) -> None:
    text = f"{TAP}# selftests: x: y\n# TAP version 13\n# 1..0 # SKIP {reason}\nok 1 selftests: x: y\n"
    (test,) = parse(text).leaves()
    assert (test.status, test.reason) == (Status.SKIP, reason)


@pytest.mark.parametrize("text", ["1..1\n  # Subtest: a\n", "1..2\nok 1 x\n  KTAP version 1\n  # Subtest: a\n"])
def test_a_subtest_that_is_announced_and_never_ends_is_missing(text: str) -> None:
    report = parse(text)
    assert ("a", Status.MISSING) in statuses(report)
    assert "subtest a: its own result is missing" in report.problems


def test_a_subtest_that_another_one_follows_is_missing() -> None:
    report = parse("1..2\n  # Subtest: a\n  1..1\n  ok 1 x\n  # Subtest: b\n  1..1\n  ok 1 y\nok 1 b\n")
    assert ("y", Status.PASS) in statuses(report) and "subtest a: its own result is missing" in report.problems


def test_kunit_tells_of_the_case_without_results() -> None:
    log = KunitLog(["suite/case"])
    lines = (
        "KTAP version 1",
        "1..1",
        "    KTAP version 1",
        "    # Subtest: suite",
        "    1..1",
        "        # Subtest: case",
    )
    ended = [end for text in (*lines, "    ok 1 case", "ok 1 suite") for end in log.feed(f"[   12.345678] {text}")]
    assert ended == [Ended("suite/case", Status.FAIL, 0.0, EMPTY)]


# --- two programs deep --------------------------------------------------------------------------

RUNNER = "TAP version 13\n1..1\n# selftests: sync: outer\n# TAP version 13\n# 1..1\n"
INNER = "# # TAP version 13\n# # 1..2\n# # ok 1 first\n# # {0} 2 second\n# ok 1 inner\nok 1 selftests: sync: outer\n"


def test_results_of_a_program_that_a_program_runs_are_results() -> None:
    report = parse(RUNNER + INNER.format("ok"))
    assert statuses(report) == [("first", Status.PASS), ("second", Status.PASS)]
    assert report.problems == () and verdict(RUNNER + INNER.format("ok")) is Status.PASS


def test_a_failure_two_deep_is_one() -> None:
    report = parse(RUNNER + INNER.format("not ok"))
    assert ("second", Status.FAIL) in statuses(report)
    assert "inner is ok although a subtest of it is not" in report.problems
    assert verdict(RUNNER + INNER.format("not ok")) is Status.FAIL


def test_a_result_that_is_lost_two_deep_is_missing() -> None:
    report = parse(RUNNER + re.sub(r"# # ok 1 first\n", "", INNER.format("ok")))
    assert ("result 1", Status.MISSING) in statuses(report)


@pytest.mark.parametrize(
    "comment", ["# # ok, now the rest", "# # ok then", "# # not ok at all", "# ## ok 1 x", "# #ok 1 x"]
)
def test_a_comment_of_a_program_is_no_result(comment: str) -> None:
    text = f"{RUNNER}{comment}\n# ok 1 inner\nok 1 selftests: sync: outer\n"
    assert statuses(parse(text)) == [("inner", Status.PASS)]
    assert parse(text).problems == ()
