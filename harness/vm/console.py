# SPDX-License-Identifier: GPL-2.0-only
"""The guest's console, as QEMU writes it to a file: read as it grows, searched for what matters."""

from __future__ import annotations

import re
from pathlib import Path

from harness.kernel_stamp import OF_KERNEL

_PANIC = re.compile(OF_KERNEL + r"(Kernel panic - not syncing[^\n]*?)\s*\n")
_VERSION = re.compile(OF_KERNEL + "Linux version ")
_SSHD = re.compile(r"^Server listening on \S+ port 22\.", re.MULTILINE)
# arch/x86/kernel/tsc.c: two timers do not agree on how fast the processor counts, and the kernel takes one of them.
# Under emulation on a busy host the one that it takes was seen to be wrong by factors of 5 and 20.
_WRONG_CLOCK = re.compile(OF_KERNEL + "tsc: PIT calibration deviates from ")
_SSHD_ENDED = re.compile("dmabuf-harness: sshd ended")  # guest/init
_OVERLAP = 512  # so that a line which arrives in two pieces is still seen whole
_PIECE = 1 << 20
LIMIT = 8 << 20  # bytes: hundreds of times what a whole run prints; what is behind it is not read


class Console:
    """Follows a console log. ``poll`` reads what is new; the flags say what has been seen so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._tail = ""
        self.panic = ""
        """First line of a kernel panic, without its time stamp; empty as long as there is none."""
        self.kernel_started = False
        self.sshd_listening = False
        self.sshd_ended = False
        self.clock_is_wrong = False
        """Its seconds may pass many times too fast, and no time limit in it holds: the host was too busy."""

    @property
    def flooded(self) -> bool:
        """True once it holds more than anybody can read: whoever runs the guest should end it."""
        return self._offset >= LIMIT

    def poll(self) -> bool:
        """Read what was added, up to ``LIMIT`` in all; True if there was something."""
        before = self._offset
        try:
            with self.path.open("rb") as handle:
                handle.seek(self._offset)
                while data := handle.read(min(_PIECE, LIMIT - self._offset)):
                    self._take(data)
        except FileNotFoundError:
            return False
        return self._offset > before

    def _take(self, data: bytes) -> None:
        self._offset += len(data)
        window = self._tail + data.decode("utf-8", "replace").replace("\r", "")
        self._search(window)
        self._tail = window[-_OVERLAP:]

    def _search(self, window: str) -> None:
        if not self.panic and (found := _PANIC.search(window)):
            self.panic = found.group(1)
        self.kernel_started = self.kernel_started or bool(_VERSION.search(window))
        self.sshd_listening = self.sshd_listening or bool(_SSHD.search(window))
        self.sshd_ended = self.sshd_ended or bool(_SSHD_ENDED.search(window))
        self.clock_is_wrong = self.clock_is_wrong or bool(_WRONG_CLOCK.search(window))

    @property
    def size(self) -> int:
        """Bytes read so far."""
        return self._offset

    def text(self, start: int = 0, end: int = LIMIT) -> str:
        """The log from byte ``start`` to ``end``, or to ``LIMIT``; carriage returns removed."""
        try:
            with self.path.open("rb") as handle:
                handle.seek(start)
                data = handle.read(max(0, min(end, LIMIT) - start))
        except FileNotFoundError:
            return ""
        return data.decode("utf-8", "replace").replace("\r", "")

    def around_panic(self, said: str, count: int = 25) -> str:
        """The last ``count`` lines of ``said``: around the panic, whose stacks of all processors come after it."""
        lines = said.splitlines()
        panics = (number for number, line in enumerate(lines) if self.panic and self.panic in line)
        return "\n".join(lines[: next(panics, len(lines)) + count // 2][-count:])
