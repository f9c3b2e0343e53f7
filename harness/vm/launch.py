# SPDX-License-Identifier: GPL-2.0-only
"""Getting a guest up: with KVM where it works, with TCG where not, and a second try where the machine is to blame."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from harness.errors import InfrastructureError
from harness.model import BootOutcome, BootReport, Kernel
from harness.vm import accel
from harness.vm.command import MachineSpec
from harness.vm.guest import NoStart, VmGuest

SMALL_MEMORY, LARGE_MEMORY = 1024, 3072  # MiB
_ROOM_FOR_LARGE = 7 << 30  # bytes: two large guests at once, and something for the host


def _available_memory() -> int:
    """Bytes that new programs can have."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)


class Launcher:
    """Boots guests for one run. The accelerator is settled by the first boot; others wait for its answer."""

    def __init__(
        self, asked: str, notify: Callable[[str], None], thorough: bool = False, memory: int | None = None
    ) -> None:
        """``asked``: "auto", "kvm" or "tcg". ``notify`` gets one line when the accelerator is settled.

        ``thorough``: give emulated guests, too, the memory for the tests that take long under emulation.
        ``memory``: MiB of each guest, whatever else would give it more or less.
        """
        self._asked = asked
        self._thorough = thorough
        self._memory = memory
        self._notify = notify
        self._settle = threading.Lock()
        self.qemu_version = accel.qemu_version()
        self.accelerator = accel.choose(asked, self.qemu_version)
        if self.accelerator.proved:
            self._say()

    def _say(self) -> None:
        self._notify(f"guests run under {self.accelerator.name.upper()} ({self.accelerator.reason})")

    def boot(self, kernel: Kernel, directory: Path) -> tuple[VmGuest, BootReport]:
        """Boot ``kernel``; the caller shuts the guest down whatever the report says.

        Raises ``InfrastructureError`` if QEMU does not start (twice), or if KVM was demanded and does not work.
        """
        if not self.accelerator.proved:
            with self._settle:
                if not self.accelerator.proved and (up := self._prove_kvm(kernel, directory)) is not None:
                    return up
        try:
            return self._attempt(kernel, directory)
        except NoStart:
            # Seen about once in thirty boots: QEMU ends at once and says nothing. No fault of the kernel.
            try:
                return self._attempt(kernel, directory)
            except NoStart as again:
                raise InfrastructureError(f"QEMU does not start, twice: {again}") from again

    def _prove_kvm(self, kernel: Kernel, directory: Path) -> tuple[VmGuest, BootReport] | None:
        """Boot under KVM to see whether that works. None: it does not, TCG is settled."""
        try:
            guest, report = self._attempt(kernel, directory)
        except NoStart as failure:
            if self._asked == "kvm":
                raise InfrastructureError(f"KVM runs no guest here: {failure}", mend="try --accel tcg") from failure
            self.accelerator = accel.remember(False, f"KVM runs no guest here: {failure}", self.qemu_version)
            self._say()
            return None
        if report.outcome is BootOutcome.UP:
            self.accelerator = accel.remember(True, "proved by booting", self.qemu_version)
            self._say()
        return guest, report

    def _attempt(self, kernel: Kernel, directory: Path) -> tuple[VmGuest, BootReport]:
        accelerator = self.accelerator.name
        large = (self._thorough or accelerator == "kvm") and _available_memory() > _ROOM_FOR_LARGE
        spec = MachineSpec(accelerator, memory=self._memory or (LARGE_MEMORY if large else SMALL_MEMORY))
        guest = VmGuest(kernel, spec, directory, self.qemu_version)
        try:
            return guest, guest.boot()
        except BaseException:
            guest.shutdown()
            raise
