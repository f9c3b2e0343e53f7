# SPDX-License-Identifier: GPL-2.0-only
"""What is to be tested, as patches: from files, from commits and uncommitted work of a user's tree, and taken back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.errors import UserError
from harness.intake import read_patches, reversed_patch
from harness.series import Patch
from harness.source import Mail, UserTree, is_range, parse_base


@dataclass(frozen=True)
class Taken:
    """``patches`` in the order to apply. ``tree``, ``start``: where those from a user's tree begin (full id), if any.

    ``notes``: what the user should know.
    """

    patches: tuple[Patch, ...] = ()
    tree: UserTree | None = None
    start: str = ""
    notes: tuple[str, ...] = ()


def take(
    base: str, patches: Sequence[Path], reverts: Sequence[Path], *, worktree: bool, out: Path, pick: str | None = None
) -> Taken:
    """All that the command line names: ``reverts`` first, then ``patches``, then uncommitted work if ``worktree``.

    ``base``: as named by the user; if it is a git tree, ranges and commits are looked up there, else in the tree that
    the user stands in. ``out``: directory of the run, no part of uncommitted work. ``pick``: of ``patches``, as
    ``read_patches`` has it. Raises ``UserError``.
    """
    taker = _Taker(base)
    undone = [patch for name in reverts for patch in taker.reverted(name)]
    with taker.files(patches) as paths:
        found = list(taker.read(paths, pick))
    if worktree:
        found += taker.uncommitted(out)
    return Taken((*undone, *found), taker.used, taker.start, tuple(taker.notes))


@dataclass
class _Taker:
    base: str
    start: str = ""
    notes: list[str] = field(default_factory=list)
    used: UserTree | None = None
    _origins: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _tree(self) -> UserTree:
        place = parse_base(self.base).path if self.base.startswith("git:") else Path.cwd()
        tree = UserTree.around(place)
        if tree is None:
            mend = "change into a kernel tree, or name one with --base git:PATH"
            raise UserError("is in no git tree", where=str(place), mend=mend)
        self.used = tree
        return tree

    def _from_head(self) -> UserTree:
        self.start = self.start or self._tree.commit("HEAD")
        return self._tree

    # --- what the user names ----------------------------------------------------------------------

    def reverted(self, name: Path) -> list[Patch]:
        """The patches that take ``name`` back: a file or directory, else a range or a commit; the last one first."""
        if name.exists():
            found = list(read_patches([name]))
        else:
            tree = self._from_head()
            mails = tree.commits(str(name)).mails if is_range(str(name)) else (tree.mail(str(name)),)
            found = self._from_mails(mails)
        return [reversed_patch(patch) for patch in reversed(found)]

    def uncommitted(self, out: Path) -> list[Patch]:
        runs = self._tree.path / "runs"
        mail, notes = self._from_head().uncommitted([out.parent if out.parent.name == "runs" else out, runs])
        self.notes += notes
        return self._from_mails([mail])

    @contextmanager
    def files(self, names: Sequence[Path]) -> Iterator[list[Path]]:
        """``names`` with ranges replaced by files that hold their commits, until the block ends."""
        with tempfile.TemporaryDirectory() as scratch:
            paths: list[Path] = []
            for number, name in enumerate(names):
                if name.exists() or not is_range(str(name)):
                    paths.append(name)
                    continue
                commits = self._tree.commits(str(name))
                self.start = self.start or commits.start
                paths += self._stored(commits.mails, Path(scratch), str(number))
            yield paths

    def _stored(self, mails: Sequence[Mail], directory: Path, prefix: str) -> Iterator[Path]:
        for number, mail in enumerate(mails):
            path = directory / f"{prefix}-{number}.mail"
            path.write_bytes(mail.text)
            self._origins[str(path)] = mail.origin
            yield path

    def _from_mails(self, mails: Sequence[Mail]) -> list[Patch]:
        with tempfile.TemporaryDirectory() as scratch:
            return list(self.read(list(self._stored(mails, Path(scratch), "mail"))))

    def read(self, paths: Sequence[Path], pick: str | None = None) -> Iterator[Patch]:
        """The patches in ``paths``; what is said about a commit names the commit, not the file that it was put in."""
        try:
            found = read_patches(paths, pick)
        except UserError as error:
            where = _named(error.where, self._origins)
            raise UserError(_named(error.what, self._origins), where=where, mend=error.mend) from error
        return (_renamed(patch, self._origins) for patch in found)


def _renamed(patch: Patch, origins: Mapping[str, str]) -> Patch:
    return replace(patch, origin=_named(patch.origin, origins))


def _named(text: str, origins: Mapping[str, str]) -> str:
    for path, origin in origins.items():
        text = text.replace(path, origin)
    return text
