# SPDX-License-Identifier: GPL-2.0-only
"""What is walked: the commits of a history, the patches of a series, or the options between two configs.

The last two become histories, too, one commit for each patch or option, so that git bisect walks all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness import process
from harness.bisect.driving import GitBisect, objects_of, pinned, resolve_commit
from harness.bisect.state import Question, Trail
from harness.errors import UserError
from harness.intake import read_patches
from harness.kconfig import load_fragments, parse_fragment
from harness.model import SymbolRequest, Variant
from harness.pipeline import Job, RunRequest, check
from harness.series import Patch
from harness.source.git import git

_BASE = "base"


class Course(Protocol):
    """``good``, ``bad``: ids of the ends in ``git``, which is there after ``open``."""

    good: str
    bad: str
    git: GitBisect

    def open(self, repository: Path) -> None:
        """Make the repository in which git bisects. Raises ``UserError`` if what is to be walked cannot be used."""

    def job(self, commit: str, directory: Path) -> Job:
        """What is to be built and tested for ``commit``. Raises ``UserError`` if that cannot be used."""

    def stat(self, commit: str) -> str:
        """What ``commit`` changes, as a diffstat."""

    def again(self, commit: str) -> tuple[str, ...]:
        """Arguments of ``dmabuf-harness run`` that test ``commit``."""


def course(question: Question) -> Course:
    """The course that ``question`` is about."""
    match question.trail:
        case Trail.COMMITS:
            return Commits(question)
        case Trail.SERIES:
            return Series(question)
        case Trail.CONFIG:
            return Config(question)


def _request(question: Question, directory: Path, base: str, patches: tuple[Path, ...] = ()) -> RunRequest:
    return RunRequest(
        directory=directory,
        command=question.command,
        base=base,
        patches=patches,
        no_patch=not patches,
        variant=question.variant,
        suites=question.suites,
        pytest=question.pytest,
        accel=question.accel,
        jobs=question.jobs,
        thorough=question.thorough,
        seed=question.seed,
        no_base=True,
        repeat=0,
    )


# --- commits ----------------------------------------------------------------------------------


class Commits:
    """The history of a user's repository, whose objects are borrowed; nothing in it is written."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._tree = Path(question.base.removeprefix("git:"))
        self.good = resolve_commit(self._tree, question.good, "--good")
        self.bad = resolve_commit(self._tree, question.bad, "--bad")

    def open(self, repository: Path) -> None:
        objects, shallow = objects_of(self._tree)
        self.git = GitBisect(repository, [objects], shallow)
        for patch, members in self._fixups:
            if not members:
                raise UserError("no commit is in its range", where=str(patch), mend="see git rev-list RANGE")

    def job(self, commit: str, directory: Path) -> Job:
        return check(_request(self._question, directory, self._spec(commit), self._needed(commit)))

    def stat(self, commit: str) -> str:
        return self.git.stat(commit)

    def again(self, commit: str) -> tuple[str, ...]:
        patches = [word for patch in self._needed(commit) for word in ("-p", str(patch))]
        return ("--base", self._spec(commit), *(patches or ["--no-patch"]))

    def _spec(self, commit: str) -> str:
        return f"{self._question.base}@{commit}"

    def _needed(self, commit: str) -> tuple[Path, ...]:
        return tuple(patch for patch, members in self._fixups if commit in members)

    @cached_property
    def _fixups(self) -> list[tuple[Path, frozenset[str]]]:
        """Each with the commits that need it."""
        return [(fixup.patch, self._members(fixup.span)) for fixup in self._question.fixups]

    def _members(self, span: str) -> frozenset[str]:
        return frozenset(git(self._tree, "rev-list", *pinned(self._tree, span).split(), "--").split())


# --- made-up histories ------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """One commit of a history that is made up. ``content``: anything that tells it from its neighbours."""

    subject: str
    author: str = "dmabuf-harness <dmabuf-harness@localhost>"
    content: bytes = b""


