# SPDX-License-Identifier: GPL-2.0-only
"""A guest that is saved once it is prepared, and from which others go on: each is as fresh as the first one.

Under emulation a boot costs some twenty seconds of CPU time, and going on from a saved guest less than three.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness.errors import InfrastructureError
from harness.interfaces import GuestLost
from harness.model import BootOutcome, BootReport, Kernel
from harness.scratch import scratch
from harness.vm.attempts import BootAttempts
from harness.vm.command import MachineSpec
from harness.vm.copied_root import ARCHIVE, write_root
from harness.vm.guest import NoStart, VmGuest
from harness.vm.identity import Identity, create_identity
from harness.vm.qmp import MonitorError

_ANSWER = 60.0  # seconds for an answer of QEMU's monitor, which loads a guest meanwhile
_SAVE = 120.0  # seconds to write a guest's memory, some 150 MB, to a file
_TICK = 0.05
_FAST = 10 << 30  # bytes a second: QEMU is modest by default

Prepare = Callable[[VmGuest, Path], None]
"""Gets a guest that is up, and the directory of its boot. May raise ``GuestLost``."""


@dataclass(frozen=True)
class _Kept(Identity):
    """Keys of all guests that go on from one: whoever keeps the state removes them."""

    def forget(self) -> None:
        pass


class SavableGuest(VmGuest):
    """A guest whose root is a copy. ``keys``: of the guests that go on from it, on the host."""

    def __init__(self, kernel: Kernel, spec: MachineSpec, directory: Path, qemu_version: str, keys: Path) -> None:
        super().__init__(kernel, spec, directory, qemu_version)
        self._keys = keys
        self._kept_in = (keys,)

    def start(self) -> None:
        directory = self._qemu.directory
        directory.mkdir(parents=True, exist_ok=True)
        create_identity(self._keys, self._kernel)
        self._identity = _Kept(self._keys)
        files = ("host_key", "client_key.pub", "modules")
        write_root(directory / ARCHIVE, self._kernel, {directory / name: self._keys / name for name in files})
        self._start_qemu()

    def poll_boot(self) -> BootReport | None:
        report = super().poll_boot()
        if report is not None:
            self._remove_archive()
        return report

    def shutdown(self) -> None:
        super().shutdown()
        self._remove_archive()

    def _remove_archive(self) -> None:
        (self._qemu.directory / ARCHIVE).unlink(missing_ok=True)

    def save(self, state: Path) -> None:
        """Stop it, and write it to ``state``; it is of no use any more. Raises ``MonitorError``."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        monitor = self._qemu.monitor
        monitor.ask("stop", _ANSWER)
        monitor.ask("migrate-set-parameters", _ANSWER, max_bandwidth=_FAST)
        monitor.ask("migrate", _ANSWER, uri=f"exec:cat > {shlex.quote(str(state))}")
        deadline = time.monotonic() + _SAVE
        while (status := monitor.ask("query-migrate", _ANSWER)["status"]) != "completed":
            if status in ("failed", "cancelled") or time.monotonic() > deadline:
                raise MonitorError(f"the guest was not saved: {status}")
            time.sleep(_TICK)


class RestoredGuest(VmGuest):
    """A guest that goes on from ``state``, with the ``keys`` of the one that was saved."""

    def __init__(
        self, kernel: Kernel, spec: MachineSpec, directory: Path, qemu_version: str, keys: Path, state: Path
    ) -> None:
        super().__init__(kernel, spec, directory, qemu_version)
        self._keys = keys
        self._kept_in = (keys,)
        self._incoming = ["-incoming", f"exec:cat {shlex.quote(str(state))}"]
        self._goes_on = False

    def start(self) -> None:
        self._qemu.directory.mkdir(parents=True, exist_ok=True)
        self._identity = _Kept(self._keys)
        self._start_qemu()

    def poll_boot(self) -> BootReport | None:
        if not self._goes_on and not self._resumed():
            return None
        return super().poll_boot()

    def _resumed(self) -> bool:
        """It is loaded, and goes on. Raises ``NoStart`` if QEMU cannot load it."""
        try:
            if self._qemu.monitor.ask("query-status", _ANSWER)["status"] == "inmigrate":
                return False
            self._qemu.monitor.ask("cont", _ANSWER)
        except MonitorError as error:
            self._qemu.process.kill()
            raise NoStart(self._qemu.last_line() or str(error), ended=True) from error
        # It said so before it was saved.
        self.console.kernel_started = self.console.sshd_listening = self._goes_on = True
        return True


class SavedGuest:
    """A context manager: what it saves is removed with it. Guests are emulated: with KVM a boot takes a second.

    ``prepare``: what is done in the guest before it is saved. ``spec``, ``qemu_version``: of the machine.
    """

    def __init__(self, kernel: Kernel, spec: MachineSpec, qemu_version: str, prepare: Prepare) -> None:
        assert spec.accel == "tcg"
        self._kernel = kernel
        self._spec = spec
        self._qemu_version = qemu_version
        self._prepare = prepare
        self._scratch = scratch("saved-guest")
        self._place: Path | None = None

    def __enter__(self) -> SavedGuest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._place is not None:
            self._place = None
            self._scratch.__exit__(kind, error, trace)

    def boot(self, directory: Path) -> tuple[VmGuest, BootReport]:
        """A prepared guest, with its logs in ``directory``: one that is booted and saved first, if none was yet.

        The caller shuts it down whatever the report says. Raises ``InfrastructureError`` if it cannot be saved, or
        not be loaded, twice.
        """
        place = self._place or self._saved(directory)
        return self._up(directory, lambda there: self._restored(there, place))

    def _restored(self, directory: Path, place: Path) -> VmGuest:
        state = place / "state"
        return RestoredGuest(self._kernel, self._spec, directory, self._qemu_version, place, state)

    def _up(self, directory: Path, make: Callable[[Path], VmGuest]) -> tuple[VmGuest, BootReport]:
        with BootAttempts(directory, lambda there, _accel: make(there)) as attempts:
            return attempts.choose(attempts.run("tcg"))

    def _saved(self, directory: Path) -> Path:
        place = self._scratch.__enter__()
        self._place = place
        there = directory.with_name(f"{directory.name}-saved")
        guest, report = self._up(
            there, lambda at: SavableGuest(self._kernel, self._spec, at, self._qemu_version, place)
        )
        try:
            if report.outcome is not BootOutcome.UP:
                raise InfrastructureError(f"the guest that was to be saved did not come up: {report.ended}")
            self._prepare(guest, there)
            assert isinstance(guest, SavableGuest)
            guest.save(place / "state")
        except (GuestLost, MonitorError) as error:
            raise InfrastructureError(f"the guest could not be saved: {error}", where=str(there)) from error
        finally:
            guest.shutdown()
        return place
