# SPDX-License-Identifier: GPL-2.0-only
"""One door to all kinds of bases."""

from __future__ import annotations

from harness.model import Tree
from harness.source import debian, gittree, plaindir
from harness.source.download import Notify
from harness.source.spec import BaseSpec


def obtain(spec: BaseSpec, notify: Notify) -> Tree:
    """Bring a base into the cache and return its work tree.

    ``notify`` gets a sign of life in a few words ("84 MB of 141 MB", "unpacking the source"). What the user named is
    never changed. Take ``worktree_lock`` and ``reset`` before using the tree: another run may patch it until then.
    Raises ``UserError`` (no such version, branch, ...) and ``InfrastructureError`` (network, disk).
    """
    if spec.kind == "debian":
        return debian.obtain(spec, notify)
    if spec.kind == "git":
        return gittree.obtain(spec, notify)
    return plaindir.obtain(spec, notify)
