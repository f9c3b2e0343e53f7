# SPDX-License-Identifier: GPL-2.0-only
"""Quoted patches that are not whole, or may not be: refused with the place, never guessed."""

from __future__ import annotations

import re

import pytest

from harness.errors import UserError
from harness.intake import read_text
from tests.support.mail_shapes import ODD, WROTE, Known, archive_page, header, quoted

DIFF = b"""\
diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
index 1111111..2222222 100644
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -10,3 +10,4 @@ int first(void)
 \ta();
-\tb();
+\tB();
+\tint a_long_name_of_that_kind = and_a_long_call(with_many, arguments_of_it);
 \tc();
@@ -30,2 +31,3 @@ int second(void)
 \td();
+\te();
 \tf();
@@ -50,2 +52,2 @@ int third(void)
-\tg();
+\tG();
 \th();
diff --git a/drivers/dma-buf/Kconfig b/drivers/dma-buf/Kconfig
index 1111111..2222222 100644
--- a/drivers/dma-buf/Kconfig
+++ b/drivers/dma-buf/Kconfig
@@ -1 +1,2 @@
 menu "x"
+\tbool
"""
KNOWN = Known("small", "dma-buf: b", DIFF)
BODY = quoted(KNOWN.body)
NO_STAT = re.sub(rb"> +\d files? changed[^\n]*\n", b"", BODY)


def mail(body: bytes) -> bytes:
    return header("Re: [PATCH] dma-buf: b") + WROTE + body


def without(body: bytes, first: bytes, until: bytes, instead: bytes = b"") -> bytes:
    start = body.index(first)
    return body[:start] + instead + body[body.index(until, start) :]


