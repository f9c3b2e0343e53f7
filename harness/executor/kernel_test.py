# SPDX-License-Identifier: GPL-2.0-only
"""Testing one kernel: boot it, run the suites, go on in a fresh guest when one is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import process
from harness.causes import Blame, Cause
from harness.changes import GUEST
from harness.events import EventStream, Note, PhaseEnded, TestEnded
from harness.executor.guest_loss import Loss, explained, is_of_injection, no_result, put_aside
from harness.executor.guests import GuestLauncher, WatchedGuest
from harness.executor.kernel_job import Findings, KernelJob, drop
from harness.executor.shared_trouble import SharedTrouble
from harness.guest.oracle import warns_in
from harness.interfaces import GuestLost, Suite, SuiteContext
from harness.model import BootOutcome, BootReport, Kernel, PlannedTest, Splat, Status, TestResult
from harness.phases import phase
from harness.source import Snapshot
from harness.splat import case_name, decode, find_splats, hung, is_proof, lock_checking_ended, silent


@dataclass
class _Found:
    """``Findings`` that grow as tests end, so that a run that is cut off keeps them."""

    results: list[TestResult] = field(default_factory=list)
    splats: list[Splat] = field(default_factory=list)
    boots: list[BootReport] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first_took: float | None = None

    def forget(self) -> None:
        """All of it says nothing."""
        for found in (self.results, self.splats, self.boots, self.times, self.notes):
            found.clear()
        self.first_took = None


class KernelTest:
    """Does one job. ``kernel``, ``suites``: those that it names. ``directory``, ``keep``: as in ``Executor.run``; it is
    called here when the first tests have ended, and only then."""

    def __init__(
        self,
        job: KernelJob,
        kernel: Kernel,
        suites: tuple[Suite, ...],
        launcher: GuestLauncher,
        events: EventStream,
        directory: Path,
        keep: Callable[[Findings], None] = drop,
    ) -> None:
        self._job = job
        self._keep = keep
        self._variant = job.variant.name
        self._shown = job.label + job.variant.name
        self._kernel = kernel
        self._suites = suites
        self._launcher = launcher
        self._events = events
        self._run_dir = directory
        self._guest: WatchedGuest | None = None
        self._retried: set[str] = set()
        self._taints: dict[str, int] = {}  # of the guest at hand, after each suite
        self._stuck: list[tuple[str, str]] = []  # in the guest at hand: after which suite, and what there is to say
        self._found = _Found()
        self._shared = SharedTrouble()

    @property
    def findings(self) -> Findings:
        """All that was found up to now."""
        found = self._found
        return Findings(
            self._job.planned,
            tuple(found.results),
            tuple(found.splats),
            tuple(found.boots),
            dict(found.times),
            tuple(filter(None, [self._shared.summary(), *found.notes])),
            first_took=found.first_took,
        )

    def run(self) -> None:
        """Run what is planned; every result is in ``findings``. A job without suites is a boot, and no more.

        Raises ``InfrastructureError`` if QEMU cannot be used or the disk is full.
        """
        self._trusted(self._run_all if self._suites else self._live_guest)

    def _trusted(self, work: Callable[[], object]) -> None:
        """Do ``work``; from the start if the accelerator that some of it ran under was given up meanwhile."""
        while True:
            try:
                work()
            finally:
                self._end_guest("ended by the harness")
            if not self._is_distrusted:
                return
            self._start_over()

    def _run_all(self) -> None:
        first, started = self._job.first, time.monotonic()
        self._run_part(first)
        if first and not self._is_distrusted:
            self._found.first_took = time.monotonic() - started
            reports = (*self._found.splats, *self._reports_up_to_now())
            self._keep(replace(self.findings, splats=reports))
        self._run_part([test for test in self._job.planned if test not in first])

    def _run_part(self, tests: Sequence[PlannedTest]) -> None:
        for suite in self._suites:
            if not self._is_distrusted:
                self._run_suite(suite, frozenset(test.name for test in tests if test.suite == suite.name))

    @property
    def _is_distrusted(self) -> bool:
        return self._launcher.distrusts(self._kernel.key, self._found.boots)

    def _start_over(self) -> None:
        """Forget what was found; its logs are put aside."""
        now = self._launcher.accelerator.name.upper()
        self._events.publish(Note(self._shown, f"run again from its start, under {now}: what ran before says nothing"))
        put_aside(self._run_dir, self._found.boots)
        self._found.forget()
        self._shared = SharedTrouble()
        self._retried.clear()

    # --- guests -------------------------------------------------------------------------------

    def _live_guest(self) -> WatchedGuest | None:
        """The guest at hand, or a fresh one; None if the kernel does not come up (any more)."""
        if self._is_distrusted:
            return None
        if self._guest is not None:
            return self._guest
        if len(self._found.boots) >= self._job.limits.boots or self._last_boot_failed():
            return None
        guest = self._boot()
        if guest.blame is not Blame.KERNEL:
            self._note(f"{self._boot_name} was not lost by its kernel while it booted: tried once more")
            guest = self._boot()
        return self._guest

    def _boot(self) -> WatchedGuest:
        """Boot a guest; it is the one at hand if it came up."""
        directory = self._run_dir / "boots" / f"{self._variant}-{len(self._found.boots) + 1}"
        with phase(self._events, self._shown, "boot", self._found.times) as say:
            guest, report = self._launcher.boot(self._kernel, directory, self._job.limits)
            say(report.accel if report.outcome is BootOutcome.UP else report.outcome.value)
        if guest.slow_features and not self._found.boots:
            self._note(f"time limits are stretched for what this kernel checks: {', '.join(guest.slow_features)}")
        self._found.boots.append(report)
        self._guest, self._taints, self._stuck = guest, {}, []
        if report.outcome is not BootOutcome.UP:
            self._end_guest(report.ended, report.cause, report.hangs_in)
        return guest

    @property
    def _boot_name(self) -> str:
        return f"guest {len(self._found.boots)}"

    def _last_boot_failed(self) -> bool:
        boots = self._found.boots
        return bool(boots) and boots[-1].outcome is not BootOutcome.UP

    def _end_guest(self, reason: str, cause: Cause | None = None, hangs_in: str = "") -> list[Splat]:
        """End the guest at hand, if any, and keep what its kernel reported; returns that, without what is provoked.

        ``reason``, ``cause``, ``hangs_in``: as in ``BootReport``.
        """
        guest, self._guest = self._guest, None
        if guest is None:
            return []
        guest.shutdown()
        boots = self._found.boots
        told = find_splats(log := guest.evidence())
        self._note_end_of_lock_checking(log, told)
        found = self._decoded([replace(splat, log=boots[-1].console) for splat in self._unprovoked(told)])
        self._found.splats += found
        boots[-1] = replace(boots[-1], ended=reason, cause=cause, hangs_in=hangs_in)
        used = PhaseEnded(self._shown, "guest", guest.seconds, reason, guest.cpu_seconds, guest.peak_rss)
        self._events.publish(used)
        return found

    def _reports_up_to_now(self) -> list[Splat]:
        """Those of the guest at hand, which goes on."""
        return [] if self._guest is None else self._unprovoked(find_splats(self._guest.evidence()))

    def _unprovoked(self, told: Sequence[Splat]) -> list[Splat]:
        """``told`` by the guest at hand, and what its kernel knows of and did not print, if nobody asked for it."""
        found = (*told, *silent(self._taints, told), *hung(self._stuck, told))
        return [splat for splat in found if not self._is_provoked(splat)]

    def _note_end_of_lock_checking(self, log: str, splats: Sequence[Splat]) -> None:
        """Lockdep reports once in a guest; the report need not make the run red, and then nothing else would tell."""
        if self._kernel.config_value("LOCKDEP") == "y" and (last := lock_checking_ended(log, splats)) is not None:
            what = f"{case_name(last)}, during {last.during}"
            self._note(f"lock checking ended in {self._boot_name} with {what}: what ran there later was not checked")

    def _decoded(self, splats: list[Splat]) -> list[Splat]:
        """``splats`` with their stacks in the source; by now the work tree may hold another one."""
        if not splats:
            return []
        source = self._job.source
        added = {path: frozenset(lines) for path, lines in source.added.items()}
        decoded = decode(splats, self._kernel, Snapshot(source.path, source.tree_id), added)
        self._found.notes += [note for note in decoded.notes if note not in self._found.notes]
        return list(decoded.splats)

    def _is_provoked(self, splat: Splat) -> bool:
        """True for a warning that the test which ran provokes on purpose; the test itself sees to it that it comes."""
        moment = splat.moment
        places = next((own.provoked(moment.test) for own in self._suites if own.name == moment.suite), ())
        # The title is the line with the place, or what stands above that: a WARN's text, or the condition that failed.
        lines = [splat.title, *splat.text.splitlines()]
        return splat.kind == "warn" and any(warns_in(line, places) for line in lines)

    # --- suites -------------------------------------------------------------------------------

    def _run_suite(self, suite: Suite, planned: frozenset[str]) -> None:
        """The tests ``planned`` of one suite, continued in a fresh guest with what is left if the guest is lost."""
        left, in_vain = planned, 0
        while left and in_vain < 2 and (guest := self._live_guest()) is not None:
            loss = self._attempt(suite, guest, planned, left)
            if loss is None:
                return
            in_vain = in_vain + 1 if loss.in_vain else 0
            left = planned - {result.name for result in self._found.results if result.suite == suite.name}
        if left:
            what = "did not run" if left == planned else f"did not run to its end, {len(left)} of its tests are missing"
            why = "it lost two guests and nobody knows by which test" if in_vain > 1 else self._why_no_guest()
            self._note(f"{suite.name} {what}: {why}")

    def _planned(self, suite: Suite) -> tuple[str, ...]:
        return tuple(test.name for test in self._job.planned if test.suite == suite.name)

    def _why_no_guest(self) -> str:
        last = self._found.boots[-1]
        if last.outcome is not BootOutcome.UP:
            return f"the kernel did not boot ({last.ended})"
        allowed = self._job.limits.boots
        return f"{allowed} {'guest was' if allowed == 1 else 'guests were'} lost before"

    def _attempt(self, suite: Suite, guest: WatchedGuest, part: frozenset[str], left: frozenset[str]) -> Loss | None:
        """Run what is ``left`` of ``part``, of the tests of ``suite``, in ``guest``.

        Returns the loss if the guest was lost and something may be left to do.
        """
        whole = left == part and not (self._job.narrowed or self._job.first)
        only = frozenset() if whole else left
        logs = self._run_dir / "boots" / f"{self._variant}-{len(self._found.boots)}" / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        prefix, planned = str(logs.relative_to(self._run_dir)), self._planned(suite)
        of, drawn = self._job.variant, (self._job.limits.seed, self._job.limits.walks)
        in_parts = bool(self._job.first) and not self._job.narrowed
        context = SuiteContext(logs, prefix, only, of, self._job.limits.thorough, *drawn, planned, in_parts=in_parts)
        before = len(self._found.results)
        held: list[TestResult] = []  # errors: told once it is known whether the guest is lost, and why
        with phase(self._events, self._shown, f"suite:{suite.name}", self._found.times) as say:
            try:
                guest.mark(f"start {suite.name}")
                for result in suite.run(guest, context):
                    if result.status is Status.FAIL:
                        _refuse_crawling(guest)
                    if result.status is not Status.ERROR:
                        self._flush(held)
                        self._record(result)
                    else:
                        held.append(result)
                guest.mark(f"end {suite.name}")
                _refuse_crawling(guest)
                self._note_taint(suite, guest.taint())
                self._stuck += [(suite.name, report) for report in guest.stuck()]
                self._flush(held)
            except GuestLost as lost:
                deadly = [error for error in held if error.cause is lost.cause]
                self._flush([error for error in held if error not in deadly])
                place = guest.autopsy(lost.reason)
                lost = guest.blamed(lost)  # in the light of that
                say(f"guest lost: {lost.reason}")
                known = (place, guest.hangs_in) if place and lost.blame is Blame.KERNEL else ("", "")
                loss = Loss(lost, known[0], bool(deadly), len(self._found.results) > before, known[1])
                self._lose(suite, guest, loss, deadly or [self._suspect(suite, part, lost)], before)
                return loss
            except BaseException:
                self._flush(held)
                raise
        return None

    def _note_taint(self, suite: Suite, taint: int) -> None:
        """A suite that runs in two parts answers for what came in either of them."""
        known = 0
        for flags in self._taints.values():
            known |= flags
        self._taints[suite.name] = self._taints.get(suite.name, 0) | (taint & ~known)

    def _flush(self, held: list[TestResult]) -> None:
        while held:
            self._record(held.pop(0))

    def _record(self, result: TestResult) -> None:
        self._found.results.append(result)
        self._events.publish(TestEnded(self._shown, result))
        if alike := self._shared.see(result):
            self._events.publish(Note(self._shown, alike, "warning"))

    # --- lost guests --------------------------------------------------------------------------

    def _lose(self, suite: Suite, guest: WatchedGuest, loss: Loss, errors: list[TestResult], before: int) -> None:
        """Find out why, end the guest, and give ``errors`` the reason; a guest lost by the machine costs no test.

        ``before``: how many results there were when what ran in it began; those are of other guests, parts or suites.
        """
        if loss.lost.machine and process.stopping():
            raise process.Stopping
        place = loss.place
        ended = f"{loss.lost.reason}{f'; {place}' if place else ''}, during {suite.name}"
        name, console = self._boot_name, self._found.boots[-1].console
        splats = self._end_guest(ended, loss.cause, loss.hangs_in)
        if loss.lost.blame is Blame.ACCELERATOR:
            # Processors that stand still bring stalls about.
            self._leave_out([splat for splat in splats if not is_proof(case_name(splat))])
            self._launcher.accuse(loss.lost.reason)
            if self._is_distrusted:
                return
        names = {error.name for error in errors}
        if loss.lost.blame is Blame.INJECTION:  # what the kernel says of that is our doing as well
            self._leave_out([splat for splat in splats if is_of_injection(splat, errors)])
        once_more = loss.lost.blame is Blame.ACCELERATOR or not names & self._retried  # the launcher bounds the first
        if loss.lost.machine and once_more:
            self._retried |= names
            if GUEST in names:  # no test is left to be tried again, and what is looked at after the last one was not
                del self._found.results[before:]
            self._note(f"{name} was lost ({ended}), not by its kernel: {', '.join(sorted(names))} tried once more")
            return
        self._note(f"{name} was lost: {ended}")
        for error in errors:
            told = explained(error, loss, splats, console)
            self._record(no_result(told) if loss.lost.blame is Blame.INJECTION else told)

    def _leave_out(self, splats: list[Splat]) -> None:
        """Forget those of the guest that was just ended."""
        self._found.splats[:] = [splat for splat in self._found.splats if splat not in splats]

    def _suspect(self, suite: Suite, part: frozenset[str], lost: GuestLost) -> TestResult:
        """An error for the test of ``part`` that ran when the guest died, if ``suite`` could not tell which it was."""
        done = {result.name for result in self._found.results if result.suite == suite.name}
        for test in self._job.planned:
            if test.suite == suite.name and test.name in part - done:
                return lost.result(suite.name, test.name)
        # All of them had ended, yet the guest did not survive the suite: that must not come out green.
        return replace(lost.result(suite.name, GUEST), message=f"lost after the last test: {lost.reason}")

    def _note(self, text: str) -> None:
        self._found.notes.append(text)


def _refuse_crawling(guest: WatchedGuest) -> None:
    """Raise ``GuestLost`` if KVM has become so slow that a failure, or a stall, says nothing of the kernel."""
    if guest.crawls():
        raise GuestLost("KVM crawls in the middle of a suite", Cause.ACCELERATOR)
