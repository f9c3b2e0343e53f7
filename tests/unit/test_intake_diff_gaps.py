# SPDX-License-Identifier: GPL-2.0-only
"""What stands above, between and below the files of a diff: neither taken for a diff, nor dropped without a word."""

from __future__ import annotations

import re

import pytest

from harness.errors import UserError
from harness.intake import read_text
from harness.intake.diff_parser import parse_diff

ONE = b"diff --git a/one.c b/one.c\n--- a/one.c\n+++ b/one.c\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n"
TWO = ONE.replace(b"one.c", b"two.c")
PLAIN = b"diff -ru a/two.c b/two.c\n" + TWO.split(b"\n", 1)[1]
STAT = b"---\n one.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n"
HEAD = b"From: A <a@b.example>\nSubject: [PATCH] x\n\n"
INSTEAD = (
    b"Binary files a/logo.png and b/logo.png differ",
    b"Files a/logo.png and b/logo.png differ",
    b"Symbolic links a/link and b/link differ",
    b"Only in b/drivers/dma-buf: new.c",
    b"File a/x is a regular file while file b/x is a directory",
    b"* Unmerged path drivers/x.c",
    b"Submodule sub 1234567..89abcde:\n  > commit",
    b"Submodule sub 0000000...89abcde (new submodule)",
    b"Submodule sub contains modified content",
)


@pytest.mark.parametrize("words", INSTEAD)
@pytest.mark.parametrize("form", [b"%s\n" + ONE, ONE + b"%s\n" + PLAIN, ONE + b"%s\n", ONE + b"%s\n-- \n2.39.5\n"])
def test_words_that_stand_for_a_change_are_not_dropped(words: bytes, form: bytes) -> None:
    at = form[: form.index(b"%s")].count(b"\n") + 1
    first = words.split(b"\n")[0].decode()
    with pytest.raises(UserError, match=re.escape(f"x, line {at}: '{first}' stands for a change that is not in")):
        parse_diff(form % words, "x")


@pytest.mark.parametrize("words", INSTEAD)
@pytest.mark.parametrize(
    "form",
    [
        HEAD + b"It said\n%s\n" + STAT + ONE + PLAIN,
        HEAD + b"It said\n\n%s\n\n" + ONE + PLAIN,
        ONE + PLAIN + b"\n%s\n",
        ONE + PLAIN + b"-- \n%s\n",
        HEAD + STAT + ONE.replace(b" c\n", b" %s\n").replace(b",2 +1,2", b",3 +1,3") + PLAIN,
    ],
    ids=["message", "text", "below", "signature", "context"],
)
def test_the_same_words_elsewhere_are_talk(words: bytes, form: bytes) -> None:
    words = words.replace(b"\n", b"\n ")
    if form.count(b",3 +1,3") and b"\n" not in words:
        form = form.replace(b",3 +1,3", b",2 +1,2")
    [patch] = read_text(form % words, "x")
    assert patch.files == ("one.c", "two.c")


@pytest.mark.parametrize(
    "talk",
    [
        b"Only in this case: foo",
        b"Files that differ",
        b"Submodule support is dropped",
        b"diff -ruN a/x b/x",
        b"Index: two.c\n" + b"=" * 67,
        b"Only in",
    ],
)
def test_other_lines_between_files_are_skipped(talk: bytes) -> None:
    diff = parse_diff(talk + b"\n" + ONE + talk + b"\n" + PLAIN + talk + b"\n", "x")
    assert [file.path for file in diff.files] == ["one.c", "two.c"]


def test_diff_in_a_message_is_not_applied() -> None:
    """git am(1) would apply both."""
    with pytest.raises(
        UserError, match=r"x, line 12: a line --- between two diffs: .* give the commit itself as A\.\.B"
    ):
        read_text(HEAD + b"Before:\n" + ONE + STAT + TWO, "x")
    [patch] = read_text(HEAD + b"Before:\n" + b"    " + ONE.replace(b"\n", b"\n    ") + b"\n" + STAT + TWO, "x")
    assert patch.files == ("two.c",)


@pytest.mark.parametrize(
    "line",
    [
        b"@@ -1,2 +1,3 @@ foo",
        b"diff --cc is shown",
        b"--- before\n+++ after\n foo 1",
        b"---\nbelow a line",
        b"diff --git is fine",
    ],
)
def test_line_of_a_message_that_looks_like_a_diff(line: bytes) -> None:
    [patch] = read_text(HEAD + b"Words.\n\n" + line + b"\n\nMore.\n" + STAT + ONE, "x")
    assert patch.diff == ONE


def test_without_the_end_of_a_message_a_stray_hunk_is_refused() -> None:
    """Of a diff whose first lines are missing nothing else is left; a removed line may be "--"."""
    stray = b"@@ -1,2 +1 @@\n---\n c\n"
    for text in (stray + ONE, HEAD + stray + ONE):
        with pytest.raises(UserError, match="hunk without the file"):
            read_text(text, "x")


def test_long_lines_are_looked_at_once() -> None:
    """Each of these would take minutes if it were tried again from every place."""
    for line in (b"Binary files " + b" and " * 200_000, b"Only in " + b"a/" * 500_000, b"File " + b" is a " * 200_000):
        assert parse_diff(ONE + line + b"\n" + PLAIN, "x").files[1].path == "two.c"
