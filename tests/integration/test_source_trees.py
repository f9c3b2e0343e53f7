# SPDX-License-Identifier: GPL-2.0-only
"""Work trees from a user's repository or directory: real git on a tree of four files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.locks import try_exclusive
from harness.model import Tree
from harness.source import obtain, parse_base, reset, worktree_lock

DRIVER = "drivers/dma-buf/dma-buf.c"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # A user's settings that would spoil a tree if they reached ours.
    hostile = tmp_path / "gitconfig"
    hostile.write_text("[core]\n autocrlf = true\n hooksPath = /nowhere\n[commit]\n gpgSign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile))
    monkeypatch.setenv("GIT_DIR", "/nowhere")


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    tree = tmp_path / "linux"
    (tree / "drivers/dma-buf").mkdir(parents=True)
    (tree / "Makefile").write_text("VERSION = 9\nPATCHLEVEL = 8\nSUBLEVEL = 7\nEXTRAVERSION =\n")
    (tree / "Kconfig").write_text("mainmenu\r\n")
    (tree / ".gitignore").write_text("*.o\n/*\n")
    (tree / DRIVER).write_text("int dma_buf;\n")
    return tree


def git(tree: Path, *args: str) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = ["-c", "user.name=u", "-c", "user.email=u@localhost"]
    argv = ["git", "-C", str(tree), *identity, *args]
    return subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout.strip()


def commit(tree: Path, message: str) -> str:
    git(tree, "add", "--all", "--force")
    git(tree, "commit", "--quiet", "--message", message)
    return git(tree, "rev-parse", "HEAD")


@pytest.fixture
def repository(linux: Path) -> Path:
    git(linux, "init", "--quiet", "--initial-branch=main")
    commit(linux, "one")
    git(linux, "tag", "v1")
    (linux / DRIVER).write_text("int dma_buf_two;\n")
    commit(linux, "two")
    return linux


def quiet(_text: str) -> None:
    pass


def get(spec: str) -> Tree:
    return obtain(parse_base(spec), quiet)


def content(tree: Path) -> dict[str, tuple[bytes, int]]:
    """Path to content and time stamp of every file outside ``.git``."""
    files = [path for path in tree.rglob("*") if path.is_file() and ".git" not in path.relative_to(tree).parts]
    return {str(path.relative_to(tree)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# --- git: ---------------------------------------------------------------------------------------


def test_commit_is_checked_out_beside_the_users_repository(repository: Path) -> None:
    (repository / DRIVER).write_text("uncommitted work\n")
    before, status = content(repository), git(repository, "status", "--porcelain")
    tree = get(f"git:{repository}@v1")
    assert (tree.path / DRIVER).read_text() == "int dma_buf;\n"
    assert (tree.path / "Kconfig").read_bytes() == b"mainmenu\r\n"
    assert (tree.version, tree.commit) == ("9.8.7", git(repository, "rev-parse", "v1"))
    assert (content(repository), git(repository, "status", "--porcelain")) == (before, status)
    assert git(repository, "worktree", "list", "--porcelain").count("worktree ") == 1


def test_another_commit_uses_the_same_place_and_writes_only_what_differs(repository: Path) -> None:
    first = get(f"git:{repository}@v1")
    before = content(first.path)
    second = get(f"git:{repository}@main")
    after = content(second.path)
    assert first.path == second.path
    assert {name for name in after if after[name] != before[name]} == {DRIVER}


def test_base_outlives_the_users_repository(repository: Path) -> None:
    tree = get(f"git:{repository}@v1")
    (repository / ".git").rename(repository / "gone")
    (tree.path / DRIVER).write_text("patched\n")
    reset(tree)
    assert (tree.path / DRIVER).read_text() == "int dma_buf;\n"


def test_short_id_and_head(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert get(f"git:{repository}@{head[:10]}").commit == head
    assert get(f"git:{repository}").commit == head


@pytest.mark.parametrize("ref", ["nothing", "--help", "v1:Makefile", "0000000000"])
def test_missing_ref(repository: Path, ref: str) -> None:
    with pytest.raises(UserError, match="is no commit here"):
        get(f"git:{repository}@{ref}")


def test_ambiguous_ref(repository: Path) -> None:
    git(repository, "branch", "v1", "main")
    with pytest.raises(UserError, match="'v1' is ambiguous; say refs/heads/"):
        get(f"git:{repository}@v1")
    assert get(f"git:{repository}@refs/heads/v1").commit == git(repository, "rev-parse", "main")


def test_directory_without_repository(linux: Path) -> None:
    with pytest.raises(UserError, match=f"not a git repository; use dir:{linux}"):
        get(f"git:{linux}@v1")


def test_repository_that_is_no_kernel(repository: Path) -> None:
    (repository / "Kconfig").unlink()
    commit(repository, "no kernel")
    with pytest.raises(UserError, match="is not a kernel tree"):
        get(f"git:{repository}@main")


# --- dir: ---------------------------------------------------------------------------------------


def test_directory_is_copied_without_what_a_build_left(linux: Path) -> None:
    for built in (
        ".config",
        "vmlinux",
        "drivers/dma-buf/dma-buf.o",
        "include/config/auto.conf",
        "arch/x86/boot/bzImage",
    ):
        (linux / built).parent.mkdir(parents=True, exist_ok=True)
        (linux / built).write_text("built\n")
    (linux / "drivers/dma-buf/.dma-buf.o.cmd").write_text("built\n")
    before = content(linux)
    tree = get(f"dir:{linux}")
    assert set(content(tree.path)) == {"Makefile", "Kconfig", ".gitignore", DRIVER}
    assert (tree.path / "Kconfig").read_bytes() == b"mainmenu\r\n"
    assert content(linux) == before
    assert not (linux / ".git").exists()


def test_changes_follow_in_the_next_run_and_nothing_else_is_written(linux: Path) -> None:
    first = get(f"dir:{linux}")
    before = content(first.path)
    (linux / DRIVER).write_text("int changed;\n")
    (linux / "new.c").write_text("int new;\n")
    (linux / ".gitignore").unlink()
    second = get(f"dir:{linux}")
    after = content(second.path)
    assert {name for name in after if after[name] != before.get(name)} == {DRIVER, "new.c"}
    assert ".gitignore" not in after
    assert second.commit != first.commit


def test_same_directory_is_the_same_commit(linux: Path) -> None:
    assert get(f"dir:{linux}") == get(f"dir:{linux}")


def test_uncommitted_work_of_a_repository_counts(repository: Path) -> None:
    (repository / DRIVER).write_text("uncommitted work\n")
    status = git(repository, "status", "--porcelain")
    tree = get(f"dir:{repository}")
    assert (tree.path / DRIVER).read_text() == "uncommitted work\n"
    assert git(repository, "status", "--porcelain") == status


# --- between runs -------------------------------------------------------------------------------


def test_reset_undoes_a_patch_and_writes_nothing_else(linux: Path) -> None:
    tree = get(f"dir:{linux}")
    before = content(tree.path)
    (tree.path / DRIVER).write_text("patched\n")
    (tree.path / "added.o").write_text("ignored by the tree, yet new\n")
    (tree.path / "new").mkdir()
    (tree.path / "new/file.c").write_text("added\n")
    git(tree.path, "rm", "--quiet", "Kconfig")
    reset(tree)
    after = content(tree.path)
    assert {name: data for name, (data, _) in after.items()} == {name: data for name, (data, _) in before.items()}
    assert {name for name in after if after[name] != before[name]} == {DRIVER, "Kconfig"}


def test_reset_leaves_a_file_that_was_only_touched(linux: Path) -> None:
    tree = get(f"dir:{linux}")
    os.utime(tree.path / DRIVER, ns=(1, 1))
    reset(tree)
    assert (tree.path / DRIVER).stat().st_mtime_ns == 1


def test_reset_after_commits_and_a_kill(linux: Path) -> None:
    tree = get(f"dir:{linux}")
    (tree.path / DRIVER).write_text("patched\n")
    commit(tree.path, "a patch")
    (tree.path / "Makefile").write_text("half")
    (tree.path / ".git/index.lock").write_text("")
    reset(tree)
    assert git(tree.path, "rev-parse", "HEAD") == tree.commit
    assert git(tree.path, "status", "--porcelain") == ""


@pytest.mark.parametrize("kind", ["dir", "git"])
def test_locks_that_a_killed_git_left_do_not_last(repository: Path, kind: str) -> None:
    tree = get(f"{kind}:{repository}")
    left = ("index.lock", "user.index.lock", "HEAD.lock", "config.lock", "shallow.lock", "refs/harness/x.lock")
    for name in left:
        (tree.path / ".git" / name).parent.mkdir(exist_ok=True)
        (tree.path / ".git" / name).write_text("")
    (repository / DRIVER).write_text("int three;\n")
    commit(repository, "three")
    assert (get(f"{kind}:{repository}").path / DRIVER).read_text() == "int three;\n"


def test_lock_is_held_against_others_and_waiting_is_said(linux: Path) -> None:
    tree = get(f"dir:{linux}")
    with worktree_lock(tree), try_exclusive(tree.path.parent / "worktree.lock") as free:
        assert not free
    with try_exclusive(tree.path.parent / "worktree.lock") as free:
        assert free
