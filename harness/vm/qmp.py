# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's monitor (QMP): asked where the processors are when the kernel no longer answers.

QEMU inherits its end of a socket pair, so there is no path and no port that anybody else could use: who speaks to the
monitor can do whatever QEMU's user may. The commands are in QEMU's docs/interop/qemu-qmp-ref.
"""

from __future__ import annotations

import json
import socket
from typing import Any

_MAX_LINE = 1 << 20


class MonitorError(Exception):
    """QEMU does not answer, or refuses; ``str`` says which."""


class Monitor:
    """Our end of the socket. ``theirs``: QEMU's end, to be closed here once QEMU runs."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._stream = self._ours.makefile("rwb")
        self._ready = False

    @property
    def options(self) -> list[str]:
        """QEMU options that attach its monitor to ``theirs``."""
        return ["-chardev", f"socket,id=qmp,fd={self.theirs.fileno()}", "-mon", "chardev=qmp,mode=control"]

    def ask(self, command: str, seconds: float, **arguments: object) -> Any:
        """The answer to ``command``, awaited for at most ``seconds``. Raises ``MonitorError``.

        An underscore in the name of an argument stands for a dash.
        """
        try:
            self._ours.settimeout(seconds)
            if not self._ready:
                self._read("QMP")
                self._send("qmp_capabilities", {})
                self._read("return")
                self._ready = True
            self._send(command, {name.replace("_", "-"): value for name, value in arguments.items()})
            return self._read("return")
        except (OSError, ValueError) as error:
            raise MonitorError(f"QEMU's monitor does not answer {command}: {error}") from error

    def human(self, line: str, seconds: float, cpu: int = 0) -> str:
        """What the monitor for people prints, seen from processor ``cpu``. Raises ``MonitorError``."""
        return str(self.ask("human-monitor-command", seconds, command_line=line, cpu_index=cpu)).replace("\r", "")

    def _send(self, command: str, arguments: dict[str, object]) -> None:
        self._stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._stream.flush()

    def _read(self, key: str) -> Any:
        """The next message with ``key``; events in between are of no interest."""
        while line := self._stream.readline(_MAX_LINE):
            message = json.loads(line)
            if "error" in message:
                raise MonitorError(str(message["error"].get("desc", "refused")))
            if key in message:
                return message[key]
        raise MonitorError("QEMU has closed its monitor")

    def close(self) -> None:
        self._stream.close()
        self._ours.close()
        self.theirs.close()
