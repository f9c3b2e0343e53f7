# SPDX-License-Identifier: GPL-2.0-only
"""Guests in which mutants are tried: the control first, then one mutant after the other, each guest as long as it is
of use."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.guest import bundle, checks
from harness.guest.oracle import warns_in
from harness.guest.registry import provoked
from harness.guest.runner import LIST_LIMIT, RELEASE_LIMIT, TIME_LIMIT
from harness.interfaces import GuestLost
from harness.model import BootOutcome, Kernel, Splat
from harness.mutants.fates import Control, How, Verdict
from harness.mutants.guest_words import read_word
from harness.mutants.ledger import ControlLedger, MutantLedger
from harness.mutants.mutation import Mutation
from harness.splat import find_splats
from harness.suites.checks import ARCHIVE, ship, told
from harness.suites.commands import StreamedCommand, log_file
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher

SEED = 1  # of the contract's stress test: with and without a mutant it does the same
_NAME = "mutants"
_PLAN = "/tmp/dmabuf-harness-mutants.plan"  # in the guest
_WHOLE = 24 * 3600.0  # seconds for a plan: each check has its own limit, and silence ends it
# Under TCG a check gets 20 s instead of 80, for a hang of 80 s costs as much as twenty other mutants; but never less
# than a few times what the slowest one took without a mutant, which tells how busy the host is.
_IMPATIENCE, _PATIENCE = 4, 4
_BOOTS = 3  # that fail in a row before it is the machine: this kernel came up before
_HOW = {
    Cause.PANIC: How.PANIC,
    Cause.EXIT: How.PANIC,
    Cause.HANG: How.HANG,
    Cause.SILENCE: How.HANG,
    Cause.FLOOD: How.SPLAT,
}
_MARK = re.compile(r"dmabuf-harness: check start (\d+) (\S+)")


class MutantTrials:
    """Tries the mutants in ``kernel``; a context manager. ``directory``: of the run.

    ``tell`` gets each verdict, ``note`` lines for the user.
    """

    def __init__(
        self,
        kernel: Kernel,
        launcher: Launcher,
        directory: Path,
        tell: Callable[[Verdict], None],
        note: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._launcher = launcher
        self._directory = directory
        self._tell = tell
        self._note = note
        checks.load()  # which know what they provoke
        self._guest: VmGuest | None = None
        self.boots = 0
        self._ledger: MutantLedger | None = None
        self.control = Control()

    @property
    def verdicts(self) -> dict[int, Verdict]:
        """Of the mutants that were decided so far, by number."""
        return dict(self._ledger.verdicts) if self._ledger is not None else {}

    def __enter__(self) -> MutantTrials:
        return self

    def __exit__(self, *_error: object) -> None:
        self._end_guest()

    def run(self, mutants: Mapping[int, Mutation], deadline: float | None = None) -> None:
        """Try ``mutants``, after the control. ``deadline``: of ``time.monotonic``; after it none begins.

        Raises ``InfrastructureError`` if no guest comes up.
        """
        self._ledger = MutantLedger(mutants, self.control, self._tell)
        while not self._ledger.is_done and (deadline is None or time.monotonic() < deadline):
            self._try_in_guest(self._ledger, deadline)

    def run_control(self, tests: Sequence[str]) -> None:
        """All ``tests`` without a mutant.

        Raises ``InfrastructureError`` if no guest comes up, or if the kernel does not last.
        """
        ledger = ControlLedger()
        try:
            guest = self._live_guest()
            command = self._command(guest, " ".join(["0", *tests]) + "\n", guest.slowness)
            for line in command:
                ledger.take(read_word(line))
        except GuestLost as lost:
            mend = "see console.log: without a mutant this kernel must last"
            raise InfrastructureError(f"the control: {lost.reason}", where=str(self._logs.parent), mend=mend) from lost
        if not ledger.is_done:
            raise InfrastructureError(f"the control: {_last_words(command)}", where=str(self._logs))
        self.control = ledger.control()

    def _try_in_guest(self, ledger: MutantLedger, deadline: float | None) -> None:
        """As many mutants as one guest survives."""
        guest = self._live_guest()
        try:
            command = self._command(guest, ledger.plan(), limit_factor(guest.slowness, ledger.slowest()))
            for line in command:
                ledger.take(read_word(line))
                if deadline is not None and time.monotonic() > deadline:
                    break
            if not ledger.guest_is_over and (deadline is None or time.monotonic() <= deadline):
                killed = command.result.status in (None, 128 + 9)  # for want of memory, most of all
                ledger.lost(How.DEATH, _last_words(command), chance=killed)
        except ValueError as error:  # a process whose memory the kernel spoiled may say anything
            ledger.lost(How.DEATH, str(error), chance=True)
        except GuestLost as lost:
            lost = guest.blamed(lost)
            ledger.lost(_HOW.get(lost.cause, How.DEATH), lost.reason, machine=lost.machine)
        self._end_guest()

    # --- guests -------------------------------------------------------------------------------

    def _live_guest(self) -> VmGuest:
        for _ in range(_BOOTS):
            if self._guest is None:
                self._boot()
            if self._guest is not None:
                return self._guest
        where = str(self._directory / "boots")
        raise InfrastructureError(f"the kernel with mutants did not come up, {_BOOTS} times", where=where)

    def _boot(self) -> None:
        self.boots += 1
        guest, report = self._launcher.boot(self._kernel, self._logs.parent)
        if report.outcome is not BootOutcome.UP:
            guest.shutdown()
            self._note(f"guest {self.boots} did not come up: {report.ended}")
            return
        self._guest = guest
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            ship(guest, self._logs / "checks.zip")
            guest.mark(f"start {_NAME}")
        except GuestLost as lost:
            self._note(f"guest {self.boots} was lost before anything ran in it: {lost.reason}")
            self._end_guest()

    @property
    def _logs(self) -> Path:
        return self._directory / "boots" / f"{_NAME}-{self.boots}" / "logs"

    def _command(self, guest: VmGuest, plan: str, factor: float) -> StreamedCommand:
        local = self._logs / f"plan-{len(list(self._logs.glob('plan-*'))) + 1}"
        local.write_text(plan)
        try:
            guest.put(local, _PLAN)
        except OSError as error:
            raise GuestLost(f"it takes no files: {error}", Cause.UNUSABLE) from error
        run = bundle.command(ARCHIVE, _PLAN, f"{factor:g}", module="mutant_runner")
        shell = f"{told(self._kernel)}HARNESS_SEED={SEED} {run}"
        silence = (TIME_LIMIT + RELEASE_LIMIT + LIST_LIMIT + 3.0) * factor
        return StreamedCommand(guest, shell, _WHOLE, log_file(self._logs, _NAME), silence, stdout_only=True)

    def _end_guest(self) -> None:
        guest, self._guest = self._guest, None
        if guest is None:
            return
        guest.shutdown()
        if self._ledger is not None:
            self._ledger.guest_ended(late_reports(guest.evidence()))


def limit_factor(slowness: float, slowest: float) -> float:
    """By which the limits of the checks are stretched. ``slowest``: seconds of one of them without a mutant."""
    return min(slowness, max(1.0, slowness / _IMPATIENCE, _PATIENCE * slowest / TIME_LIMIT))


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
