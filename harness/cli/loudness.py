# SPDX-License-Identifier: GPL-2.0-only
"""How much a command says while it runs and at its end: ``--quiet``, ``--verbose``, and what the terminal is."""

from __future__ import annotations

import argparse
import sys

from harness.model import RunReport
from harness.report import Loudness, Written, headline, render_table
from harness.report.style import is_live, style_of


def add_loudness_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(loudness=Loudness.NORMAL)
    either = parser.add_mutually_exclusive_group()
    for name, loudness, what in (
        ("--quiet", Loudness.QUIET, "say nothing but the verdict, in one line"),
        ("--verbose", Loudness.VERBOSE, "a line for every test, and at the end all there is to say on a terminal, too"),
    ):
        either.add_argument(name, dest="loudness", action="store_const", const=loudness, help=what)


def end_of_run(report: RunReport, written: Written, loudness: Loudness) -> str:
    """What standard output gets at the end of a run: on a terminal one screen, elsewhere the whole of it."""
    if loudness is Loudness.QUIET:
        return f"{headline(report)}\n"
    if loudness is Loudness.VERBOSE or not is_live(sys.stdout):
        return render_table(report, written)
    from harness.report.last_screen import render_last_screen  # noqa: PLC0415 - only who has a terminal pays for rich

    return render_last_screen(report, written, style_of(sys.stdout))
