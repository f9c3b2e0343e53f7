# SPDX-License-Identifier: GPL-2.0-only
"""A matrix of runs in reports: what became of each cell, as ``matrix.json``, and as a table on the terminal."""

from __future__ import annotations

import enum
import functools
import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import ExitCode, UserError
from harness.paths import write_atomic
from harness.report.store import MATRIX, VERSION, checked, document, encode
from harness.report.text import columns, duration, one_line, plural

CELLS = "cells"
"""Directory with the runs of the cells, by name."""


class CellFate(enum.Enum):
    """What became of a cell. ``UNUSABLE``: its series cannot be used on its base. ``UNDECIDED``: machines failed."""

    WAITING = "waiting"
    RUNNING = "running"
    PASS = "pass"
    FAIL = "fail"
    UNUSABLE = "unusable"
    UNDECIDED = "not decidable"


_DONE = frozenset({CellFate.PASS, CellFate.FAIL, CellFate.UNUSABLE, CellFate.UNDECIDED})
_WORST_FIRST = (CellFate.FAIL, CellFate.UNDECIDED, CellFate.UNUSABLE, CellFate.RUNNING, CellFate.WAITING, CellFate.PASS)
_WORDS = {CellFate.PASS: "passed", CellFate.FAIL: "red"}


@dataclass(frozen=True)
class MatrixCell:
    """One run of a matrix. ``name``: of its directory in ``CELLS``.

    ``series``, ``base``, ``variant``, ``suites``: where it is in the matrix; the last is one text, as in the file.
    ``headline``: of its run, or why there is none. ``machine``: that did it, or does. ``seconds``: that it took there.
    ``notes``: what is to be said of how it came to that. ``red_on``: the machine on which it was red, while it waits
    for another one to do it again. ``losses``: of its attempts that came to nothing, why, one line each.
    """

    name: str
    series: str
    base: str
    variant: str
    suites: str
    fate: CellFate = CellFate.WAITING
    headline: str = ""
    machine: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    red_on: str = ""
    losses: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.fate in _DONE

    @property
    def has_run(self) -> bool:
        """True if there are results of a run in its directory."""
        return self.fate in (CellFate.PASS, CellFate.FAIL)


@dataclass(frozen=True)
class MatrixReport:
    """All of ``matrix.json``. ``command``: what the user typed. ``started``: ISO 8601, UTC. ``seconds``: so far.

    ``cells``: in the order of the file. ``left_out``: machine -> why it got no more cells. ``ended``: nothing goes on.
    """

    command: tuple[str, ...]
    started: str
    cells: tuple[MatrixCell, ...]
    seconds: float = 0.0
    left_out: Mapping[str, str] = field(default_factory=dict)
    ended: bool = False

    def of(self, fate: CellFate) -> list[MatrixCell]:
        return [cell for cell in self.cells if cell.fate is fate]

    @property
    def is_whole(self) -> bool:
        return all(cell.is_done for cell in self.cells)

    @property
    def axes(self) -> tuple[list[str], list[str]]:
        """The names of the series, and those of the bases."""
        series, bases = (dict.fromkeys(getattr(cell, key) for cell in self.cells) for key in ("series", "base"))
        return list(series), list(bases)


@dataclass(frozen=True)
class _Stored:
    version: int
    verdict: str
    matrix: MatrixReport


def matrix_exit_code(report: MatrixReport) -> ExitCode:
    """1 if any cell is red; else 3 if one could not be decided, or was not done; else 2 if one is unusable; else 0."""
    if report.of(CellFate.FAIL):
        return ExitCode.FAILED
    if report.of(CellFate.UNDECIDED) or not report.is_whole:
        return ExitCode.INFRASTRUCTURE
    return ExitCode.USER if report.of(CellFate.UNUSABLE) else ExitCode.OK


