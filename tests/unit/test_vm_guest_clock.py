# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose clock came out wrong, as the host was too busy, is started anew before anything runs in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.model import BootOutcome
from harness.vm import guest as guest_module
from harness.vm.command import MachineSpec
from harness.vm.console import Console
from harness.vm.guest import VmGuest
from tests.support.scripted_guest import scripted_kernel

FIRST = "<5>[    0.000000][    T0] Linux version 6.12.117 (gcc)\n"
# As 6.12.117 printed them under TCG, on hosts with ten times the work that they can do, and on one with none.
WRONG = "<4>[    0.036000][    T0] tsc: PIT calibration deviates from HPET: 130020 2593378\n"
RIGHT = "<6>[    0.036000][    T0] tsc: using HPET reference calibration\n"
READY = "Server listening on 0.0.0.0 port 22.\n"


class Boots:
    """Guests that print these texts, one after the other."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.starts = 0

    def command(self, _image: Path, directory: Path, *_rest: object) -> list[str]:
        text = self.texts[min(self.starts, len(self.texts) - 1)]
        self.starts += 1
        return ["sh", "-c", 'printf %s "$1" > "$2"; exec sleep 600', "sh", text, f"{directory}/console.log"]


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VmGuest]:
    def login(self: VmGuest) -> BootOutcome | None:
        self._qemu.check_alive()
        return BootOutcome.UP if self.console.sshd_listening else None

    monkeypatch.setattr(VmGuest, "_login", login)
    made = VmGuest(scripted_kernel(tmp_path), MachineSpec("tcg"), tmp_path / "boot", "7.2")
    yield made
    made.shutdown()


def boot(guest: VmGuest) -> BootOutcome:
    guest.start()
    while (report := guest.poll_boot()) is None:
        time.sleep(0.01)
    return report.outcome


def test_it_is_started_until_its_clock_is_right(guest: VmGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    boots = Boots(FIRST + WRONG, FIRST + WRONG, FIRST + RIGHT + READY)
    monkeypatch.setattr(guest_module, "qemu_command", boots.command)
    assert boot(guest) is BootOutcome.UP
    assert boots.starts == 3
    assert not guest.console.clock_is_wrong and "deviates" not in guest.evidence()


def test_a_right_clock_is_left_alone(guest: VmGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    boots = Boots(FIRST + RIGHT + READY)
    monkeypatch.setattr(guest_module, "qemu_command", boots.command)
    assert boot(guest) is BootOutcome.UP
    assert boots.starts == 1


def test_a_host_on_which_no_clock_is_right_is_no_word_on_the_kernel(
    guest: VmGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = Boots(FIRST + WRONG + READY)
    monkeypatch.setattr(guest_module, "qemu_command", boots.command)
    with pytest.raises(InfrastructureError, match="the host is too busy"):
        boot(guest)
    assert boots.starts == 5


def test_only_the_kernel_tells_of_its_clock(tmp_path: Path) -> None:
    console = Console(tmp_path / "console.log")
    console.path.write_text(FIRST + "<12>[    9.000000][   T80] tsc: PIT calibration deviates from HPET: 1 2\n")
    console.poll()
    assert not console.clock_is_wrong
