# SPDX-License-Identifier: GPL-2.0-only
"""Where things live: the project's own data, the cache, and the pieces of a run directory."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from harness.errors import UserError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
KERNEL_CONFIGS = PROJECT_ROOT / "kernel-configs"
WRAPPERS = PROJECT_ROOT / "kselftest-wrappers"
PATCHES = PROJECT_ROOT / "patches"
GUEST_CODE = PROJECT_ROOT / "harness" / "guest"


def cache_root() -> Path:
    """``$XDG_CACHE_HOME/dmabuf-harness``, created if need be: sources, object trees, kernels.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification asks. Links are followed: make and
    the compiler name files by where they really are, and paths are told to belong to a tree by how they begin.
    Raises ``UserError`` for a path in which no kernel can be built: each patch would seem to break the build.
    """
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    root = (base / "dmabuf-harness").resolve()
    if len(str(root).replace(":", " ").split()) != 1:  # as the kernel's Makefile asks
        mend = "set XDG_CACHE_HOME to another directory"
        raise UserError("the kernel's make takes no directory with spaces or colons", where=str(root), mend=mend)
    root.mkdir(parents=True, exist_ok=True)
    return root


def cache_dir(*parts: str) -> Path:
    """A directory below ``cache_root``, created."""
    path = cache_root().joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def new_run_id() -> str:
    """Sorts by start time, unique between runs that start in the same second: "20261124-060512-3fa9"."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + "-" + secrets.token_hex(2)


def write_atomic(path: Path, data: bytes | str, *, durable: bool = False) -> None:
    """Write the whole of ``path`` or nothing: a reader never sees half a file. ``durable``: nor after a power cut."""
    content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")  # a pid is not unique: threads, containers
    try:
        part.write_bytes(content)
        if durable:
            _sync(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        _sync(path.parent)


def _sync(path: Path) -> None:
    """Have what was written to a file, or the names in a directory, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unused(path: Path) -> Path:
    """``path``, or if there is something "PATH-2", "PATH-3", ..."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def exists(path: Path) -> bool:
    """Unlike those of ``Path``, these are False for a name that is too long, or in a directory that nobody may read."""
    return _looks_like(path.exists)


def is_directory(path: Path) -> bool:
    """True for a directory, or a link to one."""
    return _looks_like(path.is_dir)


def is_file(path: Path) -> bool:
    """True for a plain file, or a link to one."""
    return _looks_like(path.is_file)


def _looks_like(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:
        return False
