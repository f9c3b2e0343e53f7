# SPDX-License-Identifier: GPL-2.0-only
"""The formats of reports. A new one is a module that renders it, and a line in ``FORMATS``; all else goes by that.

The command line (``--report FORMAT=FILE``), what a run writes into its directory and what the terminal names at its end
are made from the table; a test holds docs/reports.md against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.changed_cobertura import render_cobertura
from harness.report.ci_annotations import render_annotations
from harness.report.ci_summary import render_summary
from harness.report.code_quality import render_code_quality
from harness.report.coverage_text import render_markdown
from harness.report.html import render_html
from harness.report.kcidb import render_kcidb, render_series_kcidb, settings
from harness.report.series_report import SeriesStep, save_steps
from harness.report.store import ReportFile, Written, save


@dataclass(frozen=True)
class ReportFormat:
    """How a run is told in one format.

    ``title``: what it is, in a few words. ``render(report, run_dir, stored)``: the text of the file; ``run_dir`` is
    where the logs of the run are, ``stored`` the directory that the file is for. ``render_series(steps)``: the same for
    a series that was tested patch by patch; None if the format has no such thing.
    ``file_name``: under which each run has it in its directory; empty: only if it is asked for.
    ``whole``: it tells all of a run; else a part, which its title names.
    ``ready``: raises ``UserError`` if what the format takes from the environment cannot be used.
    """

    title: str
    render: Callable[[RunReport, Path, Path], str]
    render_series: Callable[[Sequence[SeriesStep]], str] | None = None
    file_name: str = ""
    ready: Callable[[], object] = lambda: None
    whole: bool = True


def _junit(report: RunReport, run_dir: Path, _stored: Path) -> str:
    from harness.report.junit import render_junit  # noqa: PLC0415 - only who writes one pays for junit-xml

    return render_junit(report, run_dir)


def _series_junit(steps: Sequence[SeriesStep]) -> str:
    from harness.report.junit import render_series_junit  # noqa: PLC0415

    return render_series_junit(steps)


FORMATS: Mapping[str, ReportFormat] = {
    "junit": ReportFormat("JUnit XML, for CI systems", _junit, _series_junit, "junit.xml"),
    "html": ReportFormat("a page to read, which needs nothing else", render_html, file_name="report.html"),
    "markdown": ReportFormat("which changed lines ran, as Markdown for a mail", render_markdown, whole=False),
    "summary": ReportFormat("the run as Markdown, for the summary of a CI job", render_summary, whole=False),
    "annotations": ReportFormat("GitHub's annotations, for a job to print", render_annotations, whole=False),
    "codequality": ReportFormat("GitLab's code quality report, JSON", render_code_quality, whole=False),
    "cobertura": ReportFormat("which changed lines ran, as Cobertura has it", render_cobertura, whole=False),
    "kcidb": ReportFormat("KernelCI's submission schema, JSON", render_kcidb, render_series_kcidb, ready=settings),
}


def write_reports(report: RunReport, run_dir: Path, files: Sequence[ReportFile] = ()) -> Written:
    """Write ``results.json`` and the formats that every run has into ``run_dir``, and then ``files``.

    ``results.json`` comes first: all others can be made from it again. ``files`` may lie anywhere, so they come last.
    """
    results = save(run_dir, report)
    own = [ReportFile(name, run_dir / kind.file_name) for name, kind in FORMATS.items() if kind.file_name]
    write_files(report, run_dir, [*own, *files])
    return Written(run_dir, results, _shown(own, files))


def write_files(report: RunReport, run_dir: Path, files: Sequence[ReportFile]) -> None:
    """Write ``files`` and nothing else; the logs of ``report`` are in ``run_dir``."""
    for file in files:
        write_atomic(file.path, FORMATS[file.format].render(report, run_dir, file.path.resolve().parent))


def write_each(steps: Sequence[SeriesStep], directory: Path, files: Sequence[ReportFile] = ()) -> Written:
    """Write ``each.json`` and the formats that tell of a series into ``directory``, and then ``files``."""
    results = save_steps(steps, directory)
    own = [
        ReportFile(name, directory / kind.file_name)
        for name, kind in FORMATS.items()
        if kind.file_name and kind.render_series is not None
    ]
    for file in (*own, *files):
        render = FORMATS[file.format].render_series
        assert render is not None, f"{file.format} has no series"
        write_atomic(file.path, render(steps))
    return Written(directory, results, _shown(own, files))


def _shown(own: Sequence[ReportFile], files: Sequence[ReportFile]) -> tuple[ReportFile, ...]:
    """What the user asked for comes in place of the same in the run directory."""
    asked = {file.format for file in files}
    every = [*(file for file in own if file.format not in asked), *files]
    return tuple(sorted(every, key=lambda file: list(FORMATS).index(file.format)))
