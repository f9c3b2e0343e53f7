# SPDX-License-Identifier: GPL-2.0-only
"""What a worker does with the cells that it is sent: each is a run in a process of its own, whose results go back."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import InfrastructureError
from harness.matrix.cell_arrival import packed
from harness.matrix.cell_order import CellEnd, CellWork
from harness.matrix.cell_run import CellRun
from harness.matrix.worker_facts import WorkerFacts, kernels_here, warm_bases
from harness.scratch import scratch

_LOOK = 0.2  # seconds between two looks whether a run is to be ended


class CellDesk:
    """``facts``: of the machine, as of its last run. ``program``: as of ``CellRun``. Several threads may work at it.

    ``jobs``: of make in each run, default: its share of the cores.
    """

    def __init__(self, facts: WorkerFacts, program: Sequence[str] | None = None, jobs: int | None = None) -> None:
        self.facts, self._program = facts, program
        self._jobs = jobs or max(1, facts.cores // facts.room)
        self._lock = threading.Lock()
        self._stop: set[str] = set()
        self._running: list[str] = []
        self._closing = False

    def do(self, work: CellWork) -> CellEnd:
        """Run a cell to its end. Raises ``InfrastructureError`` if what it needs cannot be written."""
        name = work.order.name
        with self._lock:
            self._running.append(name)
        try:
            with scratch("cell") as place:
                return self._done(work, place)
        except OSError as error:
            raise InfrastructureError(error.strerror or str(error), where=error.filename or "the disk") from error
        finally:
            with self._lock:
                self._running.remove(name)
                self._stop.discard(name)
                self.facts = replace(self.facts, warm=warm_bases(), kernels=kernels_here())

    def _done(self, work: CellWork, place: Path) -> CellEnd:
        series = place / "series"
        for name, content in work.files.items():
            (series / name).parent.mkdir(parents=True, exist_ok=True)
            (series / name).write_bytes(content)
        top = Path(work.shared) / f"cell-{secrets.token_hex(8)}" if work.shared else place / "runs"
        out = top / work.order.name
        with CellRun(work.order, series, out, self._jobs, self._program) as run:
            while not run.wait(_LOOK):
                if self._is_over(work.order.name):
                    break  # which ends it as Ctrl-C does
            else:
                return self._sent(run.end(), out, shared=bool(work.shared))
        return CellEnd(130, "ended by whoever wanted it", 0.0)

    def _sent(self, end: CellEnd, out: Path, *, shared: bool) -> CellEnd:
        if not end.digest:
            return replace(end, place="")
        return end if shared else replace(end, place="", archive=packed(out))

    def _is_over(self, name: str) -> bool:
        with self._lock:
            return self._closing or name in self._stop

    def stop(self, names: Iterable[str]) -> None:
        """End the runs of these cells, as far as they are done here."""
        with self._lock:
            self._stop |= set(names) & set(self._running)

    def close(self) -> None:
        """End all runs; those that come after this are ended at once."""
        with self._lock:
            self._closing = True
