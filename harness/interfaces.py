# SPDX-License-Identifier: GPL-2.0-only
"""Protocols through which stages use each other without importing each other.

``vm`` provides a ``Guest``; ``suites``, and a user's own pytest files, only see this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.causes import Blame, Cause, Status
from harness.model import Kernel, PlannedTest, TestResult, Variant

LineSink = Callable[[str, str], None]
"""Called with (stream, line) where stream is "stdout" or "stderr" and line has no newline."""

CounterSink = Callable[[str, Mapping[str, bytes]], None]
"""Called with (test, files): paths of .gcda files, as the kernel names them, and what they held after the test."""


class GuestLost(Exception):
    """The guest died or stopped answering while something ran in it: data for the caller, not a user's error.

    ``reason`` is one line, for people ("panic: Kernel panic - not syncing: ...", "no answer for 120 s"); what is done
    about it goes by ``cause``.
    """

    def __init__(self, reason: str, cause: Cause) -> None:
        self.reason = reason
        self.cause = cause
        super().__init__(reason)

    @property
    def blame(self) -> Blame:
        return self.cause.blame

    def result(self, suite: str, name: str, log: str = "") -> TestResult:
        """Of the test that ran when the guest was lost. ``log``: as in ``TestResult``."""
        return TestResult(suite, name, Status.ERROR, message=f"guest lost: {self.reason}", log=log, cause=self.cause)

    @property
    def machine(self) -> bool:
        """Nothing is known about the kernel."""
        return self.blame is not Blame.KERNEL


@dataclass(frozen=True)
class JobLimits:
    """What the tests of one kernel may take. ``boots``: guests, one after the other.

    ``memory``: MiB of each guest, None: what the tests need and the machine has. ``thorough``: also run what takes
    minutes under software emulation. ``time_factor``: on every time limit, for kernels that are slow by what was built
    into them. ``seed``: for tests that draw numbers, to do as they did before; None lets them choose. ``walks``: how
    many random walks are taken, None: the usual number.
    """

    boots: int = 4  # a patch that kills every guest must not keep us for hours
    memory: int | None = None
    thorough: bool = False
    time_factor: float = 1.0
    seed: int | None = None
    walks: int | None = None


@dataclass(frozen=True)
class CommandResult:
    """A command that ran in the guest. ``status``: exit status; 128 + n if signal n ended it;
    None if it was stopped at its deadline (``timed_out``)."""

    command: str
    status: int | None
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.status == 0


class Guest(Protocol):
    """A booted kernel under test, reached over ssh."""

    @property
    def accel(self) -> str:
        """ "kvm" or "tcg"."""

    @property
    def slowness(self) -> float:
        """Factor on time limits: of the accelerator (1.0 under KVM), and of what the kernel checks (KASAN)."""

    @property
    def kernel(self) -> Kernel: ...

    def own_time(self) -> float:
        """Seconds that the host gave it since its start: limits are counted in them."""

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        """Run a shell command (dash, clean environment) as root. ``timeout``: host seconds, already stretched.

        Streams lines to ``on_line`` as they come. Raises ``GuestLost`` if the guest dies or stops answering.
        """

    def put(self, local: Path, remote: str) -> None:
        """Copy a file into the guest (the guest's /tmp is writable, lives in memory)."""

    def get(self, remote: str, local: Path) -> None:
        """Copy a file out of the guest."""

    def kernel_log(self) -> str:
        """The guest's dmesg up to now, with time stamps."""

    def mark(self, text: str) -> None:
        """Write ``text`` to the kernel log (visible on the console), to tell what ran when. Raises ``GuestLost``."""


@dataclass(frozen=True)
class SuiteContext:
    """What a suite gets besides the guest. ``logs``: directory for raw output, inside the run directory.

    ``log_prefix``: path of ``logs`` relative to the run directory. ``only``: names of those that run (empty: all).
    ``variant``: the one whose kernel runs. ``thorough``: also run what takes minutes under software emulation.
    ``seed``: for tests that draw numbers, to do as they did before; None lets them choose. ``walks``: how many random
    walks are taken, None: the usual number.
    ``planned``: the names of all its tests, in the order in which they run.
    ``counters``: gets the name of each test that ended and the .gcda files that it left, on a kernel that counts; a
    suite that cannot tell them apart itself is run test by test, with each in ``only``.
    ``in_parts``: ``only`` is not what the user asked for: the suite is run part by part.
    """

    logs: Path
    log_prefix: str
    only: frozenset[str] = frozenset()
    variant: Variant | None = None
    thorough: bool = False
    seed: int | None = None
    walks: int | None = None
    planned: tuple[str, ...] = ()
    counters: CounterSink | None = None
    in_parts: bool = False

    def leaves_out_slow_tests(self, guest: Guest) -> bool:
        """True where the slowest tests cost minutes and nobody asked for them: a loss of coverage, to be said."""
        return guest.accel == "tcg" and (self.in_parts or not self.only) and not self.thorough


class Suite(Protocol):
    """A kind of test. ``name`` is what ``--suite`` takes."""

    @property
    def name(self) -> str: ...

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        """Tests that must show up in the results. ``tree``: the patched source. No guest is needed."""

    def provoked(self, test: str) -> tuple[str, ...]:
        """Functions in which ``test`` makes the kernel warn on purpose: that warning is no fault of the kernel."""

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        """Run in ``guest``, yield each result as it comes. ``GuestLost`` passes through: what was yielded stands."""
