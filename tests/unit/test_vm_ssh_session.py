# SPDX-License-Identifier: GPL-2.0-only
"""What comes of a command after sshd has told how it ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import paramiko
import pytest

from harness.local_terminal import LocalTerminal
from harness.vm.ssh_session import SshSession


@dataclass
class EndedChannel:
    """Of a command that has ended. ``late``: what comes of it after that, at each look; then the end, if ``ends``."""

    descriptor: int
    late: list[bytes] = field(default_factory=list)
    ends: bool = True
    silent: int = 0  # looks for which it goes on without output
    closed: bool = False
    command: bytes = b""
    _ready: bytes = b""

    def exec_command(self, command: bytes) -> None:
        self.command = command

    def fileno(self) -> int:
        return self.descriptor

    def exit_status_ready(self) -> bool:
        return not self.silent

    @property
    def eof_received(self) -> bool:
        return self.ends and not self.late and not self._ready

    def recv_ready(self) -> bool:
        return bool(self._ready)

    def recv_stderr_ready(self) -> bool:
        return False

    def recv(self, _size: int) -> bytes:
        said, self._ready = self._ready, b""
        return said

    def look(self) -> None:
        self._ready = self.late.pop(0) if self.late else b""
        self.silent = max(0, self.silent - 1)

    def recv_exit_status(self) -> int:
        return 3


@pytest.fixture
def readable() -> Iterator[int]:
    """A descriptor of which select() says at once that there is something."""
    reads, writes = os.pipe()
    os.write(writes, b"!")
    yield reads
    os.close(reads)
    os.close(writes)


def visited(channel: EndedChannel, place: Path, command: str = "true") -> bytes:
    ticks = iter(range(10_000))
    with (place / "out").open("w+b") as out, Path(os.devnull).open("rb") as nothing:
        terminal = LocalTerminal(nothing.fileno(), out.fileno(), out.fileno())
        session = SshSession(cast(paramiko.Channel, channel), terminal, lambda: float(next(ticks)))
        session._reads = False
        assert session.run(command, channel.look, lambda: None) == 3
    return (place / "out").read_bytes()


def test_what_arrives_after_the_exit_status_is_not_lost(readable: int, tmp_path: Path) -> None:
    assert visited(EndedChannel(readable, [b"", b"first ", b"", b"last"]), tmp_path) == b"first last"


def test_streams_that_a_daemon_keeps_open_are_not_awaited(readable: int, tmp_path: Path) -> None:
    assert visited(EndedChannel(readable, [b"all"], ends=False), tmp_path) == b"all"


def test_a_command_may_have_bytes_that_are_no_text(readable: int, tmp_path: Path) -> None:
    visited(channel := EndedChannel(readable), tmp_path, os.fsdecode(b"echo \xff"))
    assert channel.command == b"echo \xff"


def test_output_that_is_closed_is_not_asked_again_and_again(
    readable: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """select() would say each time that it is ready: a processor would be busy while the command goes on."""
    waited: list[list[int]] = []

    def wait(outputs: list[int], *_rest: object) -> tuple[list[int], list[int], list[int]]:
        waited.append(outputs)
        return [], [], []

    monkeypatch.setattr("harness.vm.ssh_session.select.select", wait)
    visited(EndedChannel(readable, silent=3), tmp_path)
    assert waited and waited == [[]] * len(waited)
