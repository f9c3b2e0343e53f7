# SPDX-License-Identifier: GPL-2.0-only
"""Who does cells: this machine, one after the other, or workers of a cluster (``dask_crew``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.matrix.cell_ledger import WorkerSeen
from harness.matrix.cell_order import SERIES, CellEnd, CellWork
from harness.matrix.cell_run import CellRun
from harness.matrix.worker_facts import facts_here
from harness.report.matrix_report import CELLS


@dataclass(frozen=True)
class CellEnded:
    """The run of the cell ``name`` ended by itself."""

    name: str
    end: CellEnd


@dataclass(frozen=True)
class CellLost:
    """Nobody knows how the run of the cell ``name`` would have ended. ``why``: in a few words.

    ``by_machine``: its worker lives, and could not do it.
    """

    name: str
    why: str
    by_machine: bool = False


class CellCrew(Protocol):
    """A context manager; what still runs at its end is ended.

    ``is_apart``: it works while results are looked through here. Else a cell begins when those of the last are kept.
    """

    is_apart: bool

    def workers(self) -> Sequence[WorkerSeen]:
        """Those that are there. Raises ``InfrastructureError`` if nobody can know any more."""

    def start(self, worker: WorkerSeen, work: CellWork) -> None:
        """Let ``worker`` begin; at most as many as it said to be ``free`` for."""

    def wait(self, seconds: float) -> Sequence[CellEnded | CellLost]:
        """What happened; waits at most so long for it, if nothing did."""

    def __enter__(self) -> CellCrew: ...

    def __exit__(self, *exc: object) -> None: ...


class LocalCrew:
    """This machine and nothing else: one cell at a time, each in its last place. ``directory``: of the matrix."""

    is_apart = False

    def __init__(self, directory: Path, program: Sequence[str] | None = None) -> None:
        self._directory, self._program = directory, program
        self._facts = facts_here(most=1)
        self._running: tuple[str, CellRun] | None = None

    def workers(self) -> Sequence[WorkerSeen]:
        return [WorkerSeen("here", self._facts, int(self._running is None))]

    def start(self, worker: WorkerSeen, work: CellWork) -> None:
        assert self._running is None, worker
        out = self._directory / CELLS / work.order.name
        self._running = work.order.name, CellRun(work.order, self._directory / SERIES, out, program=self._program)

    def wait(self, seconds: float) -> Sequence[CellEnded | CellLost]:
        if self._running is None or not self._running[1].wait(seconds):
            return []
        (name, run), self._running = self._running, None
        with run:
            return [CellEnded(name, run.end())]

    def __enter__(self) -> LocalCrew:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._running is not None:
            self._running[1].__exit__()
