# SPDX-License-Identifier: GPL-2.0-only
"""GitLab's code quality report: what is said of single lines of the patched source, as JSON.

A list of objects with ``description``, ``check_name``, ``fingerprint``, ``severity`` and ``location`` ("Code Quality
report format" in GitLab's documentation). Each has a place: failures without one are in JUnit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.model import RunReport
from harness.report.coverage_text import lines_that_can_run
from harness.report.place_remarks import ERROR, place_remarks
from harness.report.text import one_line

_WHO = "dmabuf-harness"


def render_code_quality(report: RunReport, _run_dir: Path, _stored: Path) -> str:
    unique = {one["fingerprint"]: one for one in (*_remarks(report), *_never_ran(report))}
    return json.dumps(list(unique.values()), indent=1) + "\n"


def _remarks(report: RunReport) -> Iterator[dict[str, Any]]:
    for remark in place_remarks(report):
        severity = "critical" if remark.level == ERROR else "minor"
        text = f"{remark.text} ({', '.join(remark.variants)})"
        yield _object(remark.path, remark.line, text, severity, remark.level)


def _never_ran(report: RunReport) -> Iterator[dict[str, Any]]:
    for (path, number), line in lines_that_can_run(report.coverage).items():
        if not line.ran:
            yield _object(path, number, "no test runs this line of the patch", "info", "changed-lines")


def _object(path: str, line: int, text: str, severity: str, check: str) -> dict[str, Any]:
    said = one_line(text)
    identity = f"{path}\0{line}\0{said}".encode("utf-8", "surrogatepass")
    return {
        "description": said,
        "check_name": f"{_WHO}/{check}",
        "fingerprint": hashlib.sha256(identity).hexdigest(),
        "severity": severity,
        "location": {"path": one_line(path), "lines": {"begin": line}},
    }
