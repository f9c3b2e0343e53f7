# SPDX-License-Identifier: GPL-2.0-only
"""Pages of list archives: masked addresses, whole threads, attachments that are elsewhere, and folders of patches."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import read_patches, read_text
from tests.support.mail_shapes import Known, archive_page, header, quoted

MASKS = {
    "spinics": ("otto@xxxxxxxxxxx", "<otto@xxxxxxxxxxx>"),
    "mail-archive": ("o...@example.org", "<o...@example.org>"),
    "marc": ("otto () example ! org", "<otto () example ! org>"),
    "Cloudflare": ("[email protected]", "<[email protected]>"),
    "Cloudflare, no-break": ("[email\N{NO-BREAK SPACE}protected]", "[email\N{NO-BREAK SPACE}protected]"),
    "gmane": ("otto-Zb35ecJuYHsdnm+yROfE0A@public.gmane.org", "<otto-Zb35ecJuYHsdnm+yROfE0A@public.gmane.org>"),
    "narkive": ("***@example.org", "<***@example.org>"),
}
each_mask = pytest.mark.parametrize(("plain", "bracketed"), MASKS.values(), ids=MASKS)


def known(line: str) -> Known:
    diff = f"diff --git a/made.c b/made.c\nnew file mode 100644\n--- /dev/null\n+++ b/made.c\n@@ -0,0 +1 @@\n+{line}\n"
    return Known("made", "made: say whose", diff.encode())


def mail(author: str, one: Known, signed: str) -> bytes:
    head = f"From: {author}\nSubject: [PATCH] {one.title}\nDate: Wed, 26 Feb 2020 10:09:59 +0000\n\n"
    return (head + f"Why.\n\nSigned-off-by: {signed}\n---\n").encode() + one.diff + b"-- \n2.43.0\n"


def refused(data: bytes, name: str = "page") -> str:
    with pytest.raises(UserError) as caught:
        read_text(data, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- addresses ------------------------------------------------------------------------------------


@each_mask
def test_masked_address_in_the_diff(plain: str, bracketed: str) -> None:
    for line in (f'MODULE_AUTHOR("Otto {bracketed}");', f"/* Ask {plain} about it. */"):
        for author, signed in ((f"Otto {bracketed}", f"Otto {bracketed}"), ("A <a@b.example>", f"Otto {bracketed}")):
            said = refused(mail(author, known(line), signed))
            assert "the archive may have changed" in said and said.endswith("; give the mail as it was sent")


@each_mask
def test_masked_address_in_a_quote_or_a_bare_diff(plain: str, bracketed: str) -> None:
    one = known(f'MODULE_AUTHOR("Otto {bracketed}");')
    assert "the archive may have changed" in refused(one.diff)
    whole = mail("x", one, f"Otto {bracketed}").split(b"\n\n", 1)[1]
    assert "the archive may have changed" in refused(header("Re: [PATCH] x") + quoted(whole))


@each_mask
def test_masked_addresses_elsewhere_do_not_matter(plain: str, bracketed: str) -> None:
    one = known('MODULE_AUTHOR("Otto");')
    assert read_text(mail(f"Otto {bracketed}", one, f"Otto {bracketed}"), "page")[0].diff == one.diff


@pytest.mark.parametrize(
    "line",
    [
        'MODULE_AUTHOR("Otto <otto@example.org>");',
        "heap@xxxx {",
        "a ...@b;",
        "f () x ! y;",
        "/* *** @see */",
        "call(...)@plt.got;",
    ],
)
def test_code_that_looks_a_little_like_it(line: str) -> None:
    """Nothing else in the mail is masked."""
    one = known(line)
    assert read_text(mail("A <a@b.example>", one, "A <a@b.example>"), "mail")[0].diff == one.diff


# --- pages ----------------------------------------------------------------------------------------


CHANGE = b"diff --git a/heap.c b/heap.c\n--- a/heap.c\n+++ b/heap.c\n@@ -1,3 +1,3 @@\n {\n-one();\n+two();\n }\n"
REVIEW = CHANGE.replace(b"two", b"three")
OTHER = CHANGE.replace(b"heap.c", b"pool.c")
BETWEEN = {
    "public-inbox": b"\n^ permalink raw reply\t[flat|nested] 2+ messages in thread\n* Re: [PATCH] heap\n\n",
    "attribution": b"\nOn Tue, 2 Jan 2024 at 10:00, Otto Sender <otto@example.org> wrote:\n> I think so.\n\n",
    "headers": b"\nFrom: Rhea\nDate: today\nSubject: Re: heap\n\nBetter so:\n\n",
    "Outlook": b"\n-----Original Message-----\nSent: today\n\n",
    "a subject": b"\nRe: [PATCH] heap: count\nRhea Viewer\n\n",
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("second", [REVIEW, OTHER])
def test_page_of_a_thread(between: bytes, second: bytes) -> None:
    said = refused(b"[PATCH] heap: count\n\nText.\n\n" + CHANGE + between + second)
    assert "this is a whole thread, saved as text; give the mail itself, or the thread as an mbox" in said
    assert "page, line 1" in said


def test_page_that_begins_as_a_mail_does() -> None:
    top = b"From: Otto Sender @ 2024-01-02 10:00 UTC (permalink / raw)\nSubject: [PATCH] heap: count\n\nText.\n\n"
    assert "whole thread, saved as text" in refused(top + CHANGE + BETWEEN["public-inbox"] + OTHER)
    assert read_text(top + CHANGE, "page")[0].diff == CHANGE


def test_page_of_a_thread_without_any_such_line() -> None:
    assert "these are two patches" in refused(CHANGE + b"\nRhea Viewer\n11:00\n\nBetter so:\n\n" + REVIEW)


def test_text_between_the_files_of_one_diff() -> None:
    both = CHANGE + b"\nAnd the pool, from which it comes:\n\n" + OTHER
    assert read_text(both, "x")[0].diff == CHANGE + OTHER
    sent = header("[PATCH] x") + CHANGE + b"\nSubject: to change\n\n" + OTHER  # in a mail it is what was sent
    assert read_text(sent, "x")[0].diff == CHANGE + OTHER


def test_head_of_a_page_is_no_part_of_the_message() -> None:
    page = b"[PATCH] heap: count\n\nOtto Sender otto at example.org\nTue Jan  2 09:00:00 UTC 2024\n\n\n"
    body = b"From: Ada Author <ada at example.com>\n\nIt has reasons.\n---\n"
    [patch] = read_text(page + body + CHANGE, "page")
    assert (patch.author, patch.message) == ("Ada Author <ada@example.com>", "It has reasons.")
    [patch] = read_text(page + body.split(b"\n\n")[1] + CHANGE, "page")
    assert (patch.author, patch.message) == ("Otto Sender <otto@example.org>", "It has reasons.")
    damaged = page + CHANGE.replace(b"+two();\n", b"")
    line = damaged[: damaged.index(b"@@")].count(b"\n") + 1
    assert refused(damaged).startswith(f"page, line {line}: hunk header says")
    assert read_text(archive_page(Known("x", "heap: count", CHANGE)), "page")[0].diff == CHANGE


SCRUBBED = (
    b"See there.\n-------------- next part --------------\nA non-text attachment was scrubbed...\nName: heap.patch\n"
    b"Type: text/x-patch\nSize: 1234 bytes\nDesc: not available\nURL: <https://lists.example.org/attachments/heap.patch>\n"
)
ELSEWHERE = {
    "Mailman": (SCRUBBED, "https://lists.example.org/attachments/heap.patch"),
    "Mailman, text": (
        SCRUBBED.replace(b"A non-text attachment", b"An embedded and charset-unspecified text"),
        "heap.patch",
    ),
    "public-inbox": (
        b"Try it.\n\n[-- Attachment #2: heap.patch --]\n[-- Type: text/x-patch, Size: 1 --]\n",
        "heap.patch",
    ),
    "marc": (b'Try it.\n\n["heap.patch" (text/x-patch)]\n', "heap.patch"),
}


@pytest.mark.parametrize(("text", "what"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_attachment_that_the_archive_put_elsewhere(text: bytes, what: str) -> None:
    said = refused(text)
    assert "no diff in it: the archive put what was attached elsewhere (" in said and what in said
    assert said.endswith("; get that file, and give it")
    assert "elsewhere" not in refused(b"Nothing.\n") and "no diff in it" in refused(b"Nothing.\n")


# --- messages -------------------------------------------------------------------------------------


def test_folder_of_patches_from_many_series(tmp_path: Path) -> None:
    for number, subject in enumerate(["[PATCH 3/7] heap: a", "[PATCH 1/2] pool: b"], 1):
        (tmp_path / f"{number}.patch").write_bytes(header(subject) + (CHANGE, OTHER)[number - 1])
    with pytest.raises(UserError) as caught:
        read_patches([tmp_path])
    assert f"name the patches to take in their order, one a line, in {tmp_path}/series, or" in str(caught.value)
    (tmp_path / "2.patch").unlink()
    with pytest.raises(UserError, match=r"lacks patches 1, 2, 4, .* of 7; name the patches to take in their order"):
        read_patches([tmp_path])
    (tmp_path / "series").write_text("1.patch\n")
    assert [patch.diff for patch in read_patches([tmp_path])] == [CHANGE]


def test_damaged_patch_is_to_be_had_again_by_whoever_tests_it() -> None:
    said = refused(CHANGE.replace(b"+two();\n", b""))
    assert said.endswith("; get it again as it was sent (the raw mail), or made anew with git format-patch")
