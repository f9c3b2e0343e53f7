# SPDX-License-Identifier: GPL-2.0-only
"""``junit.xml`` over a whole matrix: a test suite for each cell, with all cases of its run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from junit_xml import TestCase, TestSuite

from harness.errors import UserError
from harness.report.junit import document, junit_case, number_repeats, suites_of_run
from harness.report.matrix_report import CELLS, MatrixCell, MatrixReport
from harness.report.store import load
from harness.report.text import one_line


def render_matrix_junit(report: MatrixReport, directory: Path) -> str:
    """The whole XML document. ``directory``: of the matrix; logs are named relative to the runs in it.

    Class names are "dmabuf.CELL...". A cell without a run is one case: an error, or skipped if it was not done yet.
    """
    return document([_of_cell(cell, directory) for cell in report.cells])


def _of_cell(cell: MatrixCell, directory: Path) -> TestSuite:
    cases = list(_cases(cell, directory / CELLS / cell.name)) or [_whole(cell)]
    number_repeats(cases)
    told = {"machine": cell.machine, "notes": "; ".join((*cell.notes, *cell.losses))}
    shown = {key: one_line(value) for key, value in told.items() if value}
    return TestSuite(one_line(cell.name), cases, properties=shown)


def _whole(cell: MatrixCell) -> TestCase:
    case = junit_case("cell", f"dmabuf.{_part(cell)}", cell.seconds)
    message = one_line(cell.headline) or cell.fate.value
    if cell.is_done:
        case.add_error_info(message=message, output="\n".join(map(one_line, (message, *cell.notes, *cell.losses))))
    else:
        case.add_skipped_info(message=f"{cell.fate.value}: not done yet")
    return case


def _cases(cell: MatrixCell, run: Path) -> Iterator[TestCase]:
    if not cell.has_run:
        return
    try:
        found = suites_of_run(load(run), run)
    except UserError as error:  # removed since: the rest is still to be told
        case = junit_case("results", f"dmabuf.{_part(cell)}", 0.0)
        case.add_error_info(message=one_line(str(error)), output=one_line(str(error)))
        yield case
        return
    for suite in found:
        for case in suite.test_cases:
            case.classname = case.classname.replace("dmabuf.", f"dmabuf.{_part(cell)}.", 1)
            yield case


def _part(cell: MatrixCell) -> str:
    """A class name's dots are packages to Jenkins and GitLab."""
    return one_line(cell.name).replace(".", "_")
