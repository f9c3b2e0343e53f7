# SPDX-License-Identifier: GPL-2.0-only
"""Guests, a launcher and a suite without a kernel: for what is made of guests that are lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from harness.causes import Blame, Cause
from harness.events import EventStream
from harness.executor import JobSource, KernelJob
from harness.executor.guests import GuestLauncher
from harness.executor.kernel_test import KernelTest
from harness.interfaces import Guest, GuestLost, JobLimits, SuiteContext
from harness.model import BootOutcome, BootReport, Kernel, PlannedTest, Status, TestResult, Variant
from harness.suites.checks import ChecksSuite
from harness.vm.accel import Accelerator
from tests.support.scripted_guest import scripted_kernel

OOPS = """\
[    5.000000] BUG: kernel NULL pointer dereference, address: 0000000000000018
[    5.000001] Oops: 0002 [#1] PREEMPT SMP
[    5.000002] RIP: 0010:dma_buf_detach+0x20/0x90
[    5.000003] Call Trace:
[    5.000004]  drm_prime_gem_destroy+0x20/0x40
[    5.000005] ---[ end trace 0000000000000000 ]---
[    5.000006] Kernel panic - not syncing: Fatal exception in interrupt
"""


@dataclass
class FakeGuest:
    """``says``: on its console. ``place``: what its autopsy finds."""

    number: int
    says: str = ""
    place: str = ""
    tainted: int = 0
    blocked: tuple[str, ...] = ()
    slow_features: tuple[str, ...] = ()
    hangs_in: str = ""
    blame: Blame = Blame.KERNEL
    files_replaced: bool = False
    marks: list[str] = field(default_factory=list)
    ended: bool = False
    slowed_down: bool = False
    seconds = cpu_seconds = 1.0
    peak_rss = 1 << 20

    def mark(self, text: str) -> None:
        self.marks.append(text)

    def autopsy(self, reason: str) -> str:
        assert reason and not self.ended
        return self.place

    def own_time(self) -> float:
        return time.monotonic()

    def crawls(self) -> bool:
        return self.slowed_down

    def taint(self) -> int:
        return self.tainted

    def blamed(self, lost: GuestLost) -> GuestLost:
        return GuestLost(lost.reason, Cause.MACHINE) if self.files_replaced else lost

    def stuck(self) -> tuple[str, ...]:
        return self.blocked

    def evidence(self) -> str:
        marks = "".join(f"[    1.000000] dmabuf-harness: {mark}\n" for mark in self.marks)
        return marks + self.says

    def shutdown(self) -> None:
        self.ended = True


@dataclass
class FakeLauncher:
    """Boots ``guests`` one after the other; more like the last one when they are used up."""

    guests: list[FakeGuest]
    outcomes: dict[int, BootOutcome] = field(default_factory=dict)
    booted: list[FakeGuest] = field(default_factory=list)
    accel: str = "tcg"
    accused: list[str] = field(default_factory=list)

    def accuse(self, reason: str) -> None:
        """As the real one: the second time KVM is given up."""
        self.accused.append(reason)
        self.accel = "tcg" if len(self.accused) > 1 else self.accel

    def distrusts(self, _kernel: str, boots: Sequence[BootReport]) -> bool:
        return any(boot.accel != self.accel for boot in boots)

    @property
    def accelerator(self) -> Accelerator:
        return Accelerator(self.accel, True, "scripted")

    def boot(self, _kernel: Kernel, directory: Path, _limits: JobLimits) -> tuple[FakeGuest, BootReport]:
        guest = self.guests.pop(0) if self.guests else FakeGuest(len(self.booted) + 1)
        self.booted.append(guest)
        outcome = self.outcomes.get(len(self.booted), BootOutcome.UP)
        ended = "QEMU exit status 137" if guest.blame is Blame.MACHINE else "panic: oh"
        console = f"boots/{directory.name}/console.log"
        return guest, BootReport(
            outcome, self.accel, 5.0, console, "7.2", ended=ended if outcome is not BootOutcome.UP else ""
        )


NO_LIMITS = JobLimits()
SOURCE = JobSource("no-such-repository", "HEAD")
Deaths = dict[str, list[GuestLost]]


@dataclass
class FakeSuite:
    """Each of ``tests`` passes, but for those that the guest dies of, as often as ``deaths`` says.

    ``knows``: it yields an error for the test that ran; else it only lets ``GuestLost`` through.
    """

    tests: tuple[str, ...]
    deaths: Deaths = field(default_factory=dict)
    knows: bool = True
    name: str = "suite"
    ran: list[str] = field(default_factory=list)

    def plan(self, _kernel: Kernel, _tree: Path) -> tuple[PlannedTest, ...]:
        return tuple(PlannedTest(self.name, test) for test in self.tests)

    def provoked(self, test: str) -> tuple[str, ...]:
        return ("dma_buf_export",) if test == "provokes" else ()

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        assert context.planned == self.tests
        for test in self.tests:
            if context.only and test not in context.only:
                continue
            self.ran.append(test)
            guest.mark(f"start {test}")
            if self.deaths.get(test):
                lost = self.deaths[test].pop(0)
                if self.knows:
                    yield lost.result(self.name, test)
                raise lost
            guest.mark(f"end {test}")
            yield TestResult(self.name, test, Status.PASS)


def run_suite(
    tmp_path: Path,
    suite: FakeSuite | ChecksSuite,
    launcher: FakeLauncher,
    config: str = "",
    limits: JobLimits = NO_LIMITS,
) -> KernelTest:
    kernel, variant = scripted_kernel(tmp_path, config), Variant("on", "", {})
    planned = suite.plan(kernel, tmp_path)
    job = KernelJob(kernel.key, variant, (suite.name,), planned, source=SOURCE, limits=limits)
    test = KernelTest(job, kernel, (suite,), cast(GuestLauncher, launcher), EventStream(), tmp_path)
    test.run()
    return test


def statuses(test: KernelTest) -> list[tuple[str, Status]]:
    return [(result.name, result.status) for result in test.findings.results]
