# SPDX-License-Identifier: GPL-2.0-only
"""Small patches of ours against a real tree, made when they are needed."""

from __future__ import annotations

import difflib
from pathlib import Path

from harness import process
from harness.series import Tree
from harness.source import obtain, parse_base

BASE = "debian:6.12"


def base_tree() -> Tree:
    return obtain(parse_base(BASE), lambda text: None)


def patch_file(path: Path, name: str, old: str, new: str) -> Path:
    """A diff at ``path`` that turns the first ``old`` in the base's file ``name`` into ``new``."""
    tree = base_tree()
    before = process.check(["git", "-C", tree.path, "show", f"{tree.commit}:{name}"], what="git show")
    assert old in before, f"{name} of {tree.version} has no {old!r}"
    after = before.replace(old, new, 1)
    old_lines, new_lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    path.write_text("".join(difflib.unified_diff(old_lines, new_lines, f"a/{name}", f"b/{name}")))
    return path
