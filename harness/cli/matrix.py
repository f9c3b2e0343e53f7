# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness matrix``: series x bases x variants x suites, each cell a run of its own, one report over all."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.cluster_worker import INSTALL
from harness.cli.matrix_orders import make_orders
from harness.cli.run import positive
from harness.cli.rundir import RunDirectory, run_directory
from harness.errors import UserError
from harness.locks import holding
from harness.matrix import (
    CellCrew,
    CellLedger,
    LocalCrew,
    MatrixCampaign,
    OrderBook,
    clear_leftovers,
    load_orders,
    refuse_empty,
    refuse_other,
    save_orders,
)
from harness.paths import write_atomic
from harness.report.matrix_page import PAGE, render_matrix_page
from harness.report.matrix_report import (
    MatrixReport,
    load_matrix,
    matrix_exit_code,
    matrix_headline,
    render_matrix,
    save_matrix,
)
from harness.report.store import MATRIX
from harness.report.text import one_line, plural

_JUNIT = "junit.xml"
_MakeCrew = Callable[[Path], AbstractContextManager[CellCrew]]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "matrix",
        description="Test series on bases, in variants, by suites, as a file says (docs/many-machines.md): each cell "
        "is a run of its own. Exits with 1 if any cell is red, else 3 if one could not be decided, else 2 if a series "
        "cannot be used on a base.",
    )
    parser.set_defaults(handler=matrix)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the matrix, in TOML")
    parser.add_argument(
        "--continue",
        dest="go_on",
        type=Path,
        metavar="DIR",
        help="go on with a matrix that was ended: cells that have a verdict keep it",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of all runs (default: runs/ID)")
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="let workers do it: of the dask scheduler at tcp://HOST:PORT or tls://HOST:PORT; or local: processes of "
        f"this machine. Needs the Python package distributed: {INSTALL}",
    )
    parser.add_argument(
        "-x",
        "--at-once",
        type=positive,
        metavar="N",
        help="of --cluster local: cells at a time, as far as there is room (default: one for each two cores and 3 GB)",
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but the verdict, in one line")


def matrix(arguments: argparse.Namespace) -> int:
    if (arguments.file is None) == (arguments.go_on is None):
        raise refuse_empty("matrix")
    if arguments.at_once is not None and arguments.cluster != "local":
        raise UserError("says how many cells this machine does", where="--at-once", hint="add --cluster local")
    make_crew = _crew(arguments)
    if arguments.go_on is not None:
        if arguments.out is not None:
            raise UserError("a matrix goes on where it is", where="--out", hint="leave it out")
        return _go_on(arguments, make_crew)
    with run_directory(arguments.out) as directory:
        command = ("dmabuf-harness", *sys.argv[1:])
        book = make_orders(arguments.file, directory.path, command, directory.create)
        machine_check.require(machine_check.check_all(None))
        save_orders(book, directory.path)
        return _do(arguments, book, directory, make_crew)


def _go_on(arguments: argparse.Namespace, make_crew: _MakeCrew) -> int:
    path = arguments.go_on.resolve()
    book = load_orders(path)
    known = load_matrix(path) if (path / MATRIX).is_file() else None
    machine_check.require(machine_check.check_all(None))
    return _do(arguments, book, RunDirectory(path, made=True, kept=True), make_crew, known)


def _do(
    arguments: argparse.Namespace,
    book: OrderBook,
    directory: RunDirectory,
    make_crew: _MakeCrew,
    known: MatrixReport | None = None,
) -> int:
    with _held(directory.path):
        clear_leftovers(directory.path)
        ledger = CellLedger(book.orders, book.needs, known.cells if known else (), alone=arguments.cluster is None)
        before = known.seconds if known else 0.0
        campaign = MatrixCampaign(directory.path, book, ledger, _teller(arguments.quiet), before)
        directory.keep()
        try:
            with make_crew(directory.path) as crew:
                report = campaign.run(crew)
        except BaseException:
            _tell(campaign.report(ended=True), directory.path, arguments.quiet)
            raise
        _tell(report, directory.path, arguments.quiet)
        return matrix_exit_code(report)


@contextlib.contextmanager
def _held(directory: Path) -> Iterator[None]:
    try:
        with holding(directory):
            yield
    except BlockingIOError as error:
        raise refuse_other(directory) from error


def _crew(arguments: argparse.Namespace) -> _MakeCrew:
    """What makes the crew, once it is needed. Raises ``UserError`` if a package is missing."""
    if arguments.cluster is None:
        return LocalCrew
    try:
        from harness.matrix.dask_crew import DaskCrew, local_cluster, room_here  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise UserError("the Python package distributed is missing", where="--cluster", hint=INSTALL) from error
    if arguments.cluster != "local":
        return lambda _directory: DaskCrew(arguments.cluster)
    at_once = room_here(arguments.at_once)
    if (arguments.at_once or 0) > at_once:
        _say(f"there is room for {plural(at_once, 'cell')} at a time")
    return lambda _directory: local_cluster(at_once)


def _teller(quiet: bool) -> Any:
    return (lambda text: None) if quiet else _say


def _say(text: str) -> None:
    sys.stdout.write(f"{one_line(text)}\n")
    sys.stdout.flush()


def _tell(report: MatrixReport, directory: Path, quiet: bool) -> None:
    """Write the reports over all, and show them: also of a matrix that is cut off."""
    from harness.report.matrix_junit import render_matrix_junit  # noqa: PLC0415 - pays for junit-xml

    results = save_matrix(report, directory)
    write_atomic(directory / _JUNIT, render_matrix_junit(report, directory))
    write_atomic(directory / PAGE, render_matrix_page(report, directory))
    written = [("junit", directory / _JUNIT), ("html", directory / PAGE), ("results", results)]
    sys.stdout.write(f"{matrix_headline(report)}\n" if quiet else f"\n{render_matrix(report, directory, written)}")
    if not report.is_whole and not quiet:
        _say(f"go on     dmabuf-harness matrix --continue {directory}")
