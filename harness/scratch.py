# SPDX-License-Identifier: GPL-2.0-only
"""Directories for a moment, and such as stay. What a run that was killed leaves in them, the next one removes."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness.locks import holding

_PREFIX = "dmabuf-harness-tmp-"
_MARKER = ".dmabuf-harness-working"  # in a directory in which somebody is at work, or was when it was killed
_YOUNG = 60.0  # seconds in which one that was just made may not have its lock yet


@contextlib.contextmanager
def scratch(what: str) -> Iterator[Path]:
    """A directory that is removed at the end; ``what`` it is for is in its name."""
    sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{what}-") as name, holding(Path(name)):
        yield Path(name)


def sweep(root: Path) -> None:
    """Remove those in ``root`` that are ours, and that no living process holds."""
    for path in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # gone, somebody else's, or in use
            status = path.lstat()
            if status.st_uid == os.geteuid() and path.is_dir() and time.time() - status.st_ctime > _YOUNG:
                with holding(path):
                    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def unbroken(directory: Path) -> Iterator[None]:
    """Work in ``directory``, which stays for the next one. It is emptied if the last one did not come to its end.

    make takes files that are half made for finished ones. The caller sees to it that nobody else is there.
    """
    marker, broken = directory / _MARKER, directory.with_name(f"{directory.name}.broken")
    if marker.exists():
        shutil.rmtree(broken, ignore_errors=True)
        directory.rename(broken)  # at once: a kill must not take the marker away before the rest
        shutil.rmtree(broken, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    marker.touch()
    yield
    marker.unlink()
