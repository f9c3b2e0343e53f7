# SPDX-License-Identifier: GPL-2.0-only
"""Mails as git's own mailinfo and mailsplit read them: where one begins, what is attached, which bytes stay."""

from __future__ import annotations

import base64
import quopri
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import read_text
from harness.series import Patch
from tests.support.mail_shapes import ODD, SEPARATOR, Known, header, quoted


def known(number: int) -> Known:
    diff = b"diff --git a/f%d b/f%d\n--- a/f%d\n+++ b/f%d\n@@ -1 +1,2 @@\n a\n+b \xc3\xbc = 3;\n" % ((number,) * 4)
    return Known(str(number), f"part {number}", diff)


def formatted(number: int, author: str = "Alice <alice@example.com>", prefix: str = "[PATCH] ") -> bytes:
    """What git format-patch writes into a file."""
    head = f"From: {author}\nDate: Wed, 19 Feb 2020 13:59:04 +0100\nSubject: {prefix}part {number}\n"
    return SEPARATOR + head.encode() + b"\n" + known(number).body


def carrier(
    text: str, *files: bytes, names: str = "000{}-x.patch", subject: str = "my fix", cte: str = "base64"
) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Bob <bob@example.com>", subject
    message.set_content(text, cte="8bit")
    for number, file in enumerate(files, 1):
        name = names.format(number)
        if cte == "base64":
            message.add_attachment(file, maintype="application", subtype="octet-stream", filename=name)
        else:
            message.add_attachment(file.decode(), subtype="x-patch", filename=name, cte=cte)
    return message.as_bytes()


def told(patches: tuple[Patch, ...]) -> list[tuple[str, str, bytes]]:
    return [(patch.subject, patch.author, patch.diff) for patch in patches]


ALICE = "Alice <alice@example.com>"


# --- attachments --------------------------------------------------------------------------------


@pytest.mark.parametrize("cte", ["base64", "quoted-printable", "8bit"])
def test_attached_patches_are_patches_of_their_own(cte: str) -> None:
    data = carrier("Two patches.\n", formatted(1), formatted(2), cte=cte)
    assert told(read_text(data, "x")) == [(f"part {n}", ALICE, known(n).diff) for n in (1, 2)]
    assert told(read_text(SEPARATOR + data, "x")) == told(read_text(data, "x"))


@pytest.mark.parametrize("cte", ["base64", "quoted-printable", "8bit"])
def test_one_attached_patch_says_itself_whose_it_is(cte: str) -> None:
    [patch] = read_text(carrier("See there.\n", formatted(2, prefix="[PATCH 2/7] "), cte=cte), "x")
    assert (patch.subject, patch.author, patch.diff) == ("part 2", ALICE, known(2).diff)
    assert "See there" not in patch.message


def test_order_of_attached_patches_is_that_of_their_numbers() -> None:
    files = [formatted(n, prefix=f"[PATCH {n}/2] ") for n in (2, 1)]
    assert [patch.subject for patch in read_text(carrier("Hi.\n", *files), "x")] == ["part 1", "part 2"]
    [patch] = read_text(carrier("Hi.\n", *files), "x", "2")
    assert patch.origin == "x, message 1, 0001-x.patch"


def test_attached_mailbox() -> None:
    data = carrier("Hi.\n", formatted(1) + formatted(2))
    assert [patch.diff for patch in read_text(data, "x")] == [known(1).diff, known(2).diff]


def test_copy_of_what_the_mail_says_is_left_out() -> None:
    text = known(1).body.decode()
    for copy in (formatted(1), known(1).diff, formatted(1).replace(b"\n", b"\r\n")):
        [patch] = read_text(carrier(text, copy, subject="[PATCH 3/4] outer"), "x")
        assert (patch.subject, patch.author, patch.diff) == ("outer", "Bob <bob@example.com>", known(1).diff)


def test_attached_diffs_without_a_header() -> None:
    [patch] = read_text(carrier("Why.\n", known(1).diff), "x")
    assert told((patch,)) == [("my fix", "Bob <bob@example.com>", known(1).diff)]
    assert patch.message == "Why."
    assert [patch.subject for patch in read_text(carrier("Why.\n", known(1).diff, known(2).diff), "x")] == [
        "0001-x",
        "0002-x",
    ]


def test_attached_log_is_no_part_of_the_patch() -> None:
    text = known(1).diff.decode()  # nothing stands below its last line
    [patch] = read_text(carrier(text, b" \tCall Trace:\n+++ a log\n", names="log.txt"), "x")
    assert patch.diff == known(1).diff


def test_attached_file_with_a_byte_order_mark() -> None:
    assert read_text(carrier("x\n", b"\xef\xbb\xbf" + known(1).diff), "x")[0].message == "x"
    assert read_text(carrier("x\n", b"\xef\xbb\xbf" + formatted(1)), "x")[0].subject == "part 1"


