# SPDX-License-Identifier: GPL-2.0-only
"""Programs in front of a terminal, whose screen can be read."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte

_PATIENCE = 300.0  # seconds: without an end, a test would wait for ever
_IN_FRONT = ("setsid", "--ctty", "env", "--default-signal=INT")  # tests that run in the background ignore Ctrl-C


class Terminal:
    """A program that runs with a terminal of ``columns`` by ``rows``; a context manager, which ends it.

    ``patience``: seconds that it may take to show what a test waits for. ``said``: every byte that it wrote.
    ``lines``: what can be seen now, and above that what scrolled away.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        patience: float = _PATIENCE,
    ) -> None:
        self._patience = patience
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.said = b""
        self._master, slave = os.openpty()
        _set_size(slave, columns, rows)
        surroundings = {**os.environ, "TERM": "xterm", **(env or {})}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            if name not in (env or {}):
                surroundings.pop(name, None)
        self.argv = [str(part) for part in argv]
        self.process = subprocess.Popen(
            [*_IN_FRONT, *self.argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=surroundings,
            cwd=cwd,
            pass_fds=pass_fds,
        )
        self.modes = termios.tcgetattr(slave)
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._master >= 0:
            os.close(self._master)

    @property
    def lines(self) -> list[str]:
        """From the first one that was written to the last one on the screen that holds something."""
        gone = ["".join(row[column].data for column in range(self.screen.columns)) for row in self.screen.history.top]
        every = [line.rstrip() for line in [*gone, *self.screen.display]]
        while every and not every[-1]:
            every.pop()
        return every

    @property
    def shown(self) -> list[str]:
        """What can be seen now."""
        return [line.rstrip() for line in self.screen.display]

    def wait_for(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """Read until ``seen`` says so of ``shown``, which is returned."""
        deadline = time.monotonic() + self._patience
        while not seen(self.shown):
            assert time.monotonic() < deadline, f"never seen: {self.shown}"
            assert self._read(), f"it ended before: {self.lines}"
        return self.shown

    def finish(self) -> int:
        """Read to the end; the exit status."""
        deadline = time.monotonic() + self._patience
        while self._read():
            assert time.monotonic() < deadline, f"it goes on: {self.shown}"
        return self.process.wait(_PATIENCE)

    def resize(self, columns: int, rows: int) -> None:
        """As terminals do that wrap anew what stands on them."""
        there = "\r\n".join(line.rstrip() for line in self.screen.display[: self.screen.cursor.y + 1])
        _set_size(self._master, columns, rows)
        self.screen.resize(rows, columns)
        self.screen.erase_in_display(2)
        self.screen.cursor_position()
        self._stream.feed(there.encode())

    @property
    def modes_now(self) -> list[Any]:
        """Those of ``termios``; ``modes`` has what they were in the beginning."""
        return termios.tcgetattr(self._master)

    def hang_up(self) -> None:
        """As a window does that is closed."""
        os.close(self._master)
        self._master = -1

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def _read(self) -> bool:
        """Take what there is, or wait for it; False at the end."""
        ready, _, _ = select.select([self._master], [], [], self._patience)
        assert ready, f"it says no more: {self.lines}"
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the last program in front of it has ended
            return False
        self.said += data
        self._stream.feed(data)
        return bool(data)


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
