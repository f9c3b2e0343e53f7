# SPDX-License-Identifier: GPL-2.0-only
"""Series applied to a real git work tree: what changes, what stays, and what is said when it does not fit."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import apply_series, read_patches
from harness.series import Applied, Patch, Tree

CODE = "".join(f"line {number}\n" for number in range(1, 101))
EXPORTER = "drivers/dma-buf/dma-buf.c"
FILES = {
    "Makefile": "VERSION = 6\n",
    EXPORTER: CODE,
    "drivers/dma-buf/dma-heap.c": "int heap;\nint more;\nint last;\n",
    "scripts/run.sh": "#!/bin/sh\ntrue\n",
    "Documentation/dos.txt": "one\r\ntwo\r\nthree\r\n",
}
Change = Callable[[Path], None]


def git(tree: Path, *args: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "core.autocrlf=false")
    return subprocess.run(["git", *identity, *args], cwd=tree, check=True, capture_output=True, text=True).stdout


def make_tree(path: Path) -> Tree:
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, newline="")
    git(path, "init", "-q")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "base")
    return Tree("dir:test", path, git(path, "rev-parse", "HEAD").strip(), "6.12.1")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return make_tree(tmp_path / "linux")


class Author:
    """Somebody who makes patches in a repository of their own, beginning with the same files."""

    def __init__(self, home: Path) -> None:
        self.tree = make_tree(home / "author")
        self.out = home / "patches"

    def patch(self, subject: str, change: Change) -> Patch:
        change(self.tree.path)
        git(self.tree.path, "add", "-A")
        git(self.tree.path, "commit", "-q", "-m", subject)
        [name] = git(self.tree.path, "format-patch", "-1", "-N", "-o", str(self.out / subject)).splitlines()
        return read_patches([Path(name)])[0]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def replace(name: str, old: str, new: str) -> Change:
    def change(tree: Path) -> None:
        text = (tree / name).read_bytes().decode()
        assert text.count(old) == 1
        (tree / name).write_bytes(text.replace(old, new).encode())

    return change


def snapshot(tree: Tree) -> dict[str, tuple[bytes, int, int]]:
    """Content, mode and time stamp of every file outside .git, and git's own view of them."""
    files = [path for path in tree.path.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in files}


def refused(tree: Tree, *patches: Patch) -> str:
    """The message; the tree, git's index included, must be as it was."""
    before, index = snapshot(tree), git(tree.path, "ls-files", "--stage")
    with pytest.raises(UserError) as caught:
        apply_series(tree, patches)
    assert snapshot(tree) == before
    assert git(tree.path, "ls-files", "--stage") == index
    assert not (tree.path / ".git" / "intake").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def content_id(tree: Path) -> str:
    git(tree, "add", "-A")
    return git(tree, "write-tree").strip()


def test_series_is_applied_and_lines_are_counted_in_the_final_files(tree: Tree, author: Author) -> None:
    first = author.patch("first", replace(EXPORTER, "line 50\n", "line 50\nnew\n"))
    second = author.patch("second", replace(EXPORTER, "line 10\n", "line 10\na\nb\n"))
    before = snapshot(tree)
    applied = apply_series(tree, [first, second])
    assert first.added == {EXPORTER: frozenset({51})}
    assert applied.added == {EXPORTER: frozenset({11, 12, 53})}
    assert applied.touched == (EXPORTER,)
    changed = {name for name, state in snapshot(tree).items() if before[name] != state}
    assert changed == {str(tree.path / EXPORTER)}
    assert applied.tree_id == content_id(author.tree.path) == content_id(tree.path)


def test_equal_content_has_an_equal_id_however_it_came_about(tree: Tree, author: Author, tmp_path: Path) -> None:
    one = author.patch("one", replace(EXPORTER, "line 50\n", "changed\n"))
    two = author.patch("two", replace(EXPORTER, "line 90\n", "changed too\n"))
    together = tmp_path / "both.diff"
    together.write_text(git(author.tree.path, "diff", author.tree.commit))
    other = make_tree(tmp_path / "other")
    assert apply_series(tree, [one, two]).tree_id == apply_series(other, read_patches([together])).tree_id


