# SPDX-License-Identifier: GPL-2.0-only
"""What is to be tested, as patches: from files, from commits and uncommitted work of a user's tree, and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.errors import UserError
from harness.intake import read_patches, reversed_patch
from harness.paths import exists
from harness.series import Commit, Patch
from harness.source import UserTree, is_range, parse_base


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
    base: str,
    patches: Sequence[Path],
    reverts: Sequence[Path],
    *,
    worktree: bool,
    ours: Sequence[Path],
    pick: str | None = None,
) -> Taken:
    """All that the command line names: ``reverts`` first, then ``patches``, then uncommitted work if ``worktree``.

    ``base``: as named by the user; if it is a git tree, ranges and commits are looked up there, else in the tree that
    the user stands in. ``ours``: the directory of the run, then files that it writes elsewhere: no part of uncommitted
    work. ``pick``: of ``patches``, as ``read_patches`` has it. Raises ``UserError``.
    """
    taker = _Taker(base)
    undone = [patch for name in reverts for patch in taker.reverted(name)]
    found = list(read_patches(list(taker.sources(patches)), pick))
    if worktree:
        found += taker.uncommitted(ours[0], ours[1:])
    return Taken((*undone, *found), taker.used, taker.start, tuple(taker.notes))


@dataclass
class _Taker:
    base: str
    start: str = ""
    notes: list[str] = field(default_factory=list)
    used: UserTree | None = None

    @cached_property
    def _tree(self) -> UserTree:
        place = parse_base(self.base).path if self.base.startswith("git:") else Path.cwd()
        tree = UserTree.around(place)
        if tree is None:
            hint = "change into a kernel tree, or name one with --base git:PATH"
            raise UserError("is in no git tree", where=str(place), hint=hint)
        self.used = tree
        return tree

    def _from_head(self) -> UserTree:
        self.start = self.start or self._tree.commit("HEAD")
        return self._tree

    # --- what the user names ----------------------------------------------------------------------

    def reverted(self, name: Path) -> list[Patch]:
        """The patches that take ``name`` back: a file or directory, else a range or a commit; the last one first."""
        found = read_patches([name] if exists(name) else self._commits(self._from_head(), str(name)))
        return [reversed_patch(patch) for patch in reversed(found)]

    def _commits(self, tree: UserTree, name: str) -> tuple[Commit, ...]:
        return tree.commits(name).changes if is_range(name) else (tree.change(name),)

    def uncommitted(self, out: Path, written: Sequence[Path]) -> tuple[Patch, ...]:
        runs = self._tree.path / "runs"
        ours = (out.parent if out.parent.name == "runs" else out, runs, *(path.resolve() for path in written))
        change, notes = self._from_head().uncommitted(ours)
        self.notes += notes
        return read_patches([change])

    def sources(self, names: Sequence[Path]) -> Iterator[Path | Commit]:
        """``names`` with the commits that they have in place of ranges."""
        for name in names:
            if exists(name) or not is_range(str(name)):
                yield name
                continue
            commits = self._tree.commits(str(name))
            self.start = self.start or commits.start
            yield from commits.changes
