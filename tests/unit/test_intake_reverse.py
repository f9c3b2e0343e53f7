# SPDX-License-Identifier: GPL-2.0-only
"""Diffs turned round: git must agree that they take back what they were made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake.diff_parser import parse_diff
from harness.intake.reverse import reversed_diff, reversed_patch
from harness.series import Patch
from tests.support.git_trees import DRIVER, LINES, commit, edit, git, write_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path / "linux")
    git(tmp_path / "linux", "init", "--quiet")
    commit(tmp_path / "linux", "base")
    return tmp_path / "linux"


def change(tree: Path) -> None:
    """Everything that a diff of text can say."""
    edit(tree, "int line_1;\n", "-- \n--- a/x\n+++ b/x\n@@ -1 +1 @@\n")
    edit(tree, "int line_10;\nint line_11;\n", "int one;\n\nint two;\nint three;\n")
    (tree / DRIVER).write_text((tree / DRIVER).read_text().rstrip("\n"))
    (tree / "Makefile").chmod(0o755)
    (tree / "Kconfig").unlink()
    (tree / "drivers/new.c").write_text("int new;\n")
    (tree / "crlf.c").write_bytes(b"int a;\r\n")
    (tree / "empty.c").touch()


@pytest.mark.parametrize("options", [[], ["-M"], ["--no-prefix"], ["-U0"], ["-U1", "--full-index"]], ids=str)
def test_git_takes_it_and_is_back_at_the_start(tree: Path, options: list[str], tmp_path: Path) -> None:
    (tree / "drivers/old.c").write_text(LINES)
    commit(tree, "before")
    change(tree)
    commit(tree, "change")
    git(tree, "mv", "drivers/old.c", "drivers/renamed.c")
    edit(tree, "int line_7;", "int renamed;", "drivers/renamed.c")
    commit(tree, "rename")
    git(tree, "diff", *options, f"--output={tmp_path}/made.diff", "HEAD~2", "HEAD")
    diff = parse_diff((tmp_path / "made.diff").read_bytes(), "test")
    turned = reversed_diff(diff, "test")
    (tmp_path / "turned.diff").write_bytes(turned)
    strip = "-p0" if "--no-prefix" in options else "-p1"
    git(tree, "apply", "--index", "--unidiff-zero", strip, tmp_path / "turned.diff")
    assert git(tree, "write-tree") == git(tree, "rev-parse", "HEAD~2^{tree}")
    assert reversed_diff(parse_diff(turned, "test"), "test") == diff.data


@pytest.mark.parametrize("options", [[], ["--full-index"], ["--no-prefix"]], ids=str)
def test_file_that_becomes_a_link_and_back(tree: Path, options: list[str], tmp_path: Path) -> None:
    (tree / "crlf.c").symlink_to("Makefile")
    commit(tree, "before")
    (tree / DRIVER).unlink()
    (tree / DRIVER).symlink_to("../../Makefile")
    (tree / "crlf.c").unlink()
    (tree / "crlf.c").write_text("int a;\n")
    commit(tree, "change")
    git(tree, "diff", *options, f"--output={tmp_path}/made.diff", "HEAD~1", "HEAD")
    diff = parse_diff((tmp_path / "made.diff").read_bytes(), "test")
    turned = reversed_diff(diff, "test")
    (tmp_path / "turned.diff").write_bytes(turned)
    git(tree, "apply", "--index", "-p0" if "--no-prefix" in options else "-p1", tmp_path / "turned.diff")
    assert git(tree, "write-tree") == git(tree, "rev-parse", "HEAD~1^{tree}")
    assert reversed_diff(parse_diff(turned, "test"), "test") == diff.data


def test_plain_diff_without_git(tmp_path: Path, tree: Path) -> None:
    plain = (
        b"--- linux-old/drivers/new.c\t1970-01-01 00:00:00.000000000 +0000\n"
        b"+++ linux-new/drivers/new.c\t2026-01-01 00:00:00.000000000 +0000\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    )
    [file] = parse_diff(reversed_diff(parse_diff(plain, "test"), "test"), "test").files
    assert (file.old, file.new) == ("drivers/new.c", None)


def test_patch_says_that_it_is_a_revert(tree: Path) -> None:
    edit(tree, "int line_3;\n", "")
    diff = parse_diff(git(tree, "diff").encode() + b"\n", "my.patch")
    turned = reversed_patch(Patch("my.patch", "dma-buf: drop it", "A <a@b.example>", diff))
    assert turned.subject == 'Revert "dma-buf: drop it"'
    assert turned.origin == "my.patch, reversed"
    assert turned.added == {DRIVER: frozenset({3})}
    assert LINES.splitlines()[2] == "int line_3;"


def test_copied_file_cannot_be_taken_back() -> None:
    copied = b"diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n"
    with pytest.raises(UserError, match=r"my\.patch: copies a file"):
        reversed_diff(parse_diff(copied, "my.patch"), "my.patch")
