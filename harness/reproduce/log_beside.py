# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel prints while somebody works in its guest, line by line between what the guest says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from harness.local_terminal import LocalTerminal
from harness.report.text import visible

_LEVEL = re.compile(r"^<\d+>")


class LogBeside:
    """Call it now and then. ``console``: the file that grows; what is in it by now is not shown."""

    def __init__(self, console: Path, terminal: LocalTerminal) -> None:
        self._console = console
        self._terminal = terminal
        self._offset = console.stat().st_size
        self._partial = b""
        dim = terminal.is_terminal and not os.environ.get("NO_COLOR")
        self._frame = ("\x1b[2m", "\x1b[0m") if dim else ("", "")
        # Nobody turns a line end into two characters for a terminal that takes each byte as it is.
        self._ends = ("\r", "\r\n") if terminal.is_terminal else ("", "\n")

    def __call__(self) -> None:
        with self._console.open("rb") as handle:
            handle.seek(self._offset)
            added = handle.read()
        self._offset += len(added)
        *lines, self._partial = (self._partial + added).split(b"\n")
        for line in lines:
            self._show(line)

    def _show(self, line: bytes) -> None:
        text = _LEVEL.sub("", visible(line.decode("utf-8", "replace").rstrip("\r")))
        (before, after), (start, end) = self._frame, self._ends
        self._terminal.write(f"{start}{before}kernel: {text}{after}{end}".encode(), error=True)


def log_beside(console: Path, terminal: LocalTerminal, wanted: bool) -> Callable[[], None]:
    """A ``LogBeside``, or something that does nothing unless it is ``wanted``."""
    return LogBeside(console, terminal) if wanted else lambda: None
