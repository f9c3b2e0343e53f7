# SPDX-License-Identifier: GPL-2.0-only
"""What is walked: the commits of a history, the patches of a series, or the options between two configs.

The last two become histories, too (synthetic_history.py), one commit for each patch or option: git bisect walks all
three.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness.bisect.git_bisect import GitBisect, objects_of, pinned, resolve_commit
from harness.bisect.state import BisectRequest, Trail
from harness.bisect.synthetic_history import Config, SeriesHistory
from harness.bisect.variant_request import request
from harness.errors import UserError
from harness.pipeline import RunJob, check
from harness.source.git import git


class Target(Protocol):
    """``good``, ``bad``: ids of the ends in ``git``, which is there after ``open``."""

    good: str
    bad: str
    git: GitBisect

    def open(self, repository: Path) -> None:
        """Make the repository in which git bisects. Raises ``UserError`` if what is to be walked cannot be used."""

    def job(self, commit: str, directory: Path) -> RunJob:
        """What is to be built and tested for ``commit``. Raises ``UserError`` if that cannot be used."""

    def stat(self, commit: str) -> str:
        """What ``commit`` changes, as a diffstat."""

    def again(self, commit: str) -> tuple[str, ...]:
        """Subcommand and arguments of ``dmabuf-harness`` that test ``commit``; empty if there are none."""


def target(question: BisectRequest) -> Target:
    """The target that ``question`` is about."""
    match question.trail:
        case Trail.COMMITS:
            return Commits(question)
        case Trail.SERIES:
            return SeriesHistory(question)
        case Trail.CONFIG:
            return Config(question)


class Commits:
    """The history of a user's repository, whose objects are borrowed; nothing in it is written."""

    def __init__(self, question: BisectRequest) -> None:
        self._question = question
        self._tree = Path(question.base.removeprefix("git:"))
        self.good = resolve_commit(self._tree, question.good, "--good")
        self.bad = resolve_commit(self._tree, question.bad, "--bad")

    def open(self, repository: Path) -> None:
        objects, shallow = objects_of(self._tree)
        self.git = GitBisect(repository, [objects], shallow)
        for patch, members in self._fixups:
            if not members:
                raise UserError("no commit is in its range", where=str(patch), hint="see git rev-list RANGE")

    def job(self, commit: str, directory: Path) -> RunJob:
        return check(request(self._question, self._spec(commit), self._needed(commit)), directory)

    def stat(self, commit: str) -> str:
        return self.git.stat(commit)

    def again(self, commit: str) -> tuple[str, ...]:
        patches = [word for patch in self._needed(commit) for word in ("-p", str(patch))]
        return ("run", "--base", self._spec(commit), *(patches or ["--no-patch"]))

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
