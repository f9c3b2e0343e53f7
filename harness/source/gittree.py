# SPDX-License-Identifier: GPL-2.0-only
"""``git:PATH@REF``: one commit of a user's repository, in a work tree of our own.

Its objects are linked where that can be done, else fetched.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.cache_users import note_use
from harness.errors import InfrastructureError, UserError
from harness.locks import exclusive
from harness.machine_failures import failed
from harness.paths import cache_dir
from harness.series import Tree
from harness.source import worktree
from harness.source.download import Notify
from harness.source.git import attempt, create
from harness.source.object_links import borrow
from harness.source.spec import POSSIBLE, BaseSpec
from harness.source.user_tree import UserTree

# What serves the commit works in the user's repository, so with the user's configuration. In a partial clone it
# fetches what is missing, which git 2.39.4 and later do not do here unless told so (git's Documentation/git.txt).
# Deltas are sent where there are some, but looking for new ones takes minutes for a kernel: pack.window.
_UPLOAD_PACK = (
    "env -u GIT_CONFIG_GLOBAL -u GIT_CONFIG_NOSYSTEM GIT_NO_LAZY_FETCH=0 "
    "git -c pack.window=0 -c pack.compression=1 upload-pack"
)


def obtain(spec: BaseSpec, notify: Notify) -> Tree:
    """Bring the commit here and check it out. Raises ``UserError`` if REF is not one commit."""
    source = _user_tree(spec)
    commit = source.commit(spec.ref)
    path = home(spec) / "linux"
    with exclusive(worktree.lock_path(path), lambda other: notify(f"waiting for {other}, which uses this base")):
        create(path)
        if not _has(path, commit):
            notify(f"fetching {commit[:12]}")
            if not borrow(path, source.objects(), home(spec) / "borrowed") or not _has(path, commit):
                _fetch(path, source, commit)
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
    place = cache_dir("trees", f"{spec.kind}-{spec.path.name}-{digest}")
    note_use(place)
    return place


def _user_tree(spec: BaseSpec) -> UserTree:
    tree = UserTree.around(spec.path)
    if tree is None:
        raise UserError("not a git repository", where=spec.text, hint=f"use dir:{spec.path}, or {POSSIBLE}")
    return tree


def _has(path: Path, commit: str) -> bool:
    return attempt(path, "cat-file", "-e", f"{commit}^{{tree}}").ok


def _fetch(path: Path, source: UserTree, commit: str) -> None:
    """Bring ``commit``, without its history, from the user's repository, of whatever kind it is."""
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", f"--upload-pack={_UPLOAD_PACK}"]
    done = attempt(path, "fetch", *options, source.path, f"{commit}:refs/harness/{commit}")
    if not done.ok and "promisor" in done.stderr:
        what = f"it lacks parts of {commit[:12]}, and its remote does not give them"
        raise InfrastructureError(what, where=str(source.path), hint="see that git checkout works there, run again")
    if not done.ok:
        raise failed(done, "git fetch", path)
