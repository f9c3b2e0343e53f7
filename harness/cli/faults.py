# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness faults``: plant known bugs, one at a time, and see that each is found; and nothing without them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.option_origins import add_project_option, whole_command
from harness.cli.run import positive, record, run_job
from harness.cli.rundir import RunDirectory, run_directory
from harness.errors import ExitCode
from harness.events import Event, Note
from harness.faults import (
    CUT_OFF,
    Campaign,
    Fault,
    as_json,
    history_markdown,
    load_faults,
    load_shipped,
    markdown,
    select_faults,
    summary,
    table,
)
from harness.model import RunReport
from harness.paths import write_atomic
from harness.pipeline import RunRequest, check
from harness.report import render_table
from harness.source import obtain, parse_base


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "faults",
        description="First the control: the base without a bug, where nothing may be red. Then each bug of "
        "patches/faults: apply, build, boot, and see that the check that faults.toml names goes red. "
        "Exits with 0 only if all are caught and the control is clean. With --history the bugs are those of "
        "patches/history, which were in released kernels; for one that names no test all suites run.",
    )
    parser.set_defaults(handler=faults)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults by name or pattern (default: all)")
    parser.add_argument("--history", action="store_true", help="bugs that shipped instead of planted ones")
    parser.add_argument("--list", action="store_true", help="show the faults and do nothing")
    parser.add_argument("--no-control", action="store_true", help="leave out the run without a bug")
    parser.add_argument("--base", metavar="BASE", help="as for run (default: what each bug is for)")
    parser.add_argument(
        "-j", "--jobs", type=positive, default=os.cpu_count() or 2, metavar="N", help="make jobs (default: one per CPU)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of all runs (default: runs/ID)")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="also write the table of docs/faults.md there, with --history that of docs/eyesight.md",
    )
    add_project_option(parser, "base", "jobs")


def faults(arguments: argparse.Namespace) -> int:
    chosen = _chosen(arguments)
    if arguments.list:
        width = max(len(fault.name) for fault in chosen)
        sys.stdout.write("".join(f"{fault.name:{width}}  {fault.bug}\n" for fault in chosen))
        return ExitCode.OK
    machine_check.require(machine_check.check_all(None))
    for base in dict.fromkeys(fault.base for fault in chosen):
        obtain(parse_base(base), lambda text: None)
    with run_directory(arguments.out) as directory:
        directory.create()
        command = whole_command(arguments)
        request = RunRequest(command, jobs=arguments.jobs, no_base=True)
        campaign = Campaign(chosen, request, directory.path, _Quietly(), _say)
        try:
            code = ExitCode.OK if arguments.no_control else _control(campaign)
            if code not in CUT_OFF:
                code = campaign.try_all()
        finally:
            directory.kept = _write(campaign, len(chosen), directory.path, arguments)
    return code


def _chosen(arguments: argparse.Namespace) -> tuple[Fault, ...]:
    known = load_shipped() if arguments.history else load_faults()
    chosen = select_faults(known, arguments.names)
    return tuple(replace(fault, base=arguments.base) for fault in chosen) if arguments.base else chosen


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _control(campaign: Campaign) -> ExitCode:
    code = ExitCode.OK
    for request, directory in campaign.controls():
        outcome, written = run_job(request, RunDirectory(directory))
        _say(render_table(outcome.report, written))
        if outcome.exit_code in CUT_OFF:
            return outcome.exit_code
        campaign.take_control(request.source.base, outcome.report)
        code = max(code, outcome.exit_code)
    return code


def _write(campaign: Campaign, asked: int, directory: Path, arguments: argparse.Namespace) -> bool:
    """Show the table and write faults.json, whatever ended the campaign; False if there is nothing to tell."""
    verdicts, alarms = campaign.verdicts, campaign.alarms
    if not verdicts and alarms is None:
        return False
    write_atomic(directory / "faults.json", json.dumps(as_json(verdicts, alarms), indent=1) + "\n")
    if arguments.markdown is not None:
        write_atomic(arguments.markdown, history_markdown(verdicts) if arguments.history else markdown(verdicts))
    _say(f"\n{table(verdicts)}\n\n{summary(verdicts, asked, alarms)}\nresults  {directory}")
    return True


class _Quietly:
    """Does a run without its progress, but for notes (another run is waited for, how guests run): each is said once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, request: RunRequest, directory: Path) -> tuple[ExitCode, RunReport]:
        outcome, _ = record(check(request, directory), RunDirectory(directory), self._note)
        return outcome.exit_code, outcome.report

    def _note(self, _elapsed: float, event: Event) -> None:
        if isinstance(event, Note) and event.text not in self._said:
            self._said.add(event.text)
            _say(event.text)
