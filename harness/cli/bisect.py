# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness bisect``: from a failure to the commit, the patch or the option that broke it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import doctor
from harness.bisect import (
    STATE,
    Course,
    End,
    Fixup,
    PipelineBench,
    Question,
    RealGuests,
    State,
    Trail,
    Walk,
    begin,
    beside,
    course,
    from_run,
    load,
    named,
    save,
    status,
    summary,
    write_reports,
)
from harness.cli.run import natural, positive
from harness.cli.rundir import run_directory
from harness.cli.sparse import Sparse
from harness.errors import ExitCode, HarnessError, UserError
from harness.events import EventStream, Note, Subscriber
from harness.kconfig import load_variants, select
from harness.locks import try_exclusive
from harness.model import RunReport
from harness.report import EventLog, Progress
from harness.report import load as load_run
from harness.report.style import is_live
from harness.source import DEFAULT_BASE, parse_base
from harness.suites import select_suites

_NEWEST = Path("newest")  # stands for the newest bisect below runs/


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bisect",
        help="find the commit, patch or option that broke a test",
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
    how.add_argument("--thorough", action="store_true", help="as for run")
    how.add_argument("--seed", type=natural, metavar="N", help="as for run")
    how.add_argument("-j", "--jobs", type=positive, default=os.cpu_count() or 2, metavar="N", help="make jobs")


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
        state = load(directory)
        with _alone(directory):
            return _walk(state, _opened(state, directory), directory)
    with run_directory(arguments.out) as made:
        question = asked(arguments, made.path)
        if question.junit is not None and not question.junit.absolute().parent.is_dir():
            raise UserError("its directory does not exist", where=str(question.junit), mend="make it")
        made.create()
        question = _with_own_files(question, made.path)
        state = State(question, "", "", 0)
        opened = _opened(state, made.path)
        state = begin(state, opened)
        opened.job(opened.bad, made.path)  # what it names exists
        save(made.path, state)
        made.kept = True
        with _alone(made.path):
            return _walk(state, opened, made.path)


# --- the question -----------------------------------------------------------------------------


def asked(arguments: argparse.Namespace, directory: Path) -> Question:
    """The question that the command line stands for, every name in it looked up. Raises ``UserError``."""
    select_suites(arguments.suite)
    variant = select(arguments.variant or "on", load_variants())[0].name
    question = Question(
        command=("dmabuf-harness", *sys.argv[1:]),
        trail=_trail(arguments),
        base="",
        good="",
        bad="",
        symptom=named(arguments.test, arguments.splat) if arguments.run is None else named("boot", None),
        variant=variant,
        suites=tuple(arguments.suite),
        pytest=tuple(path.resolve() for path in arguments.pytest),
        confidence=arguments.confidence,
        runs=arguments.runs,
        limited=arguments.path is not None,
        paths=tuple(arguments.path or ()),
        accel=arguments.accel,
        jobs=arguments.jobs,
        thorough=arguments.thorough,
        seed=arguments.seed,
        junit=arguments.junit,
    )
    report = load_run(arguments.run) if arguments.run is not None else None
    if report is not None:
        question = with_run(question, report, arguments)
    return _between(question, arguments, report)


def with_run(question: Question, report: RunReport, arguments: argparse.Namespace) -> Question:
    """``question`` about what went wrong in ``report``."""
    wanted = named(arguments.test, arguments.splat) if arguments.test or arguments.splat else None
    first, *others = from_run(report, wanted, arguments.variant)
    sys.stdout.write(f"looking for {first.symptom} ({first.variant}): {first.told}\n")
    if others:
        sys.stdout.write(f"{len(others)} more went wrong there; --test or --splat picks another one\n")
    return replace(question, symptom=first.symptom, variant=first.variant, usual=beside(report, first))


def _trail(arguments: argparse.Namespace) -> Trail:
    if arguments.series and arguments.config:
        raise UserError("--series and --config exclude each other", where="--config", mend="give one of them")
    trail = Trail.SERIES if arguments.series else Trail.CONFIG if arguments.config else Trail.COMMITS
    used = {"--good": arguments.good, "--bad": arguments.bad, "--tree": arguments.tree, "--fixup": arguments.fixup}
    wrong = [option for option, value in {**used, "--path": arguments.path}.items() if value]
    if trail is not Trail.COMMITS and wrong:
        raise UserError("is about commits", where=wrong[0], mend=f"leave it out with --{trail.value}")
    if trail is Trail.COMMITS and arguments.base:
        raise UserError("goes with --series or --config", where="--base", mend="name the repository with --tree")
    return trail


