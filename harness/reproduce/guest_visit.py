# SPDX-License-Identifier: GPL-2.0-only
"""A guest of a stored run with a terminal: booted as the run booted it, and ended with the visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.identities import PlannedTest
from harness.interfaces import GuestLost, JobLimits
from harness.local_terminal import LocalTerminal
from harness.model import BootOutcome, Kernel
from harness.reproduce.log_beside import log_beside
from harness.suites.guest_tools import GuestTools
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher

LOST = 255
"""Exit status of a visit whose guest was lost, as ssh(1) has it for a connection."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class VisitRequest:
    """``words``: what to run, as ``GuestTools.command`` takes it; none: a shell. ``kernel_log``: show what the kernel
    prints. ``test``: what ``again`` runs. ``name``: of the kernel, for messages and the prompt."""

    name: str
    words: tuple[str, ...] = ()
    kernel_log: bool = False
    test: PlannedTest | None = None


class GuestVisit:
    """``terminal``: where the user is. ``say`` gets lines that are about the guest, and not from it."""

    def __init__(self, launcher: Launcher, terminal: LocalTerminal, say: Say) -> None:
        self._launcher = launcher
        self._terminal = terminal
        self._say = say

    def go(self, kernel: Kernel, directory: Path, limits: JobLimits, request: VisitRequest) -> int:
        """Boot ``kernel``, run what is asked for, end the guest. Exit status of the command, 255 if the guest is lost.

        ``directory``: of this boot. Raises ``InfrastructureError``.
        """
        self._say(f"{request.name}: booting {kernel.release} (kernel {kernel.key[:12]})")
        guest, report = self._launcher.boot(kernel, directory, limits)
        with guest:
            if report.outcome is not BootOutcome.UP:
                return self._lost(guest, GuestLost(report.ended, report.cause or Cause.UNUSABLE), directory)
            try:
                return self.enter(guest, directory, limits, request)
            except GuestLost as lost:
                return self._lost(guest, guest.blamed(lost), directory)

    def enter(self, guest: VmGuest, directory: Path, limits: JobLimits, request: VisitRequest) -> int:
        """The same in a guest that is up, and stays. Raises ``GuestLost``."""
        prompt = f"[{guest.kernel.release} {request.name}] \\w # "
        GuestTools(guest, limits, prompt, request.test).install(directory / "logs")
        if not request.words:
            tools = "check NAME runs a check" + (", again runs the test in question" if request.test else "")
            self._say(f"up after {guest.seconds:.0f} s under {guest.accel.upper()}; {tools}; exit ends the guest")
        look = log_beside(directory / "console.log", self._terminal, request.kernel_log)
        status = guest.live().interact(GuestTools.command(request.words), self._terminal, look)
        look()
        return status

    def _lost(self, guest: VmGuest, lost: GuestLost, directory: Path) -> int:
        console = directory / "console.log"
        if lost.machine:
            raise InfrastructureError(f"the guest was lost: {lost.reason}", where=str(console))
        self._say(f"the guest was lost: {lost.reason}; its log: {console}")
        return LOST
