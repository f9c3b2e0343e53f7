# SPDX-License-Identifier: GPL-2.0-only
"""All files that a report consists of, written in one go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.html import render_html
from harness.report.junit import write_junit
from harness.report.store import save


@dataclass(frozen=True)
class Written:
    """Where the reports of a run are. ``directory``: of the run. ``junit``, ``html``: None if not written."""

    directory: Path
    results: Path
    junit: Path | None
    html: Path | None


def write_reports(report: RunReport, run_dir: Path, junit: Path | None = None) -> Written:
    """Write ``results.json``, ``junit.xml`` and ``report.html`` into ``run_dir``.

    ``junit``: a second place for the JUnit XML, which is then the one that ``Written`` names; written last, as it
    may lie anywhere. ``results.json`` comes first: all others can be made from it again.
    """
    own_junit, html = run_dir / "junit.xml", run_dir / "report.html"
    results = save(run_dir, report)
    write_junit(report, own_junit, run_dir)
    write_atomic(html, render_html(report, run_dir))
    if junit is not None:
        write_junit(report, junit, run_dir)
    return Written(run_dir, results, junit or own_junit, html)
