# SPDX-License-Identifier: GPL-2.0-only
"""Fixups below the patch under test: part of the base, never of the patch, and never in the patch's way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace as with_changes
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import Fixup, apply_fixups, apply_series, fixups_for, load_fixups
from harness.pipeline import check
from harness.series import Patch, Tree
from harness.source import reset
from tests.integration.test_intake_apply import EXPORTER, Author, author, git, replace, tree
from tests.support.run_requests import run_request

__all__ = ["author", "tree"]  # fixtures

HEAP = "drivers/dma-buf/dma-heap.c"


def fixup(name: str, patch: Patch, since: str = "5.5", until: str = "7.0") -> Fixup:
    return Fixup(name, "it breaks", "nothing can be tested", "0123456789ab", since, until, patch)


def mended(tree: Tree, fixups: Sequence[Fixup], *patches: Patch) -> Tree:
    return apply_fixups(tree, (), fixups, patches).tree


def text(tree: Tree, commit: str, name: str) -> str:
    return git(tree.path, "show", f"{commit}:{name}")


def test_fixup_is_in_the_base_and_not_in_the_patch(tree: Tree, author: Author) -> None:
    mend_heap = fixup("heap", author.patch("mend", replace(HEAP, "int more;\n", "int more;\nint mended;\n")))
    patch = author.patch("mine", replace(HEAP, "int last;\n", "int last;\nint mine;\n"))
    base = mended(tree, [mend_heap], patch)
    assert base.fixups == ("heap: it breaks (upstream 0123456789ab)",)
    reset(base)
    applied = apply_series(base, [patch])
    assert applied.added == {HEAP: frozenset({5})}
    assert applied.touched == (HEAP,)
    assert "mended" in text(tree, base.commit, HEAP)
    assert "mine" not in text(tree, base.commit, HEAP)
    reset(base)
    assert apply_series(base, []).tree_id == git(tree.path, "rev-parse", f"{base.commit}^{{tree}}").strip()


def test_mending_leaves_the_work_tree_alone_and_comes_out_the_same_each_time(tree: Tree, author: Author) -> None:
    mend_heap = fixup("heap", author.patch("mend", replace(HEAP, "int more;\n", "int mended;\n")))
    (tree.path / EXPORTER).write_text("somebody is at work\n")
    first = mended(tree, [mend_heap])
    assert mended(tree, [mend_heap]) == first != tree
    assert (tree.path / EXPORTER).read_text() == "somebody is at work\n"
    assert "mended" not in (tree.path / HEAP).read_text()


def test_tree_that_needs_nothing_stays_itself(tree: Tree, author: Author) -> None:
    assert apply_fixups(tree, (), (), ()).tree is tree


def test_fixup_that_the_tree_has_is_left_out_without_a_word(tree: Tree, author: Author) -> None:
    known = fixup("known", author.patch("mend", replace(HEAP, "int more;\n", "int mended;\n")))
    git(tree.path, "apply", "--index", known.patch.origin)
    git(tree.path, "commit", "-q", "-m", "newer")
    newer = with_changes(tree, commit=git(tree.path, "rev-parse", "HEAD").strip())
    done = apply_fixups(newer, (), [known], ())
    assert (done.tree, done.notes) == (newer, ())


def test_fixup_that_does_not_apply_is_told(tree: Tree, author: Author) -> None:
    author.patch("before", replace(HEAP, "int more;\n", "int other;\n"))
    strange = fixup("strange", author.patch("mend", replace(HEAP, "int other;\n", "int mended;\n")))
    done = apply_fixups(tree, (), [strange], ())
    assert done.tree is tree
    assert done.notes == ("the fixup strange does not apply to this tree, and is left out",)


def test_fixups_build_on_each_other(tree: Tree, author: Author) -> None:
    one = fixup("one", author.patch("one", replace(HEAP, "int more;\n", "int one;\n")))
    two = fixup("two", author.patch("two", replace(HEAP, "int one;\n", "int two;\n")))
    assert "int two;" in text(tree, mended(tree, [one, two]).commit, HEAP)


@pytest.mark.parametrize("mine", ["int mended;\n", "int something_else;\n"])
def test_fixup_yields_to_a_patch_of_the_same_lines(tree: Tree, author: Author, mine: str) -> None:
    """Be it the same mend, which would then be taken for one that the base has, or another change."""
    heap = fixup("heap", author.patch("mend", replace(HEAP, "int more;\n", "int mended;\n")))
    git(author.tree.path, "reset", "-q", "--hard", author.tree.commit)
    patch = author.patch("mine", replace(HEAP, "int more;\n", mine))
    done = apply_fixups(tree, (), [heap], (patch,))
    assert done.notes == ("the fixup heap is left out: the patch changes the same lines",)
    assert done.tree is tree


def test_what_the_user_puts_below_must_apply(tree: Tree, author: Author) -> None:
    author.patch("before", replace(HEAP, "int more;\n", "int other;\n"))
    patch = author.patch("below", replace(HEAP, "int other;\n", "int mine;\n"))
    with pytest.raises(UserError, match="does not apply"):
        apply_fixups(tree, [patch], (), ())


def test_what_the_user_puts_below_comes_first_and_is_told(tree: Tree, author: Author) -> None:
    below = author.patch("back to then", replace(HEAP, "int more;\n", "int older;\n"))
    mends = fixup("older", author.patch("mend", replace(HEAP, "int older;\n", "int mended;\n")))
    done = apply_fixups(tree, [below], [mends], ())
    assert done.tree.fixups == ("back to then (asked for)", "older: it breaks (upstream 0123456789ab)")


@pytest.mark.parametrize(
    ("version", "is_for"),
    [("5.4.300", False), ("5.5.0", True), ("5.6.4", True), ("5.10.262", True), ("6.0.0-rc1", False), ("6.12", False)],
)
def test_range(version: str, is_for: bool, author: Author) -> None:
    ranged = fixup("x", author.patch("x", replace(HEAP, "int more;\n", "int x;\n")), "5.5", "6.0")
    assert (fixups_for(version, [ranged]) == (ranged,)) is is_for


ENTRY = {"name": "x", "fault": "f", "reason": "r", "commit": "0123456789ab", "from": "5.5", "to": "6.0"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"to": "soon"}, "entry 1: to = 'soon' is no version"),
        ({"why": "?"}, "entry 1: unknown key 'why'; possible: name, fault, "),
        ({"fault": ""}, "entry 1: fault is empty"),
    ],
)
def test_list_that_cannot_be_used(change: dict[str, str], what: str, author: Author, tmp_path: Path) -> None:
    patch = author.patch("x", replace(HEAP, "int more;\n", "int x;\n"))
    (tmp_path / "x.patch").write_bytes(Path(patch.origin).read_bytes())
    write = (tmp_path / "fixups.toml").write_text
    write("[[fixup]]\n" + "".join(f'{key} = "{value}"\n' for key, value in ENTRY.items()))
    assert [one.name for one in load_fixups(tmp_path)] == ["x"]
    write("[[fixup]]\n" + "".join(f'{key} = "{value}"\n' for key, value in {**ENTRY, **change}.items()))
    with pytest.raises(UserError, match=what):
        load_fixups(tmp_path)


def test_bundled_fixups_are_whole() -> None:
    """Each is told why it is there, and its range is one."""
    fixups = load_fixups()
    assert len({one.name for one in fixups}) == len(fixups) > 0
    for one in fixups:
        assert re.fullmatch(r"[0-9a-f]{12}|.+: .+", one.commit)
        assert one.is_for(one.since)
        assert not one.is_for(one.until)


def test_what_goes_below_is_named_by_file_or_series(author: Author, tmp_path: Path) -> None:
    mine = author.patch("mine", replace(HEAP, "int more;\n", "int x;\n"))
    fixups = (Path("before-dynamic-5.10"), Path(mine.origin))
    job = check(run_request("debian:5.10", no_patch=True, fixups=fixups), tmp_path)
    assert [patch.subject for patch in job.prerequisites] == [
        "dma-buf: go back to before importers could follow a move",
        "mine",
    ]
    assert job.fixups == load_fixups()
    assert job.of_base().prerequisites == job.prerequisites and job.of_base().fixups == job.fixups
    assert check(run_request("debian:5.10", no_patch=True, no_fixups=True), tmp_path).fixups == ()
    with pytest.raises(UserError, match="no-such-series"):
        check(run_request("debian:5.10", no_patch=True, fixups=(Path("no-such-series"),)), tmp_path)
