# SPDX-License-Identifier: GPL-2.0-only
"""The options that say which reports to write, and where: ``--report FORMAT=FILE``, and ``--junit FILE`` for short.

What cannot be written is refused before there is anything to write: a run takes minutes to hours.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import UserError
from harness.report import EACH, FORMATS, ReportFile
from harness.report.store import EVENTS, PLAN, RESULTS

_OPTION = "--report"
_KEPT = (RESULTS, PLAN, EVENTS, EACH)


def add_report_options(options: argparse._ActionsContainer, *short: str) -> None:
    """``--report``, and an option of its name for each format in ``short``. ``options``: a parser or a group of one."""
    formats = "; ".join(f"{name}: {kind.title}" for name, kind in FORMATS.items())
    options.add_argument(
        _OPTION,
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help=f"also write the report there in this format ({formats}); may be given again",
    )
    for name in short:
        options.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"the same as {_OPTION} {name}=FILE")


def report_files(arguments: argparse.Namespace, *runs: Path, series: bool = False) -> tuple[ReportFile, ...]:
    """The files that the options name, each of which can be written. Raises ``UserError``.

    ``runs``: directories of runs, whose own files are not to be overwritten. ``series``: of a series tested patch by
    patch, which not every format can tell of.
    """
    files = tuple(_named(arguments))
    for index, file in enumerate(files):
        _check_format(file, series)
        _refuse_own(file, runs)
        _refuse_twin(file, files[:index])
        check_place(file.path)
    return files


def written_files(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """Where they are to be, if the options can be used at all."""
    short = (getattr(arguments, name, None) for name in FORMATS)
    texts = getattr(arguments, "report", [])
    return (*(Path(text.partition("=")[2]) for text in texts if text.partition("=")[2]), *filter(None, short))


def _named(arguments: argparse.Namespace) -> Iterator[ReportFile]:
    for text in arguments.report:
        name, equals, path = text.partition("=")
        if name not in FORMATS:
            raise UserError(f"there is no format {name!r}", where=f"{_OPTION} {text}", hint=f"name {_formats()}")
        if not equals or not path:
            raise UserError("it names no file", where=f"{_OPTION} {text}", hint=f"say {_OPTION} {name}=FILE")
        yield ReportFile(name, Path(path))
    for name in FORMATS:
        if (short := getattr(arguments, name, None)) is not None:
            yield ReportFile(name, short)


def _formats() -> str:
    *others, last = FORMATS
    return f"{', '.join(others)} or {last}"


def _check_format(file: ReportFile, series: bool) -> None:
    kind = FORMATS[file.format]
    kind.ready()
    if series and kind.render_series is None:
        what, hint = "this format tells of one run, not of a series", "leave it out: each patch's run has its own files"
        raise UserError(what, where=f"{_OPTION} {file.format}={file.path}", hint=hint)


def _refuse_own(file: ReportFile, runs: Sequence[Path]) -> None:
    """A run is made again from its results; what all formats have under a name of theirs is that format."""
    refuse_own(file.path, runs, file.format)


def refuse_own(path: Path, runs: Sequence[Path], kind: str) -> None:
    """Raise ``UserError`` if ``path`` is what the directory of one of ``runs`` has something else than ``kind`` in."""
    names = {one.file_name: name for name, one in FORMATS.items() if one.file_name}
    place, name = _place(path).parent, path.name
    if any(place == run.resolve() for run in runs) and (name in _KEPT or names.get(name, kind) != kind):
        raise UserError("it is a file of the run itself", where=str(path), hint="name another file")


def _refuse_twin(file: ReportFile, before: Sequence[ReportFile]) -> None:
    twin = next((one for one in before if _place(one.path) == _place(file.path)), None)
    if twin is not None:
        what = f"two reports are to be written there ({twin.format}, {file.format})"
        raise UserError(what, where=str(file.path), hint="name another file for one of them")


def _place(path: Path) -> Path:
    """``path`` without links on its way: equal for the same place."""
    return path.absolute().parent.resolve() / path.name


def check_place(path: Path) -> None:
    """Raise ``UserError`` if no file can be written at ``path``.

    A report is written beside its place under another name and renamed, as is tried here."""
    with _explained(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):  # it would be replaced, be it /dev/stdout
            raise UserError("it is there already, and no plain file", where=str(path), hint="name another file")
        with tempfile.NamedTemporaryFile(dir=path.absolute().parent, prefix=f".{path.name}.part."):
            pass


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = "make it, or name another file"
        raise UserError("its directory does not exist", where=str(path), hint=hint) from error
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=str(path), hint="name another file") from error
