# SPDX-License-Identifier: GPL-2.0-only
"""The terminal, pipe or file in front of which a command runs: read and written byte by byte."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass

_NO_SIZE = (80, 24)  # of a terminal that does not tell its own


@dataclass(frozen=True)
class LocalTerminal:
    """Three file descriptors. It is a terminal if the first two are one: else they are pipes or files."""

    stdin: int = 0
    stdout: int = 1
    stderr: int = 2

    @property
    def is_terminal(self) -> bool:
        return os.isatty(self.stdin) and os.isatty(self.stdout)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        try:
            columns, rows = os.get_terminal_size(self.stdout)
        except OSError:
            return _NO_SIZE
        return (columns, rows) if columns and rows else _NO_SIZE

    @property
    def kind(self) -> str:
        """As ``TERM`` has it."""
        return os.environ.get("TERM") or "dumb"

    @contextlib.contextmanager
    def raw(self) -> Iterator[None]:
        """Every key is a byte to be read, Ctrl-C too, and nothing is echoed. Undone whatever happens in the block."""
        if not self.is_terminal:
            yield
            return
        before = termios.tcgetattr(self.stdin)
        try:
            tty.setraw(self.stdin, termios.TCSADRAIN)  # and not TCSAFLUSH: what was typed ahead is for the guest
            yield
        finally:
            with contextlib.suppress(termios.error):  # the terminal may have been closed
                termios.tcsetattr(self.stdin, termios.TCSADRAIN, before)

    def read(self) -> bytes:
        """What there is; empty at the end, also of a terminal that was closed."""
        try:
            return os.read(self.stdin, 1 << 14)
        except OSError:
            return b""

    def write(self, data: bytes, *, error: bool = False) -> None:
        """All of ``data`` to standard output, or to standard error. Raises ``OSError``."""
        left = memoryview(data)
        while left:
            left = left[os.write(self.stderr if error else self.stdout, left) :]
