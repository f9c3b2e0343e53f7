# SPDX-License-Identifier: GPL-2.0-only
"""Work trees from a user's repository or directory: real git on a tree of four files."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest

from harness.errors import InfrastructureError, UserError
from harness.locks import holder, on_behalf_of, try_exclusive
from harness.series import Tree
from harness.source import obtain, parse_base, reset, worktree_lock
from harness.source.worktree import lock_path

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


@pytest.mark.parametrize("objects_are", ["loose", "packed"])
def test_nothing_is_copied_from_the_same_disk(repository: Path, objects_are: str) -> None:
    if objects_are == "packed":
        git(repository, "gc", "--quiet")
    theirs = {path.stat().st_ino for path in (repository / ".git/objects").rglob("*") if path.is_file()}
    tree = get(f"git:{repository}@v1")
    blob = git(tree.path, "rev-parse", f"{tree.commit}:Makefile")
    own = [path for path in (tree.path / ".git/objects").rglob("*") if path.is_file() and path.name != "alternates"]
    linked = {path.stat().st_ino for path in (tree.path.parent / "borrowed").rglob("*") if path.is_file()}
    assert git(tree.path, "cat-file", "-t", blob) == "blob"
    assert not own and linked and linked <= theirs


def test_from_another_disk_it_is_fetched(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))

    monkeypatch.setattr(os, "link", refused)
    tree = get(f"git:{repository}@v1")
    assert (tree.path / DRIVER).read_text() == "int dma_buf;\n"
    assert not (tree.path.parent / "borrowed").exists() and not (tree.path.parent / "borrowed.part").exists()


def test_garbage_that_the_user_drops_stays_while_it_is_checked_out(repository: Path) -> None:
    tree = get(f"git:{repository}@main")
    (repository / DRIVER).write_text("int three;\n")
    git(repository, "commit", "--quiet", "--amend", "--all", "--message", "three")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "--quiet", "--prune=now")
    (tree.path / DRIVER).write_text("patched\n")
    reset(tree)
    assert (tree.path / DRIVER).read_text() == "int dma_buf_two;\n"
    assert (get(f"git:{repository}@main").path / DRIVER).read_text() == "int three;\n"
    assert git(tree.path, "status", "--porcelain") == ""


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
    said: list[str] = []

    def other() -> None:
        with worktree_lock(tree, said.append):
            pass

    waiting = threading.Thread(target=other)
    with on_behalf_of(Path("/runs/first")), worktree_lock(tree), try_exclusive(lock_path(tree.path)) as free:
        assert not free
        waiting.start()
        while not said:
            waiting.join(0.01)
    waiting.join()
    who = f"another run (process {os.getpid()}, in /runs/first)"
    assert said == [f"{who} holds this base's work tree: waiting for it"]
    assert holder(lock_path(tree.path)) is None
    with try_exclusive(lock_path(tree.path)) as free:
        assert free


# --- all kinds of repositories ------------------------------------------------------------------


def test_linked_worktree_bare_and_shared_repositories(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "v1")
    git(repository, "clone", "--quiet", "--bare", str(repository), str(tmp_path / "bare"))
    git(repository, "clone", "--quiet", "--shared", str(repository), str(tmp_path / "shared"))
    assert (get(f"git:{tmp_path}/linked").path / DRIVER).read_text() == "int dma_buf;\n"
    for name in ("bare", "shared"):
        assert (get(f"git:{tmp_path}/{name}@main").path / DRIVER).read_text() == "int dma_buf_two;\n"


@pytest.mark.parametrize("options", [["--depth=1"], ["--filter=blob:none"], ["--filter=tree:0", "--no-checkout"]])
def test_shallow_and_partial_clones(repository: Path, tmp_path: Path, options: list[str]) -> None:
    """What a partial clone lacks comes from its own remote; git takes it along, and nothing else changes there."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "clone"
    git(repository, "clone", "--quiet", *options, f"file://{repository}", str(clone))
    refs, status = git(clone, "for-each-ref"), git(clone, "status", "--porcelain")
    tree = get(f"git:{clone}@main")
    assert (tree.path / DRIVER).read_text() == "int dma_buf_two;\n"
    assert (git(clone, "for-each-ref"), git(clone, "status", "--porcelain")) == (refs, status)


def test_partial_clone_whose_remote_is_gone(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(repository, "clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{repository}", str(clone))
    repository.rename(tmp_path / "gone")
    with pytest.raises(InfrastructureError, match=r"it lacks parts of .*, and its remote does not give them") as caught:
        get(f"git:{clone}@main")
    assert "\n" not in str(caught.value)


def test_a_ref_that_moved_is_looked_up_again(repository: Path) -> None:
    first = get(f"git:{repository}@main")
    (repository / DRIVER).write_text("int three;\n")
    moved = commit(repository, "three")
    second = get(f"git:{repository}@main")
    assert (second.path, second.commit) == (first.path, moved)
    assert (second.path / DRIVER).read_text() == "int three;\n"


def test_the_tree_one_stands_in(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "drivers")
    tree = get("git:@v1")
    assert tree.commit == git(repository, "rev-parse", "v1")
    assert tree.path == get(f"git:{repository}@v1").path


# --- all kinds of directories -------------------------------------------------------------------


def test_odd_modes_programs_and_links(linux: Path) -> None:
    (linux / "scripts").mkdir()
    (linux / "scripts/run.sh").write_text("#!/bin/sh\n")
    for path in linux.rglob("*"):
        path.chmod(0o777)
    (linux / DRIVER).chmod(0o4400)
    (linux / "scripts/fixdep").write_bytes(b"\x7fELF\x02\x01")
    (linux / "scripts/fixdep").chmod(0o755)
    (linux / "scripts/lexer.lex.c").write_text("made by flex\n")
    (linux / "modules.order").write_text("built\n")
    (linux / "dangling").symlink_to("/nowhere")
    os.mkfifo(linux / "pipe")
    tree = get(f"dir:{linux}")
    there = {str(path.relative_to(tree.path)) for path in tree.path.rglob("*") if ".git" not in path.parts}
    wanted = {"Makefile", "Kconfig", ".gitignore", "scripts", "scripts/run.sh", "drivers", "drivers/dma-buf", DRIVER}
    assert there == {*wanted, "dangling"}
    assert (tree.path / "dangling").readlink() == Path("/nowhere")


def test_directory_that_cannot_be_written(linux: Path) -> None:
    """Nothing is: as root permissions do not stop us, so the time of each directory tells."""
    places = [linux, *(path for path in linux.rglob("*") if path.is_dir())]
    for place in places:
        os.utime(place, ns=(1, 1))
        place.chmod(0o555)
    get(f"dir:{linux}")
    assert {place.stat().st_mtime_ns for place in places} == {1}


def test_repository_inside_of_a_directory(linux: Path) -> None:
    inner = linux / "drivers/own"
    inner.mkdir()
    git(inner, "init", "--quiet")
    (inner / "own.c").write_text("int own;\n")
    commit(inner, "own")
    with pytest.raises(UserError, match="drivers/own is a git repository of its own"):
        get(f"dir:{linux}")
