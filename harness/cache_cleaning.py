# SPDX-License-Identifier: GPL-2.0-only
"""Removing entries of the cache: never one that is in use, and never half of one that a run would take for whole."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.cache_inventory import KINDS, REMOVED, CacheEntry
from harness.cache_users import no_new_users
from harness.locks import holding, try_exclusive, who_holds

_USELESS = {kind.title for kind in KINDS if kind.useless}


@dataclass
class Cleaning:
    """What became of the entries that were to go. ``spared``: with why they stay."""

    removed: list[CacheEntry] = field(default_factory=list)
    spared: list[tuple[CacheEntry, str]] = field(default_factory=list)

    @property
    def freed(self) -> int:
        """Bytes."""
        return sum(entry.size for entry in self.removed)


def clean(
    entries: Iterable[CacheEntry], unused_since: float | None, most: int | None, remove: Callable[[CacheEntry], str]
) -> Cleaning:
    """Remove what nothing reads any more, what was last used before ``unused_since`` (seconds since the epoch), and of
    the rest the least recently used until no more than ``most`` bytes are left.

    ``remove``: of an entry; returns why it stays, empty if it is gone.
    """
    every = sorted(entries, key=lambda entry: entry.used)  # stable: of two equals the kind that comes first
    left = sum(entry.size for entry in every)
    done = Cleaning()
    for entry in sorted(every, key=lambda entry: entry.kind not in _USELESS):
        old = unused_since is not None and entry.used < unused_since
        if not (entry.kind in _USELESS or old or (most is not None and left > most)):
            continue
        if why := remove(entry):
            done.spared.append((entry, why))
        else:
            done.removed.append(entry)
            left -= entry.size
    return done


def user_of(entry: CacheEntry) -> str:
    """Who uses ``entry`` now, in words; empty if nobody does."""
    with _unused(entry) as user:
        return user


def remove_entry(entry: CacheEntry) -> str:
    """Remove ``entry`` unless it is in use. Returns why it is still there, in words; empty if it is gone.

    It gets another name first, in one step; should the rest be cut off, that name is an entry of its own.
    """
    with _unused(entry) as user:
        if user:
            return user
        put_away = [away for part in entry.parts if (away := _put_away(part)) is not None]
    for path in put_away:
        shutil.rmtree(path, ignore_errors=True)
    left = [path for path in put_away if path.exists()]
    return f"cannot be removed: {left[0]}" if left else ""


@contextlib.contextmanager
def _unused(entry: CacheEntry) -> Iterator[str]:
    """Who uses the entry; empty if nobody does, and nobody begins to meanwhile."""
    with contextlib.ExitStack() as held:
        users = held.enter_context(no_new_users())
        if (user := users.get(entry.owner)) is not None:
            yield str(user)
            return
        for guard in (*entry.guards, *(part for part in entry.parts if _is_plain_directory(part))):
            if not held.enter_context(_free(guard)):
                yield who_holds(guard)
                return
        yield ""


@contextlib.contextmanager
def _free(guard: Path) -> Iterator[bool]:
    """Hold a lock, or a directory that may be somebody's (a kernel that is being put together), if nobody else does."""
    if not _is_plain_directory(guard):
        with try_exclusive(guard) as free:
            yield free
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(holding(guard))
        except BlockingIOError:
            yield False
            return
        yield True


def _put_away(path: Path) -> Path | None:
    """The new name of a directory; a file is gone at once."""
    if not _is_plain_directory(path):
        path.unlink(missing_ok=True)
        return None
    name = path.name if path.name.endswith(REMOVED) else f".{path.name.lstrip('.')}.{secrets.token_hex(4)}{REMOVED}"
    away = path.with_name(name)
    return path.rename(away)


def _is_plain_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