class _MadeUp:
    """Stops in a line. The same stops are the same commits, whenever they are made."""

    git: GitBisect

    def __init__(self, question: Question) -> None:
        self._question = question
        self._numbers: Mapping[str, int] = {}
        self.good = self.bad = ""

    def _lay(self, repository: Path, stops: list[Stop]) -> None:
        self.git = GitBisect(repository, [])
        commits: list[str] = []
        for stop in stops:
            commits.append(self._commit(stop, commits[-1:]))
        self._numbers = {commit: number for number, commit in enumerate(commits)}
        self.good, self.bad = commits[0], commits[-1]

    def _commit(self, stop: Stop, parents: list[str]) -> str:
        blob = git(self.git.path, "hash-object", "-w", "--stdin", stdin=stop.content)
        tree = git(self.git.path, "mktree", stdin=f"100644 blob {blob}\tstop\n".encode())
        name, _, mail = stop.author.rpartition(" <")
        env = {"GIT_AUTHOR_NAME": name or "nobody", "GIT_AUTHOR_EMAIL": mail.rstrip(">") or "nobody@localhost"}
        message = ["-m", stop.subject or "without a subject"]
        return git(self.git.path, "commit-tree", tree, *(f"-p{parent}" for parent in parents), *message, env=env)


class Series(_MadeUp):
    """A base, and on it the patches of a series, one more at each stop."""

    def open(self, repository: Path) -> None:
        patches = self._patches
        if len(patches) < 2:
            raise UserError("there is only one patch in it", where="--series", mend="a bisect needs at least two")
        stops = [Stop(f"{_BASE} ({self._question.base})")]
        stops += [Stop(patch.subject, patch.author, patch.diff) for patch in patches]
        self._lay(repository, stops)

    @cached_property
    def _patches(self) -> tuple[Patch, ...]:
        return read_patches(self._question.files)

    def job(self, commit: str, directory: Path) -> Job:
        job = check(_request(self._question, directory, self._question.base))
        return replace(job, patches=self._patches[: self._numbers[commit]])

    def stat(self, commit: str) -> str:
        number = self._numbers[commit]
        if number == 0:
            return ""
        done = process.run(["git", "apply", "--stat", "--summary", "-"], stdin=self._patches[number - 1].diff)
        return done.stdout.rstrip("\n") if done.ok else ""

    def again(self, commit: str) -> tuple[str, ...]:
        number = self._numbers[commit]
        series = [word for file in self._question.files for word in ("-p", str(file))]
        return ("--base", self._question.base, *([*series, "--up-to", str(number)] if number else ["--no-patch"]))


class Config(_MadeUp):
    """One option at a time, from the good config to the bad one, in the order of the bad one."""

    def open(self, repository: Path) -> None:
        good, bad = (self._read(path) for path in self._question.files)
        ours = {request.symbol: request for request in load_fragments()}
        self._good, self._bad = ours | good, ours | bad
        names = dict.fromkeys((*bad, *good))
        self._changes = [name for name in names if _value(self._bad, name) != _value(self._good, name)]
        if not self._changes:
            raise UserError("the two configs ask for the same", where="--config")
        stops = [Stop(f"{_BASE} ({self._question.files[0].name})")]
        for name in self._changes:
            subject = f"CONFIG_{name}: {_value(self._good, name)} to {_value(self._bad, name)}"
            stops.append(Stop(subject, content=subject.encode()))
        self._lay(repository, stops)

    def _read(self, path: Path) -> dict[str, SymbolRequest]:
        return {request.symbol: request for request in parse_fragment(path, path.parent.parent)}

    def job(self, commit: str, directory: Path) -> Job:
        changed = self._changes[: self._numbers[commit]]
        asked = dict(self._good)
        for name in changed:
            asked.pop(name, None)
            if name in self._bad:
                asked[name] = self._bad[name]
        requests = tuple(replace(request, required=False, if_present=True) for request in asked.values())
        job = check(replace(_request(self._question, directory, self._question.base), variant="all"))
        return replace(job, symbols=requests, variants=(Variant("config", "two configs of yours", {}),))

    def stat(self, commit: str) -> str:
        return ""

    def again(self, commit: str) -> tuple[str, ...]:
        return ()


def _value(config: Mapping[str, SymbolRequest], name: str) -> str:
    return config[name].value if name in config else "n"
