# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness bisect``: from a failure to the commit, the patch or the option that broke it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.bisect import (
    STATE,
    End,
    PipelineTester,
    State,
    Target,
    Trail,
    Walk,
    begin,
    load,
    save,
    status,
    summary,
    target,
    write_reports,
)
from harness.cli.bisect_question import asked, with_own_files
from harness.cli.run import natural, positive
from harness.cli.rundir import run_directory
from harness.cli.sandbox_option import add_sandbox
from harness.cli.sparse import Sparse
from harness.errors import ExitCode, UserError
from harness.events import EventStream, Note, Subscriber
from harness.executor.local_executor import LocalExecutor
from harness.locks import try_exclusive
from harness.report import EventLog, show_progress
from harness.report.style import is_live
from harness.scratch import scratch
from harness.source import DEFAULT_BASE

_NEWEST = Path("newest")  # stands for the newest bisect below runs/


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bisect",
        description="Prove that GOOD is good and BAD is bad, then walk between them with git bisect: build, boot, run "
        "the test in question, until the culprit is left. The repository is only read. See docs/bisect.md.",
    )
    parser.set_defaults(handler=bisect)
    where = parser.add_argument_group("where to look")
    where.add_argument("--good", metavar="REF", help="a commit without the failure")
    where.add_argument("--bad", metavar="REF", help="a commit with it (default: HEAD, or what --from tested)")
    where.add_argument("--tree", type=Path, metavar="PATH", help="repository (default: here, or what --from tested)")
    where.add_argument("--series", action="append", type=Path, default=[], metavar="FILE", help="which patch of it?")
    where.add_argument("--config", nargs=2, type=Path, metavar=("GOOD", "BAD"), help="which option of the second?")
    where.add_argument("--base", metavar="BASE", help=f"of --series and --config (default: {DEFAULT_BASE})")
    where.add_argument(
        "--path",
        nargs="*",
        metavar="PATH",
        help="only commits that touch these; without one: files that take part in the build",
    )
    where.add_argument(
        "--fixup",
        nargs=2,
        action="append",
        default=[],
        metavar=("PATCH", "RANGE"),
        help="apply PATCH to the commits in RANGE (GOOD..BAD) before they are built; may be given again",
    )
    add_symptom(parser)
    how = parser.add_argument_group("how")
    how.add_argument(
        "--confidence", type=_share, default=0.95, metavar="P", help="of the whole answer (default: %(default)s)"
    )
    how.add_argument("--runs", type=natural, default=0, metavar="N", help="of each commit (default: as it needs)")
    add_guests(how)
    out = parser.add_argument_group("results")
    out.add_argument("--out", type=Path, metavar="DIR", help="directory of this bisect (default: runs/ID)")
    out.add_argument("--junit", type=Path, metavar="FILE", help="also write the JUnit XML there")
    again = parser.add_argument_group("one that has begun").add_mutually_exclusive_group()
    again.add_argument(
        "--continue", dest="go_on", nargs="?", type=Path, const=_NEWEST, metavar="DIR", help="go on (default: newest)"
    )
    again.add_argument("--status", nargs="?", type=Path, const=_NEWEST, metavar="DIR", help="how far it is")


def add_symptom(parser: argparse.ArgumentParser) -> None:
    """The options that say what makes a commit bad; ``bisect-step`` has them as well."""
    what = parser.add_argument_group("what to look for")
    what.add_argument("--test", metavar="NAME", help='a test, "SUITE: NAME" if need be; boot: it does not come up')
    what.add_argument("--splat", metavar="FINGERPRINT", help="a kernel report, as the reports of a run name it")
    what.add_argument("--from", dest="run", type=Path, metavar="RUN", help="what went wrong in this run")
    what.add_argument("--variant", metavar="NAME", help="on, off or a name (default: on, or as in --from)")
    what.add_argument("--suite", nargs="+", action="extend", default=[], metavar="NAME", help="suites to look in")
    what.add_argument("--pytest", action="append", type=Path, default=[], metavar="PATH", help="your own pytest files")


