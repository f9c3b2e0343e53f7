# SPDX-License-Identifier: GPL-2.0-only
"""Patches from the tree that a user works in: ranges, uncommitted work, reverts. Real git, a tree of four files."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import apply_series
from harness.pipeline import check
from harness.pipeline.patches import Taken, take
from harness.source import is_range, obtain, parse_base
from tests.support.git_trees import DRIVER, LINES, commit, edit, git, make_repository
from tests.support.run_requests import run_request

ONE = ("checks",)  # of several, a note would tell the order


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository that the user stands in, with a configuration that would spoil a patch if it counted."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hostile = tmp_path / "gitconfig"
    hostile.write_text(
        "[diff]\n noprefix = true\n mnemonicPrefix = true\n external = /bin/false\n context = 0\n renames = false\n"
        " interHunkContext = 20\n indentHeuristic = false\n ignoreSubmodules = all\n algorithm = patience\n"
        "[color]\n ui = always\n[format]\n attach = true\n coverLetter = true\n signature = me\n thread = true\n"
        "[core]\n abbrev = 4\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile))
    made = make_repository(tmp_path / "linux")
    monkeypatch.chdir(made)
    return made


def taken(*patches: str, base: str = "", reverts: tuple[str, ...] = (), worktree: bool = False) -> Taken:
    ours = (Path.cwd() / "runs" / "1", Path("drivers/dma-buf/summary.md"))
    return take(base, [Path(name) for name in patches], [Path(name) for name in reverts], worktree=worktree, ours=ours)


def applied(found: Taken, base: str) -> dict[str, str]:
    """Path to text of each file of ``base`` with the patches on top."""
    tree = obtain(parse_base(base), lambda _text: None)
    apply_series(tree, found.patches)
    files = [path for path in tree.path.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(tree.path)): path.read_text() for path in files}


def state(tree: Path) -> tuple[str, str, str]:
    """All that must stay as it is: every byte in the repository and beside it."""
    digest = hashlib.sha256()
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        digest.update(bytes(path) + path.read_bytes())
    return digest.hexdigest(), git(tree, "status", "--porcelain"), git(tree, "for-each-ref")


# --- ranges -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("main..topic", True),
        ("main..", True),
        ("..topic", True),
        ("origin/main..HEAD~2", True),
        ("../x.patch", False),
        ("a/../x.patch", False),
        ("my.patch", False),
        ("..", False),
    ],
)
def test_what_a_range_is(text: str, answer: bool) -> None:
    assert is_range(text) is answer


@pytest.mark.parametrize("text", ["v1..main", "v1..", "v1..HEAD"])
def test_range_of_the_tree_one_stands_in(tree: Path, text: str) -> None:
    before = state(tree)
    found = taken(text)
    assert [patch.subject for patch in found.patches] == ["first", "second"]
    assert found.patches[0].author == "U Ser <u@localhost>"
    assert found.start == git(tree, "rev-parse", "v1")
    assert state(tree) == before
    assert applied(found, f"git:{tree}@v1")[DRIVER] == (tree / DRIVER).read_text()


def test_base_of_a_range_is_where_it_leaves_the_other_branch(tree: Path, tmp_path: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "topic", "v1")
    edit(tree, "int line_10;", "int topic;")
    commit(tree, "topic")
    job = check(run_request("", patches=(Path("main..topic"),), suites=ONE), tmp_path / "run")
    start = git(tree, "rev-parse", "--short=12", "v1")
    assert job.base.text == f"git:{tree}@{start}"
    assert [patch.subject for patch in job.patches] == ["topic"]
    assert job.notes == (f"base: git:{tree}@{start}, because the patches begin there; --base overrides",)


def test_range_of_the_tree_that_the_base_names(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = f"git:{tree}@v1"
    job = check(run_request(base, patches=(Path("v1..main"),), suites=ONE), tmp_path / "run")
    assert (job.base.text, len(job.patches), job.notes) == (base, 2, ())


def test_renames_modes_and_text_of_other_encodings_come_out_exact(tree: Path) -> None:
    git(tree, "mv", DRIVER, "drivers/dma-buf/moved.c")
    (tree / "Kconfig").write_bytes(b"mainmenu \xe9\n")
    (tree / "Makefile").chmod(0o755)
    commit(tree, "Größe: [drm] überall")
    found = taken("main~1..main")
    assert found.patches[0].files == ("Kconfig", "Makefile", DRIVER, "drivers/dma-buf/moved.c")
    base = obtain(parse_base(f"git:{tree}@main~1"), lambda _text: None)
    assert apply_series(base, found.patches).tree_id == git(tree, "rev-parse", "main^{tree}")


MESSAGE = f"""\
[drm] a message that looks like a patch

Before:

