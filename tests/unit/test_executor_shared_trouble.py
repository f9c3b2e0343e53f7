# SPDX-License-Identifier: GPL-2.0-only
"""One line for what most failures of a kernel share: told early, once, and never where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.executor.shared_trouble import SharedTrouble
from harness.interfaces import Guest, SuiteContext
from harness.model import Status, TestResult
from tests.support.fake_launcher import FakeLauncher, FakeSuite, run_suite, statuses


def leak(number: int, *before: str) -> TestResult:
    lines = [*before, f"leaked 1 dma-buf: {number + 1} now, before the check {number}"]
    return TestResult("checks", f"a.{number}", Status.FAIL, message=lines[0], output="\n".join(lines))


def told(shared: SharedTrouble, results: list[TestResult]) -> list[str]:
    return [line for line in map(shared.see, results) if line]


def test_five_alike_are_told_at_once_and_once() -> None:
    shared = SharedTrouble()
    assert told(shared, [leak(number) for number in range(4)]) == [] and shared.summary() == ""
    words = "failures are alike: leaked 1 dma-buf: 1 now, before the check 0 (first: checks a.0)"
    assert told(shared, [leak(number) for number in range(4, 300)]) == [f"5 of 5 {words}"]
    assert shared.summary() == f"300 of 300 {words}"


def test_what_is_shared_may_stand_below_other_words() -> None:
    shared = SharedTrouble()
    told(shared, [leak(number, f"failed: size is {word} ({word}.py:{number})") for number, word in enumerate("abcde")])
    assert shared.summary().startswith("5 of 5 failures are alike: leaked 1 dma-buf")


def test_a_device_that_is_gone_is_one_thing_wherever_it_is_missed() -> None:
    shared = SharedTrouble()
    gone = "failed: /dev/udmabuf cannot be opened (No such file or directory)"
    told(shared, [TestResult("checks", n, Status.FAIL, message=f"{gone} ({n}.py:{ord(n)})") for n in "abcde"])
    assert shared.summary() == f"5 of 5 failures are alike: {gone} (first: checks a)"


def test_failures_that_differ_have_nothing_in_common() -> None:
    shared = SharedTrouble()
    others = [TestResult("checks", name, Status.FAIL, message=f"failed: {name * 3}") for name in "abcdef"]
    assert told(shared, [*others, *map(leak, range(5))]) == [] and shared.summary() == ""
    assert told(shared, [leak(6)]) == [shared.summary()] != [""]


def test_what_is_not_bad_does_not_count() -> None:
    shared = SharedTrouble()
    for status in (Status.PASS, Status.SKIP, Status.MISSING):
        assert told(shared, [TestResult("checks", "a", status, message="no such device")] * 9) == []
    assert shared.summary() == ""


def test_that_programs_print_alike_is_nothing_in_common() -> None:
    shared = SharedTrouble()
    told(
        shared,
        [TestResult("sync", n, Status.FAIL, message=f"exit {n}", output="TAP version 13\nnot ok") for n in "abcde"],
    )
    assert shared.summary() == ""


class Leaking(FakeSuite):
    """Each test fails as if each buffer stayed."""

    def run(self, _guest: Guest, _context: SuiteContext) -> Iterator[TestResult]:
        yield from (replace(leak(number), suite=self.name, name=name) for number, name in enumerate(self.tests))


def test_it_is_told_with_the_kernel(tmp_path: Path) -> None:
    test = run_suite(tmp_path, Leaking(tuple("abcdefgh")), FakeLauncher([]))
    [note] = test.findings.notes
    assert note.startswith("8 of 8 failures are alike: leaked 1 dma-buf")
    assert len(statuses(test)) == 8
