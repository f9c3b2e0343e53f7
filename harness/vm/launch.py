# SPDX-License-Identifier: GPL-2.0-only
"""Getting a guest up: with KVM where it works and is the faster, with TCG where not.

Trouble of the accelerator is never a result. A kernel that does not come up under KVM is tried under TCG before it is
blamed; a KVM that loses guests for reasons of its own is given up, and what ran under it is to be run again
(``Launcher.distrusts``).
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from harness.causes import Blame
from harness.errors import InfrastructureError
from harness.interfaces import JobLimits
from harness.model import BootReport, Kernel
from harness.paths import unused
from harness.vm import accel
from harness.vm.accel import Accelerator
from harness.vm.attempts import BootAttempt, BootAttempts
from harness.vm.command import MachineSpec
from harness.vm.guest import VmGuest
from harness.vm.race import HEAD_START, RaceResult, race
from harness.vm.saved_guest import Prepare, SavedGuest

SMALL_MEMORY, LARGE_MEMORY = 1024, 3072  # MiB
_ROOM_FOR_LARGE = 7 << 30  # bytes: two large guests at once, and something for the host
_LATE = 5  # times what a boot under KVM took when it was proved
_STRIKES = 2  # guests that KVM may lose in one run before it is given up
_NO_LIMITS = JobLimits()

Booted = tuple[VmGuest, BootReport]
FindKernel = Callable[[str], Kernel | None]


def _available_memory() -> int:
    """Bytes that new programs can have."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)


