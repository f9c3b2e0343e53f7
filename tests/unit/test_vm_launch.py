# SPDX-License-Identifier: GPL-2.0-only
"""How much memory a guest gets."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from harness.model import BootOutcome, BootReport, Kernel
from harness.vm import launch
from harness.vm.command import MachineSpec
from harness.vm.launch import LARGE_MEMORY, SMALL_MEMORY, Launcher
from tests.support.scripted_guest import scripted_kernel


class PlayedGuest(NamedTuple):
    kernel: Kernel
    spec: MachineSpec
    directory: Path
    qemu_version: str

    def boot(self) -> BootReport:
        return BootReport(BootOutcome.UP, self.spec.accel, 1.0, "console.log", self.qemu_version)


@pytest.mark.parametrize(
    ("thorough", "asked", "memory"),
    [(False, None, SMALL_MEMORY), (True, None, LARGE_MEMORY), (False, 1536, 1536), (True, 1536, 1536)],
)
def test_memory_is_what_was_asked_for_or_what_the_tests_need(
    thorough: bool, asked: int | None, memory: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(launch, "VmGuest", PlayedGuest)
    monkeypatch.setattr(launch, "_available_memory", lambda: 64 << 30)
    launcher = Launcher("tcg", lambda _text: None, thorough=thorough, memory=asked)
    guest, _ = launcher.boot(scripted_kernel(tmp_path), tmp_path)
    assert isinstance(guest, PlayedGuest)
    assert guest.spec.memory == memory
