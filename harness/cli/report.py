# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness report``: make all reports of a run again, from its directory alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from harness.report import load, render_table, write_reports
from harness.verdict import exit_code


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("report", help="show a run again and rewrite its junit.xml and report.html")
    parser.set_defaults(handler=report)
    parser.add_argument(
        "run", type=Path, nargs="?", default=Path("runs/latest"), help="run directory (default: %(default)s)"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write the JUnit XML there")


def report(arguments: argparse.Namespace) -> int:
    """Exits as the run itself did, but for runs that were cut off: those are failures now."""
    directory = arguments.run.resolve()
    loaded = load(directory)
    written = write_reports(loaded, directory, arguments.junit)
    sys.stdout.write(render_table(loaded, written))
    return exit_code(loaded)
