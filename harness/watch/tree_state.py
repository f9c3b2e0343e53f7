# SPDX-License-Identifier: GPL-2.0-only
"""What there is to test in a user's tree: its commit, and the uncommitted changes. The tree is only read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.source import NoChangesError, UserTree

# In git's own directory: what a commit, a checkout or a rebase writes. Objects are written all the time.
_GIT_FILES = ("HEAD", "index", "logs/HEAD")


@dataclass(frozen=True)
class TreeState:
    """``head``: full id of the commit. ``work``: equal for equal uncommitted changes; empty if there are none.

    ``trouble``: why the changes cannot be read (an unmerged file); then ``work`` is empty.
    """

    head: str
    work: str = ""
    trouble: str = ""


class WatchedTree:
    """The tree that ``path`` is in; what changes in its ``runs`` is no work, nor is ``written``, the reports of runs.

    Raises ``UserError``.
    """

    def __init__(self, path: Path, written: Iterable[Path] = ()) -> None:
        found = UserTree.around(path) if path.is_dir() else None
        if found is None or not found.version():
            raise UserError("not a kernel tree under git", where=str(path), hint="name one, or change into it")
        self.tree = found
        self.git_directory = found.git_directory()
        self._results = found.path / "runs"
        self._ours = (self._results, *(file.resolve() for file in written))

    @property
    def places(self) -> tuple[Path, ...]:
        """Directories of which all changes are to be noticed."""
        outside = [] if self.git_directory.is_relative_to(self.tree.path) else [self.git_directory]
        return (self.tree.path, *outside)

    def concerns(self, paths: Iterable[str]) -> bool:
        """True if a change of any of ``paths`` may be one of the commit or of uncommitted work."""
        return any(self._concerns(Path(path)) for path in paths)

    def _concerns(self, path: Path) -> bool:
        if path.is_relative_to(self.git_directory):
            return str(path.relative_to(self.git_directory)) in _GIT_FILES
        return not path.is_relative_to(self._results) and ".git" not in path.parts

    def look(self) -> TreeState:
        """As it is now. Files that git does not track count if they are new in its directories (``UserTree``)."""
        head = self.tree.commit("HEAD")
        try:
            change, _ = self.tree.uncommitted(self._ours)
        except NoChangesError:
            return TreeState(head)
        except UserError as error:
            return TreeState(head, trouble=error.what)
        return TreeState(head, hashlib.sha256(change.diff).hexdigest())
