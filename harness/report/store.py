# SPDX-License-Identifier: GPL-2.0-only
"""What a run leaves: ``results.json``, from which every report is made; ``plan.json``; ``events.jsonl``.

``plan.json`` says what the run is going to do before it does it: what a run that was cut off left out.
``events.jsonl`` says what happened, one JSON object per line, on disk as soon as it happened.

The schema of all is the model itself (``harness.model``): a dataclass is an object with its fields as keys, an enum is
its value, a path is a string, a tuple is a list. Only the types that the model uses are known; anything else is an
error, bytes above all.
"""

from __future__ import annotations

import enum
import functools
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from harness.errors import UserError
from harness.events import Chosen, Event, Planned
from harness.machine_failures import machine_trouble
from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.moved_run import found_here
from harness.report.text import one_line
from harness.report.version_1 import with_causes

T = TypeVar("T")

RESULTS = "results.json"
PLAN = "plan.json"
EVENTS = "events.jsonl"
EACH = "each.json"  # of a series that was tested patch by patch, see ``report.series_report``
MATRIX = "matrix.json"  # of many runs, see ``report.matrix_report``
VERSION = 2
"""Raised when a field of the model is renamed, removed or changes its meaning; a new field with a default is none.

Version 1 told causes in words alone: ``report.version_1`` reads them.
"""
_READ = (1, VERSION)

_HINT = "name the directory of a run: runs/ID below the directory in which it was started"


@dataclass(frozen=True)
class ReportFile:
    """A report on disk, or one to be written. ``format``: its key in ``report.formats.FORMATS``."""

    format: str
    path: Path


@dataclass(frozen=True)
class Written:
    """Where the reports of a run, or of a series tested patch by patch, are.

    ``directory``: of the run. ``results``: what all others can be made from. ``files``: of each format those that the
    user named, else the one in ``directory``, if it has one there.
    """

    directory: Path
    results: Path
    files: tuple[ReportFile, ...] = ()

    @property
    def html(self) -> Path | None:
        """The page, or one of them."""
        return next((file.path for file in self.files if file.format == "html"), None)

    @property
    def lines(self) -> list[str]:
        """One for each file, for the end of what the terminal shows."""
        named = [*((file.format, file.path) for file in self.files), ("results", self.results)]
        return [f"{label:8} {one_line(str(path))}" for label, path in named]


def save(run_dir: Path, report: RunReport) -> Path:
    """Write ``results.json``: ``{"version": 2, "verdict": WORD, "whole": bool, "run": {...}}``.

    WORD: ``verdict_word``. ``whole``: false for a quick run, whose verdict is of the tests that were chosen.
    Returns its path.
    """
    whole = {"version": VERSION, "verdict": verdict_word(report), "whole": not report.not_chosen, "run": encode(report)}
    return _write(run_dir / RESULTS, whole)


def verdict_word(report: RunReport) -> str:
    """ "pass", "fail", or "incomplete" if only the machine is to blame for what is bad."""
    return "incomplete" if machine_trouble(report) else "fail" if report.is_bad else "pass"


def save_plan(run_dir: Path, plan: Mapping[str, Any]) -> Path:
    """Write ``plan.json``: ``{"version": 2, ...plan}``. Returns its path."""
    return _write(run_dir / PLAN, {"version": VERSION, **encode(plan)})


def _write(path: Path, document: object) -> Path:
    # ASCII only: a stray byte in a test's output, kept as a surrogate, is no valid UTF-8.
    write_atomic(path, _lines(document, _DEPTH) + "\n")
    return path


_DEPTH = 5  # the document, the run, its variants, one of them, its results: each of these is a line


