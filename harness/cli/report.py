# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness report``: make all reports of a run again, from its directory alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cli.reply import add_reply_options, check_reply, write_reply
from harness.cli.report_files import add_report_options, report_files
from harness.errors import ExitCode
from harness.report import EACH, ReportFile, load, load_steps, render_each, render_table, write_each, write_reports
from harness.verdict import exit_code


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("report")
    parser.set_defaults(handler=report)
    parser.add_argument(
        "run", type=Path, nargs="?", default=Path("runs/latest"), help="run directory (default: %(default)s)"
    )
    add_reply_options(parser)
    add_report_options(parser, "junit")


def report(arguments: argparse.Namespace) -> int:
    """Exits as the run itself did, but for runs that were cut off: those are failures now."""
    run: Path = arguments.run
    directory = run.resolve().parent if run.is_file() else run.resolve()
    series = run.name == EACH or (run / EACH).is_file()
    files = report_files(arguments, directory, series=series)
    person = check_reply(arguments, directory)
    if series:
        return _each(directory, files, arguments, person)
    loaded = load(run)
    answered = write_reply(loaded, arguments, person)
    written = write_reports(loaded, directory, files)
    sys.stdout.write(render_table(loaded, written) if not answered else "")
    return exit_code(loaded)


def _each(directory: Path, files: Sequence[ReportFile], arguments: argparse.Namespace, person: str) -> int:
    """The run of a series patch by patch: what its end said, and the reports of all its runs anew."""
    steps = load_steps(directory)
    answered = write_reply(steps, arguments, person)
    for step in steps:
        if step.report is not None:
            write_reports(step.report, step.directory)
    written = write_each(steps, directory, files)
    sys.stdout.write(render_each(steps, written) if not answered else "")
    return max(exit_code(step.report) if step.report is not None else ExitCode.FAILED for step in steps)
