# SPDX-License-Identifier: GPL-2.0-only
"""The kernel cache: one directory per finished kernel, named by its key, complete or not there at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.cache_users import note_use
from harness.locks import exclusive, holding
from harness.model import CompilerMessage, Kernel
from harness.paths import cache_dir, write_atomic

_KEEP = 40  # kernels of some 40 MB each
_IN_USE = 6 * 3600.0  # seconds after its last use in which a kernel is kept whatever: a guest reads its modules from it
_DESCRIPTION = "kernel.json"
_KEY = re.compile(r"[\w-]+")


def find(key: str) -> Kernel | None:
    """The finished kernel ``key``, or None. What is damaged counts as absent.

    Finding it keeps it from being pruned, and from being removed while this process lives."""
    if key and not _KEY.fullmatch(key):
        return None  # results.json of a run that somebody else made may have any path there
    note_use(cache_dir("kernels") / key)
    return _whole(key)


def _whole(key: str) -> Kernel | None:
    directory = cache_dir("kernels") / key
    try:
        kernel = _describe(key, directory, json.loads((directory / _DESCRIPTION).read_text()))
        if kernel.image.stat().st_size == 0 or not kernel.config.is_file():
            return None
        os.utime(directory)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kernel


def newest() -> Kernel | None:
    """The kernel that was made or used last, or None if the cache holds none."""
    return next(filter(None, (find(path.name) for path in _by_age())), None)


@contextlib.contextmanager
def part(key: str) -> Iterator[Path]:
    """An empty directory in which the kernel ``key`` is put together; what is not published is gone at the end.

    Those of killed runs are removed first. Whose they are their locks tell: runs in containers share a cache, but
    neither pids nor /proc.
    """
    with contextlib.ExitStack() as held:
        with exclusive(_lock()):
            for left in cache_dir("kernels").glob(".*.part"):
                with contextlib.suppress(OSError), holding(left):  # gone, or somebody's
                    shutil.rmtree(left, ignore_errors=True)
            directory = _part_of(key)
            directory.mkdir()
            held.enter_context(holding(directory))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def publish(key: str, directory: Path, facts: Mapping[str, Any]) -> Kernel:
    """Turn the finished ``directory`` (from ``part``) into the cache entry ``key``. ``facts``: release, compiler,
    warnings, notes. Whoever finished first wins; the least recently used kernels make room."""
    write_atomic(directory / _DESCRIPTION, json.dumps(facts, default=dataclasses.asdict, indent=1))
    target = cache_dir("kernels") / key
    note_use(target)
    with exclusive(_lock()):
        if _whole(key) is None:
            _remove(target)
            directory.rename(target)
        _prune()
    return _describe(key, target, json.loads((target / _DESCRIPTION).read_text()))


def _lock() -> Path:
    return cache_dir("kernels") / ".lock"


def _describe(key: str, directory: Path, facts: Mapping[str, Any]) -> Kernel:
    selftests = directory / "kselftests"
    return Kernel(
        key=key,
        release=str(facts["release"]),
        image=directory / "image",
        config=directory / "config",
        modules=directory,
        kselftests=selftests if selftests.is_dir() else None,
        log=directory / "build.log",
        compiler=str(facts["compiler"]),
        warnings=tuple(CompilerMessage(**entry) for entry in facts["warnings"]),
        notes=tuple(facts["notes"]),
        probe_failure=str(facts["probe_failure"]),
    )


def _by_age() -> list[Path]:
    """Entries, the one used last first."""
    entries = [path for path in cache_dir("kernels").iterdir() if not path.name.startswith(".")]
    return sorted(entries, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _prune() -> None:
    for path in _by_age()[_KEEP:]:
        if time.time() - path.stat().st_mtime > _IN_USE:
            _remove(path)


def _remove(entry: Path) -> None:
    """All of it at once: a kernel whose modules are gone, and whose image is not, would be taken for whole."""
    gone = _part_of(entry.name)
    if entry.exists():
        entry.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _part_of(key: str) -> Path:
    return cache_dir("kernels") / f".{key}.{secrets.token_hex(4)}.part"
