# SPDX-License-Identifier: GPL-2.0-only
"""The directory of a run: made late, so that bad input leaves nothing behind, and kept once it holds a result."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.paths import new_run_id

MAX_STDIN = 64 << 20


@dataclass
class RunDirectory:
    """``path`` exists from ``create`` on; ``keep`` says that it holds results worth keeping."""

    path: Path
    made: bool = False
    kept: bool = False

    def create(self) -> None:
        """Raises ``UserError`` if something else is there already."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise UserError("exists already and is not empty", where=str(self.path), hint="name a new --out directory")
        self.path.mkdir(parents=True, exist_ok=True)
        self.made = True

    def keep(self) -> None:
        """Also lets ``latest`` beside it point to it."""
        self.kept = True
        latest = self.path.parent / "latest"
        if self.path.parent.name == "runs" and (latest.is_symlink() or not latest.exists()):
            with contextlib.suppress(OSError):  # a convenience: two runs that end at once may race for it
                latest.unlink(missing_ok=True)
                latest.symlink_to(self.path.name)


@contextlib.contextmanager
def run_directory(wanted: Path | None) -> Iterator[RunDirectory]:
    """The directory ``wanted``, or a new one in ``runs/``; removed again if the run came to nothing."""
    path = (wanted if wanted is not None else Path("runs") / new_run_id()).resolve()
    directory = RunDirectory(path)
    try:
        yield directory
    finally:
        if directory.made and not directory.kept:
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                if wanted is None:
                    path.parent.rmdir()  # only if empty


def stored_stdin(patches: Sequence[Path], directory: RunDirectory) -> tuple[Path, ...]:
    """``patches`` with "-" replaced by a file in the run directory that holds standard input."""
    if Path("-") not in patches:
        return tuple(patches)
    data = sys.stdin.buffer.read(MAX_STDIN + 1)
    if not data.strip():
        raise UserError("nothing there", where="standard input", hint="pipe a patch into -p -")
    directory.create()
    stored = directory.path / "stdin.patch"
    stored.write_bytes(data)
    return tuple(stored if patch == Path("-") else patch for patch in patches)