def test_offset_is_taken(tree: Tree, author: Author) -> None:
    replace(EXPORTER, "line 1\n", "line 0\n" * 30 + "line 1\n")(author.tree.path)
    git(author.tree.path, "commit", "-q", "-a", "-m", "elsewhere")
    applied = apply_series(tree, [author.patch("moved", replace(EXPORTER, "line 50\n", "changed\n"))])
    assert applied.added == {EXPORTER: frozenset({50})}


def create(tree: Path) -> None:
    (tree / "drivers/new").mkdir()
    (tree / "drivers/new/probe.c").write_text("int probe;\n")


def delete(tree: Path) -> None:
    (tree / "drivers/dma-buf/dma-heap.c").unlink()


def rename(tree: Path) -> None:
    (tree / EXPORTER).rename(tree / "drivers/dma-buf/core.c")
    replace("drivers/dma-buf/core.c", "line 50\n", "changed\n")(tree)


def make_executable(tree: Path) -> None:
    (tree / "scripts/run.sh").chmod(0o755)


def link(tree: Path) -> None:
    (tree / "scripts/link").symlink_to("run.sh")


def edit_crlf(tree: Path) -> None:
    replace("Documentation/dos.txt", "two\r\n", "2\r\n")(tree)


@pytest.mark.parametrize(
    ("change", "touched", "added"),
    [
        (create, {"drivers/new/probe.c"}, {"drivers/new/probe.c": frozenset({1})}),
        (delete, {"drivers/dma-buf/dma-heap.c"}, {}),
        (rename, {EXPORTER, "drivers/dma-buf/core.c"}, {"drivers/dma-buf/core.c": frozenset({50})}),
        (make_executable, {"scripts/run.sh"}, {}),
        (link, {"scripts/link"}, {"scripts/link": frozenset({1})}),
        (edit_crlf, {"Documentation/dos.txt"}, {"Documentation/dos.txt": frozenset({2})}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_kinds_of_change(
    change: Change, touched: set[str], added: dict[str, frozenset[int]], tree: Tree, author: Author
) -> None:
    applied = apply_series(tree, [author.patch("change", change)])
    assert set(applied.touched) == touched
    assert applied.added == added
    assert content_id(tree.path) == applied.tree_id == content_id(author.tree.path)


@pytest.mark.parametrize("change", [create, delete, rename, make_executable, link, edit_crlf])
def test_index_stays_at_the_base_so_that_the_tree_can_be_reset(change: Change, tree: Tree, author: Author) -> None:
    index = git(tree.path, "ls-files", "--stage")
    apply_series(tree, [author.patch("change", change)])
    assert git(tree.path, "ls-files", "--stage") == index
    git(tree.path, "reset", "-q", "--hard", tree.commit)
    git(tree.path, "clean", "-qffdx")
    assert git(tree.path, "status", "--porcelain") == ""
    assert {name: (tree.path / name).read_bytes().decode() for name in FILES} == FILES


def test_hunk_that_does_not_fit_is_named_with_its_nearest_match(tree: Tree, author: Author) -> None:
    patch = author.patch("title", replace(EXPORTER, "line 50\n", "changed\n"))
    replace(EXPORTER, "line 51\n", "line fifty-one\n")(tree.path)
    git(tree.path, "commit", "-q", "-a", "-m", "other base")
    text = refused(Tree("debian:6.12", tree.path, git(tree.path, "rev-parse", "HEAD").strip(), "6.12"), patch)
    assert text.startswith(f"{patch.origin} (title): does not apply to debian:6.12: {EXPORTER}, hunk 1 of 1 (@@ -47,7")
    assert "nearest match at line 47: 1 of 7 lines differ" in text
    assert "first 'line 51' where the base has 'line fifty-one'" in text


def test_second_hunk_is_the_one_named(tree: Tree, author: Author) -> None:
    def change(path: Path) -> None:
        replace(EXPORTER, "line 20\n", "x\n")(path)
        replace(EXPORTER, "line 80\n", "y\n")(path)

    patch = author.patch("two hunks", change)
    replace(EXPORTER, "line 79\n", "")(tree.path)
    git(tree.path, "commit", "-q", "-a", "-m", "other base")
    assert "hunk 2 of 2 (@@ -77,7 +77,7 @@" in refused(tree, patch)


def test_failure_of_the_second_patch_leaves_nothing_of_the_first(tree: Tree, author: Author) -> None:
    good = author.patch("good", create)
    author.patch("left out", replace(EXPORTER, "line 50\n", "not given\n"))
    bad = author.patch("bad", replace(EXPORTER, "not given\n", "changed\n"))
    assert "(bad): does not apply" in refused(tree, good, bad)


def test_white_space_changed_by_a_mail_program_is_called_that(tree: Tree, tmp_path: Path) -> None:
    mangled = tmp_path / "x.diff"
    mangled.write_text(
        "--- a/drivers/dma-buf/dma-heap.c\n+++ b/drivers/dma-buf/dma-heap.c\n"
        "@@ -1,3 +1,3 @@\n int   heap;\n-int more;\n+int less;\n int last;\n"
    )
    assert "at line 1 only white space differs" in refused(tree, *read_patches([mangled]))


def test_hunk_that_is_there_already_beside_one_that_does_not_fit(tree: Tree, author: Author) -> None:
    def change(path: Path) -> None:
        replace(EXPORTER, "line 20\n", "x\n")(path)
        replace(EXPORTER, "line 80\n", "y\n")(path)

    patch = author.patch("half there", change)
    replace(EXPORTER, "line 20\n", "x\n")(tree.path)
    git(tree.path, "commit", "-q", "-a", "-m", "other base")
    assert "hunk 1 of 2 (@@ -17,7 +17,7 @@ line 16): what it makes is already at line 17" in refused(tree, patch)


def with_base(tree: Tree, author: Author) -> Tree:
    """``tree`` moved to all that the author has done."""
    git(tree.path, "fetch", "-q", str(author.tree.path))
    git(tree.path, "reset", "-q", "--hard", "FETCH_HEAD")
    return Tree(tree.spec, tree.path, git(tree.path, "rev-parse", "HEAD").strip(), tree.version)


def ids(applied: Applied) -> tuple[str, tuple[str, ...]]:
    return applied.tree_id, applied.already_in_base


def test_patch_that_the_base_has_is_skipped_and_named(tree: Tree, author: Author) -> None:
    known = author.patch("known", replace(EXPORTER, "line 50\n", "changed\n"))
    base = with_base(tree, author)
    fresh = author.patch("fresh", replace(EXPORTER, "line 90\n", "changed too\n"))
    applied = apply_series(base, [known, fresh])
    assert ids(applied) == (content_id(author.tree.path), ("known",))
    assert applied.added == {EXPORTER: frozenset({90})}


# Not a change of mode alone: git applies it again and it changes nothing.
@pytest.mark.parametrize("change", [create, delete, rename, link, edit_crlf])
def test_any_kind_of_change_is_recognised_in_the_base(change: Change, tree: Tree, author: Author) -> None:
    patch = author.patch("known", change)
    base = with_base(tree, author)
    before = snapshot(base)
    assert ids(apply_series(base, [patch])) == (content_id(author.tree.path), ("known",))
    assert snapshot(base) == before


def test_whole_series_in_the_base_is_recognised_although_its_patches_build_on_each_other(
    tree: Tree, author: Author
) -> None:
    one = author.patch("one", replace(EXPORTER, "line 50\n", "one\n"))
    two = author.patch("two", replace(EXPORTER, "one\n", "two\n"))
    base = with_base(tree, author)
    three = author.patch("three", replace(EXPORTER, "two\n", "three\n"))
    assert apply_series(base, [one, two]).already_in_base == ("one", "two")
    applied = apply_series(base, [one, two, three])
    assert ids(applied) == (content_id(author.tree.path), ("one", "two"))


def diff_of(tmp_path: Path, name: str, body: str = "@@ -1 +1 @@\n-a\n+b\n") -> Patch:
    path = tmp_path / "made.diff"
    path.write_text(f"--- a/{name}\n+++ b/{name}\n{body}")
    return read_patches([path])[0]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("drivers/base/dma-buf.c", f"drivers/base/dma-buf.c does not exist there (nearest: {EXPORTER})"),
        ("drivers/dma-buf/dma-heaps.c", "does not exist there (nearest: drivers/dma-buf/dma-heap.c)"),
        (
            "src/core/manager.c",
            "none of its files exists there (src/core/manager.c); it looks like",
        ),
        ("README.rst", "none of its files exists there (README.rst); it looks like a patch for another project"),
    ],
)
def test_file_that_does_not_exist(name: str, what: str, tree: Tree, tmp_path: Path) -> None:
    assert what in refused(tree, diff_of(tmp_path, name))


def test_more_files_that_do_not_exist_than_an_argument_list_holds(tree: Tree, tmp_path: Path) -> None:
    names = [f"drivers/{'d' * 3_900}{number}.c" for number in range(2_500)]
    series = tmp_path / "x.diff"
    series.write_text("".join(f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n" for name in names))
    assert "it looks like a patch for another project" in refused(tree, *read_patches([series]))


def test_file_to_be_created_exists_with_other_content(tree: Tree, author: Author) -> None:
    patch = author.patch("new", create)
    create(tree.path)
    (tree.path / "drivers/new/probe.c").write_text("something else\n")
    git(tree.path, "add", "-A")
    git(tree.path, "commit", "-q", "-m", "other base")
    base = Tree(tree.spec, tree.path, git(tree.path, "rev-parse", "HEAD").strip(), tree.version)
    assert "drivers/new/probe.c exists there already, with other content" in refused(base, patch)


def test_nothing_is_written_through_a_link_that_the_tree_has(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree.path / "out").symlink_to(outside)
    git(tree.path, "add", "-A")
    git(tree.path, "commit", "-q", "-m", "with a link")
    base = Tree(tree.spec, tree.path, git(tree.path, "rev-parse", "HEAD").strip(), tree.version)
    path = tmp_path / "escape.diff"
    path.write_text("--- /dev/null\n+++ b/out/file\n@@ -0,0 +1 @@\n+x\n")
    refused(base, *read_patches([path]))
    assert list(outside.iterdir()) == []


def test_user_configuration_does_not_decide_what_a_patch_does(
    tree: Tree, author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = author.patch("blanks", replace(EXPORTER, "line 50\n", "blank at the end \n"))
    config = tmp_path / "gitconfig"
    config.write_text("[apply]\n\twhitespace = error-all\n[core]\n\tautocrlf = true\n[diff]\n\tnoprefix = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    apply_series(tree, [patch])
    assert b"blank at the end \n" in (tree.path / EXPORTER).read_bytes()


def test_remains_of_a_killed_run_do_not_matter(tree: Tree, author: Author) -> None:
    left = tree.path / ".git" / "intake"
    left.mkdir()
    (left / "staged.lock").touch()
    applied = apply_series(tree, [author.patch("new", create)])
    assert applied.touched == ("drivers/new/probe.c",)
    assert not left.exists()


def test_link_that_a_diff_bends_without_saying_that_it_is_one(tree: Tree, tmp_path: Path) -> None:
    (tree.path / "tools").mkdir()
    (tree.path / "tools" / "link").symlink_to("../scripts/run.sh")
    git(tree.path, "add", "-A")
    git(tree.path, "commit", "-q", "-m", "with a link")
    linked = dataclasses.replace(tree, commit=git(tree.path, "rev-parse", "HEAD").strip())
    diff = tmp_path / "x.diff"
    end = "\\ No newline at end of file\n"
    for target, fits in (("../../etc", False), ("../Makefile", True)):
        change = f"-../scripts/run.sh\n{end}+{target}\n{end}"
        diff.write_text(f"--- a/tools/link\n+++ b/tools/link\n@@ -1 +1 @@\n{change}")
        patches = read_patches([diff])
        if fits:
            assert apply_series(linked, patches).touched == ("tools/link",)
        else:
            assert "the symbolic link 'tools/link' points out of the kernel tree" in refused(linked, *patches)


def test_nothing_is_written_through_a_link_that_the_series_makes(tree: Tree, tmp_path: Path) -> None:
    series = tmp_path / "x.diff"
    made = "diff --git a/tools/l b/tools/l\nnew file mode %s\n--- /dev/null\n+++ b/tools/l%s\n@@ -0,0 +1 @@\n+%s\n"
    series.write_text(
        made % ("120000", "", "../scripts") + made.replace("tools/l ", "tools/l/x ") % ("100644", "/x", "y")
    )
    refused(tree, *read_patches([series]))
    assert not (tree.path / "scripts" / "x").exists()