def refused(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_text(data, "reply")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def line_of(data: bytes, text: bytes) -> int:
    return 1 + data.count(b"\n", 0, data.index(text))


def test_whole_quotes_are_taken() -> None:
    assert read_text(mail(BODY), "reply")[0].notes == ("quoted in a reply",)
    [patch] = read_text(mail(NO_STAT), "reply")
    assert patch.diff == DIFF
    assert "nothing tells whether" in patch.notes[1]


@pytest.mark.parametrize("body", [BODY, NO_STAT], ids=["with diffstat", "without"])
def test_what_is_cut_inside_a_hunk(body: bytes) -> None:
    for cut in (without(body, b"> +\tB", b"> +\tint"), without(body, b"> +\tB", b"> +\tint", b"> [...]\n")):
        text = refused(mail(cut))
        assert f"reply, line {line_of(mail(cut), b'> @@ -10')}: the quoted patch is not whole: hunk header says" in text


def test_what_is_cut_between_hunks() -> None:
    hunk = without(NO_STAT, b"> @@ -30", b"> @@ -50")
    place = line_of(mail(hunk), b"> @@ -50")
    assert f"line {place}: the quoted patch is not whole: a hunk of drivers/dma-buf/dma-buf.c before" in refused(
        mail(hunk)
    )
    header_gone = without(NO_STAT, b"> @@ -50", b"> -\tg")
    assert "not whole: hunk has more lines than its header says" in refused(mail(header_gone))
    file_header_gone = without(NO_STAT, b"> diff --git a/drivers/dma-buf/K", b"> --- a/drivers/dma-buf/K")
    assert "not whole: the first lines of drivers/dma-buf/Kconfig are missing" in refused(mail(file_header_gone))


def test_what_only_the_diffstat_tells() -> None:
    last = without(BODY, b"> diff --git a/drivers/dma-buf/K", b"> -- \n")
    what = "not whole: its diffstat says 2 files, +5 -2, quoted are 1 file, +4 -2"
    place = line_of(mail(last), b">  2 files changed")
    assert f"line {place}: the quoted patch is {what}" in refused(mail(last))


@pytest.mark.parametrize(
    "mark", [b"[...]", b"[snip]", b"> [ ... ]", b"<snip>", b"...", "[…]".encode(), b"> [snip 3 lines]"]
)
def test_cut_marks_where_no_diffstat_tells(mark: bytes) -> None:
    last = without(NO_STAT, b"> diff --git a/drivers/dma-buf/K", b"> -- \n", mark + b"\n")
    assert "something was cut out here" in refused(mail(last))
    assert read_text(mail(BODY + mark + b"\n"), "reply")[0].diff == DIFF  # the diffstat says that all is there


def test_end_of_a_wrapped_line_is_no_comment() -> None:
    wrapped = BODY.replace(b"(with_many, arguments_of_it);\n", b"(with_many,\narguments_of_it);\n")
    place = line_of(mail(wrapped), b"\narguments_of_it") + 1
    text = refused(mail(wrapped))
    assert f"line {place}: the quoted patch is not whole: this may be the end of the quoted line before it" in text
    marked = BODY.replace(b"(with_many, arguments_of_it);\n", b"(with_many,\n> arguments_of_it);\n")
    assert "not whole: hunk header says" in refused(mail(marked))
    commented = BODY.replace(b"> +\tB();\n", b"> +\tB();\nA short comment right below.\n")
    assert read_text(mail(commented), "reply")[0].diff == DIFF


def test_tabs_of_a_wrapped_line_are_as_wide_as_they_look() -> None:
    deep = BODY.replace(
        b"+\tint a_long_name_of_that_kind = and_a_long_call(with_many, ", b"+\t\t\t\t\tf(with_many, some, "
    )
    assert "this may be the end of the quoted line" in refused(mail(deep.replace(b"some, arg", b"some,\narg")))
    commented = deep.replace(b"> +\tB();\n", b"> +\tB();\narguments_of_it?\n")
    assert read_text(mail(commented), "reply")[0].diff == DIFF.replace(
        b"+\tint a_long_name_of_that_kind = and_a_long_call(", b"+\t\t\t\t\tf("
    ).replace(b"with_many, arg", b"with_many, some, arg")


def test_hunk_that_shifts_nothing_is_said_to_be_unproven() -> None:
    """Only the diffstat tells of it."""
    gone = b"> @@ -50"
    [patch] = read_text(mail(without(NO_STAT, gone, b"> diff --git a/drivers/dma-buf/K")), "reply")
    assert "hunks that add as many lines as they delete" in patch.notes[1]
    assert "its diffstat says" in refused(mail(without(BODY, gone, b"> diff --git a/drivers/dma-buf/K")))


def test_blank_of_context_eaten_by_a_mail_program() -> None:
    assert "not whole" in refused(mail(BODY.replace(b">  \t", b"> \t")))


def test_address_in_the_diff_that_an_archive_mangled() -> None:
    known = Known("m", "x", DIFF.replace(b"+\te();\n", b'+MODULE_AUTHOR("A <a@b.example>");\n'))
    assert read_text(archive_page(known), "page")[0].diff == known.diff
    doubtful = Known("m", "x", DIFF.replace(b"+\te();\n", b"+/* ask a@b.org */\n"))
    assert "the archive may have changed '+/* ask a at b.org */'" in refused(archive_page(doubtful))


def test_own_and_quoted_patch_are_a_choice() -> None:
    other = ODD.replace(b"lib/", b"lib2/")
    data = mail(BODY + b"\nRather so:\n\n" + other)
    text = refused(data)
    assert "holds several patches; take one with --pick" in text
    assert "dma-buf: b (in the reply itself); dma-buf: b" in text
    assert read_text(data, "reply", "1")[0].diff == other
    assert read_text(data, "reply", "dma-buf: b")[0].diff == DIFF


def test_quoted_patch_without_its_beginning() -> None:
    assert "has no beginning" in refused(mail(quoted(DIFF[DIFF.index(b"@@") : DIFF.index(b"@@ -30")])))


def test_quoted_words_that_look_like_names_of_files_are_no_patch() -> None:
    assert "a file without hunks" in refused(mail(b"> --- before\n> +++ after\n> Nothing.\n"))
