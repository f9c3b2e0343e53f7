# SPDX-License-Identifier: GPL-2.0-only
"""The command line of ``dmabuf-harness bisect`` as a question: every name looked up, every file copied."""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from harness.bisect import BisectRequest, CommitFixup, Trail, beside, from_run, named, pinned, resolve_commit
from harness.errors import UserError
from harness.identities import OWN_TESTS
from harness.kconfig import load_variants, select
from harness.model import RunReport
from harness.paths import exists, is_directory
from harness.report import load as load_run
from harness.source import DEFAULT_BASE, parse_base
from harness.suites import select_suites


def asked(arguments: argparse.Namespace, directory: Path) -> BisectRequest:
    """The question that the command line stands for, every name in it looked up. Raises ``UserError``."""
    select_suites(arguments.suite)
    variant = select(arguments.variant or "on", load_variants())[0].name
    question = BisectRequest(
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
        walks=arguments.walks,
        junit=arguments.junit.absolute() if arguments.junit is not None else None,
    )
    report = load_run(arguments.run) if arguments.run is not None else None
    if report is not None:
        question = _with_run(question, report, arguments)
    return _between(question, arguments, report)


def _with_run(question: BisectRequest, report: RunReport, arguments: argparse.Namespace) -> BisectRequest:
    """``question`` about what went wrong in ``report``."""
    wanted = named(arguments.test, arguments.splat) if arguments.test or arguments.splat else None
    first, *others = from_run(report, wanted, arguments.variant)
    sys.stdout.write(f"looking for {first.symptom} ({first.variant}): {first.summary}\n")
    if report.patches and not (arguments.series or arguments.config):
        several = "a patch" if len(report.patches) == 1 else f"{len(report.patches)} patches"
        sys.stdout.write(f"the run had {several} on top of {report.base}, the commits are tested without\n")
    if (first.symptom.suite or first.symptom.moment.suite).startswith(OWN_TESTS) and not arguments.pytest:
        hint = "name the file with --pytest, as that run did"
        raise UserError(f"{first.symptom} is a test of yours", where=f"--from {arguments.run}", hint=hint)
    if others:
        sys.stdout.write(f"{len(others)} more went wrong there; --test or --splat picks another one\n")
    return replace(question, symptom=first.symptom, variant=first.variant, usual=beside(report, first))


def _trail(arguments: argparse.Namespace) -> Trail:
    if arguments.series and arguments.config:
        raise UserError("--series and --config exclude each other", where="--config", hint="give one of them")
    trail = Trail.SERIES if arguments.series else Trail.CONFIG if arguments.config else Trail.COMMITS
    used = {"--good": arguments.good, "--bad": arguments.bad, "--tree": arguments.tree, "--fixup": arguments.fixup}
    wrong = [option for option, value in {**used, "--path": arguments.path is not None}.items() if value]
    if trail is not Trail.COMMITS and wrong:
        raise UserError("is about commits", where=wrong[0], hint=f"leave it out with --{trail.value}")
    if trail is Trail.COMMITS and arguments.base:
        raise UserError("goes with --series or --config", where="--base", hint="name the repository with --tree")
    return trail


def _between(question: BisectRequest, arguments: argparse.Namespace, report: RunReport | None) -> BisectRequest:
    """``question`` with what is walked."""
    if question.trail is Trail.COMMITS:
        return _history(question, arguments, report)
    base = arguments.base or (report.base if report is not None else DEFAULT_BASE)
    tree = parse_base(base)
    if tree.kind == "git" and tree.path is not None:  # a branch moves
        base = f"git:{tree.path}@{resolve_commit(tree.path, tree.ref or 'HEAD', '--base')}"
    files = arguments.series if question.trail is Trail.SERIES else arguments.config
    for path in files:
        if not exists(path):
            given = "--series" if question.trail is Trail.SERIES else "--config"
            raise UserError("no such file or directory", where=f"{given} {path}", hint="name one that is there")
    return replace(question, base=base, files=tuple(path.resolve() for path in files))


def _history(question: BisectRequest, arguments: argparse.Namespace, report: RunReport | None) -> BisectRequest:
    if arguments.good is None:
        raise UserError("where it was good is not said", where="bisect", hint="give --good REF, --series or --config")
    tested = parse_base(report.base) if report is not None and report.base.startswith("git:") else None
    tree = arguments.tree or (tested.path if tested is not None else Path())
    bad = arguments.bad or (tested.ref if tested is not None and arguments.tree is None else "HEAD")
    if not is_directory(tree):
        raise UserError("no such directory", where=f"--tree {tree}")
    return replace(
        question,
        base=f"git:{tree.resolve()}",
        good=arguments.good,
        bad=bad,
        fixups=tuple(CommitFixup(Path(patch).resolve(), pinned(tree, span)) for patch, span in arguments.fixup),
    )


def with_own_files(question: BisectRequest, directory: Path) -> BisectRequest:
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
