# SPDX-License-Identifier: GPL-2.0-only
"""One door to all kinds of bases."""

from __future__ import annotations

from collections.abc import Iterator

from harness.cache_users import note_use
from harness.paths import cache_root
from harness.series import Tree
from harness.source import debian, gittree, kernel_org, plaindir, worktree
from harness.source.download import Notify
from harness.source.spec import BaseSpec


def cached_bases() -> Iterator[Tree]:
    """The bases that were fetched before and need no network: those of a release, not of a user's own tree."""
    for path in sorted((cache_root() / "trees").glob("*/linux")):
        note_use(path.parent)
        if (tree := worktree.recorded_at(path)) is not None:
            yield tree


def obtain(spec: BaseSpec, notify: Notify) -> Tree:
    """Bring a base into the cache and return its work tree.

    ``notify`` gets a sign of life in a few words ("84 MB of 141 MB", "unpacking the source"). What the user named is
    never changed. Take ``worktree_lock`` and ``reset`` before using the tree: another run may patch it until then.
    Raises ``UserError`` (no such version, branch, ...) and ``InfrastructureError`` (network, disk).
    """
    if spec.kind == "debian":
        return debian.obtain(spec, notify)
    if spec.kind == "kernel.org":
        return kernel_org.obtain(spec, notify)
    if spec.kind == "git":
        return gittree.obtain(spec, notify)
    return plaindir.obtain(spec, notify)
