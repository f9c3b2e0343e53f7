# SPDX-License-Identifier: GPL-2.0-only
"""Watching a real tree under git: which changes are noticed, and the command itself from a save to Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.paths import PROJECT_FILE, PROJECT_ROOT
from harness.watch import FileEvents, WatchedTree
from tests.support.git_trees import DRIVER, commit, edit, git, make_repository
from tests.support.real import harness_command, processes

LIMIT = 600.0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "linux")


# --- what is a change ---------------------------------------------------------------------------


def test_what_git_tracks_and_what_is_new_in_its_directories_is_work(tree: Path) -> None:
    watched = WatchedTree(tree)
    clean = watched.look()
    assert (clean.head, clean.work) == (git(tree, "rev-parse", "HEAD"), "")
    for name in ("notes.txt", "drivers/dma-buf/x.o", "runs/1/results.json", PROJECT_FILE):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("x\n")
    assert watched.look() == clean, "left out: no part of the tree, ignored, ours"
    edit(tree, "int line_5;", "int five;")
    first = watched.look()
    (tree / "drivers/dma-buf/new.c").write_text("int x;\n")
    second = watched.look()
    assert len({clean.work, first.work, second.work}) == 3
    git(tree, "add", "--update")
    assert watched.look() == second, "staged or not"
    commit(tree, "all of it")
    assert watched.look().head != second.head


def test_a_conflict_is_told(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "other", "HEAD^")
    edit(tree, "int line_20;", "int other;")
    commit(tree, "other")
    with pytest.raises(subprocess.CalledProcessError):
        git(tree, "merge", "main")
    state = WatchedTree(tree).look()
    assert (state.work, state.trouble) == ("", f"{DRIVER} is unmerged")


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        (DRIVER, True),
        (".git/HEAD", True),
        (".git/logs/HEAD", True),
        (".git/index", True),
        (".git/objects/12/3456", False),
        (".git/index.lock", False),
        ("runs/1/events.jsonl", False),
    ],
)
def test_only_some_files_matter(tree: Path, path: str, concerned: bool) -> None:
    assert WatchedTree(tree).concerns([str(tree / path)]) is concerned


def test_a_second_work_tree_has_its_commit_elsewhere(tree: Path) -> None:
    second = tree.parent / "second"
    git(tree, "worktree", "add", "--quiet", second)
    watched = WatchedTree(second / "drivers")
    assert watched.tree.path == second and len(watched.places) == 2
    with FileEvents(watched.places) as events:
        edit(second, "int line_5;", "int five;")
        commit(second, "five")
        found: set[str] = set()
        while not any(path.endswith("logs/HEAD") for path in found):
            found = events.wait(LIMIT)
            assert found, "no commit was noticed"


def test_what_is_no_kernel_tree_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="not a kernel tree under git"):
            WatchedTree(place)


# --- the command --------------------------------------------------------------------------------


@contextmanager
def watching(tree: Path, below: str = "") -> Iterator[subprocess.Popen[str]]:
    """``dmabuf-harness watch`` with the suite that needs no guest. All that it starts has MARK in its environment."""
    env = {
        **os.environ,
        "PYTHONPATH": str(PROJECT_ROOT),
        "XDG_CACHE_HOME": str(tree.parent / "cache"),
        "MARK": str(tree),
    }
    argv = [
        "env",
        "--default-signal=INT",
        *harness_command("watch", tree / below, "--suite", "static", "--accel", "tcg"),
    ]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], *words: str) -> str:
    """The next line that it says with all of ``words``."""
    assert process.stdout is not None
    for line in process.stdout:
        if all(word in line for word in words):
            return line
    assert process.stderr is not None
    raise AssertionError(f"it ended before it said {words}: {process.stderr.read()}")


def test_a_save_a_commit_and_the_end(tree: Path) -> None:
    with watching(tree) as process:
        said(process, "watch", "Ctrl-C ends it")
        edit(tree, "int line_5;", "int five;")
        said(process, "quick", "starts")
        result = said(process, "quick", "runs/")
        assert "out of date" not in result
        git(tree, "commit", "--quiet", "--all", "--message", "five")
        new = git(tree, "rev-parse", "HEAD")
        said(process, "verdict", new[:12], "starts")
        said(process, "verdict", new[:12], "runs/")
        edit(tree, "int five;", "int cinq;")
        said(process, "quick", "starts")
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130
    assert processes(f"MARK={tree}") == []
    assert git(tree, "status", "--porcelain", "--untracked-files=no") == f"M {DRIVER}"


def test_reports_that_the_project_file_asks_for_are_no_work(tree: Path) -> None:
    """They lie beside it, in a directory of the tree: each run would be the reason of the next."""
    (tree / "drivers/dma-buf" / PROJECT_FILE).write_text('report = ["markdown=summary.md"]\n')
    with watching(tree, "drivers/dma-buf") as process:
        said(process, "watch", "Ctrl-C ends it")
        edit(tree, "int line_5;", "int five;")
        said(process, "quick", "runs/")
        git(tree, "commit", "--quiet", "--all", "--message", "five")
        assert process.stdout is not None and " verdict " in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130
    assert "drivers/dma-buf/summary.md" in git(tree, "status", "--porcelain")


def test_a_run_patch_by_patch_does_not_end_it(tree: Path) -> None:
    (tree / PROJECT_FILE).write_text("each = true\n")
    with watching(tree) as process:
        said(process, "watch", "Ctrl-C ends it")
        edit(tree, "int line_5;", "int five;")
        said(process, "quick", "starts")
        said(process, "quick")
        git(tree, "commit", "--quiet", "--all", "--message", "five")
        said(process, "verdict", "starts")
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_by_a_signal_while_nothing_runs(tree: Path, number: signal.Signals, code: int) -> None:
    with watching(tree) as process:
        said(process, "Ctrl-C ends it")
        process.send_signal(number)
        assert process.wait(LIMIT) == code
