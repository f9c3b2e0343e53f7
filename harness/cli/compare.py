# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness compare``: what became better or worse from one run to another."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

from harness.cli.report_files import add_report_options, report_files
from harness.pipeline.compare_runs import compare_runs
from harness.report import Written, load, render_table, write_files
from harness.report.store import RESULTS
from harness.verdict import exit_code, load_expectations


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "compare",
        description="Show RUN as it compares with BEFORE, which is taken as its base. Both are directories of runs, "
        "or their results.json.",
    )
    parser.set_defaults(handler=compare)
    parser.add_argument("before", type=Path, metavar="BEFORE", help="the run that is taken as the base")
    parser.add_argument("run", type=Path, metavar="RUN", help="the run that is held against it")
    parser.add_argument("--strict", action="store_true", help="what is bad in both makes it red, too")
    add_report_options(parser, "junit", "html")


def compare(arguments: argparse.Namespace) -> int:
    """Exits as a run would: 0 if nothing is new, 1 if something is. Changes nothing in either run."""
    old, new = _directory(arguments.before), _directory(arguments.run)
    files = report_files(arguments, old, new)
    before, after = load(arguments.before), load(arguments.run)
    report = compare_runs(before, after, old, load_expectations(), date.today(), strict=arguments.strict)
    write_files(report, new, files)
    sys.stdout.write(render_table(report, Written(new, new / RESULTS, files)))
    return exit_code(report)


def _directory(run: Path) -> Path:
    return run.resolve().parent if run.is_file() else run.resolve()
