# SPDX-License-Identifier: GPL-2.0-only
"""``matrix.html``: one page over all cells of a matrix, written anew as they end, and links to the page of each run."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import quote

from harness.errors import ExitCode
from harness.report.html import templates
from harness.report.matrix_report import (
    CELLS,
    CellFate,
    MatrixCell,
    MatrixReport,
    matrix_exit_code,
    matrix_headline,
)

PAGE = "matrix.html"
RELOADED = 10
"""Seconds after which a browser loads the page again, while something goes on."""

_CLASSES = {
    CellFate.PASS: "pass",
    CellFate.FAIL: "fail",
    CellFate.UNDECIDED: "error",
    CellFate.UNUSABLE: "skip",
    CellFate.WAITING: "soft",
    CellFate.RUNNING: "known",
}


def render_matrix_page(report: MatrixReport, directory: Path) -> str:
    """The page, as HTML. ``directory``: of the matrix, in which the page is to be."""
    page = _MatrixPage(report, directory)
    return templates().get_template("matrix.html.j2").render(page=page, report=report)


class _MatrixPage:
    """What ``matrix.html.j2`` asks for."""

    def __init__(self, report: MatrixReport, directory: Path) -> None:
        self._report = report
        self._directory = directory
        self.headline = matrix_headline(report)
        self.series, self.bases = report.axes
        self.is_bad = bool(report.of(CellFate.FAIL)) or (report.ended and matrix_exit_code(report) != ExitCode.OK)
        self.reloaded = 0 if report.ended else RELOADED
        self.command = shlex.join(report.command)
        self._placed: dict[tuple[str, str], list[MatrixCell]] = {}
        for cell in report.cells:
            self._placed.setdefault((cell.series, cell.base), []).append(cell)

    def at(self, series: str, base: str) -> list[MatrixCell]:
        return self._placed.get((series, base), [])

    def mark(self, cell: MatrixCell) -> str:
        """The class of its fate in the style sheet."""
        return _CLASSES[cell.fate]

    def label(self, cell: MatrixCell) -> str:
        """What tells it from the other cells of its series on its base."""
        beside = [name for name in (cell.variant, cell.suites) if name != "all"]
        return ", ".join(beside) or "run"

    def link(self, cell: MatrixCell) -> str:
        """The page of its run, relative to this one; empty if there is none."""
        page = self._directory / CELLS / cell.name / "report.html"
        return quote(f"{CELLS}/{cell.name}/report.html") if cell.has_run and page.is_file() else ""