class Launcher:
    """Boots guests for one run. The accelerator is settled by the first boot; others wait for its answer."""

    def __init__(
        self,
        asked: str,
        notify: Callable[[str], None],
        find_kernel: FindKernel = lambda _key: None,
    ) -> None:
        """``asked``: "auto", "kvm" or "tcg". ``notify`` gets one line when the accelerator is settled.

        ``find_kernel``: the kernel with a key, if it is still at hand: one that came up under KVM before.
        """
        self._asked = asked
        self._notify = notify
        self._find_kernel = find_kernel
        self._settle = threading.Lock()
        self._state = threading.RLock()
        self._strikes = 0
        self._doubted: set[str] = set()  # keys of kernels that panicked under a KVM of which nothing was known
        self.qemu_version = accel.qemu_version()
        self.accelerator = accel.choose(asked, self.qemu_version)
        if self.accelerator.proved:
            self._say()

    def _say(self) -> None:
        self._notify(f"guests run under {self.accelerator.name.upper()} ({self.accelerator.reason})")

    # --- trust --------------------------------------------------------------------------------

    def distrusts(self, kernel: str, boots: Iterable[BootReport]) -> bool:
        """True if what ran in ``boots`` of the kernel with this key says nothing, and is to be run again.

        It ran under a KVM that has been given up since, or under TCG as nobody knew whether to blame KVM for a panic.
        """
        under = {boot.accel for boot in boots}
        if self.accelerator.name == "tcg":
            return "kvm" in under
        return self.accelerator.proved and kernel in self._doubted and under == {"tcg"}

    def accuse(self, reason: str) -> None:
        """Note that KVM lost a guest (``reason``). Once can be chance; a KVM that does it again is given up.

        Raises ``InfrastructureError`` then if KVM was demanded.
        """
        with self._state:
            self._strikes += 1
            if self._strikes >= _STRIKES:
                self._give_up(f"KVM lost {self._strikes} guests here: {reason}")

    def _give_up(self, reason: str) -> None:
        with self._state:
            if self._asked == "kvm":
                raise InfrastructureError(f"KVM cannot be relied on here: {reason}", hint="try --accel tcg")
            if self.accelerator.name == "kvm":
                self.accelerator = accel.remember(False, reason, self.qemu_version)
                self._say()

    def _trust(self, kernel: Kernel, seconds: float, reason: str) -> None:
        """KVM ran ``kernel``. That it was demanded says nothing of what is faster: it is remembered for nobody else."""
        if self._asked == "auto":
            self.accelerator = accel.remember(True, reason, self.qemu_version, kernel.key, seconds)
        else:
            self.accelerator = Accelerator("kvm", True, f"asked for; {reason}", kernel.key, seconds)
        self._say()

    def _doubt(self, kernel: Kernel, found: RaceResult) -> None:
        """A panic is the kernel's word, and KVM is not known yet: another kernel will tell whom to blame."""
        self._doubted.add(kernel.key)
        self.accelerator = replace(self.accelerator, reason=f"not settled; {found.summary()}")
        self._notify(f"it is not settled whether KVM works here: {found.summary()}")

    # --- boots --------------------------------------------------------------------------------

    def boot(self, kernel: Kernel, directory: Path, limits: JobLimits = _NO_LIMITS) -> Booted:
        """Boot ``kernel``; the caller shuts the guest down whatever the report says.

        ``limits``: of its memory and time. If no memory is named, emulated guests, too, get what the tests that take
        long under emulation need if those are asked for.
        Raises ``InfrastructureError`` if QEMU does not start (twice), or if KVM was demanded and does not work.
        """
        if not self.accelerator.proved:
            with self._settle:
                if not self.accelerator.proved:
                    return self._first_boot(kernel, directory, limits)
        with self._attempts(kernel, directory, limits) as attempts:
            if self.accelerator.name == "tcg":
                return attempts.choose(attempts.run("tcg"))
            return self._boot_under_kvm(kernel, directory, attempts)

    def saved(self, kernel: Kernel, limits: JobLimits, prepare: Prepare) -> SavedGuest | None:
        """Guests of ``kernel`` that go on from one that was saved after ``prepare``; None unless they are emulated."""
        if self.accelerator.name != "tcg" or not self.accelerator.proved:
            return None
        return SavedGuest(kernel, _machine("tcg", limits), self.qemu_version, prepare)

    def _attempts(self, kernel: Kernel, directory: Path, limits: JobLimits = _NO_LIMITS) -> BootAttempts:
        return BootAttempts(
            directory, lambda place, name: VmGuest(kernel, _machine(name, limits), place, self.qemu_version)
        )

    def _first_boot(self, kernel: Kernel, directory: Path, limits: JobLimits) -> Booted:
        """Boot, and settle the accelerator if the kernel comes up under any."""
        with self._attempts(kernel, directory, limits) as attempts:
            if self._asked == "kvm":
                return self._boot_under_kvm(kernel, directory, attempts)
            found = race(attempts.start)
            if found.tcg is not None and found.tcg.trouble:
                found = RaceResult(found.kvm, attempts.run("tcg"))
            if found.kvm.ended_at_once:
                found = RaceResult(attempts.run("kvm"), found.tcg)
            return self._settled(kernel, found, attempts)

    def _settled(self, kernel: Kernel, found: RaceResult, attempts: BootAttempts) -> Booted:
        winner = found.winner
        if winner is None:
            assert found.tcg is not None
            return _under_neither(found.kvm, found.tcg, attempts)
        if winner is found.kvm:
            self._trust(kernel, winner.seconds, found.summary())
        elif found.kvm.kernel_spoke:
            self._doubt(kernel, found)
        elif found.kvm.guest.blame is not Blame.MACHINE:  # else it was ended from outside: the next boot will show
            self._give_up(found.summary())
        return attempts.choose(winner)

    # --- boots under a KVM that is known ------------------------------------------------------

    def _boot_under_kvm(self, kernel: Kernel, directory: Path, attempts: BootAttempts) -> Booted:
        kvm = attempts.run("kvm")
        if kvm.is_up and not self.accelerator.proved:
            self._trust(kernel, kvm.seconds, f"a guest came up in {kvm.seconds:.1f} s")
        if kvm.guest.blame is Blame.MACHINE:
            return attempts.choose(kvm)
        if kvm.is_up and not self._is_late(kvm):
            return attempts.choose(kvm)
        tcg = attempts.run("tcg")
        if kvm.is_up:
            return self._faster(RaceResult(kvm, tcg), attempts)
        if not tcg.is_up:
            return _under_neither(kvm, tcg, attempts)
        return self._under_tcg_alone(kernel, kvm, tcg, directory, attempts)

    def _is_late(self, kvm: BootAttempt) -> bool:
        """KVM was the faster one when it was proved; it need not be any more."""
        usual = self.accelerator.seconds
        return self._asked == "auto" and usual > 0 and kvm.seconds > max(HEAD_START, _LATE * usual)

    def _faster(self, found: RaceResult, attempts: BootAttempts) -> Booted:
        if found.winner is found.tcg:
            self._give_up(found.summary())
        return attempts.choose(found.winner or found.kvm)

    def _under_tcg_alone(
        self, kernel: Kernel, kvm: BootAttempt, tcg: BootAttempt, directory: Path, attempts: BootAttempts
    ) -> Booted:
        """KVM's fault, unless this kernel says itself that it cannot go on, and others can, or KVM was demanded."""
        well = self._runs_another(kernel, directory) if self.accelerator.proved else False
        if kvm.kernel_spoke and (well is not False or self._asked == "kvm"):
            return _under_kvm_alone(kvm, attempts)
        if well and not kvm.trouble:  # once can be chance
            again = attempts.run("kvm")
            if again.kernel_spoke:
                return _under_kvm_alone(again, attempts)
            if again.is_up:
                return self._up_again(kvm, again, tcg, attempts)
        self._give_up(RaceResult(kvm, tcg).summary())
        return attempts.choose(tcg)

    def _up_again(self, kvm: BootAttempt, again: BootAttempt, tcg: BootAttempt, attempts: BootAttempts) -> Booted:
        self._notify(f"a guest did not come up under KVM ({kvm.failure()}), and did when tried again")
        self.accuse(kvm.failure())
        return attempts.choose(again if self.accelerator.name == "kvm" else tcg)

    def _runs_another(self, kernel: Kernel, directory: Path) -> bool | None:
        """Does the kernel by which KVM was proved come up under it now? None: it is not at hand.

        If that is the one in question, it did, and KVM is taken to be well.
        """
        if self.accelerator.kernel == kernel.key:
            return True
        other = self._find_kernel(self.accelerator.kernel)
        if other is None:
            return None
        place = unused(directory.with_name(f"{directory.name}-control"))
        try:
            with self._attempts(other, place / "boot") as control:
                return control.run("kvm").is_up
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _machine(accelerator: str, limits: JobLimits) -> MachineSpec:
    large = (limits.thorough or accelerator == "kvm") and _available_memory() > _ROOM_FOR_LARGE
    memory = limits.memory or (LARGE_MEMORY if large else SMALL_MEMORY)
    return MachineSpec(accelerator, memory=memory, time_factor=limits.time_factor)


def _under_kvm_alone(kvm: BootAttempt, attempts: BootAttempts) -> Booted:
    """The kernel's fault, which shows only under KVM."""
    assert kvm.report is not None
    return attempts.choose(kvm, f"{kvm.report.ended}; under KVM alone: under TCG it comes up")


def _under_neither(kvm: BootAttempt, tcg: BootAttempt, attempts: BootAttempts) -> Booted:
    """The kernel's fault: shown by the guest under TCG, with what there was under KVM."""
    before = kvm.report.ended if kvm.report is not None else kvm.failure()
    told = f"{tcg.report.ended if tcg.report is not None else ''}; under KVM: {before}"
    return attempts.choose(tcg, told)
