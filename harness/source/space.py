# SPDX-License-Identifier: GPL-2.0-only
"""Room on the disk: said early when it will not do, and told apart when it ran out."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InfrastructureError
from harness.process import Completed

MEND = "free some, or point XDG_CACHE_HOME at a larger disk"


def require_space(directory: Path, needed: int) -> None:
    """Raise ``InfrastructureError`` unless ``needed`` bytes are free where ``directory`` is."""
    free = shutil.disk_usage(directory).free
    if free < needed:
        text = f"{needed / 1e9:.1f} GB are needed on the disk, {free / 1e9:.1f} GB are free"
        raise InfrastructureError(text, where=str(directory), mend=MEND)


@contextlib.contextmanager
def disk_trouble(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` about ``path`` into an ``InfrastructureError`` in plain words."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        text = "the disk is full" if full else f"cannot be written: {error.strerror}"
        raise InfrastructureError(text, where=str(path), mend=MEND if full else "") from error


def failed(done: Completed, what: str, where: Path) -> InfrastructureError:
    """The error for a program that failed while it wrote to ``where``."""
    output = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
    if any("No space left on device" in line or "Disk quota exceeded" in line for line in output):
        return InfrastructureError("the disk is full", where=str(where), mend=MEND)
    return InfrastructureError(f"{what} ended with {done.returncode}: {output[-1]}", where=str(where))
