# SPDX-License-Identifier: GPL-2.0-only
"""The harness's end of the socket on which a user's pytest process asks for the guest (see ``pytest_plugin``)."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.interfaces import Guest, GuestLost
from harness.model import Kernel, Variant
from harness.scratch import scratch

# The environment of the pytest process.
SOCKET = "DMABUF_HARNESS_SOCKET"
LIMIT = "DMABUF_HARNESS_TEST_LIMIT"  # seconds that a phase of one test may take outside the guest
COLLECTED = "DMABUF_HARNESS_COLLECTED"  # file that gets the node ids, one JSON list

BridgeMessage = dict[str, Any]


class Bridge:
    """Serves one pytest process. ``events``: what it tells ("start", "result"), in order; None is the end.

    ``lost``: why the guest was lost, None as long as it lives. ``trouble``: what the machine did to us meanwhile.
    Use as a context manager.
    """

    def __init__(self, guest: Guest, variant: Variant | None, events: queue.SimpleQueue[BridgeMessage | None]) -> None:
        self._guest = guest
        self._variant = variant
        self._events = events
        self.lost: GuestLost | None = None
        self.trouble: HarnessError | None = None
        self._directory = contextlib.ExitStack()
        place = self._directory.enter_context(scratch("pytest"))
        self.path = place / "guest"  # short: a unix socket's path has 107 bytes
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve, name="pytest-bridge", daemon=True)

    def __enter__(self) -> Bridge:
        self._thread.start()
        return self

    def pytest_has_ended(self) -> None:
        """Let all be read that it told before, then put None: the end of it is not heard before its last result."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes an accept() that nobody answered
        self._thread.join()
        self._events.put(None)

    def __exit__(self, kind: object, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if kind is None:  # pytest has ended; else a command may still run in the guest, and nobody waits for it
            self._thread.join()
        self._directory.close()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # pytest never came
        # pytest may be ended at any time: how, its exit status tells.
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rb") as requests:
            for line in requests:
                message = json.loads(line)
                if message["do"] == "result":
                    self._end(message)
                else:
                    connection.sendall(json.dumps(self._answer(message)).encode() + b"\n")

    def _end(self, message: BridgeMessage) -> None:
        self._answer({"do": "mark", "text": f"end {message['nodeid']}"})
        if not self._over:
            self._events.put(message)

    @property
    def _over(self) -> str:
        """Why nothing can be done with the guest any more, empty if it can."""
        return self.lost.reason if self.lost is not None else str(self.trouble or "")

    def _answer(self, message: BridgeMessage) -> BridgeMessage:
        """What to send back: the value, an error of the guest's files, or that the guest is lost."""
        if self._over:
            return {"lost": self._over}
        actions: dict[str, Callable[..., object]] = {
            "start": self._start,
            "run": self._run,
            "put": lambda local, remote: self._guest.put(Path(local), remote),
            "get": lambda remote, local: self._guest.get(remote, Path(local)),
            "kernel_log": self._guest.kernel_log,
            "mark": self._guest.mark,
            "variant": self._describe,
        }
        action = actions[message.pop("do")]
        try:
            return {"value": action(**message)}
        except GuestLost as lost:
            self.lost = lost
            return {"lost": self._over}
        except HarnessError as trouble:
            self.trouble = trouble
            return {"lost": self._over}
        except OSError as error:
            return {"error": str(error)}

    def _start(self, nodeid: str) -> None:
        self._events.put({"do": "start", "nodeid": nodeid})
        self._guest.mark(f"start {nodeid}")

    def _run(self, command: str, timeout: float) -> BridgeMessage:
        return dataclasses.asdict(self._guest.run(command, timeout=timeout * self._guest.slowness))

    def _describe(self) -> BridgeMessage:
        name, options = (self._variant.name, dict(self._variant.options)) if self._variant is not None else ("", {})
        return {"name": name, "options": options, "config": _config(self._guest.kernel)}


def _config(kernel: Kernel) -> dict[str, str]:
    pairs = (line.partition("=") for line in kernel.config.read_text().splitlines() if line.startswith("CONFIG_"))
    return {name.removeprefix("CONFIG_"): value for name, _, value in pairs}
