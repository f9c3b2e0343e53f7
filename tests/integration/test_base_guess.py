# SPDX-License-Identifier: GPL-2.0-only
"""The base of a run that names none, from what the patch says and the trees that are at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.intake import Fixup, read_patches
from harness.paths import cache_root
from harness.pipeline import RunJob, check
from harness.series import Patch
from harness.source import parse_base, worktree
from tests.support.git_trees import DRIVER, LINES, commit, edit, git, make_repository, write_tree
from tests.support.run_requests import run_request

ONE = ("checks",)  # of several, a note would tell the order
OTHER = LINES.replace("line_1;", "other_1;")  # the same around line 20, another file


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")


def cached(spec: str, driver: str) -> None:
    """A base in the cache whose dma-buf.c is ``driver``."""
    path = cache_root() / "trees" / spec.replace(":", "-") / "linux"
    write_tree(path)
    (path / DRIVER).write_text(driver)
    major, minor = spec.partition(":")[2].split(".")
    (path / "Makefile").write_text(f"VERSION = {major}\nPATCHLEVEL = {minor}\nSUBLEVEL = 1\n")
    worktree.record(parse_base(spec), path)


def mail(tmp_path: Path, driver: str, *options: str, trailer: str = "", old: str = "line_20;") -> Path:
    """A patch that renames the last variable of ``driver``; ``options`` of git diff."""
    tree = tmp_path / "author"
    shutil.rmtree(tree, ignore_errors=True)
    write_tree(tree)
    (tree / DRIVER).write_text(driver)
    git(tree, "init", "--quiet")
    commit(tree, "base")
    edit(tree, old, "renamed;")
    diff = git(tree, "diff", *options)
    path = tmp_path / "my.patch"
    path.write_text(f"From: A <a@b.example>\nSubject: [PATCH] rename\n\nText.\n---\n{diff}\n-- \n2.39\n{trailer}\n")
    return path


def job(patch: Path, base: str = "", *fixups: Path) -> RunJob:
    return check(run_request(base, patches=(patch,), fixups=fixups, suites=ONE), Path("run"))


def mending(tmp_path: Path) -> Path:
    """A patch that makes ``LINES`` of a file that has all of them but the last."""
    lines = LINES.replace("line_20;", "broken;")
    patch = plain(mail(tmp_path / "mending", lines, old="broken;"))
    patch.write_text(patch.read_text().replace("renamed;", "line_20;"))
    return patch


def plain(patch: Path) -> Path:
    """``patch`` without its index lines."""
    lines = patch.read_text().splitlines(keepends=True)
    patch.write_text("".join(line for line in lines if not line.startswith("index ")))
    return patch


def test_nothing_at_hand_is_the_default(tmp_path: Path) -> None:
    found = job(mail(tmp_path, LINES))
    assert (found.base.text, found.notes) == ("debian:6.12", ())


def test_default_if_the_patch_applies_there(tmp_path: Path) -> None:
    cached("debian:6.12", OTHER)
    cached("debian:7.3", OTHER)
    found = job(plain(mail(tmp_path, LINES)))
    assert found.base.text == "debian:6.12"
    assert found.notes == ("base: debian:6.12, because the patch applies there; --base overrides",)


def test_the_very_files_count_more_than_applying(tmp_path: Path) -> None:
    cached("debian:6.12", OTHER)
    cached("debian:6.1", LINES)
    found = job(mail(tmp_path, LINES))
    assert found.base.text == "debian:6.1"
    assert "has the very files that the patch was made from" in found.notes[0]


def renaming_series(tmp_path: Path) -> Path:
    """Renames the driver, then edits it under its new name, as it edits what it made."""
    tree = tmp_path / "author"
    write_tree(tree)
    git(tree, "init", "--quiet")
    base = commit(tree, "base")
    git(tree, "mv", DRIVER, "drivers/dma-buf/moved.c")
    edit(tree, "line_20;", "renamed;", "drivers/dma-buf/moved.c")
    (tree / "drivers/new.c").write_text("int new;\n")
    commit(tree, "move it")
    edit(tree, "line_19;", "edited;", "drivers/dma-buf/moved.c")
    edit(tree, "new;", "newer;", "drivers/new.c")
    commit(tree, "edit it")
    git(tree, "format-patch", "--quiet", "-M", f"--output-directory={tmp_path}/series", base)
    return tmp_path / "series"


def test_what_a_series_makes_itself_speaks_for_no_tree(tmp_path: Path) -> None:
    series = renaming_series(tmp_path)
    cached("debian:6.12", OTHER)
    cached("debian:6.1", LINES)
    found = job(series)
    assert found.base.text == "debian:6.1"
    assert "has the very files that the patch was made from" in found.notes[0]


@pytest.mark.parametrize(("count", "length"), [(2_500, 3_900), (1, 150_000)])
def test_names_that_an_argument_list_does_not_hold(count: int, length: int, tmp_path: Path) -> None:
    cached("debian:6.12", "int nothing;\n")
    cached("debian:6.1", LINES)
    made = "".join(
        f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+x\n"
        for name in (f"drivers/{'d' * length}{number}.c" for number in range(count))
    )
    patch = plain(mail(tmp_path, LINES))
    patch.write_text(patch.read_text().replace("diff --git", f"{made}diff --git"))
    assert job(patch).base.text == "debian:6.1"


def test_newest_on_which_it_applies(tmp_path: Path) -> None:
    cached("debian:6.12", "int nothing;\n")
    cached("debian:6.1", OTHER)
    cached("debian:7.3", OTHER)
    cached("debian:5.10", OTHER)
    assert job(plain(mail(tmp_path, LINES))).base.text == "debian:7.3"


def test_applies_nowhere(tmp_path: Path) -> None:
    cached("debian:7.3", "int nothing;\n")
    found = job(plain(mail(tmp_path, LINES)))
    assert found.base.text == "debian:6.12"
    assert "applies to no tree at hand (debian:7.3)" in found.notes[0]


def test_what_goes_below_the_patch_is_tried_with_it(tmp_path: Path) -> None:
    cached("debian:5.10", LINES.replace("line_20;", "broken;"))
    patch = plain(mail(tmp_path, LINES))
    assert "applies to no tree at hand" in job(patch).notes[0]
    found = job(patch, "", mending(tmp_path))
    assert found.base.text == "debian:5.10"
    assert found.notes == ("base: debian:5.10, because the patch applies there; --base overrides",)
    cached("debian:6.1", LINES)  # the patch applies there, but what goes below it does not
    assert job(patch, "", mending(tmp_path)).base.text == "debian:5.10"


def test_fixups_of_ours_are_tried_if_the_patch_needs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [patch] = read_patches([mending(tmp_path)])
    fixup = Fixup("mending", "it is broken", "it must not be", "0123456789ab", "6.1", "6.12", patch)
    monkeypatch.setattr("harness.pipeline.request.load_fixups", lambda: (fixup,))
    cached("debian:5.10", LINES.replace("line_20;", "broken;"))
    patched = plain(mail(tmp_path, LINES))
    assert "applies to no tree at hand" in job(patched).notes[0]  # a tree that it is not for
    cached("debian:6.1", LINES.replace("line_20;", "broken;"))
    assert job(patched).base.text == "debian:6.1"
    cached("debian:6.6", LINES)  # has what the fixup does
    assert job(patched).base.text == "debian:6.6"


def test_a_guess_leaves_the_cached_trees_as_they_are(tmp_path: Path) -> None:
    cached("debian:6.12", OTHER)
    tree = cache_root() / "trees/debian-6.12/linux"
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    job(plain(mail(tmp_path, LINES)))
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_named_base_is_not_questioned(tmp_path: Path) -> None:
    cached("debian:6.1", LINES)
    found = job(mail(tmp_path, LINES), "debian:7.3")
    assert (found.base.text, found.notes) == ("debian:7.3", ())


def test_base_commit_in_the_tree_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached("debian:6.12", LINES)
    tree = make_repository(tmp_path / "linux")
    monkeypatch.chdir(tree)
    start = git(tree, "rev-parse", "v1")
    found = job(mail(tmp_path, LINES, trailer=f"base-commit: {start}"))
    assert found.base.text == f"git:{tree}@{start[:12]}"
    assert found.notes == (
        f"base: git:{tree}@{start[:12]}, because the patch names that commit as its base; --base overrides",
    )


def test_base_commit_that_nobody_has_is_said(tmp_path: Path) -> None:
    cached("debian:6.12", LINES)
    found = job(mail(tmp_path, LINES, trailer=f"base-commit: {'ab' * 20}"))
    assert found.base.text == "debian:6.12"
    assert found.notes[1] == "the patch names abababababab as its base, which no tree at hand has"


def test_tree_one_stands_in_if_only_that_has_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached("debian:6.12", OTHER)
    tree = make_repository(tmp_path / "linux")
    monkeypatch.chdir(tree)
    patch = mail(tmp_path, (tree / DRIVER).read_text(), old="second;")
    head = git(tree, "rev-parse", "--short=12", "HEAD")
    assert job(patch).base.text == f"git:{tree}@{head}"


def test_repository_that_is_no_kernel_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path / "home", "init", "--quiet")
    (tmp_path / "home/README").write_text("a project\n")
    commit(tmp_path / "home", "project")
    found = job(mail(tmp_path, LINES))
    assert (found.base.text, found.notes) == ("debian:6.12", ())


def test_tree_of_somebody_else_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = make_repository(tmp_path / "linux")
    monkeypatch.chdir(tree)
    patch = mail(tmp_path, (tree / DRIVER).read_text(), old="second;")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert (job(patch).base.text, job(patch).notes) == ("debian:6.12", ())


def test_trailer_of_a_cover_letter_in_a_directory(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "0000-cover.patch").write_text(f"Subject: [PATCH 0/1] x\n\nbase-commit: {'12' * 20}\n")
    patch = mail(tmp_path, LINES)
    (series / "0001-x.patch").write_text(patch.read_text().replace("[PATCH]", "[PATCH 1/1]"))
    assert "the patch names 121212121212 as its base, which no tree at hand has" in job(series).notes
    assert not [note for note in job(patch).notes if "as its base" in note]


def test_bundled_series_needs_no_guess() -> None:
    cached("debian:7.3", LINES)
    found = check(run_request("", suites=ONE), Path("run"))
    assert (found.base.text, found.notes) == ("debian:6.12", ())
    assert isinstance(found.patches[0], Patch)
