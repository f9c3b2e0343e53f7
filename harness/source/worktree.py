# SPDX-License-Identifier: GPL-2.0-only
"""The work tree of a base: put under git once, held by one run at a time, and brought back between runs.

kbuild compiles again what has a newer time stamp, so nothing here writes a file whose content is right already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from harness.locks import exclusive
from harness.paths import write_atomic
from harness.series import Tree
from harness.source.git import attempt, create, drop_stale_locks, git
from harness.source.spec import BaseSpec

# git add streams files above the "big file" threshold straight into one pack: 24 s and 330 MB for 6.12, where
# 87,000 loose objects take minutes. For the one command only: a big file has no text diff.
ONE_PACK = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=1", "-c", "pack.compression=1")


def worktree_lock(tree: Tree, waiting: Callable[[str], None] | None = None) -> AbstractContextManager[None]:
    """Hold the work tree against other runs while it is patched and built from.

    ``waiting`` is called once if there is another one, with what to say of it.
    """

    def wait(other: str) -> None:
        if waiting is not None:
            waiting(f"{other} holds this base's work tree: waiting for it")

    return exclusive(lock_path(tree.path), wait)


def lock_path(path: Path) -> Path:
    """The lock of the work tree at ``path``."""
    return path.parent / "worktree.lock"


def reset(tree: Tree) -> None:
    """Bring the work tree back to ``tree.commit``, touching only what differs; its lock must be held.

    Also mends what a killed run left: half-applied patches, new files, git's own lock files.
    """
    drop_stale_locks(tree.path)
    # Without a fresh look, a file that was only touched would count as changed and be written again.
    attempt(tree.path, "update-index", "-q", "--refresh")
    git(tree.path, "reset", "--quiet", "--hard", tree.commit)
    git(tree.path, "clean", "--quiet", "-ffdx")


def record(spec: BaseSpec, path: Path, notes: Sequence[str] = ()) -> None:
    """Put the plain directory ``path`` under git as one commit, and note it there for ``recorded``.

    ``notes``: as in ``Tree``.
    """
    create(path)
    git(path, *ONE_PACK, "add", "--all", "--force")
    note(spec, path, commit_index(path), notes)


def commit_index(path: Path, env: dict[str, str] | None = None) -> str:
    """Commit what is in the index, and make that HEAD. Equal content is an equal commit, whenever it was made."""
    commit = git(path, "commit-tree", "-m", "base", git(path, "write-tree", env=env))
    git(path, "update-ref", "--no-deref", "HEAD", commit)
    return commit


def note(spec: BaseSpec, path: Path, commit: str, notes: Sequence[str] = ()) -> None:
    """Write down which base the work tree at ``path`` is."""
    version = kernel_version(git(path, "show", f"{commit}:Makefile"))
    known = {"base": spec.text, "commit": commit, "version": version, "notes": list(notes)}
    write_atomic(_note_path(path), json.dumps(known))


def recorded(spec: BaseSpec, path: Path) -> Tree | None:
    """The base at ``path``, or None if it was never finished."""
    found = recorded_at(path)
    return replace(found, spec=spec.text) if found is not None else None


def recorded_at(path: Path) -> Tree | None:
    """As ``recorded``, by the name under which it was fetched."""
    if not _note_path(path).is_file():
        return None
    known = json.loads(_note_path(path).read_text())
    return Tree(known["base"], path, known["commit"], known["version"], notes=tuple(known.get("notes", ())))


def _note_path(path: Path) -> Path:
    return path / ".git" / "base.json"


def kernel_version(makefile: str) -> str:
    """What ``make kernelversion`` prints, read from the text of the top Makefile: "6.12.117", "7.0.0-rc3"."""
    lines: list[tuple[str, str]] = re.findall(
        r"(?m)^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*(\S*)", makefile
    )
    field = dict(lines)
    numbers = [field[name] for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if field.get(name)]
    return ".".join(numbers) + field.get("EXTRAVERSION", "")
