# SPDX-License-Identifier: GPL-2.0-only
"""Commands in the guest over ssh: the only place that knows paramiko.

Traps of paramiko 5.1 that shape this file: both output streams must be drained or 2 MiB on both deadlock;
``recv_exit_status`` ignores timeouts and ``exec_command`` has none; a failed banner prints a traceback through logging.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from harness.causes import Cause
from harness.errors import InfrastructureError
from harness.interfaces import GuestLost, LineSink
from harness.local_terminal import LocalTerminal
from harness.vm.qemu import LEAST_SHARE
from harness.vm.ssh_session import SshSession

logging.getLogger("paramiko").setLevel(logging.CRITICAL)

KEEP_BYTES = 8 << 20  # of each stream, in memory; a command that floods is cut, its lines still reach the sink
_TICK = 0.25  # seconds between looks at the guest while nothing arrives
_HEARTBEAT = 2.0
_SILENT_BEATS = 5
_REASON_LIMIT = 2.0  # seconds in which a guest that closed the connection says why


class ConnectionFailed(Exception):
    """sshd did not take us in (yet). ``str`` says why."""


@dataclass
class _Stream:
    """One output stream: bytes kept, and the part of a line that has not ended yet."""

    name: str
    sink: LineSink | None
    kept: bytearray = field(default_factory=bytearray)
    partial: bytes = b""

    def feed(self, data: bytes) -> None:
        room = KEEP_BYTES - len(self.kept)
        self.kept += data[: max(0, room)]
        if self.sink is not None:
            *lines, self.partial = (self.partial + data).split(b"\n")
            for line in lines:
                self._emit(line)
            if len(self.partial) > KEEP_BYTES:  # a "line" without end
                self._emit(self.partial)
                self.partial = b""

    def finish(self) -> None:
        if self.partial:
            self._emit(self.partial)
            self.partial = b""

    def _emit(self, line: bytes) -> None:
        if self.sink is not None:
            self.sink(self.name, line.decode("utf-8", "replace").rstrip("\r"))


@dataclass(frozen=True)
class Executed:
    """Outcome of one command: ``status`` is None if it was stopped at its deadline."""

    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float


class Connection:
    """An authenticated connection to one guest. ``check_alive`` raises ``GuestLost`` once the guest is gone.

    ``clock``: in which all limits are counted, in seconds.
    """

    def __init__(
        self,
        transport: paramiko.Transport,
        check_alive: Callable[[], None],
        silence_limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._check_alive = check_alive
        self.silence_limit = silence_limit
        self._clock = clock
        self._hear()
        self._closed = threading.Event()
        for work in (self._beat, self._watch):
            threading.Thread(target=work, name="ssh-heartbeat", daemon=True).start()

    def _hear(self) -> None:
        """It has answered. ``heard``: when, by ``time.monotonic()``."""
        self._last_answer, self.heard = self._clock(), time.monotonic()

    def _beat(self) -> None:
        """Ask sshd for an answer again and again: a guest that hangs takes TCP data but answers nothing."""
        while not self._closed.wait(_HEARTBEAT) and self._transport.is_active():
            try:
                self._transport.global_request("keepalive@openssh.com", wait=True)
            except (paramiko.SSHException, OSError, EOFError):
                return
            if self._transport.is_active():
                self._hear()

    def _watch(self) -> None:
        """Wake whoever waits for an answer without a limit, as ``exec_command`` does, once there will be none."""
        while not self._closed.wait(_TICK):
            try:
                self._check_alive()
                gone = self._silence > self.silence_limit
            except (GuestLost, InfrastructureError):
                gone = True
            if gone:
                self._transport.close()
                return

    @property
    def is_silent(self) -> bool:
        """True if the last few heartbeats had no answer."""
        return not self._transport.is_active() or self._silence > _SILENT_BEATS * _HEARTBEAT

    @property
    def _silence(self) -> float:
        return self._clock() - self._last_answer

    def _check(self) -> None:
        self._check_alive()
        if self._silence > self.silence_limit:
            raise GuestLost(f"no answer for {self._silence:.0f} s: the guest hangs", Cause.SILENCE)
        if not self._transport.is_active():
            deadline = time.monotonic() + _REASON_LIMIT
            while time.monotonic() < deadline:  # a dying QEMU closes its sockets first: let it leave its reason
                self._check_alive()
                time.sleep(_TICK)
            raise GuestLost("the ssh connection was lost, while the guest's kernel lived", Cause.CONNECTION)

    def execute(
        self, command: str, *, timeout: float, sink: LineSink | None = None, stdin: bytes | None = None
    ) -> Executed:
        """Run ``command`` to its end or to ``timeout`` seconds from now by the clock. Raises ``GuestLost``."""
        started, deadline = time.monotonic(), self._clock() + timeout
        out, err = _Stream("stdout", sink), _Stream("stderr", sink)
        channel = self._open(timeout)
        try:
            channel.exec_command(command)
            if stdin is not None:
                self._send(channel, stdin)
            channel.shutdown_write()
            in_time = self._drain(channel, out, err, deadline)
            status = channel.recv_exit_status() if in_time else None
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._check()
            raise GuestLost(f"ssh connection lost: {error or type(error).__name__}", Cause.UNUSABLE) from error
        finally:
            channel.close()
        out.finish()
        err.finish()
        return Executed(status, bytes(out.kept), bytes(err.kept), time.monotonic() - started)

    def interact(self, command: str, terminal: LocalTerminal, look: Callable[[], None]) -> int:
        """Run ``command`` in front of ``terminal``, for as long as it takes; its exit status. Raises ``GuestLost``.

        ``look``: called a few times in a second.
        """

        def watch() -> None:
            look()
            self._check()

        channel = self._open(self.silence_limit)
        try:
            return SshSession(channel, terminal, self._clock).run(command, watch, self._hear)
        except (paramiko.SSHException, EOFError) as error:
            self._check()
            raise GuestLost(f"ssh connection lost: {error or type(error).__name__}", Cause.UNUSABLE) from error
        finally:
            channel.close()

    def _open(self, timeout: float) -> paramiko.Channel:
        try:
            return self._transport.open_session(timeout=self._by_the_wall(min(timeout, self.silence_limit)))
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._check()
            raise GuestLost(
                f"the guest opens no ssh session: {error or type(error).__name__}", Cause.UNUSABLE
            ) from error

    def _send(self, channel: paramiko.Channel, data: bytes) -> None:
        channel.settimeout(self._by_the_wall(self.silence_limit))
        channel.sendall(data)

    @staticmethod
    def _by_the_wall(seconds: float) -> float:
        """The wall time in which ``seconds`` have passed by the clock in any case: paramiko takes no other clock.

        A guest that hangs costs less, as its silence ends the connection. Of one that stands still in gdb the limit is
        beyond what a lock can wait for.
        """
        return min(seconds / LEAST_SHARE, threading.TIMEOUT_MAX)

    def _drain(self, channel: paramiko.Channel, out: _Stream, err: _Stream, deadline: float) -> bool:
        """Read both streams until the command has ended (True) or the deadline has come (False)."""
        while True:
            # Asked before reading: what arrives after an early "yes" would be lost.
            ended = channel.exit_status_ready() and channel.eof_received
            got = False
            while channel.recv_ready():
                out.feed(channel.recv(1 << 16))
                got = True
            while channel.recv_stderr_ready():
                err.feed(channel.recv_stderr(1 << 16))
                got = True
            if got:
                self._hear()
            elif ended:
                return True
            else:
                self._check()
                select.select([channel], [], [], _TICK)
            if self._clock() > deadline:
                return False

    def close(self) -> None:
        self._closed.set()
        self._transport.close()


def connect(
    port: int,
    host_key: Path,
    client_key: Path,
    *,
    timeout: float,
    check_alive: Callable[[], None],
    silence_limit: float,
    clock: Callable[[], float] = time.monotonic,
) -> Connection:
    """Log in as root through ``port`` on loopback; ``timeout`` in seconds for the whole of it.

    ``silence_limit``: seconds by ``clock`` without any answer after which the guest counts as hanging.
    Raises ``ConnectionFailed`` if sshd is not there, is slow, or is not the one with ``host_key``.
    """
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    except OSError as error:
        raise ConnectionFailed(str(error)) from error
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = timeout
    try:
        transport.start_client(timeout=timeout)
        expected = paramiko.Ed25519Key.from_private_key_file(str(host_key))
        if transport.get_remote_server_key() != expected:
            raise ConnectionFailed("another machine answers on this port")
        transport.auth_publickey("root", paramiko.Ed25519Key.from_private_key_file(str(client_key)))
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise ConnectionFailed(str(error) or type(error).__name__) from error
    except BaseException:
        transport.close()
        raise
    return Connection(transport, check_alive, silence_limit, clock)
