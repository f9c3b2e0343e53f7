# SPDX-License-Identifier: GPL-2.0-only
"""Locks between runs. They belong to the open file, so a killed run leaves none behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold ``path`` (created if need be) against other processes and threads.

    ``waiting`` is called once if somebody else holds it, so that a wait is never silent.
    The file itself stays: removing it would let two holders lock two different files of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def try_exclusive(path: Path) -> Iterator[bool]:
    """As ``exclusive`` but never waits: yields False if somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def holding(directory: Path) -> Iterator[None]:
    """Hold a directory that is there. Raises ``BlockingIOError`` if somebody else does, ``OSError`` if it is gone."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def holder(path: Path) -> int | None:
    """The process that holds ``path``, as far as the kernel tells; None if nobody does, or it is not seen from here."""
    with contextlib.suppress(OSError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text().splitlines():
            # "1: FLOCK  ADVISORY  WRITE 5579 fe:00:3744478 0 EOF"
            fields = line.split()
            if len(fields) == 8 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
                return int(fields[4]) if int(fields[4]) > 0 else None
    return None