def test_forwarded_mail_keeps_its_author() -> None:
    head = b'From: Bob <bob@example.com>\nSubject: Fwd: it\nContent-Type: multipart/mixed; boundary="b"\n\n'
    inner = formatted(1).split(b"\n", 1)[1]
    data = head + b"--b\n\nfyi\n--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--\n"
    assert told(read_text(data, "x")) == [("part 1", ALICE, known(1).diff)]


def test_tags_of_a_reply_with_a_patch_attached_count() -> None:
    answer = carrier("Reviewed-by: Bob <bob@example.com>\n", formatted(2), subject="Re: [PATCH] part 1")
    first, second = read_text(formatted(1) + SEPARATOR + answer, "x")
    assert "Reviewed-by: Bob <bob@example.com>" in first.tags
    assert second.diff == known(2).diff


# --- bytes --------------------------------------------------------------------------------------


def typed(extra: str, body: bytes) -> bytes:
    return header("[PATCH] x", extra + "MIME-Version: 1.0\n") + body


@pytest.mark.parametrize(
    "said",
    [
        "quoted-printable ",
        "quoted-printable (with a comment)",
        "\n quoted-printable",
        '"quoted-printable"',
        "Quoted-Printable;",
        "quoted-printable",
    ],
)
def test_transfer_encoding_is_undone_however_it_is_written(said: str) -> None:
    [patch] = read_text(typed(f"Content-Transfer-Encoding: {said}\n", quopri.encodestring(ODD)), "x")
    assert patch.diff == ODD
    said = said.lower().replace("quoted-printable", "BASE64")
    [patch] = read_text(typed(f"Content-Transfer-Encoding: {said}\n", base64.encodebytes(ODD)), "x")
    assert patch.diff == ODD


def test_no_transfer_encoding_is_made_up() -> None:
    [patch] = read_text(typed("Content-Transfer-Encoding: 8bit (not quoted)\n", ODD), "x")
    assert patch.diff == ODD  # with "= 0x3D=2" in it


@pytest.mark.parametrize("coding", ["8bit", "quoted-printable"])
def test_charset_of_the_message_is_not_that_of_the_diff(coding: str) -> None:
    """With i18n.logOutputEncoding, git recodes what is said, and not what is changed."""
    text = "Für König.\n--- vor\n+++ nach\n---\n Notiz: ü\n".encode("latin-1") + known(1).diff + b"-- \nJ\xf6rg\n"
    body = quopri.encodestring(text) if coding != "8bit" else text
    data = typed(f"Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: {coding}\n", body)
    [patch] = read_text(data, "x")
    assert (patch.diff, patch.notes) == (known(1).diff, ())
    assert patch.message == "Für König.\n--- vor\n+++ nach"


def test_diff_that_a_mail_program_recoded() -> None:
    text = known(1).body.decode().encode("latin-1", "replace")
    data = typed("Content-Type: text/plain; charset=iso-8859-1\n", text)
    [patch] = read_text(data, "x")
    assert patch.diff == known(1).diff
    assert patch.notes == ("its diff was sent in iso-8859-1, and is taken in UTF-8",)
    [patch] = read_text(SEPARATOR + data, "x")  # by git format-patch: the source is in Latin-1
    assert (patch.diff, patch.notes) == (known(1).diff.decode().encode("latin-1"), ())


@pytest.mark.parametrize("charset", ["*=us-ascii''a%00b", "=punycode", "=unicode_escape", "=rot13", "=", "=x y"])
def test_charset_that_is_none(charset: str) -> None:
    text = b"J\xf6rg\n" + known(1).diff
    [patch] = read_text(typed(f"Content-Type: text/plain; charset{charset}\n", text), "x")
    assert patch.diff == known(1).diff


# --- headers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "author"),
    [
        ("=?utf-8?B?SsO2cmcgVGVzdGVy?=\n <x@y.de>", "Jörg Tester <x@y.de>"),
        ("=?utf-8?q?J=C3=B6rg?=\n =?utf-8?q?_Tester?=\n <x@y.de>", "Jörg Tester <x@y.de>"),
        ("=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= <x@y.de>", "Jörg <x@y.de>"),
        ("Müller Řehoř =?utf-8?q?=C3=A9?= <x@y.de>", "Müller Řehoř é <x@y.de>"),
        (r"C:\u0159 =?utf-8?q?=C3=A9?= <x@y.de>", r"C:\u0159 é <x@y.de>"),
        ("a =?utf-8?q?b?= =?c?= d <x@y.de>", "a b =?c?= d <x@y.de>"),
    ],
)
def test_encoded_words_and_folds(raw: str, author: str) -> None:
    data = f"From: {raw}\nSubject: [PATCH] {raw}\n\n".encode() + known(1).body
    [patch] = read_text(data, "x")
    assert patch.author == patch.subject == author