def _between(question: Question, arguments: argparse.Namespace, report: RunReport | None) -> Question:
    """``question`` with what is walked."""
    if question.trail is Trail.COMMITS:
        return _history(question, arguments, report)
    base = arguments.base or (report.base if report is not None else DEFAULT_BASE)
    parse_base(base)
    files = arguments.series if question.trail is Trail.SERIES else arguments.config
    for path in files:
        if not path.exists():
            raise UserError("no such file", where=str(path))
    return replace(question, base=base, files=tuple(path.resolve() for path in files))


def _history(question: Question, arguments: argparse.Namespace, report: RunReport | None) -> Question:
    if arguments.good is None:
        raise UserError("where it was good is not said", where="bisect", mend="give --good REF, --series or --config")
    tested = parse_base(report.base) if report is not None and report.base.startswith("git:") else None
    tree = arguments.tree or (tested.path if tested is not None else Path())
    bad = arguments.bad or (tested.ref if tested is not None and arguments.tree is None else "HEAD")
    if not tree.is_dir():
        raise UserError("no such directory", where=f"--tree {tree}")
    return replace(
        question,
        base=f"git:{tree.resolve()}",
        good=arguments.good,
        bad=bad,
        fixups=tuple(Fixup(Path(patch).resolve(), span) for patch, span in arguments.fixup),
    )


def _with_own_files(question: Question, directory: Path) -> Question:
    """What the walk reads again and again, copied: the user may change the originals meanwhile. Refs become ids."""
    place = directory / "input"
    place.mkdir()

    def copied(path: Path) -> Path:
        target = place / f"{len(list(place.iterdir()))}-{path.name}"
        if path.is_dir():
            return Path(shutil.copytree(path, target))
        if not path.is_file():
            raise UserError("no such file", where=str(path))
        return Path(shutil.copy(path, target))

    return replace(
        question,
        files=tuple(copied(path) for path in question.files),
        fixups=tuple(replace(fixup, patch=copied(fixup.patch)) for fixup in question.fixups),
    )


# --- the walk ---------------------------------------------------------------------------------


def _opened(state: State, directory: Path) -> Course:
    """The course, with git's own state in ``directory``. The ends stay what they were when the walk began."""
    question = state.question
    if state.good and question.trail is Trail.COMMITS:
        question = replace(question, good=state.good, bad=state.bad)
    opened = course(question)
    opened.open(directory / "git")
    return opened


def _walk(state: State, opened: Course, directory: Path) -> int:
    doctor.require(doctor.check_all(None))
    events = EventStream()
    question = state.question
    with EventLog(directory / "events.jsonl") as log, _display() as display:
        for subscriber in (log, display):
            events.subscribe(subscriber)
        bench = PipelineBench(opened, events, RealGuests(events, question.accel, question.thorough))
        walk = Walk(state, opened, bench, directory, lambda text: events.publish(Note("", text)))
        try:
            state = walk.go()
        except HarnessError as error:
            sys.stderr.write(f"dmabuf-harness: what is known is kept: dmabuf-harness bisect --continue {directory}\n")
            raise error
    write_reports(state, opened, directory)
    sys.stdout.write("\n" + summary(state, opened, directory))
    return exit_code(state)


def exit_code(state: State) -> ExitCode:
    """``OK`` only if a single culprit is named."""
    found = state.ending is not None and state.ending.end is End.FOUND
    return ExitCode.OK if found else ExitCode.FAILED


@contextmanager
def _display() -> Iterator[Subscriber]:
    if is_live(sys.stdout):
        with Progress(sys.stdout) as display:
            yield display
    else:
        yield Sparse(sys.stdout)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    with try_exclusive(directory / ".lock") as mine:
        if not mine:
            raise UserError("is being walked already", where=str(directory), mend="wait for it, or stop it first")
        yield


def _directory(given: Path) -> Path:
    """``given``, or the newest one below runs/."""
    if given != _NEWEST:
        return given.resolve()
    found = sorted(Path("runs").glob(f"*/{STATE}"), key=lambda path: path.parent.name)
    if not found:
        raise UserError("no bisect was begun here", where="runs/", mend="name its directory")
    return found[-1].parent.resolve()


def _status(directory: Path) -> int:
    state = load(directory)
    with tempfile.TemporaryDirectory(prefix="dmabuf-harness-status-") as scratch:
        sys.stdout.write(status(state, _opened(state, Path(scratch))))
    return ExitCode.OK
