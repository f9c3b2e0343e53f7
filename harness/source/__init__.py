# SPDX-License-Identifier: GPL-2.0-only
"""Bases: where an unpatched kernel tree comes from, and the work tree in the cache that patches are applied to."""

from harness.source.bases import cached_bases, obtain
from harness.source.snapshot import Snapshot
from harness.source.spec import DEFAULT_BASE, BaseSpec, parse_base
from harness.source.user_tree import NoChangesError, UserTree, is_range
from harness.source.worktree import reset, worktree_lock

__all__ = [
    "DEFAULT_BASE",
    "BaseSpec",
    "NoChangesError",
    "Snapshot",
    "UserTree",
    "cached_bases",
    "is_range",
    "obtain",
    "parse_base",
    "reset",
    "worktree_lock",
]
