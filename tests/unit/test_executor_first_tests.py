# SPDX-License-Identifier: GPL-2.0-only
"""Tests that run before the others: in the same guest, told at once, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from harness.causes import Cause
from harness.events import Event, EventStream
from harness.events import TestEnded as Ended
from harness.executor import Findings, KernelJob
from harness.executor.guests import GuestLauncher
from harness.executor.kernel_test import KernelTest
from harness.interfaces import Guest, GuestLost, SuiteContext
from harness.model import PlannedTest, Status, TestResult, Variant
from harness.pipeline.first_answer import first_answer
from tests.support.fake_launcher import SOURCE, FakeGuest, FakeLauncher, FakeSuite, statuses
from tests.support.sample_reports import variant_report
from tests.support.scripted_guest import scripted_kernel

ALPHA, BETA = FakeSuite(("a1", "a2", "a3"), name="alpha"), FakeSuite(("b1", "b2"), name="beta")
FIRST = (PlannedTest("alpha", "a2"), PlannedTest("beta", "b1"))


class Watched(FakeSuite):
    """``asked``: what it was asked for, part by part."""

    asked: list[SuiteContext]

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        self.asked = [*getattr(self, "asked", []), context]
        return super().run(guest, replace(context, planned=self.tests))  # of which a quick run has not all


def _run(
    tmp_path: Path, job: KernelJob, suites: tuple[FakeSuite, ...], *guests: FakeGuest
) -> tuple[KernelTest, list[Event | Findings]]:
    happened: list[Event | Findings] = []
    events = EventStream()
    events.subscribe(lambda _, event: happened.append(event))
    launcher = cast(GuestLauncher, FakeLauncher([*guests]))
    test = KernelTest(job, scripted_kernel(tmp_path), suites, launcher, events, tmp_path, happened.append)
    test.run()
    return test, happened


def _job(*suites: FakeSuite, first: tuple[PlannedTest, ...] = FIRST) -> KernelJob:
    planned = tuple(PlannedTest(suite.name, test) for suite in suites for test in suite.tests)
    names = tuple(suite.name for suite in suites)
    return KernelJob("key", Variant("on", "", {}), names, planned, source=SOURCE, first=first)


def _fresh() -> tuple[Watched, Watched]:
    return Watched(("a1", "a2", "a3"), name="alpha"), Watched(("b1", "b2"), name="beta")


def test_they_run_first_and_are_told_before_the_others(tmp_path: Path) -> None:
    suites = _fresh()
    test, happened = _run(tmp_path, _job(*suites), suites)
    told = [event.result.name if isinstance(event, Ended) else "kept" for event in happened if _tells(event)]
    assert told == ["a2", "b1", "kept", "a1", "a3", "b2"]
    assert len(test.findings.boots) == 1


def _tells(event: Event | Findings) -> bool:
    return isinstance(event, Ended | Findings)


def _answer(happened: list[Event | Findings], job: KernelJob) -> str:
    """What is told of what was kept when the first tests had ended."""
    (kept,) = [event for event in happened if isinstance(event, Findings)]
    assert kept.first_took is not None
    report = variant_report(job.variant, results=kept.results, splats=kept.splats)
    return first_answer(report, job.first, kept.first_took).text


def test_without_first_tests_nothing_is_kept_before_the_end(tmp_path: Path) -> None:
    suites = _fresh()
    test, happened = _run(tmp_path, _job(*suites, first=()), suites)
    assert not any(isinstance(event, Findings) for event in happened)
    assert test.findings.first_took is None


def test_a_part_of_a_suite_still_leaves_out_what_is_slow(tmp_path: Path) -> None:
    """Nobody named these tests: what takes minutes under emulation is left out as in a whole run."""
    suites = _fresh()
    _run(tmp_path, _job(*suites), suites)
    assert [context.only for context in suites[0].asked] == [{"a2"}, {"a1", "a3"}]
    assert all(context.in_parts for context in suites[0].asked)
    suites = _fresh()
    _run(tmp_path, replace(_job(*suites), narrowed=True), suites)
    assert not any(context.in_parts for context in suites[0].asked)


def test_those_alone_run_if_nothing_else_is_planned(tmp_path: Path) -> None:
    suites = _fresh()
    _run(tmp_path, replace(_job(*suites), planned=FIRST), suites)
    assert [suite.ran for suite in suites] == [["a2"], ["b1"]]


def test_what_is_lost_among_them_goes_on_among_them(tmp_path: Path) -> None:
    dies = FakeSuite(("a1", "a2", "a3"), {"a1": [GuestLost("panic: oh", Cause.PANIC)]}, name="alpha")
    first = (PlannedTest("alpha", "a1"), PlannedTest("alpha", "a3"))
    test, happened = _run(tmp_path, job := _job(dies, first=first), (dies,))
    assert dies.ran == ["a1", "a3", "a2"]
    assert [(one.name, one.status) for one in test.findings.results] == [
        ("a1", Status.ERROR),
        ("a3", Status.PASS),
        ("a2", Status.PASS),
    ]
    assert "1 bad (alpha a1)" in _answer(happened, job)


class LosesAtTheEndOf(FakeSuite):
    """Its guest is lost once: when the part of ``tests`` that ends with ``last`` has ended."""

    last = ""
    lost: GuestLost | None = None

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        yield from super().run(guest, replace(context, planned=self.tests))
        if self.lost is not None and self.ran[-1] == self.last:
            lost, self.lost = self.lost, None
            raise lost


def _loses(last: str, lost: GuestLost | None) -> LosesAtTheEndOf:
    suite = LosesAtTheEndOf(("a1", "a2", "a3"), name="alpha")
    suite.last, suite.lost = last, lost
    return suite


PASSED = [("a2", Status.PASS), ("a1", Status.PASS), ("a3", Status.PASS)]


def test_a_guest_lost_after_the_last_of_them_is_no_fault_of_a_test_that_is_still_to_run(tmp_path: Path) -> None:
    suite = _loses("a2", GuestLost("no answer for 80 s", Cause.SILENCE))
    test, _ = _run(tmp_path, _job(suite, first=FIRST[:1]), (suite,))
    assert statuses(test) == [PASSED[0], ("guest", Status.ERROR), *PASSED[1:]]
    assert test.findings.results[1].message == "lost after the last test: no answer for 80 s"
    assert suite.ran == ["a2", "a1", "a3"]


KILLED = GuestLost("QEMU was killed or failed (QEMU exit status 137)", Cause.MACHINE)


def test_a_machine_that_loses_the_guest_after_the_last_test_costs_what_ran_since_they_were_told(tmp_path: Path) -> None:
    suite = _loses("a3", KILLED)
    test, _ = _run(tmp_path, _job(suite, first=FIRST[:1]), (suite,))
    assert statuses(test) == PASSED
    assert suite.ran == ["a2", "a1", "a3", "a1", "a3"]


def test_a_machine_that_loses_the_guest_right_after_them_costs_them(tmp_path: Path) -> None:
    suite = _loses("a2", KILLED)
    test, _ = _run(tmp_path, _job(suite, first=FIRST[:1]), (suite,))
    assert statuses(test) == PASSED
    assert suite.ran == ["a2", "a2", "a1", "a3"]


def test_a_death_by_the_kernel_is_not_forgotten_when_the_machine_loses_the_next_guest(tmp_path: Path) -> None:
    """A test of the same part died with the guest before."""
    suite = _loses("a3", KILLED)
    suite.deaths["a1"] = [GuestLost("panic: oh", Cause.PANIC)]
    test, _ = _run(tmp_path, _job(suite, first=FIRST[:1]), (suite,))
    assert statuses(test) == [PASSED[0], ("a1", Status.ERROR), PASSED[2]]
    assert suite.ran == ["a2", "a1", "a3", "a3"]


def test_a_guest_lost_among_the_others_is_laid_at_the_first_of_them(tmp_path: Path) -> None:
    dies = FakeSuite(("a1", "a2", "a3"), {"a1": [GuestLost("panic: oh", Cause.PANIC)]}, False, "alpha")
    test, _ = _run(tmp_path, _job(dies, first=FIRST[:1]), (dies,))
    assert statuses(test) == [PASSED[0], ("a1", Status.ERROR), PASSED[2]]


def test_nothing_lost_nothing_blamed(tmp_path: Path) -> None:
    suite = _loses("a2", None)
    test, _ = _run(tmp_path, _job(suite, first=FIRST[:1]), (suite,))
    assert statuses(test) == PASSED


KASAN = """\
[    5.000000] ==================================================================
[    5.000001] BUG: KASAN: slab-use-after-free in dma_buf_export+0x1a/0x40
[    5.000002] Read of size 8 at addr ffff888003a01230 by task python3/77
[    5.000003] Call Trace:
[    5.000004]  dma_buf_export+0x1a/0x40
[    5.000005] ==================================================================
"""
PROVOKED = """\
[    4.000000] dmabuf-harness: start alpha
[    4.000001] dmabuf-harness: start provokes
[    5.000000] ------------[ cut here ]------------
[    5.000002] WARNING: drivers/dma-buf/dma-buf.c:722 at dma_buf_export+0x2b3/0x370, CPU#0: python3/342
[    5.000003] Call Trace:
[    5.000004]  f+0x20/0x40
[    5.000005] ---[ end trace 0000000000000000 ]---
"""


@pytest.mark.parametrize(
    ("guest", "lost", "told"),
    [
        (FakeGuest(1), None, "none is bad"),
        (FakeGuest(1, says=PROVOKED), None, "none is bad"),
        (FakeGuest(1), KILLED, "none is bad"),  # they ran once more
        (FakeGuest(1, says=KASAN), None, "1 reported by the kernel (kasan: "),
        (FakeGuest(1, tainted=512), None, "1 reported by the kernel (taint: "),
        (FakeGuest(1), GuestLost("panic: oh", Cause.PANIC), "1 lost after the last test (alpha)"),
        (FakeGuest(1, says=KASAN), GuestLost("panic: oh", Cause.PANIC), "(kasan: "),
    ],
)
def test_no_trouble_is_told_as_good_news(tmp_path: Path, guest: FakeGuest, lost: GuestLost | None, told: str) -> None:
    suite = _loses("a2", lost)
    _, happened = _run(tmp_path, job := _job(suite, first=FIRST[:1]), (suite,), guest)
    answer = _answer(happened, job)
    assert told in answer
    assert ("none is bad" in answer) == (told == "none is bad")


def test_a_flag_of_trouble_is_laid_at_the_door_of_the_suite_in_which_it_came(tmp_path: Path) -> None:
    class Taints(FakeSuite):
        def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
            yield from super().run(guest, context)
            if "b1" in context.only:
                cast(FakeGuest, guest).tainted = 512

    alpha, beta = _fresh()[0], Taints(("b1", "b2"), name="beta")
    test, _ = _run(tmp_path, _job(alpha, beta), (alpha, beta))
    assert [(splat.kind, splat.during) for splat in test.findings.splats] == [("taint", "beta")]


def test_a_repeat_has_no_first_tests() -> None:
    job = _job(ALPHA, BETA)
    assert job.narrowed_to(FIRST[0]).first == ()
    assert job.up_to("alpha").first == FIRST[:1]
