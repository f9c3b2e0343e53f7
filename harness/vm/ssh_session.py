# SPDX-License-Identifier: GPL-2.0-only
"""A command in the guest whose input and output are those of the user: in front of a terminal, or with pipes."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress

import paramiko

from harness.local_terminal import LocalTerminal

_TICK = 0.25  # seconds between two looks at the guest, and at the size of the terminal
_PIECE = 1 << 15
_LINGER = 5.0  # seconds without output after which nothing more comes of a command that has ended
_KILLED = 255  # as ssh(1): a command that a signal ended in a way that sshd does not tell


class SshSession:
    """``channel``: open, and nothing runs on it yet.

    ``clock``: in which it is waited for the last output, in seconds.

    The size of the terminal is looked at again and again: a handler of SIGWINCH would be one for the whole process,
    and only its main thread could have it.
    """

    def __init__(
        self, channel: paramiko.Channel, terminal: LocalTerminal, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._channel = channel
        self._terminal = terminal
        self._size = terminal.size
        self._unsent = b""
        self._reads = True  # standard input is not at its end
        self._clock = clock
        self._over_at: float | None = None  # when it is over though nothing says that no more output comes

    def run(self, command: str, look: Callable[[], None], heard: Callable[[], None]) -> int:
        """Run ``command`` to its end; its exit status, 255 if none is told.

        ``look``: called again and again, may raise ``GuestLost``. ``heard``: called when the guest said something.
        Raises ``paramiko.SSHException`` and ``OSError`` if the connection fails, or if nobody takes the output.
        """
        if self._terminal.is_terminal:
            columns, rows = self._size
            self._channel.get_pty(self._terminal.kind, columns, rows)
        self._channel.exec_command(command.encode("utf-8", "surrogateescape"))
        with self._terminal.raw():
            while not self._is_over():
                look()
                self._follow_size()
                self._wait()
                if self._show():
                    heard()
                    self._over_at = None
                self._send()
        status = self._channel.recv_exit_status()
        if status < 0:
            look()  # which knows it if the guest is gone
        return status if status >= 0 else _KILLED

    def _is_over(self) -> bool:
        """Asked before what arrives is read: after an early yes it would be lost."""
        told = self._channel.closed or bool(self._channel.exit_status_ready() and self._channel.eof_received)
        return (told or self._has_lingered()) and not (self._channel.recv_ready() or self._channel.recv_stderr_ready())

    def _has_lingered(self) -> bool:
        """sshd tells how a command ended before it has read all that it said. But a daemon that was left behind may
        keep the streams open for ever: nothing is awaited of it."""
        if not self._channel.exit_status_ready():
            return False
        if self._over_at is None:
            self._over_at = self._clock() + _LINGER
        return self._clock() >= self._over_at

    def _follow_size(self) -> None:
        if self._terminal.is_terminal and (size := self._terminal.size) != self._size:
            self._size = size
            self._channel.resize_pty(*size)

    def _wait(self) -> None:
        """For output, or for input if the guest would take it."""
        inputs = [self._terminal.stdin] if self._reads and not self._unsent else []
        # At the end of its output it would be ready each time, for as long as the command goes on in silence.
        outputs = [] if self._channel.eof_received else [self._channel.fileno()]
        ready, _, _ = select.select([*outputs, *inputs], [], [], _TICK)
        if self._terminal.stdin in ready:
            self._take_input()

    def _take_input(self) -> None:
        self._unsent = self._terminal.read()
        if not self._unsent:
            self._reads = False
            with suppress(OSError):
                self._channel.shutdown_write()

    def _send(self) -> None:
        """Only as much as the other side takes: it may wait for us to read what it says."""
        if self._unsent and self._channel.send_ready():
            with suppress(OSError):  # the command has closed its input: what is left of ours is of no use
                self._unsent = self._unsent[self._channel.send(self._unsent[:_PIECE]) :]
                return
            self._unsent = b""

    def _show(self) -> bool:
        got = False
        while self._channel.recv_ready() and (data := self._channel.recv(_PIECE)):
            self._terminal.write(data)
            got = True
        while self._channel.recv_stderr_ready() and (data := self._channel.recv_stderr(_PIECE)):
            self._terminal.write(data, error=True)
            got = True
        return got
