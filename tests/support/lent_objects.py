# SPDX-License-Identifier: GPL-2.0-only
"""The object tree of one work tree for another one with the same sources: a cold build of a kernel less.

kbuild compiles what is older than its source, or was made by another command, and the commands name the work tree. So
the copy gets the other one's paths, and the sources that are the same get the same times. What was not up to date
there is not up to date here either.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness import process
from harness.build.objects import object_tree
from harness.series import Tree
from harness.source import worktree_lock

_NAMES_THE_TREE = (".cmd", "Makefile")


def lend(lender: Tree, borrower: Tree, variant: str) -> None:
    """Unless ``borrower`` has an object tree of ``variant``, or ``lender``, of the same commit, has none at hand."""
    ours, theirs = object_tree(borrower.path, variant), object_tree(lender.path, variant)
    owner = theirs.path / ".dmabuf-harness-variant"
    with worktree_lock(lender), worktree_lock(borrower):
        usable = owner.is_file() and owner.read_text() == variant
        if ours.path.exists() or not usable or (theirs.path / ".dmabuf-harness-building").exists():
            return
        part = ours.parent / "lent"
        process.check(["cp", "-a", "--reflink=auto", str(theirs.path), str(part)], what="copying an object tree")
        _same_times(lender.path, borrower.path)
        _renamed(part, {str(lender.path): str(borrower.path), str(theirs.path): str(ours.path)})
        part.rename(ours.path)


def _same_times(lender: Path, borrower: Path) -> None:
    listed = process.check(["git", "-C", lender, "ls-files", "-z"], what="git ls-files").split("\0")[:-1]
    changed = process.check(["git", "-C", lender, "diff-index", "-z", "--name-only", "HEAD"], what="git diff-index")
    for name in set(listed) - set(changed.split("\0")):
        when = (lender / name).lstat().st_mtime_ns
        os.utime(borrower / name, ns=(when, when), follow_symlinks=False)


def _renamed(objects: Path, names: dict[str, str]) -> None:
    for path in objects.rglob("*"):
        if path.name.endswith(_NAMES_THE_TREE) and path.is_file() and not path.is_symlink():
            text = before = path.read_bytes()
            for old, new in names.items():
                text = text.replace(old.encode(), new.encode())
            if text != before:
                when = path.stat().st_mtime_ns
                path.write_bytes(text)
                os.utime(path, ns=(when, when))
    (objects / "source").unlink(missing_ok=True)
    (objects / "source").symlink_to(names[next(iter(names))])
