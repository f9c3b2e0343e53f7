# SPDX-License-Identifier: GPL-2.0-only
"""Locks between runs. They belong to the open file, so a killed run leaves none behind."""

from __future__ import annotations

import contextlib
import contextvars
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_run = contextvars.ContextVar[Path | None]("run", default=None)


@contextlib.contextmanager
def on_behalf_of(directory: Path) -> Iterator[None]:
    """Locks that this thread takes meanwhile are for the run in ``directory``: whoever waits for one is told so."""
    token = _run.set(directory.absolute())
    try:
        yield
    finally:
        _run.reset(token)


def acting_for() -> Path | None:
    """The directory of the run that this thread acts for; None if it is not known."""
    return _run.get()


@contextlib.contextmanager
def exclusive(path: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold ``path`` (created if need be) against other processes and threads.

    ``waiting`` is called once, with ``who_holds``, if somebody else does, so that a wait is never silent.
    The file itself stays: removing it would let two holders lock two different files of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting(who_holds(path))
            fcntl.flock(handle, fcntl.LOCK_EX)
        directory = _run.get()
        _sign(handle, f"{os.getpid()}\n{directory or ''}".encode("utf-8", "surrogateescape"))
        try:
            yield
        finally:
            _sign(handle, b"")


def _sign(handle: BinaryIO, words: bytes) -> None:
    """Write into a lock that is held who does so. A full disk is no reason not to go on: nothing depends on it."""
    with contextlib.suppress(OSError):
        handle.truncate(0)
        handle.write(words)


def who_holds(path: Path) -> str:
    """ "another run (process 5579, in /home/me/runs/20261129-203112-3fa9)", with as much as is known of it.

    A run that was killed leaves its name in the file: it counts only if the kernel does not say that another process
    holds the lock. Of one that is not seen from here (in a container) the process has another number.
    """
    pid = holder(path)
    signed, _, directory = _signature(path).partition("\n")
    if pid is not None and signed != str(pid):
        directory = ""
    known = [f"process {pid}" if pid is not None else "", f"in {directory}" if directory else ""]
    words = ", ".join(filter(None, known))
    return f"another run ({words})" if words else "another run"


def _signature(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


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
    with _holding(directory, os.O_DIRECTORY):
        yield


@contextlib.contextmanager
def holding_file(path: Path) -> Iterator[None]:
    """The same for a file."""
    with _holding(path, 0):
        yield


@contextlib.contextmanager
def _holding(path: Path, kind: int) -> Iterator[None]:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind)
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
