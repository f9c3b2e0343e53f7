# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness run``: build, boot and test a kernel with a patch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.each import run_each
from harness.cli.loudness import add_loudness_options, end_of_run
from harness.cli.option_origins import add_project_option, whole_command
from harness.cli.report_files import add_report_options, report_files, written_files
from harness.cli.rundir import RunDirectory, run_directory, stored_stdin
from harness.cli.sandbox_option import add_sandbox
from harness.errors import UserError
from harness.events import EventStream, Subscriber
from harness.guest.walks.choice import WALKS
from harness.intake.kept_patches import keep_patches
from harness.interfaces import JobLimits
from harness.pipeline import DEFAULT_REPEAT, RunJob, RunOutcome, RunRequest, SourceRequest, SuiteRequest, check, execute
from harness.report import EventLog, Loudness, PlanFile, ReportFile, Written, show_progress, write_reports
from harness.source import DEFAULT_BASE

LEAST_MEMORY, MOST_MEMORY = 512, 1 << 20  # MiB: a test kernel with all its checks boots in the one; a typing error


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        description="Fetch the base, apply the patch, build it in each variant, boot and test each, show the results. "
        "Without -p the bundled series is tested.",
    )
    parser.set_defaults(handler=run)
    add_run_options(parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """All options of ``run``; their long names are the keys of a project file."""
    add_options(parser)
    parser.add_argument("--each", action="store_true", help="build and test after every patch of the series")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="run only the tests that reach the change, as far as the reach map of the base tells: the first answer, "
        "not the whole verdict",
    )
    parser.add_argument(
        "--no-quick", action="store_false", dest="quick", help="all tests, whatever dmabuf-harness.toml says"
    )
    parser.add_argument(
        "--coverage", action="store_true", help="afterwards also tell which of the changed lines ran, and in which test"
    )
    add_loudness_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what to run; ``bench`` has them as well."""
    _add_source_options(parser.add_argument_group("what to test"))
    add_test_options(parser)
    out = parser.add_argument_group("results")
    out.add_argument("--out", type=Path, metavar="DIR", help="directory of this run (default: runs/ID)")
    add_report_options(out, "junit")
    add_project_option(parser)


def add_test_options(parser: argparse.ArgumentParser) -> None:
    """Those that say how to test, whatever it is."""
    _add_test_options(parser.add_argument_group("by which tests"))
    _add_how_options(parser.add_argument_group("how"))


def _add_source_options(what: argparse._ActionsContainer) -> None:
    """Those of a ``SourceRequest``."""
    what.add_argument(
        "-p",
        "--patch",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="mail, reply, mbox, diff, directory of patches, range A..B of commits of the kernel tree that you are "
        "in, or lore:MESSAGE-ID; - reads standard input; may be given again",
    )
    what.add_argument(
        "--pick",
        metavar="N|SUBJECT|vN|ID",
        help="take only the patch with this number, or (part of) this subject; or the series of this version, or of "
        "the mail with this message id",
    )
    what.add_argument(
        "--worktree", action="store_true", help="test the uncommitted changes of the kernel tree that you are in"
    )
    what.add_argument(
        "--revert",
        action="append",
        type=Path,
        default=[],
        metavar="PATCH",
        help="first take back this patch, commit or range; may be given again",
    )
    what.add_argument("--up-to", type=positive, metavar="N", help="only the first N patches of the series")
    what.add_argument("--no-patch", action="store_true", help="test the base as it is")
    what.add_argument(
        "--base",
        default="",
        metavar="BASE",
        help="debian:X.Y, kernel.org:X.Y.Z, dir:PATH or git:PATH[@REF] (default: the one that the patch was made for, "
        f"if it is at hand, else {DEFAULT_BASE})",
    )
    what.add_argument(
        "--fixup",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="patch that the base needs, or bundled series: goes below yours, with and without it; may be given again",
    )
    what.add_argument("--no-fixups", action="store_true", help="leave out the fixups that old trees get from us")


def _add_test_options(what: argparse._ActionsContainer) -> None:
    """Those of a ``SuiteRequest``."""
    what.add_argument("--variant", default="all", metavar="NAME", help="on, off, all or a name (default: %(default)s)")
    what.add_argument(
        "--variant-of",
        action="append",
        default=[],
        metavar="SYMBOL",
        help="on and off of this Kconfig symbol are the variants, instead of MOVE_NOTIFY's; may be given again",
    )
    what.add_argument(
        "--suite", nargs="+", action="extend", default=[], metavar="NAME", help="suites to run (default: all of them)"
    )
    what.add_argument(
        "--only",
        nargs="+",
        action="extend",
        default=[],
        metavar="TEST",
        help="tests to run: a name, a group or a pattern",
    )
    what.add_argument(
        "--pytest",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="your own pytest files, run against each variant; may be given again",
    )


def _add_how_options(how: argparse._ActionsContainer) -> None:
    """Those of ``JobLimits``, of this machine, and of what the verdict is made of."""
    how.add_argument("--no-base", action="store_true", help="do not test the base without the patch, nor compare")
    how.add_argument(
        "--repeat",
        type=_count,
        default=DEFAULT_REPEAT,
        metavar="N",
        help="repeat what is bad only with the patch N times, and without it, too (default: %(default)s; 0: never)",
    )
    how.add_argument(
        "--expectations",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="your own expectations.toml, besides those that come with the suites; may be given again",
    )
    how.add_argument("--strict", action="store_true", help="what is bad without the patch, too, makes the run red")
    how.add_argument(
        "--accel", choices=("auto", "kvm", "tcg"), default="auto", help="auto proves KVM by booting, else takes TCG"
    )
    add_sandbox(
        how,
        "make and scripts of the patched tree run in a sandbox without home, keys and network: auto where bubblewrap "
        "works, strict or not at all (and the guest sees none of it either), off (default) without one",
    )
    how.add_argument(
        "--memory",
        type=int,
        metavar="MIB",
        help="memory of each guest, in MiB (default: 1024; 3072 for what needs it, under KVM or with --thorough)",
    )
    how.add_argument(
        "--thorough", action="store_true", help="without KVM: also run the tests that take minutes under emulation"
    )
    how.add_argument(
        "--seed",
        type=natural,
        metavar="N",
        help="of the contract's stress test (default: a new one) and of the random walks (default: always the same)",
    )
    how.add_argument("--walks", type=positive, metavar="N", help=f"how many random walks (default: {WALKS})")
    how.add_argument(
        "-j",
        "--jobs",
        type=positive,
        default=os.cpu_count() or 2,
        metavar="N",
        help="make jobs (default: one per CPU)",
    )


def natural(text: str) -> int:
    """A seed, as an argument's ``type``."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def positive(text: str) -> int:
    """A number of jobs, as an argument's ``type``."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def request_from(arguments: argparse.Namespace, patches: tuple[Path, ...]) -> RunRequest:
    """The request that the command line stands for. ``patches``: where what ``-p`` names is."""
    for option, given in (("-p", arguments.patch), ("--worktree", arguments.worktree), ("--revert", arguments.revert)):
        if given and arguments.no_patch:
            raise UserError(f"{option} and --no-patch exclude each other", where="--no-patch", hint="give one of them")
    if arguments.pick is not None and not arguments.patch:
        raise UserError("there is nothing to pick from", where="--pick", hint="say with -p where the patch is")
    if arguments.memory is not None and not LEAST_MEMORY <= arguments.memory <= MOST_MEMORY:
        what = f"not a memory for a guest: from {LEAST_MEMORY} to {MOST_MEMORY} MiB"
        raise UserError(what, where=f"--memory {arguments.memory}", hint="leave it out, or name so many MiB")
    return RunRequest(
        command=whole_command(arguments),
        source=_source_from(arguments, patches),
        tests=_tests_from(arguments),
        limits=_limits_from(arguments),
        accel=arguments.accel,
        jobs=arguments.jobs,
        no_base=arguments.no_base,
        repeat=arguments.repeat,
        strict=arguments.strict,
        expectations=tuple(arguments.expectations),
        coverage=getattr(arguments, "coverage", False),
        quick=getattr(arguments, "quick", False),
    )


def _limits_from(arguments: argparse.Namespace) -> JobLimits:
    return JobLimits(memory=arguments.memory, thorough=arguments.thorough, seed=arguments.seed, walks=arguments.walks)


def _source_from(arguments: argparse.Namespace, patches: tuple[Path, ...]) -> SourceRequest:
    return SourceRequest(
        base=arguments.base,
        patches=patches,
        worktree=arguments.worktree,
        reverts=tuple(arguments.revert),
        up_to=arguments.up_to,
        no_patch=arguments.no_patch,
        pick=arguments.pick,
        fixups=tuple(arguments.fixup),
        no_fixups=arguments.no_fixups,
        project=arguments.origins.project,
        written=written_files(arguments),
    )


def _tests_from(arguments: argparse.Namespace) -> SuiteRequest:
    return SuiteRequest(
        variant=arguments.variant,
        variant_of=tuple(arguments.variant_of),
        suites=tuple(arguments.suite),
        only=frozenset(arguments.only),
        pytest=tuple(arguments.pytest),
    )


def run(arguments: argparse.Namespace) -> int:
    with run_directory(arguments.out) as directory:
        files = report_files(arguments, directory.path, series=arguments.each)
        request = request_from(arguments, stored_stdin(arguments.patch, directory))
        if arguments.each:
            return run_each(request, directory, record, files, arguments.loudness)
        outcome, written = run_job(request, directory, files=files, loudness=arguments.loudness)
    sys.stdout.write(end_of_run(outcome.report, written, arguments.loudness))
    return outcome.exit_code


def run_job(
    request: RunRequest,
    directory: RunDirectory,
    *subscribers: Subscriber,
    files: Sequence[ReportFile] = (),
    loudness: Loudness = Loudness.NORMAL,
) -> tuple[RunOutcome, Written]:
    """Check, run with its progress shown, and report, also into ``files``; ``subscribers`` also get the events."""
    job = check(request, directory.path)
    machine_check.require(machine_check.check_all(None))
    with show_progress(sys.stdout, loudness) as progress:
        return record(job, directory, progress, *subscribers, files=files)


def record(
    job: RunJob, directory: RunDirectory, *subscribers: Subscriber, files: Sequence[ReportFile] = ()
) -> tuple[RunOutcome, Written]:
    """Do ``job`` and write all that is known about it, also into ``files``; ``subscribers`` get the events."""
    if not directory.made:
        directory.create()
    keep_patches(directory.path, job.patches, job.prerequisites)
    plan = PlanFile(directory.path, job.plan())
    events = EventStream()
    with EventLog(directory.path / "events.jsonl") as log:
        every: tuple[Subscriber, ...] = (plan, log, *subscribers)
        for subscriber in every:
            events.subscribe(subscriber)
        outcome = execute(job, events)
    directory.keep()
    return outcome, write_reports(outcome.report, directory.path, files)
