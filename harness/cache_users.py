# SPDX-License-Identifier: GPL-2.0-only
"""Who uses what of the cache. A guest reads modules from its kernel, and a stack is explained from its source, long
after they were found, and no lock is held so long: each process names what it uses in a file, locked until it ends.

An entry is named first and looked for then. Who removes one holds ``no_new_users`` while it gets another name, so
either the user is seen, or the entry is not found.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.locks import acting_for, exclusive, holding_file
from harness.paths import cache_dir, cache_root

USERS = "users"
_mutex = threading.Lock()
_own: dict[Path, _OwnUses] = {}  # by the cache's root


@dataclass(frozen=True)
class CacheUser:
    """A process that is alive. ``directory``: of its run; empty if it has none yet."""

    pid: int
    directory: str

    def __str__(self) -> str:
        return f"process {self.pid}" + (f", in {self.directory}" if self.directory else "")


class _OwnUses:
    """This process's file. It stays locked as long as it is open, which is until the process ends."""

    def __init__(self, folder: Path) -> None:
        self._handle = (folder / secrets.token_hex(8)).open("ab", buffering=0)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._write(f"{os.getpid()}\n".encode())
        self.known: set[tuple[str, str]] = set()

    def add(self, name: str, directory: str) -> None:
        self._write(f"{json.dumps([name, directory])}\n".encode())
        self.known.add((name, directory))

    def _write(self, line: bytes) -> None:
        """A whole line or none: half of one, on a full disk, would hide what is used."""
        end = self._handle.seek(0, os.SEEK_END)
        try:
            if self._handle.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._handle.name))
        except OSError:
            self._handle.truncate(end)
            raise


def note_use(entry: Path) -> None:
    """Say that this process uses ``entry`` of the cache from now on; it need not be there.

    Call it before the entry is looked for, and while no other lock of the cache is held but that of a work tree.
    """
    root = cache_root()
    use = str(entry.relative_to(root)), str(acting_for() or "")
    with _mutex:
        if root in _own and use in _own[root].known:
            return
        with exclusive(_lock()):
            if root not in _own:
                _living(root)  # removes the files of those that have ended
                _own[root] = _OwnUses(root / USERS)
            _own[root].add(*use)


@contextlib.contextmanager
def no_new_users() -> Iterator[Mapping[str, CacheUser]]:
    """The users of entries, by path relative to the cache; meanwhile nobody else begins to use one."""
    with exclusive(_lock()):
        yield _living(cache_root())


def _lock() -> Path:
    return cache_dir(USERS) / ".lock"


def _living(root: Path) -> dict[str, CacheUser]:
    """What is used, by whom. The files of processes that have ended are removed."""
    found: dict[str, CacheUser] = {}
    for file in (root / USERS).iterdir():
        if file.name == ".lock":
            continue
        with contextlib.suppress(BlockingIOError), holding_file(file):
            file.unlink()
            continue
        found.update(_uses(file))
    return found


def _uses(file: Path) -> dict[str, CacheUser]:
    pid, *lines = file.read_text().splitlines()
    pairs: list[tuple[str, str]] = [tuple(json.loads(line)) for line in lines]
    last = next((directory for _, directory in reversed(pairs) if directory), "")
    return {name: CacheUser(int(pid), directory or last) for name, directory in pairs}
