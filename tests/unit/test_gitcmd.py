# SPDX-License-Identifier: GPL-2.0-only
"""git in trees that are not the user's own: one way to run it, whoever owns them and whatever is configured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.gitcmd import check_git, run_git, write_files
from harness.paths import PROJECT_ROOT
from tests.support.git_trees import DRIVER, LINES, git, make_repository

# Others than the first go by the user's own configuration.
_HOMES = {"gitcmd.py", "user_tree.py", "user_identity.py"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "linux")


@pytest.fixture
def foreign(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that git takes for another user's (its setup.c, ensure_valid_ownership())."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    return tree


def test_a_tree_of_another_user_is_read(foreign: Path) -> None:
    assert check_git(foreign, "show", f"v1:{DRIVER}") == LINES


def test_files_of_a_commit_are_written_and_those_that_it_has_not_are_left_out(foreign: Path, tmp_path: Path) -> None:
    write_files(foreign, "v1", [DRIVER, "new.c"], tmp_path / "base")
    assert (tmp_path / "base" / DRIVER).read_text() == LINES
    assert not (tmp_path / "base" / "new.c").exists()


def test_a_commit_that_cannot_be_read_is_no_commit_without_files(tree: Path, tmp_path: Path) -> None:
    """Every old warning in a touched file would seem to be new."""
    with pytest.raises(InfrastructureError, match=r"git cat-file failed: .*v2"):
        write_files(tree, "v2", [DRIVER], tmp_path / "base")


def test_no_configuration_of_the_user_counts(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[diff]\n\tnoprefix = true\n[core]\n\tquotePath = false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert f"--- a/{DRIVER}" in check_git(tree, "diff", "v1")
    assert not run_git(tree, "config", "--get", "core.quotePath").ok
    assert git(tree, "status", "--porcelain") == ""


def test_nothing_else_starts_git() -> None:
    starts = re.compile(r"\[\s*\"git\",")
    sources = (PROJECT_ROOT / "harness").rglob("*.py")
    assert {source.name for source in sources if starts.search(source.read_text())} == _HOMES