def save_matrix(report: MatrixReport, directory: Path) -> Path:
    """Write ``matrix.json`` into ``directory``: ``{"version": 2, "verdict": WORD, "matrix": {...}}``. Returns its path.

    WORD: "pass", "fail", or "incomplete" for what is neither (yet).
    """
    word = {ExitCode.OK: "pass", ExitCode.FAILED: "fail"}.get(matrix_exit_code(report), "incomplete")
    path = directory / MATRIX
    empty = json.dumps(encode(_Stored(VERSION, word, replace(report, cells=()))), indent=1)
    head, found, rest = empty.partition('"cells": []')
    assert found, "no key before it can hold that text: it is the first list that is empty"
    cells = ",\n".join(map(_line, report.cells))
    write_atomic(path, f'{head}"cells": [\n{cells}\n]{rest}\n')
    return path


@functools.lru_cache(maxsize=1 << 17)
def _line(cell: MatrixCell) -> str:
    """Most cells are as they were when the file was written last: it is written after each."""
    return json.dumps(encode(cell))


def load_matrix(directory: Path) -> MatrixReport:
    """What ``save_matrix`` stored in ``directory``. Raises ``UserError``."""
    path = directory / MATRIX
    if directory.is_dir() and not path.exists():
        hint = "name the directory that dmabuf-harness matrix said"
        raise UserError(f"not the directory of a matrix: no {MATRIX} in it", where=str(directory), hint=hint)
    return checked(_Stored, document(path), path).matrix


# --- in words ---------------------------------------------------------------------------------


def matrix_headline(report: MatrixReport) -> str:
    """ "FAIL: 2 of 9 cells red, 1 not decidable"."""
    told = [f"{len(found)} {_WORDS.get(fate, fate.value)}" for fate in _WORST_FIRST if (found := report.of(fate))]
    code = matrix_exit_code(report)
    word = {ExitCode.OK: "PASS", ExitCode.FAILED: "FAIL"}.get(
        code, "INCOMPLETE" if code != ExitCode.USER else "UNUSABLE"
    )
    return f"{word}: {plural(len(report.cells), 'cell')}: {', '.join(told) or 'none'}"


def verdict_of(cells: Iterable[MatrixCell]) -> str:
    """Of all cells of a series on a base, the worst first: "2 red, 1 pass"; one word if all are alike."""
    counts = Counter(cell.fate for cell in cells)
    found = [fate for fate in _WORST_FIRST if counts[fate]]
    if len(found) <= 1:
        return "".join(fate.value for fate in found)
    return ", ".join(f"{counts[fate]} {_WORDS.get(fate, fate.value)}" for fate in found)


def matrix_grid(report: MatrixReport) -> list[list[str]]:
    """Rows of texts: the head with the bases, then a row for each series."""
    series, bases = report.axes
    grid = [["", *bases]]
    for name in series:
        own = [cell for cell in report.cells if cell.series == name]
        grid.append([name, *(verdict_of(cell for cell in own if cell.base == base) for base in bases)])
    return [[one_line(text) for text in row] for row in grid]


def render_matrix(report: MatrixReport, directory: Path, written: Sequence[tuple[str, Path]]) -> str:
    """The matrix in ``directory`` for the terminal. ``written``: (label, path) of the files that tell more."""
    lines = _aligned(matrix_grid(report))
    for fate in (CellFate.FAIL, CellFate.UNDECIDED, CellFate.UNUSABLE):
        for cell in report.of(fate):
            lines += ["", *_told(cell, directory)]
    lines += ["", *(one_line(f"left out: {name}: {why}") for name, why in report.left_out.items())]
    lines += [matrix_headline(report), "", f"{'took':8} {duration(report.seconds)}"]
    return "\n".join([*lines, *(f"{label:8} {one_line(str(path))}" for label, path in written), ""])


def _told(cell: MatrixCell, directory: Path) -> list[str]:
    said = [one_line(text) for text in (cell.headline, *cell.notes, *cell.losses) if text]
    place = shlex.quote(one_line(str(directory / CELLS / cell.name)))
    run = [f"report: dmabuf-harness report {place}"] if cell.has_run else []
    return [f"{cell.name}: {cell.fate.value}", *(f"    {text}" for text in (*said, *run))]


def _aligned(grid: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(columns(row[at]) for row in grid) for at in range(len(grid[0]))]
    padded = (
        "  ".join(text + " " * (width - columns(text)) for text, width in zip(row, widths, strict=True)) for row in grid
    )
    return [line.rstrip() for line in padded]