def test_versions_folded_at_different_places_are_one_patch() -> None:
    folds = ["[PATCH] =?utf-8?q?K=C3=B6nigs?=\n patch", "[PATCH v2]\n =?utf-8?q?K=C3=B6nigs?= patch"]
    data = b"".join(SEPARATOR + header(fold) + known(at).body for at, fold in enumerate(folds))
    [patch] = read_text(data, "x")
    assert (patch.subject, patch.diff) == ("Königs patch", known(1).diff)


# --- where a mail begins ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "From userspace at 10:30:11 on 2024 something",
        "From userspace at 10:30:11 2024",
        SEPARATOR.decode().strip(),
        "From here: 12:00",
    ],
)
def test_line_of_a_message_is_no_separator(line: str) -> None:
    said = f"See this:\n\n{line}\n\nand that.\n---\n".encode()
    for data in (header("[PATCH] x") + said + known(1).diff, SEPARATOR + header("[PATCH] x") + said + known(1).diff):
        [patch] = read_text(data, "x")
        assert (patch.subject, patch.author, patch.diff) == ("x", "Bob <bob@example.com>", known(1).diff)


@pytest.mark.parametrize(
    "line",
    [
        "From mboxrd@z Thu Jan  1 00:00:00 1970",
        "From user at example.com  Wed Feb 19 13:59:04 2020",
        "From bob@example.com Wed Feb 19 13:59:04 2020 +0100",
        "From bob@example.com Wed Feb 19 13:59:04 UTC 2020",
        "From 1659@xxx Wed Feb 19 13:59:04 +0000 2020",
        "From - Wed Feb 19 9:59 2020",
    ],
)
def test_separators(line: str) -> None:
    data = b"".join(line.encode() + b"\n" + header(f"[PATCH] p{n}") + known(n).body for n in (1, 2))
    for text in (data, data.split(b"\n", 1)[1]):  # the first may lack it
        assert [patch.diff for patch in read_text(text, "x")] == [known(1).diff, known(2).diff]


def test_parts_that_do_not_end_swallow_no_mail() -> None:
    cut = carrier("Hi.\n", known(1).diff).rpartition(b"--")[0].rpartition(b"--")[0]
    assert [patch.diff for patch in read_text(SEPARATOR + cut + b"\n" + formatted(2), "x")] == [
        known(1).diff,
        known(2).diff,
    ]


# --- messages -----------------------------------------------------------------------------------


