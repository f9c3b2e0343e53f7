# SPDX-License-Identifier: GPL-2.0-only
"""Who makes the system calls of the objects in kernel.py: the interpreter, or what lets their allocations fail.

Only those calls go through here that a check may want to see fail: ioctl(), open() of a device, mmap() of a dma-buf.
"""

from __future__ import annotations

import fcntl
import mmap
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class View(Protocol):
        """Mapped memory that the CPU can write."""

        def __setitem__(self, offset: int, value: int, /) -> None: ...

        def close(self) -> None: ...


class SystemCalls:
    """The plain calls; each raises its ``OSError``."""

    def ioctl(self, fd: int, request: int, argument: bytearray | int) -> int:
        """What it returned. A ``bytearray`` is updated with what the kernel writes; an ``int`` goes as it is."""
        return fcntl.ioctl(fd, request, argument)

    def open(self, path: str, flags: int) -> int:
        """A new descriptor."""
        return os.open(path, flags)

    def map(self, fd: int, length: int, offset: int = 0) -> View:
        """``length`` bytes of ``fd`` from ``offset``, shared, to read and to write."""
        return mmap.mmap(fd, length, offset=offset)


_makers = [SystemCalls()]


def calls() -> SystemCalls:
    """Who makes the calls now."""
    return _makers[-1]


class made_by:  # lower case: reads as a statement: with made_by(armed): ...
    """Context manager: ``maker`` makes the calls of the block."""

    def __init__(self, maker: SystemCalls) -> None:
        self._maker = maker

    def __enter__(self) -> None:
        _makers.append(self._maker)

    def __exit__(self, *_error: object) -> None:
        _makers.pop()
