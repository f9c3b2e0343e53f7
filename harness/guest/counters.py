# SPDX-License-Identifier: GPL-2.0-only
"""gcov's counters of a coverage kernel: reset before a test, read after it (Documentation/dev-tools/gcov.rst).

They go to the host raw, for the compiler's notes are there: names and contents of the .gcda files, packed, as text.
A file that holds what it held after a reset is left out: of nothing in it ran.
"""

from __future__ import annotations

import binascii
import os
import time
import zlib

DIRECTORY = "/sys/kernel/debug/gcov"
_RESET = f"{DIRECTORY}/reset"
_SUFFIX = ".gcda"
# Seconds. What a test set off may still run: a deferred fput, irq work, a callback of RCU. It belongs to that test.
_PAUSE = 0.03
_PATIENCE = 2.0


class Counters:
    """``factor`` stretches the patience for work that ends later."""

    def __init__(self, factor: float = 1.0) -> None:
        self._patience = _PATIENCE * factor
        self._blank: dict[str, bytes] = {}

    def start(self) -> None:
        """Set all to zero. The first time also find out what a file with nothing in it looks like."""
        reset()
        if not self._blank:
            self._blank = self._quiet()

    def take(self) -> str:
        """What ran since ``start``, packed, once nothing runs any more."""
        return pack({name: data for name, data in self._settled().items() if self._blank.get(name) != data})

    def _quiet(self) -> dict[str, bytes]:
        """Contents that two resets leave alike: something may have run after one of them."""
        found = read()
        for _ in range(10):
            reset()
            again = read()
            if again == found:
                return found
            found = again
        return {}

    def _settled(self) -> dict[str, bytes]:
        """Contents that do not change for a moment, or those that there are when patience ends."""
        deadline = time.monotonic() + self._patience
        found = read()
        while time.monotonic() < deadline:
            time.sleep(_PAUSE)
            again = read()
            if again == found:
                break
            found = again
        return found


def reset() -> None:
    """Set all counters to zero; those of modules that are gone are forgotten."""
    fd = os.open(_RESET, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"1")
    finally:
        os.close(fd)


def read() -> dict[str, bytes]:
    """Path of each .gcda file, without the directory that all are in -> its contents now."""
    found = {}
    for directory, _, names in os.walk(DIRECTORY):
        for name in names:
            if name.endswith(_SUFFIX):
                path = f"{directory}/{name}"
                with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slow to import
                    found[path[len(DIRECTORY) :]] = file.read()
    return found


def pack(files: dict[str, bytes]) -> str:
    """One line of text."""
    parts = [f"{name}\0{len(data)}\0".encode() + data for name, data in sorted(files.items())]
    return binascii.b2a_base64(zlib.compress(b"".join(parts), 1), newline=False).decode()


def unpack(text: str) -> dict[str, bytes]:
    """What ``pack`` was given. Raises ``ValueError`` for anything else."""
    try:
        rest, found = zlib.decompress(binascii.a2b_base64(text, strict_mode=True)), {}
    except zlib.error as error:
        raise ValueError(f"not packed counters: {error}") from error
    while rest:
        name, _, rest = rest.partition(b"\0")
        size, _, rest = rest.partition(b"\0")
        if not size.isdigit() or len(rest) < int(size):
            raise ValueError("not packed counters: cut off")
        found[name.decode()], rest = rest[: int(size)], rest[int(size) :]
    return found
