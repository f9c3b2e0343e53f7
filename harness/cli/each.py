# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness run --each``: a series tested after every patch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from harness import machine_check
from harness.cli.loudness import end_of_run
from harness.cli.rundir import RunDirectory
from harness.errors import ExitCode
from harness.events import EventStream, Subscriber
from harness.pipeline import RunJob, RunOutcome, RunRequest, check
from harness.pipeline.patch_by_patch import settled, steps
from harness.report import (
    Loudness,
    ReportFile,
    SeriesStep,
    Written,
    render_each,
    series_headline,
    show_progress,
    write_each,
)
from harness.report.text import one_line

_CUT_OFF = {ExitCode.INFRASTRUCTURE, ExitCode.INTERRUPTED, ExitCode.TERMINATED}
Recorder = Callable[[RunJob, RunDirectory, Subscriber], tuple[RunOutcome, Written]]


def run_each(
    request: RunRequest,
    directory: RunDirectory,
    record: Recorder,
    files: Sequence[ReportFile] = (),
    loudness: Loudness = Loudness.NORMAL,
) -> ExitCode:
    """Test every prefix of the series, show what became of each, and write the summary, whatever ends it.

    ``record``: does one job in its directory and reports it. ``files``: where else to write the summary. The exit code
    is the worst of all of them.
    """
    job = check(request, directory.path)
    machine_check.require(machine_check.check_all(None))
    with show_progress(sys.stdout, loudness) as progress:
        events = EventStream()
        events.subscribe(progress)
        job = settled(job, events)
    done: list[SeriesStep] = []
    code = ExitCode.OK
    try:
        for number, part in enumerate(steps(job), 1):
            if not directory.made:
                directory.create()
            if loudness is not Loudness.QUIET:
                sys.stdout.write(f"\n== {number}/{len(job.patches)} {one_line(job.patches[number - 1].subject)}\n")
            outcome, written = _one(part, record, loudness)
            done.append(SeriesStep(number, job.patches[number - 1].subject, part.directory, outcome.report))
            if loudness is not Loudness.QUIET:
                sys.stdout.write(end_of_run(outcome.report, written, loudness))
            code = max(code, outcome.exit_code)
            if outcome.exit_code in _CUT_OFF:
                break
    finally:
        if done:
            _tell([*done, *_untested(job, len(done))], directory, files, loudness)
    return code


def _one(part: RunJob, record: Recorder, loudness: Loudness) -> tuple[RunOutcome, Written]:
    with show_progress(sys.stdout, loudness) as progress:
        return record(part, RunDirectory(part.directory), progress)


def _untested(job: RunJob, done: int) -> list[SeriesStep]:
    left = list(enumerate(job.patches, 1))[done:]
    return [SeriesStep(number, patch.subject, job.directory / f"{number:02}") for number, patch in left]


def _tell(every: list[SeriesStep], directory: RunDirectory, files: Sequence[ReportFile], loudness: Loudness) -> None:
    directory.keep()
    written = write_each(every, directory.path, files)
    quiet = loudness is Loudness.QUIET
    sys.stdout.write(f"{series_headline(every)}\n" if quiet else f"\n{render_each(every, written)}")
