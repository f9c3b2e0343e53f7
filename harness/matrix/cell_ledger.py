# SPDX-License-Identifier: GPL-2.0-only
"""Which cell is done next and where, and what its ends amount to: decisions alone, nothing is started here.

A cell that comes to nothing (its worker dies, its machine fails) is done elsewhere, twice at most, and is not decidable
then. What is red on one machine is red if it is red on another one, too, where there is another one: else it is the
first machine that is broken, and gets no more cells.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import ExitCode
from harness.matrix.cell_order import CellOrder
from harness.matrix.matrix_file import CellNeeds
from harness.matrix.worker_facts import WorkerFacts
from harness.report.matrix_report import CellFate, MatrixCell

MOST_LOSSES = 2  # after which a cell is done again
_BLACK_HOLE = 3  # cells in a row that a machine fails by itself, before it gets no more

_NOBODY_ELSE = "no other machine could do it again"
_FATES = {ExitCode.OK: CellFate.PASS, ExitCode.FAILED: CellFate.FAIL, ExitCode.USER: CellFate.UNUSABLE}


@dataclass(frozen=True)
class WorkerSeen:
    """A worker that is there. ``free``: how many more cells it can do now."""

    address: str
    facts: WorkerFacts
    free: int

    @property
    def machine(self) -> str:
        return self.facts.machine


@dataclass(frozen=True)
class CellResult:
    """A run that ended. ``code``: its exit code. ``headline``: of its results, or its last line."""

    code: int
    headline: str
    seconds: float


@dataclass
class _Open:
    """A cell without a verdict. ``red``: what it was on the first machine. ``failed``: machines that it is not to be
    done on again."""

    order: CellOrder
    cell: MatrixCell
    red: MatrixCell | None = None
    failed: set[str] = field(default_factory=set)


class CellLedger:
    """``cells``: what became of each, by name, in the order of the file. ``left_out``: machine -> why.

    ``alone``: there is one machine, and nothing is ever done elsewhere.
    """

    def __init__(
        self, orders: Sequence[CellOrder], needs: CellNeeds, known: Iterable[MatrixCell] = (), *, alone: bool = False
    ) -> None:
        """``known``: cells of the same matrix before it was cut off: those that have a verdict keep it."""
        kept = {cell.name: cell for cell in known}
        self._needs, self._alone = needs, alone
        self.cells: dict[str, MatrixCell] = {}
        self.left_out: dict[str, str] = {}
        self._open: dict[str, _Open] = {}
        self._running: dict[str, tuple[str, str]] = {}  # name -> (address, machine)
        self._back: dict[str, str] = {}  # name -> machine
        self._fresh: dict[str, deque[str]] = {}  # base -> names, so that a choice need not look at each cell
        self._again: list[str] = []
        self._warm: dict[str, set[str]] = {}  # machine -> bases that it built from meanwhile
        self._machines: set[str] = set()  # that are there
        self._ever: set[str] = set()  # that were
        self._in_a_row: Counter[str] = Counter()
        for order in orders:
            self._enter(order, kept.get(order.name))

    def _enter(self, order: CellOrder, known: MatrixCell | None) -> None:
        place = order.place
        new = MatrixCell(place.name, place.series, place.base, place.variant, place.suites)
        if known is not None and known.is_done and known.fate is not CellFate.UNDECIDED:
            self.cells[order.name] = known
            return
        self.cells[order.name] = new
        self._open[order.name] = opened = _Open(order, new)
        if known is not None and known.red_on and not self._alone:
            opened.red = replace(known, fate=CellFate.FAIL, machine=known.red_on, red_on="")
            self._wait(order.name, known)
        else:
            self._fresh.setdefault(place.base, deque()).append(order.name)

    @property
    def is_done(self) -> bool:
        return not self._open

    @property
    def is_idle(self) -> bool:
        """True if nothing is being done."""
        return not self._running and not self._back

    def is_second(self, name: str) -> bool:
        """True if a run of it on another machine was red."""
        return name in self._open and self._open[name].red is not None

    # --- what is done next ------------------------------------------------------------------------

    def sees(self, workers: Iterable[WorkerSeen]) -> None:
        """These are the workers that there are now."""
        there = list(workers)
        self._machines = {worker.machine for worker in there}
        self._ever |= self._machines
        for worker in there:
            self._warm.setdefault(worker.machine, set()).update(worker.facts.warm)

    def next_for(self, worker: WorkerSeen) -> CellOrder | None:
        """The cell that ``worker`` is to do now, noted as running there; None if there is none for it."""
        if worker.machine in self.left_out or not worker.facts.fits(self._needs):
            return None
        name = self._second_try(worker) or self._fresh_one(worker)
        if name is None:
            return None
        opened = self._open[name]
        self._running[name] = (worker.address, worker.machine)
        self.cells[name] = replace(self.cells[name], fate=CellFate.RUNNING, machine=worker.machine)
        return opened.order

    def _second_try(self, worker: WorkerSeen) -> str | None:
        """What was red, or lost, elsewhere comes first: others wait for what it says of a machine."""
        for name in self._again:
            opened = self._open[name]
            red = {opened.red.machine} if opened.red is not None else set()
            tried = worker.machine in opened.failed and bool(self._others(opened.failed | red))
            if worker.machine not in red and not tried:
                self._again.remove(name)
                return name
        return None

    def _fresh_one(self, worker: WorkerSeen) -> str | None:
        """The first cell of the best base: its objects are here; nobody builds from it; not here at this moment."""
        if not self._fresh:
            return None
        base = min(self._fresh, key=lambda base: self._distance(base, worker))
        name = self._fresh[base].popleft()
        if not self._fresh[base]:
            del self._fresh[base]
        self._warm.setdefault(worker.machine, set()).add(base)
        return name

    def _distance(self, base: str, worker: WorkerSeen) -> int:
        busy = [machine for name, (_, machine) in self._running.items() if self.cells[name].base == base]
        if worker.machine in busy:
            return 3  # two runs of one base wait for its work tree
        if base in self._warm.get(worker.machine, ()):
            return 0
        return 2 if busy or any(base in bases for bases in self._warm.values()) else 1

    def _others(self, but: Iterable[str]) -> set[str]:
        """Machines that are there and work."""
        return self._machines - set(self.left_out) - set(but)

    def came_back(self, name: str) -> None:
        """Its worker is done with it; what came of it is told by ``ended`` or ``lost``."""
        self._back[name] = self._running.pop(name)[1]

    # --- what came of it --------------------------------------------------------------------------

    def ended(self, name: str, result: CellResult) -> MatrixCell:
        """The run of a cell ended; what became of the cell by that."""
        machine = self._machine_of(name)
        opened = self._open[name]
        fate = _FATES.get(ExitCode(result.code) if result.code in (0, 1, 2) else ExitCode.INFRASTRUCTURE)
        if fate is None:
            return self._failed(name, machine, result.headline or f"ended with {result.code}")
        self._in_a_row[machine] = 0
        now = replace(
            opened.cell,
            fate=fate,
            headline=result.headline,
            machine=machine,
            seconds=result.seconds,
            losses=self.cells[name].losses,
        )
        if machine in self.left_out and fate is not CellFate.PASS:
            return self._wait(name, self.cells[name])  # its word does not count any more
        if opened.red is not None:
            return self._second_opinion(name, opened.red, now)
        if fate is CellFate.FAIL and self._others([machine]):
            opened.red = now
            return self._wait(name, replace(now, fate=CellFate.WAITING, red_on=machine))
        if fate is CellFate.UNUSABLE and self._others([machine]) and not opened.failed:
            return self._lose(name, machine, result.headline)  # another one may have what it names
        return self._settle(name, now)

    def _second_opinion(self, name: str, red: MatrixCell, now: MatrixCell) -> MatrixCell:
        if now.fate is CellFate.FAIL:
            return self._settle(name, replace(red, notes=(f"red on {red.machine} and on {now.machine}",)))
        if now.fate is CellFate.UNUSABLE:  # there alone: it was tested elsewhere
            return self._lose(name, now.machine, now.headline)
        self._leave_out(red.machine, f"{name} is red there, and not on {now.machine}")
        note = f"red on {red.machine} alone, which is left out: {red.headline}"
        return self._settle(name, replace(now, notes=(note,)))

    def lost(self, name: str, why: str, *, by_machine: bool = False) -> MatrixCell:
        """Its worker died; ``by_machine``: or what its machine sent is no good."""
        machine = self._machine_of(name)
        if by_machine:
            return self._failed(name, machine, why)
        return self._lose(name, machine, why)

    def _machine_of(self, name: str) -> str:
        return self._back.pop(name) if name in self._back else self._running.pop(name)[1]

    def _failed(self, name: str, machine: str, why: str) -> MatrixCell:
        """The machine could not do it. One that fails whatever it gets would have all cells in no time."""
        self._in_a_row[machine] += 1
        if self._in_a_row[machine] >= _BLACK_HOLE and self._others([machine]):
            self._leave_out(machine, f"it failed {_BLACK_HOLE} cells in a row, the last by: {why}")
        return self._lose(name, machine, why)

    def _lose(self, name: str, machine: str, why: str) -> MatrixCell:
        cell = self.cells[name]
        cell = replace(cell, losses=(*cell.losses, f"{machine}: {why}"))
        self._open[name].failed.add(machine)
        if self._alone or len(cell.losses) > MOST_LOSSES:
            return self._undecided(name, cell, why)
        return self._wait(name, cell)

    def _wait(self, name: str, cell: MatrixCell) -> MatrixCell:
        self.cells[name] = replace(cell, fate=CellFate.WAITING)
        self._again.append(name)
        return self.cells[name]

    def _undecided(self, name: str, cell: MatrixCell, why: str) -> MatrixCell:
        red = self._open[name].red
        told = (
            (f"red on {red.machine}, where nobody else could do it again: {red.headline}",) if red is not None else ()
        )
        return self._settle(name, replace(cell, fate=CellFate.UNDECIDED, headline=why, notes=told))

    def _settle(self, name: str, cell: MatrixCell) -> MatrixCell:
        del self._open[name]
        self.cells[name] = replace(cell, red_on="")
        return self.cells[name]

    def _leave_out(self, machine: str, why: str) -> None:
        """What is red elsewhere and waits for this machine alone is red."""
        self.left_out.setdefault(machine, why)
        for name, opened in list(self._open.items()):
            if opened.red is not None and name in self._again and not self._others([opened.red.machine]):
                self._again.remove(name)
                self._settle(name, replace(opened.red, notes=(f"red on {opened.red.machine}; {_NOBODY_ELSE}",)))

    def give_up(self, why: str) -> list[MatrixCell]:
        """Nobody is there for what waits: it is not decidable. Returns those cells."""
        waiting = [name for name in self._open if name not in self._running and name not in self._back]
        self._again, self._fresh = [], {}
        return [self._given_up(name, why) for name in waiting]

    def _given_up(self, name: str, why: str) -> MatrixCell:
        red = self._open[name].red
        if red is not None and not self._ever - {red.machine}:
            return self._settle(name, replace(red, notes=(f"red on {red.machine}; {_NOBODY_ELSE}",)))
        return self._undecided(name, self.cells[name], why)
