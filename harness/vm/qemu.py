# SPDX-License-Identifier: GPL-2.0-only
"""The QEMU of one guest: its process, console, monitor and log, and how each tells that the guest is gone."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.causes import Cause
from harness.interfaces import GuestLost
from harness.machine_failures import disk_full
from harness.vm.console import LIMIT, Console
from harness.vm.qmp import Monitor

_LEAST_ROOM = 1 << 20  # bytes on the host's disk: without them QEMU drops what the console says, and tells nobody
# What QEMU prints when KVM cannot go on with a guest: accel/kvm/kvm-all.c (kvm_cpu_exec, "kvm run failed",
# "KVM internal error"), target/i386/kvm/kvm.c ("KVM: entry failed", "KVM: exception", "KVM: unknown exit",
# "failed to set MSR", which ends in an assertion of kvm_buf_set_msrs). After most of them it halts the guest and lives.
_KVM_TROUBLE = re.compile(
    r"KVM internal error|KVM: (?:entry failed|exception \d|unknown exit)|kvm run failed|failed to [gs]et MSR"
    r"|kvm_\w+: Assertion"
)
# On a host with more work than processors a guest that lives is silent for long. Limits are counted in the time that
# the host gave it, so that they end a hang and not a wait; of the time that passes so much counts at least.
LEAST_SHARE = 0.25
_STARVED = 0.5  # of the time since it was heard: after so much waiting its silence says nothing of its kernel
_BRIEF = 10.0  # seconds: who was heard just now lives, and what hangs in it had its time
_LOOK, _LOOKS = 1.0, 3600  # seconds between two that are kept, and how many
_TOLD_TO_END = "terminating on signal"
_SAYS = f"{ARCHITECTURE.emulator}: "  # before each of its messages
_KILLED = 128 + signal.SIGKILL  # by a user or the OOM killer; of any other signal it died by itself


class Qemu:
    """Started with ``start``, ended with ``kill``. ``directory``: has ``console.log`` and ``qemu.log``.

    ``accel``: "kvm" or "tcg".
    """

    def __init__(self, directory: Path, accel: str) -> None:
        self._directory = directory
        self._accel = accel
        self._process: process.Background | None = None
        self._lock = threading.RLock()  # who watches the guest may look while its directory gets another name
        self._log_size = 0
        self._kvm_said = ""
        self._own = 0.0
        self._waits: deque[tuple[float, float]] = deque(maxlen=_LOOKS)  # when, and what it had waited by then
        self.monitor = Monitor()
        self.console = Console(directory / "console.log")

    def move_to(self, directory: Path) -> None:
        """Give its directory another name. QEMU holds the files open, so that nothing is lost."""
        with self._lock:
            self._directory.rename(directory)
            self._directory = directory
            self.console.path = directory / "console.log"

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def process(self) -> process.Background:
        """The program; ``start`` comes first."""
        assert self._process is not None
        return self._process

    @property
    def was_started(self) -> bool:
        return self._process is not None

    def own_time(self) -> float:
        """Seconds since its start, without what it waited for a processor of the host; 0 before.

        It never runs backwards.
        """
        if self._process is None:
            return 0.0
        now, waited = time.monotonic(), self._process.waited_for_cpu
        if not self._waits or now - self._waits[-1][0] >= _LOOK:
            self._waits.append((now, waited))
        passed = now - self._process.started
        self._own = max(self._own, passed - waited, passed * LEAST_SHARE)
        return self._own

    def starved(self, since: float | None = None) -> str:
        """Empty, or in words that the host had no time for it: then it is the machine's that it was slow.

        ``since``: when it was still quick, by ``time.monotonic()``; None: its start. If that was just now, it had time.
        """
        if self._process is None:
            return ""
        begun = self._process.started if since is None else since
        before = max((waited for moment, waited in self._waits if moment <= begun), default=0.0)
        passed, waited = time.monotonic() - begun, self._process.waited_for_cpu - before
        told = f"the host is too busy: of {passed:.0f} s the guest waited {waited:.0f} s for a processor"
        return told if waited > _STARVED * passed and passed > _BRIEF else ""

    def start(self, argv: Sequence[str], shown: Sequence[Path] = (), writable: Sequence[Path] = ()) -> None:
        """Run ``argv`` with a monitor of its own; console and log begin anew.

        ``shown``, ``writable``: what the guest and QEMU need besides its directory, should the rest be hidden.
        """
        for stale in (self._log, self.console.path):
            stale.unlink(missing_ok=True)
        self.console = Console(self.console.path)
        self.monitor.close()
        self.monitor = Monitor()
        theirs = self.monitor.theirs
        full = process.guest_view([*argv, *self.monitor.options], [self._directory, *writable], shown)
        self._own = 0.0
        self._waits.clear()
        self._process = process.Background(full, output=self._log, pass_fds=[theirs.fileno()])
        theirs.close()  # else nobody would tell us that QEMU is gone

    def human(self, line: str, seconds: float) -> str:
        """What the monitor for people says to ``line``, awaited for at most ``seconds``. Raises ``MonitorError``."""
        return self.monitor.human(line, seconds)

    def kill(self) -> None:
        """End it, if it was started, and read what the console got last."""
        if self._process is not None:
            self._process.kill()
            self.console.poll()
        self.monitor.close()

    @property
    def _log(self) -> Path:
        return self._directory / "qemu.log"

    def said(self) -> str:
        """Its own messages."""
        return self._log.read_text(errors="replace")

    def last_line(self) -> str:
        """The last of its own messages, empty if there is none."""
        lines = self.said().strip().splitlines()
        return lines[-1].removeprefix(_SAYS) if lines else ""

    def check_alive(self) -> None:
        """Raise ``GuestLost`` as soon as the guest is known to be dead, ``InfrastructureError`` if the disk is full."""
        with self._lock:
            self._check_alive()

    def _check_alive(self) -> None:
        status = self.process.poll()
        self.console.poll()
        if self.console.flooded:
            self.process.kill()
            raise GuestLost(f"the console floods: more than {LIMIT >> 20} MiB", Cause.FLOOD)
        self._check_kvm()
        if self.console.panic:
            raise GuestLost(f"panic: {self.console.panic}", Cause.PANIC)
        if self.console.sshd_ended:
            raise GuestLost("sshd was ended in the guest, while its kernel lived", Cause.CONNECTION)
        if status is not None:
            raise self._vanished(status)
        self._check_room()

    def _check_kvm(self) -> None:
        """QEMU writes little; only what is new is worth a look. What it said once holds for whoever asks next."""
        if self._accel == "kvm" and (size := self._log.stat().st_size) != self._log_size:
            self._log_size = size
            said = next((line for line in self.said().splitlines() if _KVM_TROUBLE.search(line)), "")
            self._kvm_said = said.removeprefix(_SAYS).strip()
        if self._kvm_said:
            raise GuestLost(f"KVM failed: {self._kvm_said}", Cause.ACCELERATOR)

    def _vanished(self, status: int) -> GuestLost:
        """A guest that powers off or resets itself ends QEMU with 0 (-no-reboot); anything else is not its doing.

        So does a QEMU that is told to end by a signal (softmmu/runstate.c), but it says so.
        """
        if status == 0 and _TOLD_TO_END in self.said():
            return GuestLost(f"QEMU was ended from outside: {self.last_line()}", Cause.MACHINE)
        if status == 0:
            return GuestLost("the guest ended by itself (QEMU exit status 0)", Cause.EXIT)
        words = f": {self.last_line()}" if status < 128 else ""
        by_itself = self._accel == "kvm" and status != _KILLED
        cause = Cause.ACCELERATOR if by_itself else Cause.MACHINE
        return GuestLost(f"QEMU was killed or failed (QEMU exit status {status}){words}", cause)

    def _check_room(self) -> None:
        disk = os.statvfs(self._directory)
        free = disk.f_frsize * (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail)
        if free < _LEAST_ROOM:
            raise disk_full(self._directory)