def add_guests(how: Any) -> None:
    """The options of ``run`` that say how guests run."""
    how.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto", help="as for run")
    add_sandbox(how)
    how.add_argument("--thorough", action="store_true", help="as for run")
    how.add_argument("--seed", type=natural, metavar="N", help="as for run")
    how.add_argument("--walks", type=positive, metavar="N", help="as for run")
    how.add_argument(
        "-j", "--jobs", type=positive, default=os.cpu_count() or 2, metavar="N", help="make jobs (default: one per CPU)"
    )


def _share(text: str) -> float:
    share = float(text)
    if not 0.5 <= share < 1:
        raise argparse.ArgumentTypeError("must be at least 0.5 and less than 1")
    return share


def bisect(arguments: argparse.Namespace) -> int:
    if arguments.status is not None:
        return _status(_directory(arguments.status))
    if arguments.go_on is not None:
        directory = _directory(arguments.go_on)
        load(directory)  # says so if there is no walk
        with _alone(directory):
            state = load(directory)
            return _walk(state, _opened(state, directory), directory)
    with run_directory(arguments.out) as made:
        question = asked(arguments, made.path)
        if question.junit is not None and not question.junit.absolute().parent.is_dir():
            raise UserError("its directory does not exist", where=str(question.junit), hint="make it")
        made.create()
        question = with_own_files(question, made.path)
        state = State(question, "", "", 0)
        opened = _opened(state, made.path)
        state = begin(state, opened)
        opened.job(opened.bad, made.path)  # what it names exists
        save(made.path, state)
        made.kept = True
        with _alone(made.path):
            return _walk(state, opened, made.path)


# --- the walk ---------------------------------------------------------------------------------


def _opened(state: State, directory: Path) -> Target:
    """The target, with git's own state in ``directory``. The ends stay what they were when the walk began."""
    question = state.question
    if state.good and question.trail is Trail.COMMITS:
        question = replace(question, good=state.good, bad=state.bad)
    opened = target(question)
    opened.open(directory / "git")
    return opened


def _walk(state: State, opened: Target, directory: Path) -> int:
    machine_check.require(machine_check.check_all(None))
    events = EventStream()
    question = state.question
    with EventLog(directory / "events.jsonl") as log, _display() as display:
        for subscriber in (log, display):
            events.subscribe(subscriber)
        tester = PipelineTester(opened, events, LocalExecutor(events, question.accel))
        walk = Walk(state, opened, tester, directory, lambda text: events.publish(Note("", text)))
        with _kept(directory):
            state = walk.go()
    write_reports(state, opened, directory)
    sys.stdout.write("\n" + summary(state, opened, directory))
    return exit_code(state)


def exit_code(state: State) -> ExitCode:
    """``OK`` only if a single culprit is named."""
    found = state.ending is not None and state.ending.end is End.FOUND
    return ExitCode.OK if found else ExitCode.FAILED


@contextmanager
def _kept(directory: Path) -> Iterator[None]:
    """Say how to go on, whatever ends the walk before its end."""
    ended = False
    try:
        yield
        ended = True
    finally:
        if not ended:
            sys.stderr.write(f"dmabuf-harness: what is known is kept: dmabuf-harness bisect --continue {directory}\n")


@contextmanager
def _display() -> Iterator[Subscriber]:
    if is_live(sys.stdout):
        with show_progress(sys.stdout) as display:
            yield display
    else:
        yield Sparse(sys.stdout)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    with try_exclusive(directory / ".lock") as mine:
        if not mine:
            raise UserError("is being walked already", where=str(directory), hint="wait for it, or stop it first")
        yield


def _directory(given: Path) -> Path:
    """``given``, or the newest one below runs/."""
    if given != _NEWEST:
        return given.resolve()
    found = sorted(Path("runs").glob(f"*/{STATE}"), key=lambda path: path.parent.name)
    if not found:
        raise UserError("no bisect was begun here", where="runs/", hint="name its directory")
    return found[-1].parent.resolve()


def _status(directory: Path) -> int:
    state = load(directory)
    with scratch("status") as place:
        sys.stdout.write(status(state, _opened(state, place)))
    return ExitCode.OK
