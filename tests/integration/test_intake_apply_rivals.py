# SPDX-License-Identifier: GPL-2.0-only
"""Patches given one by one that cannot both be applied: told as that, not as a patch to be rebased."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import apply_series, read_patches
from harness.series import Patch, Tree
from tests.support.git_trees import git

NAME = "heap.c"
LINES = [f"line {number}\n" for number in range(1, 31)]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    path = tmp_path / "linux"
    path.mkdir()
    (path / NAME).write_text("".join(LINES))
    (path / "Makefile").write_text("VERSION = 6\n")
    git(path, "init", "-q")
    git(path, "add", "-A")
    git(path, "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "-m", "base")
    return Tree("dir:test", path, git(path, "rev-parse", "HEAD").strip(), "6.12.1")


def patch(tmp_path: Path, name: str, line: int, new: str) -> Patch:
    above, below = ("".join(f" {one}" for one in LINES[at : at + 3]) for at in (line - 4, line))
    text = f"--- a/{NAME}\n+++ b/{NAME}\n@@ -{line - 3},7 +{line - 3},7 @@\n{above}-{LINES[line - 1]}+{new}\n{below}"
    file = tmp_path / name
    file.write_text(text)
    return read_patches([file])[0]


def test_two_ways_to_do_the_same(tree: Tree, tmp_path: Path) -> None:
    first, other, second = (patch(tmp_path, f"{n}.diff", line, f"new {n}") for n, line in ((1, 10), (2, 20), (3, 11)))
    with pytest.raises(UserError) as caught:
        apply_series(tree, [first, other, second])
    said = f"is made for the same lines as '1' ({tmp_path}/1.diff): not both can be applied; give the one that you mean"
    assert str(caught.value) == f"{tmp_path}/3.diff (3): {said}"
    assert len(apply_series(tree, [first, other]).patches) == 2


def test_patch_for_another_base_is_to_be_rebased(tree: Tree, tmp_path: Path) -> None:
    first = patch(tmp_path, "1.diff", 10, "new")
    (tmp_path / "2.diff").write_text((tmp_path / "1.diff").read_text().replace("line 1", "old 1"))
    with pytest.raises(UserError, match="rebase the patch"):
        apply_series(tree, [first, read_patches([tmp_path / "2.diff"])[0]])
