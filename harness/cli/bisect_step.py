# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness bisect-step``: one step for ``git bisect run``, which goes by the exit code alone.

0: good, 1: bad, 125: cannot be tested. Whatever else happens ends with 128 or more, at which git bisect run stops and
keeps what it has: bad input, trouble with the machine, and a fault of ours too (git-bisect(1)).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from harness import machine_check, process
from harness.bisect import (
    FAILS,
    BisectRequest,
    CommitFixup,
    CommitVerdict,
    PipelineTester,
    State,
    SymptomKind,
    Target,
    Trail,
    Walk,
    beside,
    from_run,
    named,
    pinned,
    target,
)
from harness.cli.bisect import add_guests, add_symptom
from harness.cli.run import positive
from harness.cli.rundir import run_directory
from harness.cli.sparse import Sparse
from harness.errors import ExitCode, UserError
from harness.events import EventStream, Note
from harness.executor.local_executor import LocalExecutor
from harness.kconfig import load_variants, select
from harness.report import load as load_run
from harness.scratch import scratch
from harness.source.git import attempt

NAME = "bisect-step"
STOP = 128  # added to every exit code that is no verdict
_CODES = {CommitVerdict.GOOD: 0, CommitVerdict.BAD: 1, CommitVerdict.SKIP: 125}


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        NAME,
        description="Test the commit that is checked out (or BISECT_HEAD). Exits with 0: good, 1: bad, 125: cannot be "
        "tested, 128 and above: stop. For git bisect run dmabuf-harness bisect-step ...",
    )
    parser.set_defaults(handler=bisect_step)
    parser.add_argument("--tree", type=Path, default=Path(), metavar="PATH", help="repository (default: here)")
    parser.add_argument(
        "--fixup",
        nargs=2,
        action="append",
        default=[],
        metavar=("PATCH", "RANGE"),
        help="apply PATCH to the commits in RANGE before they are built; may be given again",
    )
    add_symptom(parser)
    parser.add_argument("--runs", type=positive, default=1, metavar="N", help="that must pass (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of this step (default: none is kept)")
    add_guests(parser)


def bisect_step(arguments: argparse.Namespace) -> int:
    machine_check.require(machine_check.check_all(None))
    question = _question(arguments)
    opened = target(question)
    with _place(arguments.out) as directory:
        opened.open(directory / "git")
        opened.job(opened.bad, directory)  # what it names exists; once a verdict is asked for, that would be a skip
        return _verdict(question, opened, directory)


def _question(arguments: argparse.Namespace) -> BisectRequest:
    tree = arguments.tree.resolve()
    commit = _commit(tree)
    symptom = named(arguments.test, arguments.splat) if arguments.run is None else None
    variant, usual = arguments.variant or "on", tuple[str, ...]()
    if symptom is None:
        report = load_run(arguments.run)
        wanted = named(arguments.test, arguments.splat) if arguments.test or arguments.splat else None
        first = from_run(report, wanted, arguments.variant)[0]
        symptom, variant, usual = first.symptom, first.variant, beside(report, first)
    elif symptom.kind is SymptomKind.TEST:
        # Nobody has said how it fails: what costs the guest may be anything.
        symptom = replace(symptom, manners=(FAILS,))
    return BisectRequest(
        command=("dmabuf-harness", *sys.argv[1:]),
        trail=Trail.COMMITS,
        base=f"git:{tree}",
        good=commit,
        bad=commit,
        symptom=symptom,
        variant=select(variant, load_variants())[0].name,
        fixups=tuple(_fixup(Path(patch), pinned(tree, span)) for patch, span in arguments.fixup),
        suites=tuple(arguments.suite),
        pytest=tuple(path.resolve() for path in arguments.pytest),
        runs=arguments.runs,
        accel=arguments.accel,
        jobs=arguments.jobs,
        thorough=arguments.thorough,
        seed=arguments.seed,
        walks=arguments.walks,
        usual=usual,
    )


def _fixup(patch: Path, span: str) -> CommitFixup:
    if not patch.is_file():
        raise UserError("no such file", where=f"--fixup {patch}")
    return CommitFixup(patch.resolve(), span)


def _commit(tree: Path) -> str:
    """What git bisect wants to know about. Changes that nobody has committed would not be tested: they are refused."""
    for name in ("BISECT_HEAD", "HEAD"):
        done = attempt(tree, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if done.ok:
            break
    else:
        raise UserError("no commit is checked out here", where=str(tree), hint="name a repository with --tree")
    if name == "HEAD" and attempt(tree, "status", "--porcelain", "--untracked-files=no").stdout.strip():
        hint = "commit or stash them; what commits need to build goes into --fixup"
        raise UserError("has changes that are not committed", where=str(tree), hint=hint)
    return done.stdout.strip()


@contextmanager
def _place(wanted: Path | None) -> Iterator[Path]:
    """The directory ``wanted``, or one that is removed at the end."""
    if wanted is not None:
        with run_directory(wanted) as made:
            made.create()
            made.kept = True
            yield made.path
        return
    with scratch("step") as place:
        yield place


def _verdict(question: BisectRequest, opened: Target, directory: Path) -> int:
    events = EventStream()
    events.subscribe(Sparse(sys.stdout))
    tester = PipelineTester(opened, events, LocalExecutor(events, question.accel))
    walk = Walk(State(question, "", "", 1), opened, tester, directory, lambda text: events.publish(Note("", text)))
    return _CODES[walk.one(opened.bad)]


def for_git(step: Callable[[], int]) -> NoReturn:
    """Do ``step`` and exit as git bisect run is to understand it: whatever is no verdict stops it.

    That goes for faults of ours as well, and for a terminal or log that takes no more words: Python exits with 1 or
    120 then, which git would take for "bad".
    """
    code = STOP + 1
    try:
        code = _stopping(step())
        sys.stdout.flush()
    except SystemExit as error:  # argparse
        code = _stopping(error.code if isinstance(error.code, int) else ExitCode.USER)
    except BaseException:  # noqa: BLE001
        code = STOP + 1
        with suppress(Exception):
            traceback.print_exc()
    with suppress(Exception):
        process.stop_all()
    with suppress(Exception):
        sys.stderr.flush()
    os._exit(code)


def _stopping(code: int) -> int:
    return code if code in _CODES.values() or code >= STOP else STOP + code
