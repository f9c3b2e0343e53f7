# SPDX-License-Identifier: GPL-2.0-only
"""Suites on a kernel that counts: whose counters are whose, and what a test that does not reach leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.guest import counters
from harness.interfaces import Guest, GuestLost, SuiteContext
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.suites import CountedSuite, CounterFiles
from harness.suites.checks import ChecksSuite
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

REACHED = {"/objects/dma-buf.gcda": b"ran"}
Sunk = list[tuple[PlannedTest, Mapping[str, bytes]]]


@dataclass
class OneByOne:
    """A suite whose tests do not tell what they reach."""

    name: str = "sync"
    asked: list[SuiteContext] = field(default_factory=list)

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        return (PlannedTest(self.name, "first"), PlannedTest(self.name, "second"))

    def provoked(self, test: str) -> tuple[str, ...]:
        return ()

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        self.asked.append(context)
        for name in sorted(context.only):
            guest.run(f"test {name}", timeout=1.0)
            yield TestResult(self.name, name, Status.PASS)


def _guest(tmp_path: Path, **replies: Answer) -> ScriptedGuest:
    take = Answer(f"reach {counters.pack(REACHED)}\n")
    table = {"--count reset": Answer(), "--count take": take, "^test ": Answer(), **replies}
    return ScriptedGuest(scripted_kernel(tmp_path), {**replies, **table}, slowness=8.0)


def test_each_test_runs_alone_between_two_looks(tmp_path: Path) -> None:
    sunk: Sunk = []
    guest, inner = _guest(tmp_path), OneByOne()
    suite = CountedSuite(inner, lambda *pair: sunk.append(pair))
    context = SuiteContext(tmp_path, "logs", planned=("first", "second"))
    results = list(suite.run(guest, context))
    assert [result.name for result in results] == ["first", "second"]
    words = ["reset" if "--count reset" in one else "take" if "--count take" in one else one for one in guest.commands]
    assert words == ["reset", "test first", "take", "test second", "take"]
    assert sunk == [(PlannedTest("sync", "first"), REACHED), (PlannedTest("sync", "second"), REACHED)]


def test_a_suite_that_is_taken_apart_still_leaves_out_what_is_slow(tmp_path: Path) -> None:
    guest, inner = _guest(tmp_path), OneByOne()
    list(CountedSuite(inner, lambda *_pair: None).run(guest, SuiteContext(tmp_path, "logs", planned=("first",))))
    (asked,) = inner.asked
    assert asked.only == {"first"} and asked.leaves_out_slow_tests(guest)


def test_only_what_is_asked_for_runs(tmp_path: Path) -> None:
    sunk: Sunk = []
    context = SuiteContext(tmp_path, "logs", frozenset({"second"}), planned=("first", "second"))
    list(CountedSuite(OneByOne(), lambda *pair: sunk.append(pair)).run(_guest(tmp_path), context))
    assert [test.name for test, _ in sunk] == ["second"]


@pytest.mark.parametrize("said", ["", "reach %%%\n"])
def test_counters_that_cannot_be_read_cost_the_guest_and_not_the_map(tmp_path: Path, said: str) -> None:
    sunk: Sunk = []
    guest = _guest(tmp_path)
    guest.replies["--count take"] = Answer(said)
    with pytest.raises(GuestLost, match="counters cannot be read"):
        list(
            CountedSuite(OneByOne(), lambda *pair: sunk.append(pair)).run(
                guest, SuiteContext(tmp_path, "logs", planned=("first",))
            )
        )
    assert not sunk


def test_a_guest_that_is_lost_between_two_tests_is_laid_at_the_door_of_the_first(tmp_path: Path) -> None:
    """The second has not begun: it is measured in the next guest."""
    guest, inner, told = _guest(tmp_path), OneByOne(), list[tuple[str, Status]]()

    def dies(_command: str) -> Answer:
        return Answer(lost="panic: late") if inner.asked else Answer()

    guest.replies["--count take"] = dies
    context = SuiteContext(tmp_path, "logs", planned=("first", "second"))
    with pytest.raises(GuestLost, match="late"):
        told.extend((one.name, one.status) for one in CountedSuite(inner, lambda *_pair: None).run(guest, context))
    assert told == [("first", Status.PASS), ("first", Status.ERROR)]


def test_checks_tell_themselves_what_they_reach(tmp_path: Path) -> None:
    """One of them reaches something, the other (the planted case) nothing."""
    sunk: Sunk = []
    names = ["udmabuf.size-must-be-page-aligned", "udmabuf.zero-size-is-refused"]
    said = (
        f"KTAP version 1\n1..2\n# start {names[0]}\n# reach {counters.pack(REACHED)}\n# time 0.1\nok 1 {names[0]}\n"
        f"# start {names[1]}\n# reach {counters.pack({})}\n# time 0.1\nok 2 {names[1]}\n"
    )
    guest = ScriptedGuest(scripted_kernel(tmp_path), {"harness.guest.runner": Answer(said)})
    suite = CountedSuite(ChecksSuite("checks"), lambda *pair: sunk.append(pair))
    results = list(suite.run(guest, SuiteContext(tmp_path, "logs", frozenset(names), planned=tuple(names))))
    assert [result.status for result in results] == [Status.PASS, Status.PASS]
    assert not any("reach" in result.output for result in results)
    assert sunk == [(PlannedTest("checks", names[0]), REACHED), (PlannedTest("checks", names[1]), {})]
    assert "--counters" in guest.commands[0]


def test_a_check_that_kills_its_guest_leaves_what_came_before(tmp_path: Path) -> None:
    sunk: Sunk = []
    names = ["udmabuf.size-must-be-page-aligned", "udmabuf.zero-size-is-refused"]
    said = (
        f"KTAP version 1\n1..2\n# start {names[0]}\n# reach {counters.pack(REACHED)}\n# time 0.1\nok 1 {names[0]}\n"
        f"# start {names[1]}\n"
    )
    guest = ScriptedGuest(scripted_kernel(tmp_path), {"harness.guest.runner": Answer(said, lost="panic: oops")})
    suite = CountedSuite(ChecksSuite("checks"), lambda *pair: sunk.append(pair))
    with pytest.raises(GuestLost):
        list(suite.run(guest, SuiteContext(tmp_path, "logs", frozenset(names), planned=tuple(names))))
    assert [test.name for test, _ in sunk] == [names[0]]


def test_files_of_counters_and_back(tmp_path: Path) -> None:
    files = CounterFiles(tmp_path, "move-notify-on-coverage")
    tests = [PlannedTest("sync", "sync/sync_test"), PlannedTest("in-kernel", "dma_fence/test wait")]
    for test in tests:
        files.take(test, REACHED)
    assert files.read() == dict.fromkeys(tests, REACHED)
    damaged = next(tmp_path.rglob("*.counters"))
    damaged.write_text("sync x\n%%\n")
    with pytest.raises(ValueError, match=r"."):
        files.read()
