# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's end of the monitor socket, answered from a table: for what is done with a guest that hangs."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

REGISTERS = (
    "CPU#0\nRAX=0000000000000000 RBP={rbp:016x}\nRIP={rip:016x} RFL=00000002 [-------] CPL=0 HLT={halted}\nFCW=037f"
)


class FakeQemu:
    """``registers``: one (rip, rbp, halted) for each processor. ``memory``: address -> 8 bytes as a number.

    ``on``: called when that command comes. ``commands``: those that came. Silent if ``deaf``.
    """

    def __init__(
        self,
        end: socket.socket,
        registers: list[tuple[int, int, int]],
        memory: Mapping[int, int] | None = None,
        on: Mapping[str, Callable[[], object]] | None = None,
        deaf: bool = False,
    ) -> None:
        self._end = end.dup()
        self._registers = registers
        self._memory = memory or {}
        self._on = on or {}
        self.commands: list[str] = []
        if not deaf:
            threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), self._end, self._end.makefile("rwb") as stream:
            self._send(stream, {"QMP": {"version": {}, "capabilities": []}})
            for line in stream:
                request = json.loads(line)
                self.commands.append(request["execute"])
                self._send(stream, {"event": "STOP", "timestamp": {}})  # events come at any time
                self._send(stream, self._answer(request["execute"], request["arguments"]))

    def _send(self, stream: Any, message: object) -> None:
        stream.write(json.dumps(message).encode() + b"\r\n")
        stream.flush()

    def _answer(self, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if command in self._on:
            self._on[command]()
        if command == "query-cpus-fast":
            return {"return": [{"cpu-index": number} for number in range(len(self._registers))]}
        if command == "human-monitor-command":
            return {"return": self._human(arguments["command-line"], arguments["cpu-index"])}
        if command == "no-such-command":
            return {"error": {"class": "CommandNotFound", "desc": "The command no-such-command has not been found"}}
        return {"return": {}}

    def _human(self, line: str, cpu: int) -> str:
        if line == "info registers":
            rip, rbp, halted = self._registers[cpu]
            return REGISTERS.format(rip=rip, rbp=rbp, halted=halted).replace("\n", "\r\n")
        address = int(line.rsplit(maxsplit=1)[-1], 16)
        if address not in self._memory:
            return "Cannot access memory\r\n"
        return f"{address:016x}: 0x{self._memory[address]:016x}\r\n"
