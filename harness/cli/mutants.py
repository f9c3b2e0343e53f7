# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness mutants``: would the tests notice a mistake in these lines?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.option_origins import add_project_option, whole_command
from harness.cli.run import natural, positive
from harness.cli.rundir import run_directory, stored_stdin
from harness.cli.sandbox_option import add_sandbox
from harness.errors import ExitCode, UserError
from harness.events import EventStream
from harness.mutants.choosing import MOST, MutantChoice
from harness.mutants.mutant_campaign import SUITES, MutantCampaign
from harness.mutants.mutant_formats import as_json, markdown, page, summary
from harness.mutants.mutant_report import MutantReport
from harness.paths import write_atomic
from harness.pipeline import RunJob, RunRequest, SourceRequest, SuiteRequest, check
from harness.report import EventLog, show_progress


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "mutants",
        description="Make a kernel with many mistakes in it, of which none is active, and choose one after the other: "
        "those in the lines that a patch changes, or in files of the tree. Tells which the checks and the contract "
        "notice, and shows the others as diffs. Exits with 0 once that is known, however many went unnoticed, "
        "and with 1 if a test is red without any mistake.",
    )
    parser.set_defaults(handler=mutants)
    parser.add_argument("-p", "--patch", action="append", type=Path, default=[], metavar="FILE", help="as for run")
    parser.add_argument(
        "--files",
        nargs="+",
        action="extend",
        default=[],
        metavar="GLOB",
        help="C files of the tree instead: 'drivers/dma-buf/*.c'",
    )
    parser.add_argument(
        "--mutant",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="mutants by name or pattern, as in the results: 'drivers/dma-buf/dma-buf.c:812 *'",
    )
    parser.add_argument("--sample", type=positive, metavar="N", help="only N mutants, drawn from all that are possible")
    parser.add_argument("--seed", type=natural, default=1, metavar="S", help="of the sample (default: %(default)s)")
    parser.add_argument("--minutes", type=positive, metavar="N", help="try no more mutants after N minutes in guests")
    parser.add_argument(
        "--snapshots",
        action="store_true",
        help="under emulation, let guests go on from one that was saved instead of booting each",
    )
    parser.add_argument("--base", default="", metavar="BASE", help="as for run")
    parser.add_argument(
        "--variant", default="on", metavar="NAME", help="one variant, as for run (default: %(default)s)"
    )
    parser.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto", help="as for run")
    add_sandbox(parser)
    parser.add_argument(
        "-j", "--jobs", type=positive, default=os.cpu_count() or 2, metavar="N", help="make jobs (default: one per CPU)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of the results (default: runs/ID)")
    add_project_option(parser, "base", "accel", "sandbox", "jobs")


def mutants(arguments: argparse.Namespace) -> int:
    choice = _choice(arguments)
    with run_directory(arguments.out) as directory:
        patches = stored_stdin(arguments.patch, directory)
        job = _job(arguments, patches, directory.path)
        machine_check.require(machine_check.check_all(None))
        if not directory.made:
            directory.create()
        events = EventStream()
        limit = arguments.minutes * 60.0 if arguments.minutes is not None else None
        campaign = MutantCampaign(job, choice, events, limit, arguments.snapshots)
        try:
            with EventLog(directory.path / "events.jsonl") as log, show_progress(sys.stdout) as progress:
                events.subscribe(log)
                events.subscribe(progress)
                campaign.run()
        finally:
            report = campaign.report()
            if report is not None and report.verdicts:
                directory.keep()
                _write(report, directory.path)
    return ExitCode.OK if report is not None and report.control.is_clean else ExitCode.FAILED


def _choice(arguments: argparse.Namespace) -> MutantChoice:
    if not arguments.patch and not arguments.files:
        raise UserError("nothing to put mistakes into", where="mutants", hint="name a patch (-p) or files (--files)")
    if arguments.sample is not None and arguments.sample > MOST:
        raise UserError(f"one kernel holds at most {MOST}", where=f"--sample {arguments.sample}", hint="name fewer")
    return MutantChoice(tuple(arguments.files), tuple(arguments.mutant), arguments.sample, arguments.seed)


def _job(arguments: argparse.Namespace, patches: tuple[Path, ...], directory: Path) -> RunJob:
    request = RunRequest(
        command=whole_command(arguments),
        source=SourceRequest(base=arguments.base, patches=patches, no_patch=not patches),
        tests=SuiteRequest(variant=arguments.variant, suites=SUITES),
        accel=arguments.accel,
        jobs=arguments.jobs,
        no_base=True,
    )
    job = check(request, directory)
    if len(job.variants) != 1:
        raise UserError("mutants are tried in one variant", where=f"--variant {arguments.variant}", hint="name one")
    return job


def _write(report: MutantReport, directory: Path) -> None:
    """Whatever ended the campaign."""
    write_atomic(directory / "mutants.json", json.dumps(as_json(report), indent=1) + "\n")
    write_atomic(directory / "mutants.md", markdown(report))
    write_atomic(directory / "mutants.html", page(report))
    sys.stdout.write(f"\n{summary(report)}results  {directory}\n")
    sys.stdout.flush()