def mailinfo(data: bytes, directory: Path) -> dict[str, str]:
    """What git itself reads off a mail."""
    command = ["git", "mailinfo", f"{directory}/message", f"{directory}/diff"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    said = dict(line.split(": ", 1) for line in done.stdout.decode().splitlines() if line)
    return {**said, "Body": (directory / "message").read_text().strip()}


@pytest.mark.parametrize(
    "said",
    [
        "From: Alice <alice@example.com>\n\n",
        "\n\nFrom: Alice <alice@example.com>\n\n",
        "From: =?UTF-8?q?Alic=C3=A9?= <alice@example.com>\nSubject: =?UTF-8?q?dma-buf:_f=C3=B6?=\n\n",
        "From: Alice <alice@example.com>\nCc: Carl <carl@example.com>\n\n",
        "from: Alice <alice@example.com>\nSUBJECT: foo\n\n",
        "From: Alice <alice@example.com>\nThis patch does things.\n\n",
        "From: Alice <alice@example.com>\nSubject: [PATCH] a very long\n subject, folded\n\n",
        "Subject: foo\nFrom: =?utf-8?q?Alic=C3=A9?=\n\t<alice@example.com>\n\n",
        "From: Alice <alice@example.com>\nFrom: Mallory <m@example.com>\n\n",
        "Cc: Carl <carl@example.com>\nFrom: Alice <alice@example.com>\n\n",
        "  \nFrom: Alice <alice@example.com>\n\n",
        ">From: Alice <alice@example.com>\n\n",
        "Hello.\n\nFrom: Alice <alice@example.com>\n\n",
        "Fromage: Alice <alice@example.com>\n\n",
    ],
)
def test_headers_in_the_body_are_those_that_git_takes(said: str, tmp_path: Path) -> None:
    data = header("[PATCH] outer") + said.encode() + b"It has reasons.\n---\n\n" + known(1).diff
    git = mailinfo(data, tmp_path)
    [patch] = read_text(data, "x")
    assert (patch.author, patch.subject) == (f"{git['Author']} <{git['Email']}>", git["Subject"])
    assert patch.message == git["Body"]
    assert patch.diff == known(1).diff == (tmp_path / "diff").read_bytes().removeprefix(b"---\n\n")


@pytest.mark.parametrize(
    "said",
    ["Before:\n@@ -1,2 +1,3 @@ foo\n", "perf:\n--- before\n+++ after\n foo 1\n", "diff --cc is shown\n"],
)
@pytest.mark.parametrize("separator", ["---\n 1 file changed, 1 insertion(+)\n\n", ""])
def test_message_that_shows_some_of_a_diff(said: str, separator: str) -> None:
    message = f"{said}\nReviewed-by: A <a@b.example>\n"
    [patch] = read_text(header("[PATCH] x") + message.encode() + separator.encode() + known(1).diff, "x")
    assert patch.diff == known(1).diff
    assert patch.message == message.strip()
    assert patch.tags == ("Reviewed-by: A <a@b.example>",)
    body = quoted(message.encode() + separator.encode() + known(1).diff)
    assert read_text(header("Re: [PATCH] x") + body, "x")[0].diff == known(1).diff


def test_shown_hunk_above_the_separator_is_no_hunk() -> None:
    shown = b"As in\n@@ -1,2 +1,3 @@ foo\n a\n+b\n---\n"
    assert read_text(header("[PATCH] x") + shown + known(1).diff, "x")[0].diff == known(1).diff


@pytest.mark.parametrize(
    ("above", "what"),
    [
        (b"Why.\n---\n@@ -1 +1,2 @@\n a\n+b\n", "x, line 8: hunk without the file"),
        (b"Why.\n\n@@ -1 +1,2 @@\n a\n+b\n", "x, line 8: hunk without the file"),
        (b"Why.\n---\n--- a/x.c\n+++ b/x.c\n", "x, line 10: a file without hunks"),
        (b"Why.\n\n--- a/x.c\n+++ b/x.c\n", "x, line 10: a file without hunks"),
        (b"diff --cc x.c\nindex 1111111,2222222..3333333\n", "x, line 6: a merge"),
    ],
)
def test_damaged_diff_is_no_message(above: bytes, what: str) -> None:
    for diff in (b"", known(1).diff):
        with pytest.raises(UserError) as caught:
            read_text(header("[PATCH] x") + above + diff, "x")
        assert what in str(caught.value)


FORWARDS = [
    "---------- Forwarded message ---------\nFrom: {0}\nDate: Mon, Jan 1, 2024 at 10:00 AM\nSubject: {1}\nTo: x\n\n\n",
    "-------- Forwarded Message --------\nSubject: {1}\nDate: Mon, 1 Jan 2024 10:00:00\nFrom: {0}\nTo: a,\n b\n\n",
    "Good.\n\n-----Original Message-----\nFrom: {0}\nSent: 2024-01-01 10:00\nTo: x\nSubject: {1}\n\n",
]


@pytest.mark.parametrize("form", FORWARDS)
def test_forwarded_text_keeps_its_author(form: str) -> None:
    text = form.format(ALICE, "[PATCH] part 1").encode() + known(1).body
    [patch] = read_text(header("Fwd: it") + text, "x")
    assert told((patch,)) == [("part 1", ALICE, known(1).diff)]
    assert patch.date == "2024-01-01T10:00:00"
    assert patch.message.startswith("It has reasons.")


def test_dashes_in_a_message_forward_nothing() -> None:
    text = b"-----Original Message-----\nis what Outlook writes.\n\n" + known(1).body
    assert read_text(header("[PATCH] x") + text, "x")[0].author == "Bob <bob@example.com>"


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["<!DOCTYPE HTML>\n<HTML>\n<PRE>", "\n<html lang=en><body><pre>", "<pre>"])
def test_page_of_html_is_refused(start: str) -> None:
    page = start.encode() + known(1).body.replace(b"b", b"-&gt;b") + b"</pre>"
    with pytest.raises(UserError, match=r"^page: a page of HTML.* get the mail itself \(raw\), or save"):
        read_text(page, "page")


def test_diff_of_a_page_is_none() -> None:
    diff = b"--- a/x.html\n+++ b/x.html\n@@ -0,0 +1,2 @@\n+<!DOCTYPE html>\n+<p>a -&gt; b\n"
    for data in (diff, header("[PATCH] x") + b"<p> is a tag.\n---\n" + diff):
        assert read_text(data, "x")[0].diff == diff


def test_nul_that_only_decoding_shows_is_refused() -> None:
    body = base64.encodebytes(known(1).diff.replace(b"+b", b"+\0"))
    with pytest.raises(UserError, match="a NUL in its diff"):
        read_text(typed("Content-Transfer-Encoding: base64\n", body), "x")