@@ -1,2 +1,3 @@
diff --cc is shown for a merge
Binary files a/x and b/x differ
diff --git a/{DRIVER} b/{DRIVER}
--- a/{DRIVER}
+++ b/{DRIVER}
@@ -10 +10 @@
-int line_10;
+int reboot;
base-commit: 0123456789abcdef0123456789abcdef01234567
---
Signed-off-by: A <a@b.example>
"""


def test_message_is_not_taken_for_a_diff_nor_for_a_mail(tree: Path) -> None:
    edit(tree, "int line_12;", "int twelve;")
    commit(tree, MESSAGE)
    [patch] = taken("main~1..main").patches
    shown = git(tree, "diff-tree", "-p", "main") + "\n"
    [said] = {git_patch_id(tree, text) for text in (shown, patch.diff.decode())}
    assert patch.patch_id == said
    assert patch.subject == "[drm] a message that looks like a patch"
    assert patch.message == MESSAGE.split("\n", 2)[2].strip()
    assert (patch.author, patch.tags, patch.base_commit) == (
        "U Ser <u@localhost>",
        ("Signed-off-by: A <a@b.example>",),
        "",
    )
    assert patch.date == datetime.fromisoformat(git(tree, "log", "-1", "--format=%aI")).isoformat()
    assert applied(taken("main~1..main"), f"git:{tree}@main~1")[DRIVER] == (tree / DRIVER).read_text()


def git_patch_id(tree: Path, text: str) -> str:
    argv = ["git", "-C", str(tree), "patch-id", "--stable"]
    done = subprocess.run(argv, input=text, capture_output=True, check=True, text=True)
    return done.stdout.split()[0]


def test_commit_that_was_taken_back_and_made_again(tree: Path) -> None:
    git(tree, "revert", "--no-edit", "main")
    git(tree, "cherry-pick", "main~1")
    found = taken("v1..main")
    assert [patch.subject for patch in found.patches] == ["first", "second", 'Revert "second"', "second"]
    assert found.patches[1].diff == found.patches[3].diff
    assert applied(found, f"git:{tree}@v1")[DRIVER] == (tree / DRIVER).read_text()
    with pytest.raises(UserError, match=r"commit [0-9a-f]{12}: is the same patch as commit [0-9a-f]{12}; give it once"):
        taken("main~1..main", "main~1..main")


def test_configuration_does_not_join_hunks(tree: Path) -> None:
    edit(tree, "int first;", "int one;")
    edit(tree, "int second;", "int two;")
    [work] = taken(worktree=True).patches
    commit(tree, "both")
    [patch] = taken("main~1..main").patches
    assert patch.diff == work.diff
    assert patch.diff.count(b"\n@@ ") == 2


def test_one_commit_of_a_range_is_picked(tree: Path) -> None:
    for pick, subject in (("2", "second"), ("first", "first")):
        [patch] = take("", [Path("v1..main")], (), worktree=False, ours=(tree / "runs",), pick=pick).patches
        assert patch.subject == subject
    with pytest.raises(UserError, match=r"commit [0-9a-f]{12}, commit [0-9a-f]{12}: --pick '3' is none of the patches"):
        take("", [Path("v1..main")], (), worktree=False, ours=(tree / "runs",), pick="3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("main..main", "no commits in it"),
        ("main..v1", "main has all of v1"),
        ("v1...main", r"three dots.*say v1\.\.main"),
        ("nothing..main", "'nothing' is no commit here"),
        ("v1..--help", "'--help' is no commit here"),
    ],
)
def test_ranges_that_are_none(tree: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        taken(text)


def test_range_with_a_merge(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "topic", "v1")
    edit(tree, "int line_10;", "int topic;")
    commit(tree, "topic")
    git(tree, "merge", "--quiet", "-m", "Merge main", "main")
    with pytest.raises(UserError, match=r"a merge is no patch: .* Merge main; rebase it"):
        taken("v1..topic")


def test_range_with_a_binary_file_names_the_commit(tree: Path) -> None:
    (tree / "drivers/logo").write_bytes(bytes(range(256)))
    made = commit(tree, "logo")
    with pytest.raises(UserError, match=f"commit {made[:12]}.*binary"):
        taken("main~1..main")


def test_range_outside_of_any_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="is in no git tree; change into a kernel tree"):
        taken("v1..main")


def test_tree_of_somebody_else(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError, match=r"belongs to somebody else, .*; git config --global --add safe"):
        taken("v1..main")


def test_range_from_below_the_top(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "drivers")
    assert len(taken("v1..main").patches) == 2


def test_range_in_a_linked_worktree_and_a_bare_repository(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tree, "worktree", "add", "--quiet", "--detach", tmp_path / "linked", "main")
    git(tree, "clone", "--quiet", "--bare", tree, tmp_path / "bare")
    for place in ("linked", "bare"):
        monkeypatch.chdir(tmp_path / place)
        found = taken("v1..main")
        assert [patch.subject for patch in found.patches] == ["first", "second"]
        assert found.tree is not None
        assert applied(found, f"git:{found.tree.path}@v1")[DRIVER] == (tree / DRIVER).read_text()


def test_range_in_shallow_and_partial_clones(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree, "config", "uploadpack.allowFilter", "true")
    git(tree, "clone", "--quiet", "--depth=2", f"file://{tree}", tmp_path / "shallow")
    git(tree, "clone", "--quiet", "--filter=blob:none", f"file://{tree}", tmp_path / "partial")
    for place, text in (("shallow", "main~1..main"), ("partial", "v1..main")):
        monkeypatch.chdir(tmp_path / place)
        assert [patch.subject for patch in taken(text).patches][-1] == "second"
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(UserError, match="is no commit here"):
        taken("v1..main")


# --- uncommitted work ---------------------------------------------------------------------------


def test_uncommitted_work_staged_or_not_with_new_files(tree: Path) -> None:
    edit(tree, "int line_10;", "int staged;")
    git(tree, "add", DRIVER)
    edit(tree, "int line_12;", "int unstaged;")
    (tree / "Kconfig").unlink()
    (tree / "drivers/dma-buf/new.c").write_text("int new;\n")
    (tree / "drivers/dma-buf/built.o").write_text("ignored\n")
    (tree / "notes.txt").write_text("stray\n")
    (tree / "drivers/dma-buf/dmabuf-harness.toml").write_text("strict = true\n")  # ours: init writes it
    (tree / "drivers/dma-buf/summary.md").write_text("a report of the run before\n")
    (tree / "runs/1").mkdir(parents=True)
    (tree / "runs/1/plan.json").write_text("{}\n")
    before = state(tree)
    found = taken(worktree=True)
    assert state(tree) == before
    assert found.start == git(tree, "rev-parse", "HEAD")
    [patch] = found.patches
    assert patch.subject == "uncommitted changes in linux"
    assert set(patch.files) == {DRIVER, "Kconfig", "drivers/dma-buf/new.c"}
    assert found.notes == (
        "new files in the patch: drivers/dma-buf/new.c",
        "left out, not in a directory of the tree: notes.txt",
    )
    there = applied(found, f"git:{tree}@HEAD")
    assert there[DRIVER] == (tree / DRIVER).read_text()
    assert "Kconfig" not in there and there["drivers/dma-buf/new.c"] == "int new;\n"


def test_uncommitted_work_on_top_of_a_range(tree: Path) -> None:
    edit(tree, "int line_10;", "int work;")
    found = taken("v1..", worktree=True)
    assert [patch.subject for patch in found.patches] == ["first", "second", "uncommitted changes in linux"]
    assert found.start == git(tree, "rev-parse", "v1")
    assert applied(found, f"git:{tree}@v1")[DRIVER] == (tree / DRIVER).read_text()


def test_clean_tree_has_nothing_to_test(tree: Path) -> None:
    (tree / "notes.txt").write_text("stray\n")
    with pytest.raises(UserError, match=r"no uncommitted changes \(not counted: notes.txt\)"):
        taken(worktree=True)


def test_unfinished_merge(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "topic", "v1")
    edit(tree, "int line_1;", "int conflict;")
    commit(tree, "topic")
    with pytest.raises(subprocess.CalledProcessError):
        git(tree, "merge", "main")
    with pytest.raises(UserError, match=f"{DRIVER} is unmerged"):
        taken(worktree=True)


def test_bare_repository_has_no_uncommitted_work(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree, "clone", "--quiet", "--bare", tree, tmp_path / "bare")
    monkeypatch.chdir(tmp_path / "bare")
    with pytest.raises(UserError, match="a bare repository"):
        taken(worktree=True)


# --- reverts ------------------------------------------------------------------------------------


def test_commit_is_taken_back(tree: Path) -> None:
    found = taken(reverts=("main~1",))
    assert [patch.subject for patch in found.patches] == ['Revert "first"']
    assert found.start == git(tree, "rev-parse", "HEAD")
    assert applied(found, f"git:{tree}@main")[DRIVER] == LINES.replace("line_20", "second")


def test_range_is_taken_back_from_its_end(tree: Path) -> None:
    found = taken(reverts=("v1..main",))
    assert [patch.subject for patch in found.patches] == ['Revert "second"', 'Revert "first"']
    assert applied(found, f"git:{tree}@main")[DRIVER] == LINES


def test_file_is_taken_back_before_a_patch_is_applied(tree: Path, tmp_path: Path) -> None:
    first = tmp_path / "first.patch"
    first.write_text(git(tree, "format-patch", "--stdout", "-1", "main~1") + "\n")
    found = taken("main~1..main", reverts=(str(first),), base=f"git:{tree}@main~1")
    assert [patch.subject for patch in found.patches] == ['Revert "first"', "second"]
    assert applied(found, f"git:{tree}@main~1")[DRIVER] == LINES.replace("line_20", "second")


def test_revert_of_a_merge(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "topic", "v1")
    edit(tree, "int line_10;", "int topic;")
    commit(tree, "topic")
    git(tree, "merge", "--quiet", "-m", "Merge main", "main")
    with pytest.raises(UserError, match="topic: a merge is no patch"):
        taken(reverts=("topic",))
