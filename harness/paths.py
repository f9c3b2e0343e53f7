# SPDX-License-Identifier: GPL-2.0-only
"""Where things live: the project's own data, the cache, and the pieces of a run directory."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from harness.architecture import ARCHITECTURE
from harness.errors import InfrastructureError, UserError

_PACKAGE = Path(__file__).resolve().parent
PROJECT_ROOT = _PACKAGE.parent
"""The checkout; of an installed package the directory that it is imported from."""

DATA = _PACKAGE / "data" if (_PACKAGE / "data").is_dir() else PROJECT_ROOT
"""Where the data directories are: in the package if it was installed from a wheel (setup.py), else the checkout."""

KERNEL_CONFIGS = DATA / "kernel-configs"
WRAPPERS = DATA / "kselftest-wrappers"
PATCHES = DATA / "patches"
PACKAGES = DATA / "ci" / "packages.txt"
GUEST_CODE = _PACKAGE / "guest"
GUEST_INIT = GUEST_CODE / "init"

PROJECT_FILE = "dmabuf-harness.toml"
"""What a user's tree has its own options in."""

REINSTALL = "install the package anew, or run it from a whole checkout"

# Each has files that nothing works without; a glob over a directory that is not there finds nothing and says nothing.
_HOLDING = {
    KERNEL_CONFIGS: "*.config",
    KERNEL_CONFIGS / "features": "*.config",
    KERNEL_CONFIGS / "coverage": "*.h",
    KERNEL_CONFIGS / "reach": "*.json.xz",
    KERNEL_CONFIGS / "trace": "*.config",
    WRAPPERS: "*/suite.toml",
    WRAPPERS / "dmabuf-probe": "*.c",
    PATCHES / "series": "*/*",
    PATCHES / "fixups": "*",
    PATCHES / "faults": "*.patch",
    PATCHES / "history": "*.patch",
    GUEST_CODE / "checks": "*.py",
}


def missing_data() -> list[str]:
    """What is missing of the project's own data, or holds nothing: an installation that is not whole."""
    empty = [directory for directory, pattern in _HOLDING.items() if not any(directory.glob(pattern))]
    configs = ("base.config", ARCHITECTURE.config, "variants.toml", "symbols.toml", "coverage/scope.toml")
    files = (PACKAGES, *(KERNEL_CONFIGS / name for name in configs), GUEST_INIT)
    missing = [*empty, *(path for path in files if not path.is_file())]
    # The guest's kernel starts it: with the mode of a plain file it would panic.
    plain = GUEST_INIT not in missing and not os.access(GUEST_INIT, os.X_OK)
    return [*map(_named, missing), *([f"{_named(GUEST_INIT)} as a program: it is not executable"] if plain else [])]


def _named(path: Path) -> str:
    return str(path.relative_to(DATA) if path.is_relative_to(DATA) else path)


def require_data() -> None:
    """Raise ``InfrastructureError`` if any data is missing: with less of it fewer tests would run, and say nothing."""
    if missing := missing_data():
        raise InfrastructureError(f"missing or empty: {', '.join(missing)}", where=str(DATA), hint=REINSTALL)


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
        hint = "set XDG_CACHE_HOME to another directory"
        raise UserError("the kernel's make takes no directory with spaces or colons", where=str(root), hint=hint)
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
