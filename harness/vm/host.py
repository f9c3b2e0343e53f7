# SPDX-License-Identifier: GPL-2.0-only
"""The host's programs are the guest's, too: its root is the host's, read over 9p.

Where a package manager replaces them, a guest loses what it runs from, sshd first. That is no failure of its kernel.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from harness.interfaces import Blame, GuestLost

PACKAGES = tuple(map(Path, ("/var/lib/dpkg/info", "/var/lib/dpkg/status", "/var/lib/rpm", "/var/lib/pacman/local")))
"""What package managers write to with every package."""

_LIVED = "kernel lived"  # in the words for an ssh connection or an sshd that is gone, and nothing else


def blamed(lost: GuestLost, since: float, packages: Iterable[Path] = PACKAGES) -> GuestLost:
    """``lost`` as the machine's doing, if its kernel lived and packages were changed ``since`` (seconds, epoch)."""
    if _LIVED not in lost.reason or not any(_changed(path) > since for path in packages):
        return lost
    return GuestLost(f"{lost.reason}; packages of the host, whose files are the guest's, were changed", Blame.MACHINE)


def installed(packages: Iterable[Path] = PACKAGES) -> str:
    """Equal as long as the same packages are installed, in another container, too: what a guest shows depends on them.

    Names, sizes and what is in the lists count, and no times.
    """
    digest = hashlib.sha256()
    for place in packages:
        with contextlib.suppress(OSError):  # none of this machine's, or being changed: then nothing is equal to it
            files = sorted(place.iterdir()) if place.is_dir() else []
            digest.update("".join(f"{file.name} {file.lstat().st_size}\n" for file in files).encode())
            digest.update(place.read_bytes() if place.is_file() else b"")
    return digest.hexdigest()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
