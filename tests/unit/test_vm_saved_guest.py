# SPDX-License-Identifier: GPL-2.0-only
"""How a guest is saved and loaded, by what QEMU's monitor is asked; and what becomes of one that cannot be saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.interfaces import GuestLost
from harness.model import BootOutcome, BootReport
from harness.vm.command import MachineSpec
from harness.vm.copied_root import ARCHIVE
from harness.vm.guest import NoStart, VmGuest
from harness.vm.qmp import Monitor, MonitorError
from harness.vm.saved_guest import RestoredGuest, SavableGuest, SavedGuest
from tests.support.scripted_guest import scripted_kernel

SPEC = MachineSpec("tcg")


class ScriptedMonitor:
    """``states``: what is answered to each question for a status, in turn; none is no answer."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked: list[str] = []

    def ask(self, command: str, seconds: float, **arguments: object) -> Any:
        self.asked.append(" ".join([command, *map(str, arguments.values())]))
        if not command.startswith("query-"):
            return {}
        if not self.states:
            raise MonitorError("QEMU has closed its monitor")
        return {"status": self.states.pop(0)}


def savable(tmp_path: Path, monitor: ScriptedMonitor) -> SavableGuest:
    guest = SavableGuest(scripted_kernel(tmp_path), SPEC, tmp_path / "boot", "7.2", tmp_path)
    guest._qemu.monitor = cast(Monitor, monitor)
    return guest


def restored(tmp_path: Path, monitor: ScriptedMonitor) -> RestoredGuest:
    guest = RestoredGuest(scripted_kernel(tmp_path), SPEC, tmp_path / "boot", "7.2", tmp_path, tmp_path / "it's")
    guest._qemu.directory.mkdir()
    guest._qemu.start(["sh", "-c", "sleep 600"])
    guest._qemu.monitor = cast(Monitor, monitor)
    return guest


def test_it_is_stopped_and_written_to_its_end(tmp_path: Path) -> None:
    monitor = ScriptedMonitor("setup", "active", "completed")
    savable(tmp_path, monitor).save(Path("/x/a b"))
    assert monitor.asked[0] == "stop"
    assert monitor.asked[2:] == ["migrate exec:cat > '/x/a b'", *["query-migrate"] * 3]


@pytest.mark.parametrize("states", [("active", "failed"), ("active",)])
def test_one_that_is_not_written_is_told(tmp_path: Path, states: tuple[str, ...]) -> None:
    with pytest.raises(MonitorError):
        savable(tmp_path, ScriptedMonitor(*states)).save(Path("/x"))


def test_one_that_is_ended_while_it_boots_leaves_no_copy_of_the_host(tmp_path: Path) -> None:
    guest = SavableGuest(scripted_kernel(tmp_path), SPEC, tmp_path / "boot", "7.2", tmp_path)
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / ARCHIVE).write_text("keys")
    guest.shutdown()
    assert list((tmp_path / "boot").iterdir()) == []


def test_a_guest_goes_on_once_it_is_loaded(tmp_path: Path) -> None:
    monitor = ScriptedMonitor("inmigrate", "inmigrate", "paused")
    guest = restored(tmp_path, monitor)
    try:
        assert guest._incoming == ["-incoming", f"exec:cat '{tmp_path}/it'\"'\"'s'"]
        assert [guest._resumed() for _ in range(3)] == [False, False, True]
        assert monitor.asked[-1] == "cont" and monitor.asked.count("cont") == 1
        assert guest.console.sshd_listening
    finally:
        guest._qemu.process.kill()


def test_a_state_that_cannot_be_loaded_is_no_word_on_the_kernel(tmp_path: Path) -> None:
    guest = restored(tmp_path, ScriptedMonitor())
    with pytest.raises(NoStart, match="has closed its monitor"):
        guest.poll_boot()
    assert guest._qemu.process.poll() is not None


@pytest.mark.parametrize("outcome", [BootOutcome.UP, BootOutcome.PANIC])
def test_a_guest_that_cannot_be_saved_is_ended_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: BootOutcome
) -> None:
    guest = savable(tmp_path, ScriptedMonitor())
    ended: list[VmGuest] = []

    def end(self: VmGuest) -> None:
        ended.append(self)

    monkeypatch.setattr(SavableGuest, "shutdown", end)
    monkeypatch.setattr(SavedGuest, "_up", lambda *_: (guest, BootReport(outcome, "tcg", 1.0, "x", "7.2", ended="oh")))

    def prepare(_guest: VmGuest, _directory: Path) -> None:
        raise GuestLost("it takes no files", Cause.UNUSABLE)

    with SavedGuest(scripted_kernel(tmp_path), SPEC, "7.2", prepare) as source:
        with pytest.raises(InfrastructureError, match=r"it takes no files|did not come up: oh"):
            source.boot(tmp_path / "b")
        place = source._place
        assert place is not None and place.is_dir()
    assert ended == [guest] and not place.exists()
