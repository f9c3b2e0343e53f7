# SPDX-License-Identifier: GPL-2.0-only
"""One kselftest program while it runs: what it prints becomes results at once, what it amounts to at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from harness.causes import Cause
from harness.interfaces import CommandResult, Guest, GuestLost
from harness.ktap import KtapParser, KtapReport, KtapTest
from harness.model import Status, TestResult
from harness.suites.commands import StreamedCommand
from harness.suites.program_verdict import TIMEOUT_CODE, ProgramVerdict, SubtestNames, judge_program
from harness.suites.suite_folder import Program

STRESS_LIMIT = 10.0  # seconds that a program with stress tests gets where its guest is slow
HUGE_PAGES = "dmabuf-harness: huge pages "  # line of ours in a program's output: how many could be reserved
_MARGIN = 15.0  # seconds under KVM between the limit in the guest and ours
_MOST = 0.8  # of its time: a guest that the host gave less did not have its whole limit
_LEAST = 0.25  # of its time counts as given, however busy the host is (vm/qemu.py)


class ProgramRun:
    """One program while it runs. It may be run twice: cut short in its stress tests, or again if it never got there."""

    def __init__(self, suite: str, test: str, program: Program, log: str) -> None:
        self._suite = suite
        self._test = test
        self._program = program
        self.log = log
        self._reported: set[str] = set()
        self._done: CommandResult | None = None
        self._report = KtapReport(())
        self._huge_pages = program.huge_pages
        self._cut_after = 0.0
        self._share = 1.0

    def run(self, guest: Guest, command: str, limit: float, log: Path) -> Iterator[TestResult]:
        """Run it for at most ``limit`` seconds and yield the results that it prints.

        Raises ``GuestLost``, also if it survives being killed: it sleeps in the kernel where no signal reaches it.
        """
        self._cut_after = limit
        parser, names = KtapParser(), SubtestNames(self._test)
        begun, own = time.monotonic(), guest.own_time()
        # The guest's own limit comes first; this one is for a guest that cannot keep it.
        running = StreamedCommand(guest, command, limit + _MARGIN * guest.slowness, log)
        for line in running:
            if line.startswith(HUGE_PAGES):
                self._huge_pages = int(line.removeprefix(HUGE_PAGES))
                continue
            for ended in parser.feed(line):
                if not ended.repeats_its_children:
                    yield from self._inside(names.name(ended), ended)
        if running.result.timed_out:
            seconds = running.result.seconds
            raise GuestLost(f"it hangs: {self._test} could not be stopped within {seconds:.0f} s", Cause.SILENCE)
        self._done, self._report = running.result, parser.close()
        passed = time.monotonic() - begun
        self._share = max((guest.own_time() - own) / passed, _LEAST) if passed else 1.0

    def _inside(self, name: str, ended: KtapTest) -> Iterator[TestResult]:
        if name not in self._reported:
            self._reported.add(name)
            message = ": ".join(filter(None, (ended.directive, ended.reason)))
            output = "\n".join(ended.diagnostics)
            full = f"{self._test}/{name}"
            yield TestResult(self._suite, full, ended.status, message=message, output=output, log=self.log)

    @property
    def _was_cut(self) -> bool:
        return self._done is not None and self._done.status == TIMEOUT_CODE

    @property
    def fair_limit(self) -> float | None:
        """Seconds that give it what it should have had, if it was stopped at its limit while the host was busy with
        other things: the limit is kept in the guest, whose clock goes on meanwhile."""
        return self._cut_after / self._share if self._was_cut and self._share < _MOST else None

    @property
    def must_go_on(self) -> bool:
        """True if it was stopped before it came to its stress tests: a slow guest, or a hang that the whole limit
        will show."""
        return self._was_cut and len(self._reported) < (self._program.quick_results or 0)

    def verdict(self) -> ProgramVerdict:
        """What became of it. Being cut in the stress tests is no failure if all before it went well."""
        assert self._done is not None
        good = all(test.status in (Status.PASS, Status.MISSING) for test in self._report.leaves())
        quick = self._program.quick_results
        if self._was_cut and self._cut_after == STRESS_LIMIT and quick is not None and good:
            missing = [test for test in self._report.leaves() if test.status is Status.MISSING]
            words = f"stress tests cut short after {STRESS_LIMIT:.0f} s: the guest is slow; --thorough runs them all"
            lost = (f"{len(missing)} stress tests were not finished",)
            return ProgramVerdict(Status.SKIP, words, lost, cut_short=True)
        known = self._program
        return judge_program(self._done, self._report, known.plain_pass, self._unmet(), known.results_without)

    def _unmet(self) -> str:
        wanted = self._program.huge_pages
        if self._huge_pages >= wanted:
            return ""
        return f"needs {wanted} huge pages of 2 MiB and got {self._huge_pages}: give the guest more memory"

    def result(self, verdict: ProgramVerdict) -> TestResult:
        """The program's own result."""
        return TestResult(
            self._suite,
            self._test,
            verdict.status,
            self._done.seconds if self._done is not None else 0.0,
            verdict.message,
            output=self._done.stdout + self._done.stderr if self._done is not None else "",
            lost_coverage=verdict.lost,
            log=self.log,
            cut_short=verdict.cut_short,
            cause=verdict.cause,
        )
