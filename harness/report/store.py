# SPDX-License-Identifier: GPL-2.0-only
"""``results.json``: the run as stored, from which every other report is made; and ``plan.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import UserError
from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.codec import SchemaError, decode, encode

T = TypeVar("T")

RESULTS = "results.json"
PLAN = "plan.json"
EACH = "each.json"  # of a series that was tested patch by patch, see ``report.steps``
VERSION = 1
"""Raised when a field of the model is renamed, removed or changes its meaning; a new field with a default is none."""

_MEND = "name the directory of a run: runs/ID below the directory in which it was started"


def save(run_dir: Path, report: RunReport) -> Path:
    """Write ``results.json``: ``{"version": 1, "verdict": "pass"|"fail", "run": {...}}``. Returns its path."""
    verdict = "fail" if report.is_bad else "pass"
    return _write(run_dir / RESULTS, {"version": VERSION, "verdict": verdict, "run": encode(report)})


def save_plan(run_dir: Path, plan: Mapping[str, Any]) -> Path:
    """Write ``plan.json``: ``{"version": 1, ...plan}``. Returns its path."""
    return _write(run_dir / PLAN, {"version": VERSION, **encode(plan)})


def _write(path: Path, document: object) -> Path:
    # ASCII only: a stray byte in a test's output, kept as a surrogate, is no valid UTF-8.
    write_atomic(path, json.dumps(document, indent=1) + "\n")
    return path


def load(run: Path) -> RunReport:
    """The report that ``save`` stored in the directory ``run``, or in that file itself.

    Raises ``UserError`` if there is none that can be read.
    """
    path = run / RESULTS if run.is_dir() else run
    if run.is_dir() and not path.exists():
        raise _no_results(run)
    return checked(RunReport, document(path).get("run"), path)


def _no_results(directory: Path) -> UserError:
    where, mend = str(directory), _MEND
    if (directory / EACH).is_file():
        mend = "name the run of one patch, a directory in it"
        return UserError("it holds a run for each patch of a series (--each)", where=where, mend=mend)
    if (directory / PLAN).is_file():
        return UserError(f"this run has no {RESULTS}: it goes on, or it was killed", where=where, mend=mend)
    return UserError(f"not the directory of a run: no {RESULTS} in it", where=where, mend=mend)


def document(path: Path) -> dict[str, object]:
    """The object in the JSON file ``path``, of our version. Raises ``UserError``."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError("no such file or directory", where=str(path), mend=_MEND) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", where=str(path), mend=_MEND) from error
    version = found.get("version") if isinstance(found, dict) else None
    if not isinstance(found, dict) or type(version) is not int:
        raise UserError("not the results of a run", where=str(path), mend=_MEND)
    if version != VERSION:
        mend = "use the harness that wrote it"
        raise UserError(f"has version {version}, this harness reads version {VERSION}", where=str(path), mend=mend)
    return found


def checked(kind: type[T], data: object, path: Path) -> T:
    """A ``kind`` from ``data``, which is from ``path``. Raises ``UserError``."""
    try:
        return decode(kind, data)
    except SchemaError as error:
        raise UserError(f"not the results of a run: {error}", where=str(path), mend=_MEND) from error
