# SPDX-License-Identifier: GPL-2.0-only
"""Testing one kernel: boot it, run the suites, go on in a fresh guest when one is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.events import EventStream, PhaseEnded, TestEnded
from harness.interfaces import GuestLost, Suite, SuiteContext
from harness.model import Applied, BootOutcome, BootReport, Kernel, PlannedTest, Splat, Status, TestResult, Variant
from harness.pipeline.phases import phase
from harness.pipeline.request import RunRequest
from harness.source import Snapshot
from harness.splat import decode, find_splats
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher

MAX_BOOTS = 4  # of one kernel in one run: a patch that kills every guest must not keep us for hours


@dataclass
class Findings:
    """What is known about one kernel so far. Grows as tests end, so that a run that is cut off keeps it."""

    planned: tuple[PlannedTest, ...] = ()
    results: list[TestResult] = field(default_factory=list)
    splats: list[Splat] = field(default_factory=list)
    boots: list[BootReport] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class KernelTest:
    """Runs the suites on one kernel. ``variant``: the one it was built for, from ``applied``.

    ``label``: before its name in events.
    """

    def __init__(
        self,
        variant: Variant,
        kernel: Kernel,
        launcher: Launcher,
        events: EventStream,
        request: RunRequest,
        applied: Applied,
        label: str = "",
    ) -> None:
        self._of = variant
        self._variant = variant.name
        self._shown = label + variant.name
        self._kernel = kernel
        self._applied = applied
        self._launcher = launcher
        self._events = events
        self._run_dir = request.directory
        self._thorough = request.thorough
        self._seed = request.seed
        self._narrowed = bool(request.only)
        self._guest: VmGuest | None = None
        self._suites: tuple[Suite, ...] = ()
        self.findings = Findings()

    def run(self, suites: tuple[Suite, ...]) -> None:
        """Run what is planned of ``suites``; every result is in ``findings``.

        Raises ``InfrastructureError`` if QEMU cannot be used.
        """
        self._suites = suites
        try:
            for suite in suites:
                self._run_suite(suite)
        finally:
            self._end_guest("ended by the harness")

    def boot(self) -> None:
        """Boot it, and no more."""
        self._live_guest()
        self._end_guest("ended by the harness")

    # --- guests -------------------------------------------------------------------------------

    def _live_guest(self) -> VmGuest | None:
        """The guest at hand, or a fresh one; None if the kernel does not come up (any more)."""
        if self._guest is not None:
            return self._guest
        if len(self.findings.boots) >= MAX_BOOTS or self._last_boot_failed():
            return None
        directory = self._run_dir / "boots" / f"{self._variant}-{len(self.findings.boots) + 1}"
        with phase(self._events, self._shown, "boot", self.findings.times) as say:
            guest, report = self._launcher.boot(self._kernel, directory)
            say(report.accel if report.outcome is BootOutcome.UP else report.outcome.value)
        self.findings.boots.append(report)
        self._guest = guest
        if report.outcome is BootOutcome.UP:
            return guest
        self._end_guest(report.ended)
        return None

    def _last_boot_failed(self) -> bool:
        boots = self.findings.boots
        return bool(boots) and boots[-1].outcome is not BootOutcome.UP

    def _end_guest(self, reason: str) -> None:
        guest, self._guest = self._guest, None
        if guest is None:
            return
        guest.shutdown()
        boots = self.findings.boots
        found = (replace(splat, log=boots[-1].console) for splat in find_splats(guest.console.text()))
        self._explain([splat for splat in found if not self._is_provoked(splat)])
        boots[-1] = replace(boots[-1], ended=reason)
        used = PhaseEnded(self._shown, "guest", guest.seconds, reason, guest.cpu_seconds, guest.peak_rss)
        self._events.publish(used)

    def _explain(self, splats: list[Splat]) -> None:
        """Note ``splats`` with their stacks in the source; by now the work tree may hold another one."""
        if splats:
            source = Snapshot(self._applied.tree, self._applied.tree_id)
            decoded = decode(splats, self._kernel, source, self._applied.added)
            self.findings.splats += decoded.splats
            self.findings.notes += [note for note in decoded.notes if note not in self.findings.notes]

    def _is_provoked(self, splat: Splat) -> bool:
        """True for one that the test which ran provokes on purpose; the test itself sees to it that it comes."""
        suite, _, test = splat.during.partition(": ")
        places = next((own.provoked(test) for own in self._suites if own.name == suite), ())
        return any(place in splat.title for place in places)

    # --- suites -------------------------------------------------------------------------------

    def _run_suite(self, suite: Suite) -> None:
        """One suite, continued in a fresh guest with what is left of it if the guest is lost."""
        planned = frozenset(test.name for test in self.findings.planned if test.suite == suite.name)
        left = planned
        while left and (guest := self._live_guest()) is not None:
            whole = left == planned and not self._narrowed
            if not self._attempt(suite, guest, frozenset() if whole else left):
                return
            left = planned - {result.name for result in self.findings.results if result.suite == suite.name}
        if not left:
            return
        if not any(result.suite == suite.name for result in self.findings.results):
            self.findings.notes.append(f"{suite.name} did not run: {self._why_no_guest()}")

    def _why_no_guest(self) -> str:
        last = self.findings.boots[-1]
        if last.outcome is not BootOutcome.UP:
            return f"the kernel did not boot ({last.ended})"
        return f"{MAX_BOOTS} guests were lost before"

    def _attempt(self, suite: Suite, guest: VmGuest, only: frozenset[str]) -> bool:
        """Run ``suite`` in ``guest``; True if the guest was lost and something may be left to do."""
        logs = self._run_dir / "boots" / f"{self._variant}-{len(self.findings.boots)}" / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        prefix = str(logs.relative_to(self._run_dir))
        context = SuiteContext(logs, prefix, only, self._of, self._thorough, self._seed)
        with phase(self._events, self._shown, f"suite:{suite.name}", self.findings.times) as say:
            try:
                guest.mark(f"start {suite.name}")
                for result in suite.run(guest, context):
                    self._record(result)
                guest.mark(f"end {suite.name}")
            except GuestLost as lost:
                say(f"guest lost: {lost.reason}")
                self._blame(suite, lost.reason)
                self._end_guest(f"{lost.reason}, during {suite.name}")
                return True
        return False

    def _record(self, result: TestResult) -> None:
        self.findings.results.append(result)
        self._events.publish(TestEnded(self._shown, result))

    def _blame(self, suite: Suite, reason: str) -> None:
        """The test that ran when the guest died has an error, even if the suite could not tell which it was."""
        mine = [result for result in self.findings.results if result.suite == suite.name]
        if mine and mine[-1].status is Status.ERROR:
            return
        done = {result.name for result in mine}
        for test in self.findings.planned:
            if test.suite == suite.name and test.name not in done:
                self._record(TestResult(suite.name, test.name, Status.ERROR, message=f"guest lost: {reason}"))
                return
        # All its tests had ended, yet the guest did not survive the suite: that must not come out green.
        self._record(TestResult(suite.name, "guest", Status.ERROR, message=f"lost after the last test: {reason}"))
