# SPDX-License-Identifier: GPL-2.0-only
"""A connection to a guest that dies in every unkind way, against an ssh server in this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from harness.causes import Cause
from harness.interfaces import GuestLost
from harness.vm.ssh import Connection

KEY = paramiko.RSAKey.generate(2048)


@dataclass
class Server(paramiko.ServerInterface):
    """Lets anybody in. ``deaf``: takes a command and never answers anything again, like an sshd in a dead kernel.

    ``opens``: no session is opened before that.
    """

    deaf: bool = False
    opens: threading.Event | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def check_auth_none(self, username: str) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "none"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if self.opens is not None:
            assert self.opens.wait(60)
        return OPEN_SUCCEEDED

    def check_global_request(self, kind: str, msg: paramiko.Message) -> bool:
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self.deaf:
            return self.over.wait(60)
        threading.Thread(target=_answer, args=(channel, command), daemon=True).start()
        return True


def _answer(channel: paramiko.Channel, command: bytes) -> None:
    assert channel.recv(1) == b""  # the end of its input: the client knows by now that the command has begun
    channel.sendall(command + b"\n")
    channel.send_exit_status(0)
    channel.close()


class Guest:
    """The two ends, and what is known of the guest besides: ``dead`` is why it is gone."""

    def __init__(self, server: Server, silence_limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        ours, theirs = socket.socketpair()
        self.dead = ""
        self.server = server
        self.theirs = paramiko.Transport(theirs)
        self.theirs.add_server_key(KEY)
        self.theirs.start_server(threading.Event(), server)
        client = paramiko.Transport(ours)
        client.start_client(timeout=30)
        client.auth_none("root")
        self.connection = Connection(client, self._check_alive, silence_limit, clock)

    def _check_alive(self) -> None:
        if self.dead:
            raise GuestLost(self.dead, Cause.PANIC)

    def close(self) -> None:
        self.server.over.set()
        self.connection.close()
        self.theirs.close()


@pytest.fixture
def guests() -> Iterator[list[Guest]]:
    made: list[Guest] = []
    yield made
    for guest in made:
        guest.close()


def test_a_command_is_answered(guests: list[Guest]) -> None:
    guests.append(guest := Guest(Server(), 30))
    lines: list[tuple[str, str]] = []
    done = guest.connection.execute("echo", timeout=30, sink=lambda *line: lines.append(line))
    assert (done.status, done.stdout, lines) == (0, b"echo\n", [("stdout", "echo")])
    assert not guest.connection.is_silent


def test_limits_are_counted_by_the_clock(guests: list[Guest]) -> None:
    """It stands while a guest waits for the host: here it jumps."""
    now = [0.0]
    guests.append(guest := Guest(Server(deaf=True), 10_000, clock=lambda: now[0]))
    threading.Timer(0.2, now.__setitem__, (0, 20_000.0)).start()
    with pytest.raises(GuestLost, match=r"^no answer for 20000 s"):
        guest.connection.execute("echo", timeout=100_000)


def test_a_session_has_the_time_that_the_host_gives(guests: list[Guest]) -> None:
    """While the clock stands, the wall's may pass the limit: a busy host makes no guest hang."""
    opens = threading.Event()
    guests.append(guest := Guest(Server(opens=opens), 30, clock=lambda: 0.0))
    threading.Timer(0.6, opens.set).start()
    assert guest.connection.execute("echo", timeout=0.3).stdout == b"echo\n"


def test_a_command_that_is_never_acknowledged_is_a_hang(guests: list[Guest]) -> None:
    """The library waits for it without a limit."""
    guests.append(guest := Guest(Server(deaf=True), 0.5))
    with pytest.raises(GuestLost, match=r"^no answer for \d+ s: the guest hangs$"):
        guest.connection.execute("echo", timeout=10_000)


def test_the_reason_is_what_is_known_of_the_guest(guests: list[Guest]) -> None:
    guests.append(guest := Guest(Server(deaf=True), 10_000))
    threading.Timer(0.2, setattr, (guest, "dead", "panic: oh")).start()
    with pytest.raises(GuestLost, match="panic: oh"):
        guest.connection.execute("echo", timeout=10_000)


def test_a_connection_that_is_closed_in_a_living_guest_is_told(
    guests: list[Guest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.vm.ssh._REASON_LIMIT", 0.1)
    guests.append(guest := Guest(Server(deaf=True), 10_000))
    threading.Timer(0.2, guest.theirs.close).start()
    with pytest.raises(GuestLost, match=r"ssh connection (was )?lost"):
        guest.connection.execute("echo", timeout=10_000)
    assert guest.connection.is_silent


def test_the_limit_of_a_guest_that_stands_still_in_gdb_can_be_waited_for() -> None:
    """paramiko waits for room to send by a lock, which takes no time of centuries (OverflowError)."""
    assert threading.Lock().acquire(timeout=Connection._by_the_wall(1e12))
