# SPDX-License-Identifier: GPL-2.0-only
"""A matrix from its first cell to its last: who is free gets the next one, and each end is kept at once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.matrix.cell_arrival import DamagedArrival, take_in
from harness.matrix.cell_crew import CellCrew, CellEnded, CellLost
from harness.matrix.cell_ledger import CellLedger, CellResult
from harness.matrix.cell_order import SERIES, CellEnd, OrderBook, work_of
from harness.model import RunReport
from harness.paths import unused, write_atomic
from harness.report import headline, write_reports
from harness.report.matrix_page import PAGE, render_matrix_page
from harness.report.matrix_report import CELLS, CellFate, MatrixCell, MatrixReport, save_matrix
from harness.report.text import duration

ASIDE = "aside"
"""Directory with runs whose verdict another machine's overruled, or confirmed."""

_CUT_OFF = {CellFate.RUNNING: CellFate.WAITING}

PATIENCE = 60.0  # seconds for which cells wait for a worker, while none does anything
_LOOK = 0.5  # seconds, after which workers that came are noticed
_PAGE_SHARE = 20  # the page is written at most one part in so many of the time


class MatrixCampaign:
    """``directory``: of the matrix, has the patches of ``book``. ``tell``: is given a line for what happens.

    ``before``: seconds that the matrix took until it was cut off. ``patience``: as ``PATIENCE``.
    """

    def __init__(
        self,
        directory: Path,
        book: OrderBook,
        ledger: CellLedger,
        tell: Callable[[str], None],
        before: float = 0.0,
        patience: float = PATIENCE,
    ) -> None:
        self._directory, self._book, self._ledger, self._tell = directory, book, ledger, tell
        self._began = time.monotonic() - before
        self._patience = patience
        self._orders = {order.name: order for order in book.orders}
        self._page_due = 0.0

    def run(self, crew: CellCrew) -> MatrixReport:
        """Do all that is left; what is known is kept after each cell, whatever ends it.

        Raises ``InfrastructureError`` if nobody can go on.
        """
        since = time.monotonic()
        self._keep()
        while not self._ledger.is_done:
            self._hand_out(crew)
            self._show()
            events = crew.wait(_LOOK)
            for event in events:
                self._ledger.came_back(event.name)
            if events and crew.is_apart:
                self._hand_out(crew)  # to look through results takes time, in which nobody need be idle
            for event in events:
                self._take(event)
            if not self._ledger.is_idle:
                since = time.monotonic()
            elif time.monotonic() - since > self._patience:
                self._give_up()
        return self.report(ended=True)

    def report(self, *, ended: bool) -> MatrixReport:
        """What is known by now. ``ended``: nothing goes on any more."""
        cells = tuple(self._ledger.cells.values())
        if ended:
            cells = tuple(replace(one, fate=_CUT_OFF.get(one.fate, one.fate)) for one in cells)
        seconds = time.monotonic() - self._began
        return MatrixReport(
            self._book.command, self._book.started, cells, seconds, dict(self._ledger.left_out), ended=ended
        )

    # --- work out -----------------------------------------------------------------------------

    def _hand_out(self, crew: CellCrew) -> None:
        workers = crew.workers()
        self._ledger.sees(workers)
        for worker in workers:
            for _ in range(worker.free):
                order = self._ledger.next_for(worker)
                if order is None:
                    break
                crew.start(worker, work_of(order, self._directory, self._book.shared))

    def _give_up(self) -> None:
        for cell in self._ledger.give_up(f"no worker for it within {duration(self._patience)}"):
            self._say(cell)
        self._keep()

    # --- results in ---------------------------------------------------------------------------

    def _take(self, event: CellEnded | CellLost) -> None:
        left_out = dict(self._ledger.left_out)
        if isinstance(event, CellLost):
            cell = self._ledger.lost(event.name, event.why, by_machine=event.by_machine)
        else:
            cell = self._taken(event.name, event.end)
        self._keep()
        self._say(cell)
        for machine, why in self._ledger.left_out.items():
            if machine not in left_out:
                self._tell(f"{machine} is left out: {why}")

    def _taken(self, name: str, end: CellEnd) -> MatrixCell:
        second = self._ledger.is_second(name)
        first = self._directory / CELLS / name
        place = self._directory / ASIDE / name if second else first
        try:
            report = take_in(end, place)
        except DamagedArrival as error:
            return self._ledger.lost(name, str(error), by_machine=True)
        cell = self._ledger.ended(name, CellResult(end.code, _words(report, end), end.seconds))
        if second and cell.fate is CellFate.PASS:  # the page of the cell is that of its verdict
            kept = unused(place.with_name(f"{name}--red"))
            first.rename(kept)
            place = place.rename(first)
        if report is not None and Path(end.place) != place:
            self._adopt(report, name, place)
        return cell

    def _adopt(self, report: RunReport, name: str, place: Path) -> None:
        """Let the reports of a run that was done elsewhere name commands for where it is now."""
        words = self._orders[name].command(self._directory / SERIES)
        write_reports(replace(report, command=("dmabuf-harness", *words, f"--out={place}")), place)

    # --- told ---------------------------------------------------------------------------------

    def _keep(self) -> None:
        save_matrix(self.report(ended=False), self._directory)

    def _show(self) -> None:
        """Write the page, if it is time."""
        now = time.monotonic()
        if now >= self._page_due:
            write_atomic(self._directory / PAGE, render_matrix_page(self.report(ended=False), self._directory))
            self._page_due = time.monotonic() + (time.monotonic() - now) * _PAGE_SHARE

    def _say(self, cell: MatrixCell) -> None:
        cells = self._ledger.cells
        done = sum(one.is_done for one in cells.values())
        count = f"[{done}/{len(cells)}] {cell.name}"
        if cell.is_done:
            self._tell(f"{count}: {cell.fate.value}: {cell.headline} ({cell.machine}, {duration(cell.seconds)})")
        elif cell.red_on:
            self._tell(f"{count}: red on {cell.red_on}, is done again on another machine")
        else:
            self._tell(f"{count}: is done again: {cell.losses[-1] if cell.losses else 'its machine is left out'}")


def _words(report: RunReport | None, end: CellEnd) -> str:
    return headline(report) if report is not None else end.said.removeprefix("dmabuf-harness: ")


def clear_leftovers(directory: Path) -> None:
    """Remove what a matrix that was killed left half done in ``directory``."""
    for path in (directory / CELLS).glob(".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def refuse_other(directory: Path) -> UserError:
    """The error for a matrix that goes on elsewhere."""
    return UserError("another dmabuf-harness matrix is at work there", where=str(directory), hint="wait for it")
