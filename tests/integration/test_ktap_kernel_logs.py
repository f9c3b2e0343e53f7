# SPDX-License-Identifier: GPL-2.0-only
"""The logs that a kernel tree ships to test its own KTAP parser (tools/testing/kunit/test_data), read by ours.

They are read from the trees in the cache, never fetched. What is in each was counted by reading it.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import ktap
from harness.model import Status
from harness.paths import cache_root

FOLDER = "tools/testing/kunit/test_data"


@dataclass(frozen=True)
class Content:
    """Results without subtests, and those that fail beside good ones, by status; ``problems``: what else is wrong with
    the log than a plan that is not there.

    ``planless``: a plan is not there (before 5.8 none of them has one at the top).
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: int = 0
    problems: tuple[str, ...] = ()
    planless: bool = False


NO_PLAN = "no plan"
THREE_SUITES = Content(passed=10)  # of five, two and three tests
NESTED = ("subtest (no name): its own result is missing",) * 2  # results indented more than their plan
EMPTY = (
    "suite: case is ok, but it announced subtests, and not one has a result",
    "suite is ok although a subtest of it is not",
)
INTERRUPTED = (
    "string-stream-test: 2 of 3 planned results are missing",
    "subtest string-stream-test: its own result is missing",
)
EXPECTED = {
    "test_config_printk_time.log": THREE_SUITES,
    "test_insufficient_memory.log": Content(),  # the kernel never came up
    "test_interrupted_tap_output.log": THREE_SUITES,
    "test_is_test_passed-all_passed.log": Content(passed=10),
    "test_is_test_passed-all_passed_nested.log": Content(passed=7),
    "test_is_test_passed-crash.log": Content(passed=9, failed=1),
    "test_is_test_passed-failure-nested.log": Content(passed=1, failed=2, planless=True, problems=NESTED),
    "test_is_test_passed-failure.log": Content(passed=9, failed=1),
    "test_is_test_passed-kselftest.log": Content(passed=4),
    "test_is_test_passed-missing_plan.log": Content(passed=10, planless=True),
    "test_is_test_passed-no_tests_no_plan.log": Content(failed=1, problems=EMPTY),  # a case without parameters
    "test_is_test_passed-no_tests_run.log": Content(),
    "test_is_test_passed-no_tests_run_no_header.log": Content(),
    "test_is_test_passed-no_tests_run_with_header.log": Content(),
    "test_kernel_panic_interrupt.log": Content(passed=8, missing=2, problems=INTERRUPTED),
    "test_multiple_prefixes.log": THREE_SUITES,
    "test_output_isolated_correctly.log": Content(passed=2, planless=True),
    "test_output_with_prefix_isolated_correctly.log": Content(passed=10, planless=True),
    "test_parse_attributes.log": Content(passed=1),
    "test_parse_ktap_output.log": Content(passed=3),
    "test_parse_subtest_header.log": Content(passed=1),
    "test_pound_no_prefix.log": THREE_SUITES,
    "test_pound_sign.log": THREE_SUITES,
    "test_skip_all_tests.log": Content(skipped=5),
    "test_skip_tests.log": Content(passed=4, skipped=1),
    "test_strip_hyphen.log": Content(passed=2),
}
# From 7.x on the last of its three programs is skipped.
NEWER = {"test_is_test_passed-kselftest.log": Content(passed=4, skipped=1)}


def trees() -> list[Path]:
    return sorted(path for path in (cache_root() / "trees").glob("*/linux") if (path / ".git").exists())


def is_finished(tree: Path) -> bool:
    """False for one whose making was cut off."""
    head = ["git", "-c", "safe.directory=*", "-C", str(tree), "rev-parse", "--quiet", "--verify", "HEAD"]
    return subprocess.run(head, capture_output=True, check=False).returncode == 0


def git(tree: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(tree), *arguments], capture_output=True, check=True).stdout


@pytest.mark.parametrize("tree", trees() or [None], ids=lambda tree: tree.parent.name if tree else "none")
def test_the_logs_of_a_tree_hold_what_is_in_them(tree: Path | None) -> None:
    """From its commit, not its files: a run may have a patch applied to them."""
    if tree is None:
        pytest.skip("no kernel source is in the cache: a run fetches it")
    if not is_finished(tree):
        pytest.skip(f"{tree.parent.name} was never finished")
    names = git(tree, "ls-tree", "--name-only", "HEAD", f"{FOLDER}/").decode().split()
    logs = [name for name in names if name.endswith(".log")]
    if not logs:
        pytest.skip(f"{tree.parent.name} ships no such logs")
    for name in logs:
        text = git(tree, "show", f"HEAD:{name}").decode("utf-8", "replace")
        plans_three = "\n1..3\n" in text
        short = name.rpartition("/")[2]
        check(short, text, NEWER.get(short, EXPECTED[short]) if plans_three else EXPECTED[short])


def check(name: str, text: str, expected: Content) -> None:
    report = ktap.parse(text)
    found = Counter(test.status for test in report.leaves())
    counted = tuple(found[status] for status in (Status.PASS, Status.FAIL, Status.SKIP, Status.MISSING))
    assert counted == (expected.passed, expected.failed, expected.skipped, expected.missing), name
    planless = [problem for problem in report.problems if NO_PLAN in problem]
    serious = tuple(problem for problem in report.problems if NO_PLAN not in problem)
    assert planless or not expected.planless, name
    assert serious == expected.problems, name
