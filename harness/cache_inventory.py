# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds: entries of several kinds, each of which can go without the others."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.cache_users import USERS

REMOVED = ".removed"
"""How the name of what is being removed ends; it begins with a dot, so that nothing takes it for an entry."""


@dataclass(frozen=True)
class CacheEntry:
    """``name``: where it is, below the cache. ``owner``: the entry by which processes name it in ``cache_users``.

    ``parts``: files and directories that go with it. ``guards``: locks that whoever changes it holds.
    ``size``: bytes on the disk that are free without it. ``used``: when it was last used, in seconds since the epoch.
    """

    kind: str
    name: str
    owner: str
    parts: tuple[Path, ...]
    guards: tuple[Path, ...]
    size: int
    used: float


@dataclass(frozen=True)
class CacheKind:
    """``parts``: of the entries of this kind in a cache, by their names. ``owned``: by what is above the entry.

    ``guards``: patterns of locks, relative to the cache; {} stands for the owner's own name. ``useless``: nothing that
    the harness does now reads it.
    """

    title: str
    parts: Callable[[Path], Iterator[tuple[str, tuple[Path, ...]]]]
    guards: tuple[str, ...] = ()
    owned: bool = False
    useless: bool = False


def _each(*patterns: str, counting: bool | None = None) -> Callable[[Path], Iterator[tuple[str, tuple[Path, ...]]]]:
    """The matches of ``patterns`` that are no lock; ``counting``: with counters of lines, or without."""

    def found(root: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
        for path in (path for pattern in patterns for path in sorted(root.glob(pattern))):
            hidden = path.name.startswith(".") and not any(pattern.rpartition("/")[2][0] == "." for pattern in patterns)
            if (
                not hidden
                and not _is_elsewhere(root, path)
                and path.suffix != ".lock"
                and counting in (None, (path / "gcov").is_dir())
            ):
                yield str(path.relative_to(root)), (path,)

    return found


def _is_elsewhere(root: Path, path: Path) -> bool:
    """True behind a link that stands in the place of an entry, or of all of a kind: what is there is somebody else's.

    ``bench`` has the trees of the user's cache in its own behind such a link.
    """
    parts = path.relative_to(root).parts
    above = [root.joinpath(*parts[:many]) for many in (1, 2)[: len(parts)]]
    return any(entry != path and entry.is_symlink() for entry in above)


def _sources(root: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """The lock beside them stays: removing it would let two runs lock two files of that name."""
    for place in sorted(root.glob("trees/*")):
        parts = tuple(path for path in (place / "linux", place / "borrowed") if path.is_dir())
        if parts and not (place.is_symlink() or _is_elsewhere(root, place)):
            yield str(place.relative_to(root)), parts


_TREE = ("trees/{}/worktree.lock", "downloads/{}.lock")

# In the order in which they are shown; of two that were used at once the first goes first.
KINDS = (
    CacheKind("object trees", _each("trees/*/objects"), _TREE, owned=True),
    CacheKind("sources", _sources, _TREE),
    CacheKind("finished kernels", _each("kernels/*", counting=False), ("kernels/.lock",)),
    CacheKind("coverage kernels", _each("kernels/*", counting=True), ("kernels/.lock",)),
    CacheKind("base results", _each("bases/*"), ("bases/.lock",)),
    CacheKind("results of bisections", _each("bisect/*.json"), ("bisect/.lock",)),
    CacheKind("reach maps", _each("reach/*.json")),
    CacheKind("resolved configs", _each("configs/*.json", "configs/programs/*")),
    CacheKind("object trees of the suite static", _each("static/*")),
    CacheKind("downloads", _each("downloads/*"), ("downloads/*.lock",)),
    CacheKind("what ccache keeps of sandboxed builds", _each("ccache")),
    CacheKind("KVM proofs", _each("kvm.json", "doctor/*"), owned=True),
    CacheKind("caches of bench", _each("bench")),
    CacheKind("left by an older version", _each("objects"), ("trees/*/worktree.lock",), useless=True),
    CacheKind(
        "half made, or half removed",
        _each("kernels/.*.part", "trees/*/*.part", *(f"{place}.*{REMOVED}" for place in ("", "*/", "*/*/"))),
        (*_TREE, "kernels/.lock"),  # under which a kernel that is begun gets its own
        owned=True,
        useless=True,
    ),
)


def inventory(root: Path) -> list[CacheEntry]:
    """All that is known of what is in the cache ``root``. What vanishes meanwhile is left out; nothing is locked."""
    return [
        _entry(root, kind, name, parts)
        for kind in KINDS
        for name, parts in kind.parts(root)
        if any(map(os.path.lexists, parts))
    ]


def unknown(root: Path) -> list[str]:
    """Names in the cache that are no place of any kind: somebody else's, which nobody here removes."""
    known = {path.relative_to(root).parts[0] for kind in KINDS for _, parts in kind.parts(root) for path in parts}
    places = {"trees", "kernels", "bases", "bisect", "reach", "configs", "static", "downloads", "doctor", USERS}
    return sorted(path.name for path in root.iterdir() if path.name not in known | places)


def _entry(root: Path, kind: CacheKind, name: str, parts: tuple[Path, ...]) -> CacheEntry:
    owner = name.rpartition("/")[0] if kind.owned else name
    patterns = (guard.format(owner.rpartition("/")[2]) for guard in kind.guards)
    guards = tuple(path for pattern in patterns for path in sorted(root.glob(pattern)))
    size = sum(map(_size, parts))
    return CacheEntry(kind.title, name, owner, parts, guards, size, max(map(_used, (*parts, *_signs(parts, guards)))))


def _signs(parts: tuple[Path, ...], guards: tuple[Path, ...]) -> Iterator[Path]:
    """What is written when an entry is used, but the entry itself: its lock, the log of a build, a tree in it.

    A source is as young as the objects that are made from it: it never goes before them."""
    locks = {guard.parent: guard for guard in guards if guard.name == "worktree.lock"}
    for part in parts:
        yield part / "objects"
        if part.parent in locks:
            yield from (locks[part.parent], part.parent / "objects", *part.parent.glob("objects/*.log"))


def _used(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    """Bytes that go with it: a file that has another name elsewhere, as objects of a user's repository, frees none."""
    names: dict[tuple[int, int], int] = {}  # of files that have several: how many of them were seen
    total = 0
    for status in _statuses(path):
        seen, all_names = 1, 1
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            key = (status.st_dev, status.st_ino)
            seen, all_names = names.get(key, 0) + 1, status.st_nlink
            names[key] = seen
        total += status.st_blocks * 512 if seen == all_names else 0
    return total


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of ``path`` and all below it; links are not followed."""
    waiting = [str(path)]
    with contextlib.suppress(OSError):
        yield path.lstat()
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = list(found)
        except OSError:  # no directory, or gone
            continue
        for entry in entries:
            with contextlib.suppress(OSError):
                yield entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
