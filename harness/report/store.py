# SPDX-License-Identifier: GPL-2.0-only
"""``results.json``: the run as stored, from which every other report is made; and ``plan.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.codec import SchemaError, decode, encode

RESULTS = "results.json"
PLAN = "plan.json"
VERSION = 1
"""Raised when a field of the model is renamed, removed or changes its meaning; a new field with a default is none."""

_MEND = "name the directory of a run, such as runs/latest"


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
    path = run if run.is_file() else run / RESULTS
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError("no such file", where=str(path), mend=_MEND) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", where=str(path), mend=_MEND) from error
    return _report(document, path)


def _report(document: object, path: Path) -> RunReport:
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(document, dict) or type(version) is not int:
        raise UserError("not the results of a run", where=str(path), mend=_MEND)
    if version != VERSION:
        mend = "use the harness that wrote it"
        raise UserError(f"has version {version}, this harness reads version {VERSION}", where=str(path), mend=mend)
    try:
        return decode(RunReport, document.get("run"))
    except SchemaError as error:
        raise UserError(f"not the results of a run: {error}", where=str(path), mend=_MEND) from error
