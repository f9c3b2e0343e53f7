# SPDX-License-Identifier: GPL-2.0-only
"""The source that a kernel was built from, long after the work tree went on to other patches."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path

from harness.source.git import attempt


class Snapshot:
    """Call it with a path in the tree for the text of that file; None if there is none. No lock is needed."""

    def __init__(self, repository: Path, tree_id: str) -> None:
        """``repository``: that has the tree. ``tree_id``: git's id of the content, as in ``Applied``."""
        self._repository = repository
        self._id = tree_id
        self._text = lru_cache(256)(self._read)

    def __call__(self, path: str) -> str | None:
        return self._text(path) if path in self._paths else None

    @cached_property
    def _paths(self) -> frozenset[str]:
        listed = attempt(self._repository, "ls-tree", "-r", "-z", "--name-only", self._id)
        return frozenset(listed.stdout.split("\0") if listed.ok else ())  # gone: less is explained, no more

    def _read(self, path: str) -> str | None:
        done = attempt(self._repository, "show", f"{self._id}:{path}")
        return done.stdout if done.ok else None
