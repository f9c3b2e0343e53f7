# SPDX-License-Identifier: GPL-2.0-only
"""``git:PATH@REF``: one commit of a user's repository, in a work tree of our own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness import process
from harness.errors import UserError
from harness.locks import exclusive
from harness.model import Tree
from harness.paths import cache_dir
from harness.source import worktree
from harness.source.download import Notify
from harness.source.git import attempt, create, git
from harness.source.spec import POSSIBLE, BaseSpec


def obtain(spec: BaseSpec, notify: Notify) -> Tree:
    """Fetch the commit (without its history) and check it out. Raises ``UserError`` if REF is not one commit."""
    commit = _resolve(spec)
    path = home(spec) / "linux"
    with exclusive(worktree.lock_path(path), lambda: notify("waiting for another run that uses this base")):
        create(path)
        if not attempt(path, "cat-file", "-e", f"{commit}^{{tree}}").ok:
            notify(f"fetching {commit[:12]}")
            git(path, "fetch", "--quiet", "--no-tags", "--depth=1", spec.path, f"{commit}:refs/harness/{commit}")
        makefile = attempt(path, "show", f"{commit}:Makefile")
        if not makefile.ok or not attempt(path, "cat-file", "-e", f"{commit}:Kconfig").ok:
            raise UserError(f"commit {commit[:12]} is not a kernel tree: it lacks Makefile or Kconfig", where=spec.text)
        tree = Tree(spec.text, path, commit, worktree.kernel_version(makefile.stdout))
        notify(f"checking out {commit[:12]}")
        worktree.reset(tree)
    return tree


def home(spec: BaseSpec) -> Path:
    """Where the tree of a user's path lives: the same place each time, readable, and unlike any other's."""
    digest = hashlib.sha256(bytes(spec.path)).hexdigest()[:10]
    return cache_dir("trees", f"{spec.kind}-{spec.path.name}-{digest}")


def _resolve(spec: BaseSpec) -> str:
    """The commit that REF names in the user's repository, which is only read."""
    asked: list[str | Path] = [
        "git",
        "-C",
        spec.path,
        "rev-parse",
        "--verify",
        "--end-of-options",
        f"{spec.ref}^{{commit}}",
    ]
    done = process.run(asked)
    said = (done.stderr.strip() or "no output").splitlines()[-1].removeprefix("fatal: ")
    if "not a git repository" in said:
        raise UserError("not a git repository", where=spec.text, mend=f"use dir:{spec.path}, or {POSSIBLE}")
    if "ambiguous" in done.stderr:
        raise UserError(
            f"{spec.ref!r} is ambiguous", where=spec.text, mend="say refs/heads/..., refs/tags/... or a longer id"
        )
    if not done.ok:
        raise UserError(
            f"{spec.ref!r} is no commit here ({said})", where=spec.text, mend="name a branch, tag or commit"
        )
    return done.stdout.strip().splitlines()[-1]
