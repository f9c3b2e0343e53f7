# SPDX-License-Identifier: GPL-2.0-only
"""From the file of a matrix to the words of a run for each of its cells, each of which was checked."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from harness.cli.option_origins import as_typed, run_options
from harness.cli.project_file import ProjectFile, value_of
from harness.cli.run import add_run_options, request_from
from harness.errors import UserError
from harness.matrix import CellOrder, CellPlace, MatrixFile, OrderBook, places, read_matrix, store_series
from harness.matrix.cell_order import SERIES
from harness.matrix.matrix_file import ALL
from harness.pipeline import check
from harness.report.matrix_report import CELLS

# What the file says in another way, or what a cell must not: its results go where those of all cells do.
_NO_OPTIONS = frozenset(
    {"patch", "pick", "worktree", "revert", "up-to", "no-patch", "base", "variant", "suite", "out", "report", "junit"}
    | {"each", "quiet", "verbose", "jobs"}
)


def make_orders(file: Path, directory: Path, command: tuple[str, ...], created: Callable[[], None]) -> OrderBook:
    """Read ``file``, take its series into ``directory``, and check each cell. Raises ``UserError``.

    ``created``: called once the file can be read, before anything is written.
    """
    matrix, said = read_matrix(file)
    options = _option_words(file, said)
    bases = {base: _base(file, base) for base in matrix.bases}
    created()
    with _told_of(file, directory):
        kept = {
            name: tuple(store_series(name, series, file.parent, directory, list(bases.values())))
            for name, series in matrix.series.items()
        }
    orders = tuple(
        CellOrder(place, _words(matrix, place, bases[place.base], options), kept[place.series])
        for place in places(matrix)
    )
    with _told_of(file, directory):
        for order in orders:
            _check(order, directory)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return OrderBook(command, started, orders, matrix.needs, matrix.shared or "")


def _words(matrix: MatrixFile, place: CellPlace, base: str, options: tuple[str, ...]) -> tuple[str, ...]:
    series = matrix.series[place.series]
    words = [f"--base={base}", f"--variant={place.variant}", *options, "--no-project"]
    words += [f"--pick={series.pick}"] if series.pick is not None else []
    words += [f"--up-to={series.up_to}"] if series.up_to is not None else []
    return (*words, *(f"--suite={suite}" for suite in place.suites.split() if place.suites != ALL))


def _base(file: Path, base: str) -> str:
    """``base``, of which a path is relative to the file."""
    return str(value_of(_as_project(file, {"base": base}), "base", run_options()["base"]))


def _option_words(file: Path, said: Mapping[str, object]) -> tuple[str, ...]:
    known = {key: action for key, action in run_options().items() if key not in _NO_OPTIONS}
    project, words = _as_project(file, said), list[str]()
    for key in said:
        if key not in known:
            hint = f"possible: {', '.join(sorted(known))}"
            raise UserError(f"unknown key {key!r}", where=f"{file}, options", hint=hint)
        words += as_typed(key, known[key], value_of(project, key, known[key]))
    return tuple(words)


def _as_project(file: Path, values: Mapping[str, object]) -> ProjectFile:
    """The values in the place of those of a project file, whose keys are the same options."""
    path = file.absolute()
    return _MatrixOptions(path, path.parent, values, {})


class _MatrixOptions(ProjectFile):
    """Its keys stand in a table: by line they would be told wrongly."""

    def where(self, key: str) -> str:
        return f"{self.path}, {key}" if key == "base" else f"{self.path}, options.{key}"


@contextlib.contextmanager
def _told_of(file: Path, directory: Path) -> Iterator[None]:
    """Errors name the file of the matrix, and patches as they are called in the ``directory`` of it."""
    try:
        yield
    except UserError as error:
        where = error.where.replace(f"{directory / SERIES}/", "")
        raise UserError(error.what, where=f"{file}: {where}" if where else str(file), hint=error.hint) from error


def _check(order: CellOrder, directory: Path) -> None:
    """Look up all that a cell names, as its run will. Raises ``UserError``."""
    parser = argparse.ArgumentParser(add_help=False)
    add_run_options(parser)
    words = order.command(directory / SERIES)[1:]
    arguments, unknown = parser.parse_known_args(words)
    assert not unknown, unknown
    check(request_from(arguments, tuple(arguments.patch)), directory / CELLS / order.name)
