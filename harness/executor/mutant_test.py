# SPDX-License-Identifier: GPL-2.0-only
"""Trying the mutants of one kernel, or the tests without any: one mutant after the other, each guest as long as it is
of use."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from harness import process
from harness.causes import Blame, Cause
from harness.errors import InfrastructureError
from harness.events import EventStream, Note
from harness.executor.guest_queue import GuestQueue, ReadyGuest
from harness.executor.guests import GuestLauncher, GuestSource, WatchedGuest
from harness.executor.kernel_job import Findings, KernelJob
from harness.guest import bundle, checks
from harness.guest.oracle import warns_in
from harness.guest.registry import provoked
from harness.guest.runner import LIST_LIMIT, RELEASE_LIMIT, TIME_LIMIT
from harness.interfaces import GuestLost
from harness.model import BootReport, Kernel, Splat
from harness.phases import phase
from harness.splat import find_splats
from harness.suites.checks import ARCHIVE, ship, told
from harness.suites.commands import StreamedCommand, log_file
from harness.trials.fates import How, TrialFindings, TrialOutcome, TrialPlan
from harness.trials.guest_words import read_word
from harness.trials.mutant_ledger import ControlLedger, MutantLedger

SEED = 1  # of the contract's stress test: with and without a mutant it does the same
WALKS = 24  # random walks instead of 240: a tenth of their time, for each mutant that survives pays it
_NAME = "mutants"
_PLAN = "/tmp/dmabuf-harness-mutants.plan"  # in the guest
_WHOLE = 24 * 3600.0  # seconds for a plan: each check has its own limit, and silence ends it
# Under TCG a check gets 20 s instead of 80, for a hang of 80 s costs as much as twenty other mutants; but never less
# than a few times what it took without a mutant, which tells how busy the host is. In the control only a hang may end
# one: a limit that a busy host runs into says nothing.
_IMPATIENCE, _PATIENCE, _CALM = 4, 4, 3
_HOW = {
    Cause.PANIC: How.PANIC,
    Cause.EXIT: How.PANIC,
    Cause.HANG: How.HANG,
    Cause.SILENCE: How.HANG,
    Cause.FLOOD: How.SPLAT,
}
_MARK = re.compile(r"dmabuf-harness: check start (\d+) (\S+)")


class MutantTest:
    """Does one job that has a plan of trials. ``directory``: as in ``Executor.run``."""

    def __init__(
        self, job: KernelJob, kernel: Kernel, launcher: GuestLauncher, events: EventStream, directory: Path
    ) -> None:
        assert job.trials is not None
        self._job = job
        self._plan: TrialPlan = job.trials
        self._kernel = kernel
        self._launcher = launcher
        self._events = events
        checks.load()  # which know what they provoke
        self._names = {order.number: order.name for order in self._plan.orders}
        self._control = ControlLedger()
        self._ledger = MutantLedger(self._plan.orders, self._plan.usual, self._tell)
        self._queue = GuestQueue(self._boot, self._prepare, directory / "boots" / _NAME, self._note)
        self._source: GuestSource | None = None
        self._times: dict[str, float] = {}
        self._deadline = None if self._plan.seconds is None else time.monotonic() + self._plan.seconds

    @property
    def findings(self) -> Findings:
        """All that was found up to now."""
        found = TrialFindings(self._control.control(), tuple(self._ledger.outcomes.values()), self._source is not None)
        times = {**self._times, "waiting for guests": self._queue.waited}
        return Findings(boots=tuple(self._queue.boots), times=times, trials=found)

    def run(self) -> None:
        """Raises ``InfrastructureError`` if no guest comes up, or if the kernel does not last without a mutant."""
        with ExitStack() as stack:
            if self._plan.snapshots:
                self._source = self._launcher.saved(self._kernel, self._job.limits, self._fill)
            if self._source is not None:
                stack.enter_context(self._source)
            stack.enter_context(self._queue)
            if self._plan.control:
                with phase(self._events, self._shown, "control", self._times):
                    self._run_control(self._plan.control)
            with phase(self._events, self._shown, "mutants", self._times):
                while not (self._ledger.is_done or self._is_late):
                    self._try_in_guest(self._ledger)

    @property
    def _shown(self) -> str:
        return self._job.label + self._job.variant.name

    @property
    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _tell(self, outcome: TrialOutcome) -> None:
        self._note(f"{self._names[outcome.number]}: {outcome.summary}")

    def _note(self, text: str) -> None:
        self._events.publish(Note("", text))

    # --- what is run in a guest ---------------------------------------------------------------

    def _run_control(self, tests: Sequence[str]) -> None:
        ready = self._queue.take(more=bool(self._plan.orders))
        calm = _CALM * ready.guest.slowness
        command = _command(ready, self._kernel, plan_text([(0, tests)], dict.fromkeys(tests, calm)), calm)
        try:
            for line in command:
                self._control.take(read_word(line))
        except (GuestLost, ValueError) as lost:
            hint = "see console.log: without a mutant this kernel must last"
            raise InfrastructureError(f"the control: {lost}", where=str(ready.logs.parent), hint=hint) from lost
        finally:
            ready.guest.shutdown()
        if not self._control.is_done:
            raise InfrastructureError(f"the control: {_last_words(command)}", where=str(ready.logs))

    def _try_in_guest(self, ledger: MutantLedger) -> None:
        """As many mutants as one guest survives. The last one needs no other guest, most likely."""
        ready = self._queue.take(more=ledger.waiting > 1)
        try:
            self._try_with(ledger, ready)
        except ValueError as error:  # a process whose memory the kernel spoiled may say anything
            ledger.lost(How.DEATH, str(error), chance=True)
        except GuestLost as lost:
            self._lose(ledger, ready.guest, lost)
        finally:
            ready.guest.shutdown()
        ledger.guest_ended(late_reports(ready.guest.evidence()))

    def _try_with(self, ledger: MutantLedger, ready: ReadyGuest) -> None:
        plan, slowness = ledger.plan(), ready.guest.slowness
        limits = limit_factors({test for _, tests in plan for test in tests}, slowness, self._plan.usual)
        command = _command(ready, self._kernel, plan_text(plan, limits), max(limits.values()))
        for line in command:
            ledger.take(read_word(line))
            if self._is_late:
                return
        if not ledger.guest_is_over:
            killed = command.result.status in (None, 128 + 9)  # for want of memory, most of all
            ledger.lost(How.DEATH, _last_words(command), chance=killed)

    def _lose(self, ledger: MutantLedger, guest: WatchedGuest, lost: GuestLost) -> None:
        if guest.accel == "kvm":
            guest.autopsy(lost.reason)  # which finds out whether KVM runs it at all
        lost = guest.blamed(lost)
        if lost.blame is Blame.ACCELERATOR:
            self._launcher.accuse(lost.reason)
        ledger.lost(_HOW.get(lost.cause, How.DEATH), lost.reason, machine=lost.machine)

    # --- guests -------------------------------------------------------------------------------

    def _boot(self, directory: Path) -> tuple[WatchedGuest, BootReport]:
        if self._source is not None:
            try:
                return self._source.boot(directory)
            except InfrastructureError as error:
                if process.stopping():
                    raise
                self._note(f"guests are booted, none is saved: {error}")
                self._source = None
        return self._launcher.boot(self._kernel, directory, self._job.limits)

    def _prepare(self, ready: ReadyGuest) -> None:
        if self._source is None:
            self._fill(ready.guest, ready.logs.parent)
        ready.guest.mark(f"start {_NAME}")

    def _fill(self, guest: WatchedGuest, directory: Path) -> None:
        """Bring the checks there, and run none of them: what that reads from the host is at hand then."""
        ready = ReadyGuest(guest, directory / "logs")
        ready.logs.mkdir(parents=True, exist_ok=True)
        ship(guest, ready.logs / "checks.zip")
        for _line in _command(ready, self._kernel, "", guest.slowness):
            pass


def _command(ready: ReadyGuest, kernel: Kernel, plan: str, factor: float) -> StreamedCommand:
    """``factor``: the largest on the limits of its tests."""
    local = ready.logs / f"plan-{len(list(ready.logs.glob('plan-*'))) + 1}"
    local.write_text(plan)
    try:
        ready.guest.put(local, _PLAN)
    except OSError as error:
        raise GuestLost(f"it takes no files: {error}", Cause.UNUSABLE) from error
    run = bundle.command(ARCHIVE, _PLAN, f"{ready.guest.slowness:g}", module="mutant_runner")
    shell = f"{told(kernel)}HARNESS_SEED={SEED} HARNESS_WALKS={WALKS} {run}"
    silence = (TIME_LIMIT + RELEASE_LIMIT + LIST_LIMIT + 3.0) * factor
    return StreamedCommand(ready.guest, shell, _WHOLE, log_file(ready.logs, _NAME), silence, stdout_only=True)


def plan_text(plan: Iterable[tuple[int, Sequence[str]]], limits: Mapping[str, float]) -> str:
    """For ``harness.guest.mutant_runner``: (number, tests) of each mutant. ``limits``: test -> factor on its limits."""
    lines = [f"limit {test} {factor:g}" for test, factor in sorted(limits.items())]
    return "".join(f"{line}\n" for line in [*lines, *(" ".join([str(number), *tests]) for number, tests in plan)])


def limit_factors(tests: Iterable[str], slowness: float, usual: Mapping[str, float]) -> dict[str, float]:
    """By which the limits of ``tests`` are stretched. ``usual``: seconds of each without a mutant."""
    least = max(1.0, slowness / _IMPATIENCE)
    return {test: max(least, _PATIENCE * usual.get(test, 0.0) / TIME_LIMIT) for test in tests}


def late_reports(console: str) -> dict[int, tuple[str, str]]:
    """What the kernel reported of itself from the start of a check on: mutant -> (check, title of the first report).

    A report may come after the check that caused it. What checks provoke is none.
    """
    splats = {splat.line: splat for splat in find_splats(console)}
    found: dict[int, tuple[str, str]] = {}
    number, test = 0, ""
    for line, text in enumerate(console.splitlines(), 1):
        if mark := _MARK.search(text):
            number, test = int(mark[1]), mark[2]
        if line in splats and number and not _is_provoked(splats[line], test):
            found.setdefault(number, (test, splats[line].title))
    return found


def _is_provoked(splat: Splat, test: str) -> bool:
    lines = [splat.title, *splat.text.splitlines()]
    return splat.kind == "warn" and any(warns_in(line, provoked(test)) for line in lines)


def _last_words(command: StreamedCommand) -> str:
    said = command.result.stderr.strip().splitlines()
    return f"the runner ended with status {command.result.status}: {said[-1] if said else 'no word'}"
