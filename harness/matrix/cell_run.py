# SPDX-License-Identifier: GPL-2.0-only
"""The run of one cell: ``dmabuf-harness run`` as a process of its own, which ends with whoever started it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness.matrix.cell_arrival import tree_digest
from harness.matrix.cell_order import CellEnd, CellOrder
from harness.process import Background
from harness.report.text import one_line

PROGRAM: tuple[str, ...] = (
    sys.executable,
    "-P",
    "-m",
    "harness",
)  # -P: a directory "harness" where it is started is none of ours
OUTPUT = "output.txt"
"""What a run printed, in its directory."""

_TIME_TO_END = 60.0  # seconds, in which an interrupted run writes what it has


class CellRun:
    """A context manager around a run that goes on. The thread that makes it must outlive it."""

    def __init__(
        self, order: CellOrder, series: Path, out: Path, jobs: int = 0, program: Sequence[str] | None = None
    ) -> None:
        """``series``: where the patches are. ``out``: the directory of the run, is made anew. ``jobs``: of make, 0: as
        it is by default. ``program``: instead of ``PROGRAM``."""
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        self._series, self._out, self._output = series, out, out.with_name(f".{out.name}.output")
        self._output.write_bytes(b"")
        words = [*order.command(series), f"--out={out}", *([f"--jobs={jobs}"] if jobs else [])]
        self._started = time.monotonic()
        self._process = Background(
            [*(program or PROGRAM), *words], output=self._output, env={**os.environ, "TERM": "dumb"}
        )

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True once it has ended."""
        return self._process.wait(seconds) is not None

    def interrupt(self) -> None:
        """Have it end as with Ctrl-C; it may have ended by now."""
        self._process.interrupt()

    def end(self) -> CellEnd:
        """What there is to say of it, once it has ended; its directory has ``OUTPUT`` then, if there is one."""
        code = self._process.poll()
        assert code is not None, "it still runs"
        text = self._output.read_text(errors="replace")
        said = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        if self._out.is_dir():
            self._output.replace(self._out / OUTPUT)
        digest = tree_digest(self._out) if self._out.is_dir() else ""
        said = said.replace(f"{self._series}/", "")  # which is gone soon
        return CellEnd(code, one_line(said), time.monotonic() - self._started, digest, place=str(self._out))

    def __enter__(self) -> CellRun:
        return self

    def __exit__(self, *exc: object) -> None:
        """End it, if it still runs: first as Ctrl-C does, so that nothing is left behind."""
        if self._process.poll() is None:
            self._process.interrupt()
            self._process.wait(_TIME_TO_END)
        self._process.kill()
        self._output.unlink(missing_ok=True)