def _lines(value: object, depth: int) -> str:
    """JSON with a line for each item down to ``depth``; what is below is written in one go, which is far faster than
    what ``indent`` does."""
    if depth == 0 or not value or not isinstance(value, dict | list | tuple):
        return json.dumps(value)
    if isinstance(value, dict):
        items = [f"{json.dumps(str(key))}: {_lines(item, depth - 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n}"
    return "[\n" + ",\n".join(_lines(item, depth - 1) for item in value) + "\n]"


def load(run: Path) -> RunReport:
    """The report that ``save`` stored in the directory ``run``, or in that file itself.

    Raises ``UserError`` if there is none that can be read.
    """
    path = run / RESULTS if run.is_dir() else run
    if run.is_dir() and not path.exists():
        raise _no_results(run)
    found = document(path)
    stored = found.get("run")
    report = checked(RunReport, stored if found["version"] == VERSION else with_causes(stored), path)
    return found_here(report, path.absolute().parent)


def _no_results(directory: Path) -> UserError:
    where, hint = str(directory), _HINT
    if (directory / EACH).is_file():
        hint = "name the run of one patch, a directory in it"
        return UserError("it holds a run for each patch of a series (--each)", where=where, hint=hint)
    if (directory / MATRIX).is_file():
        hint = "name the run of one cell, a directory in its cells/"
        return UserError("it holds the runs of a matrix", where=where, hint=hint)
    if (directory / PLAN).is_file():
        return UserError(f"this run has no {RESULTS}: it goes on, or it was killed", where=where, hint=hint)
    return UserError(f"not the directory of a run: no {RESULTS} in it", where=where, hint=hint)


def document(path: Path) -> dict[str, object]:
    """The object in the JSON file ``path``, of a version that we read. Raises ``UserError``."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError("no such file or directory", where=str(path), hint=_HINT) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", where=str(path), hint=_HINT) from error
    version = found.get("version") if isinstance(found, dict) else None
    if not isinstance(found, dict) or type(version) is not int:
        raise UserError("not the results of a run", where=str(path), hint=_HINT)
    if version not in _READ:
        hint = "use the harness that wrote it"
        raise UserError(
            f"has version {version}, this harness reads versions {_READ[0]} and {_READ[1]}", where=str(path), hint=hint
        )
    return found


def checked(kind: type[T], data: object, path: Path) -> T:
    """A ``kind`` from ``data``, which is from ``path``. Raises ``UserError``."""
    try:
        return decode(kind, data)
    except SchemaError as error:
        raise UserError(f"not the results of a run: {error}", where=str(path), hint=_HINT) from error


# --- while it runs ----------------------------------------------------------------------------


class PlanFile:
    """A subscriber for ``EventStream`` that adds the tests of a variant, ``"tests": {variant: {suite: [name]}}``, and
    which of them come first, ``"choice": {variant: {"why", "first", "not chosen"}}``.

    The file is whole at any time.
    """

    def __init__(self, run_dir: Path, plan: Mapping[str, Any]) -> None:
        """Writes ``plan``, what was asked for, at once."""
        self._run_dir = run_dir
        self._plan = plan
        self._tests: dict[str, dict[str, list[str]]] = {}
        self._choices: dict[str, dict[str, object]] = {}
        self._save()

    def __call__(self, _elapsed: float, event: Event) -> None:
        if isinstance(event, Planned):
            suites = self._tests.setdefault(event.variant, {})
            for test in event.tests:
                suites.setdefault(test.suite, []).append(test.name)
            self._save()
        if isinstance(event, Chosen):  # saved with the tests, which come next
            self._choices[event.variant] = {
                "why": event.reason,
                "first": [f"{test.suite} {test.name}" for test in event.tests],
                "not chosen": [f"{test.suite} {test.name}" for test in event.not_chosen],
            }

    def _save(self) -> None:
        save_plan(self._run_dir, {**self._plan, "choice": self._choices, "tests": self._tests})


class EventLog:
    """A subscriber for ``EventStream``. Each line: ``{"at": seconds, "event": "PhaseStarted", ...its fields}``."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __call__(self, elapsed: float, event: Event) -> None:
        line = {"at": round(elapsed, 3), "event": type(event).__name__, **encode(event)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


# --- values of the model as JSON --------------------------------------------------------------


class SchemaError(ValueError):
    """Data that does not have the shape of the model. The text names the field ("variants[0].kernel.key")."""


def encode(value: object) -> Any:
    """``value`` as what ``json.dumps`` takes. Raises ``TypeError`` for a type the model does not use."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a report")


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def decode(kind: type[T], data: object) -> T:
    """A ``kind`` (a dataclass of the model) from what ``encode`` made. Raises ``SchemaError``."""
    return cast(T, _decode(kind, data, ""))


def _decode(kind: Any, data: object, where: str) -> object:
    if typing.get_origin(kind) is not None:
        return _generic(kind, data, where)
    if is_dataclass(kind):
        return _record(cast(type, kind), data, where)
    if issubclass(kind, enum.Enum):
        return _member(kind, data, where)
    if kind is Path:
        return Path(cast(str, _scalar(str, data, where)))
    return _scalar(kind, data, where)


def _generic(kind: Any, data: object, where: str) -> object:
    """``tuple[X, ...]``, ``Mapping[str, X]`` or ``X | None``."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _items(arguments[0], data, where)
    if origin is Mapping:
        return _mapping(arguments[1], data, where)
    some, _none = arguments
    return None if data is None else _decode(some, data, where)


def _record(kind: type, data: object, where: str) -> object:
    table = cast("dict[str, object]", _scalar(dict, data, where))
    hints, known = _schema(kind)
    unknown = sorted(table.keys() - known.keys())
    if unknown:
        raise SchemaError(f"unknown field {_join(where, unknown[0])}")
    values: dict[str, object] = {}
    for name, field in known.items():
        path = _join(where, name)
        if name in table:
            values[name] = _decode(hints[name], table[name], path)
        elif _is_required(field):
            raise SchemaError(f"{path} is missing")
    return kind(**values)


@functools.cache
def _schema(kind: type) -> tuple[Mapping[str, Any], Mapping[str, Field[Any]]]:
    """The types of the fields of a dataclass, and the fields: resolving the names of types takes long."""
    return typing.get_type_hints(kind), {field.name: field for field in fields(kind)}


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _member(kind: type[enum.Enum], data: object, where: str) -> enum.Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise SchemaError(f"{where} is {data!r}") from error


def _items(kind: Any, data: object, where: str) -> tuple[object, ...]:
    items = cast("list[object]", _scalar(list, data, where))
    return tuple(_decode(kind, item, f"{where}[{index}]") for index, item in enumerate(items))


def _mapping(kind: Any, data: object, where: str) -> dict[str, object]:
    table = cast("dict[str, object]", _scalar(dict, data, where))
    return {key: _decode(kind, item, f"{where}[{key!r}]") for key, item in table.items()}


def _scalar(kind: type, data: object, where: str) -> object:
    """JSON has one kind of number: a whole one is good for a float. A bool is not good for an int."""
    if kind is float and type(data) is int and abs(data) < 1 << 53:
        data = float(data)
    if type(data) is not kind:
        raise SchemaError(f"{where or 'the report'} is not of type {kind.__name__}")
    if isinstance(data, float) and not math.isfinite(data):  # json takes NaN and Infinity, and no report shows them
        raise SchemaError(f"{where} is not finite")
    return data
