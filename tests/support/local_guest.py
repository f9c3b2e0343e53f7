# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness`` whose guests are this machine, behind an ssh server in the same process.

As a program: ``python -m tests.support.local_guest PLACE ARGUMENT...``. ``PLACE``: a directory in which the guest has
its files. A guest in which ``die`` is run is lost. ``write-log`` writes its argument to the console.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from harness.causes import Cause
from harness.cli.main import main
from harness.interfaces import CommandResult, GuestLost, JobLimits, LineSink
from harness.model import BootOutcome, BootReport, Kernel
from harness.suites.guest_tools import HOME
from harness.vm.ssh import Connection
from tests.support.scripted_guest import scripted_kernel

COMMANDS = {"die": "touch {place}/dead; sleep 600", "write-log": 'echo "<4>[    9.000000] $1" >> {place}/console'}


@dataclass
class ShellServer(paramiko.ServerInterface):
    """Runs commands here, in a terminal of their own if one is asked for."""

    place: Path
    size: tuple[int, int] | None = None
    terminals: list[int] = field(default_factory=list)

    def check_auth_none(self, username: str) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_global_request(self, kind: str, msg: paramiko.Message) -> bool:
        return True

    def check_channel_pty_request(
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        self.size = (width, height)
        return True

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        for terminal in self.terminals:
            _resize(terminal, width, height)
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        line = command.decode().replace(HOME, str(self.place))
        answer = self._with_pipes if self.size is None else self._with_terminal
        threading.Thread(target=_quietly, args=(answer, channel, line), daemon=True).start()
        return True

    def _with_terminal(self, channel: paramiko.Channel, command: str) -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp("sh", ["sh", "-c", command])
        _resize(terminal, *(self.size or (80, 24)))
        self.terminals.append(terminal)
        with contextlib.suppress(OSError):  # its last program has ended
            while True:
                ready, _, _ = select.select([terminal, channel.fileno()], [], [])
                if channel.fileno() in ready:
                    os.write(terminal, channel.recv(1024))
                if terminal in ready:
                    channel.sendall(os.read(terminal, 1024))
        _, status = os.waitpid(pid, 0)
        channel.send_exit_status(os.waitstatus_to_exitcode(status))
        channel.close()

    def _with_pipes(self, channel: paramiko.Channel, command: str) -> None:
        program = subprocess.Popen(["sh", "-c", command], stdin=-1, stdout=-1, stderr=-1)
        assert program.stdin is not None
        threading.Thread(target=_quietly, args=(_feed, channel, program.stdin.fileno()), daemon=True).start()
        assert program.stdout is not None
        assert program.stderr is not None
        with contextlib.suppress(OSError):  # the visitor has gone
            for data in iter(lambda: os.read(program.stdout.fileno(), 1 << 15), b""):  # type: ignore[union-attr]
                channel.sendall(data)
            channel.sendall_stderr(program.stderr.read())
            channel.send_exit_status(program.wait() & 0xFF)
        channel.close()


def _quietly(work: Callable[..., None], *arguments: object) -> None:
    """Whoever has gone ends a thread of ours in many ways: what they say of it is no word of the program under test."""
    with contextlib.suppress(Exception):
        work(*arguments)


def _feed(channel: paramiko.Channel, pipe: int) -> None:
    with contextlib.suppress(OSError):
        while data := channel.recv(1024):
            os.write(pipe, data)
        os.close(pipe)


def _resize(terminal: int, width: int, height: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


class LocalGuest:
    """What a visit needs of a guest. ``place``: it has its files there, and a file "dead" once it is lost."""

    accel, slowness, seconds = "tcg", 1.0, 3.0

    def __init__(self, kernel: Kernel, place: Path, directory: Path) -> None:
        self.kernel = kernel
        self.place = place
        directory.mkdir(parents=True)
        (place / "console").touch()
        (directory / "console.log").symlink_to(place / "console")
        (place / "bin").mkdir()
        for name, text in COMMANDS.items():
            (place / "bin" / name).write_text(f"#!/bin/sh\n{text.format(place=place)}\n")
        ours, theirs = socket.socketpair()
        self._server = paramiko.Transport(theirs)
        self._server.add_server_key(paramiko.RSAKey.generate(2048))
        self._server.start_server(threading.Event(), ShellServer(place))
        client = paramiko.Transport(ours)
        client.start_client(timeout=60)
        client.auth_none("root")
        self._connection = Connection(client, self._check_alive, 10_000)

    def _check_alive(self) -> None:
        if (self.place / "dead").exists():
            raise GuestLost("panic: oh", Cause.PANIC)

    def live(self) -> Connection:
        return self._connection

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        command = command.replace(HOME, str(self.place))
        done = subprocess.run(["sh", "-c", command], timeout=timeout, check=False, capture_output=True, text=True)
        return CommandResult(command, done.returncode, done.stdout, done.stderr, 0.1)

    def put(self, local: Path, remote: str) -> None:
        if remote.startswith(HOME):
            text = local.read_text().replace(HOME, str(self.place))
            Path(remote.replace(HOME, str(self.place))).write_text(text)

    def blamed(self, lost: GuestLost) -> GuestLost:
        return lost

    def __enter__(self) -> LocalGuest:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()
        self._server.close()
        (self.place / "ended").touch()


@dataclass
class LocalLauncher:
    """Stands in for ``Launcher``."""

    place: Path

    def boot(self, kernel: Kernel, directory: Path, limits: JobLimits) -> tuple[LocalGuest, BootReport]:
        (self.place / "memory").write_text(str(limits.memory))
        return LocalGuest(kernel, self.place, directory), BootReport(BootOutcome.UP, "tcg", 3.0, "console.log", "7.2")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    with (
        mock.patch("harness.cli.shell.Launcher", lambda *_: LocalLauncher(where)),
        mock.patch("harness.reproduce.kernel_again.find_kernel", lambda key: scripted_kernel(where) if key else None),
        mock.patch("harness.machine_check.require", lambda _findings: None),
    ):
        sys.exit(main(sys.argv[2:]))
