# SPDX-License-Identifier: GPL-2.0-only
"""One mail, and all patches that are in it: in its text, attached, embedded, encoded."""

from __future__ import annotations

import base64
import quopri
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import read_text
from harness.series import Patch
from tests.support.mail_shapes import SEPARATOR, Known, header, quoted

OTTO = "Otto Sender <otto@example.org>"


def known(name: str, new: str = "x = two()") -> Known:
    diff = (
        f"diff --git a/{name} b/{name}\nindex 1111111..2222222 100644\n--- a/{name}\n+++ b/{name}\n"
        f"@@ -1,3 +1,3 @@\n {{\n-\tone();\n+\t{new};\n }}\n"
    )
    return Known(name, f"{name}: count", diff.encode())


HEAP, POOL = known("heap.c"), known("pool.c")


def formatted(one: Known, prefix: str = "[PATCH]") -> bytes:
    """A file of git format-patch."""
    return SEPARATOR + f"From: {OTTO}\nSubject: {prefix} {one.title}\n\n".encode() + one.body


def carrier(text: bytes, *files: tuple[str, bytes], subject: str = "Re: heap: use after free") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Rhea Viewer <rhea@example.net>", subject
    message.set_content(text.decode(), cte="8bit")
    for name, data in files:
        message.add_attachment(data, maintype="text", subtype="x-patch", filename=name)
    return message.as_bytes()


def told(patches: tuple[Patch, ...]) -> list[tuple[str, bytes]]:
    return [(patch.subject, patch.diff) for patch in patches]


def refused(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_text(data, "mail")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def git_reads(data: bytes, tmp_path: Path) -> bytes:
    """The patch that git mailinfo makes of ``data``."""
    command = ["git", "mailinfo", "message", "patch"]
    subprocess.run(command, cwd=tmp_path, input=data, capture_output=True, check=True)
    return (tmp_path / "patch").read_bytes()


# --- attached -------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["[PATCH 01/10]", "[PATCH v2 3/4]", "[PATCH]", "[RFC PATCH 7/7]"])
@pytest.mark.parametrize("subject", ["Re: heap: use after free", "heap: try this", "Re: [PATCH 2/3] pool: count"])
def test_try_the_attached_patch(prefix: str, subject: str) -> None:
    data = carrier(b"Could you try the attached patch?\n", ("1.patch", formatted(HEAP, prefix)), subject=subject)
    assert told(read_text(data, "mail")) == [(HEAP.title, HEAP.diff)]


def test_attached_part_of_a_series_in_a_mailbox_still_lacks_the_others() -> None:
    data = carrier(b"The first.\n", ("1.patch", formatted(HEAP, "[PATCH 1/2]")), subject="[PATCH] x")
    assert "lacks patch 2 of 2" in refused(SEPARATOR + data + b"\n" + SEPARATOR + header("Re: x") + b"Nice.\n")


def test_diff_in_the_text_and_another_attached() -> None:
    data = carrier(b"You need this:\n\n" + HEAP.diff + b"\nand:\n", ("pool.patch", formatted(POOL)))
    assert told(read_text(data, "mail")) == [("heap: use after free", HEAP.diff), (POOL.title, POOL.diff)]
    numbered = carrier(b"You need this:\n\n" + HEAP.diff, ("pool.patch", formatted(POOL, "[PATCH 1/2]")))
    assert "some mails are numbered" in refused(numbered)


def without_tabs(diff: bytes) -> bytes:
    return diff.expandtabs(8)


def wrapped(diff: bytes) -> bytes:
    return diff.replace(b"+\tx =", b"+\tx\n=")


@pytest.mark.parametrize("changed", [without_tabs, wrapped])
def test_text_that_a_mail_program_changed_beside_the_file(changed: Callable[[bytes], bytes]) -> None:
    text = b"Inline to read.\n\nSigned-off-by: A <a@b.example>\n---\n" + changed(HEAP.diff)
    [patch] = read_text(carrier(text, ("heap.patch", HEAP.diff), subject="[PATCH] heap: count"), "mail")
    assert (patch.subject, patch.diff) == ("heap: count", HEAP.diff)
    assert patch.notes == ("taken as it is attached (heap.patch): the blanks of the one in the text were changed",)
    assert patch.message.startswith("Inline to read.")


@pytest.mark.parametrize("attached", [HEAP.diff, formatted(HEAP)], ids=["diff", "mail of git"])
@pytest.mark.parametrize("subject", ["[PATCH] heap: count", "Re: heap: use after free"])
def test_words_below_the_text_that_was_changed(attached: bytes, subject: str) -> None:
    text = b"Inline to read.\n---\n" + without_tabs(HEAP.diff) + b"\nWhat do you think?\n"
    [patch] = read_text(carrier(text, ("heap.patch", attached), subject=subject), "mail")
    assert patch.diff == HEAP.diff
    more = b"Inline to read.\n---\n" + without_tabs(HEAP.diff + POOL.diff)
    assert len(read_text(carrier(more, ("heap.patch", attached), subject=subject), "mail")) == 2


def test_text_and_file_that_differ_in_more_than_blanks() -> None:
    other = known("heap.c", "y = two()")
    text = b"Inline.\n---\n" + HEAP.diff
    assert "made for the same lines" in refused(carrier(text, ("heap.patch", other.diff), subject="[PATCH] heap"))


# --- embedded -------------------------------------------------------------------------------------


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": quopri.encodestring,
    "base64": base64.encodebytes,
    "8bit": bytes,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("separator", [b"", b"From rhea@example.net Tue Jan  2 10:00:00 2024\n"])
def test_patch_of_git_in_the_text_of_a_mail(coding: str, separator: bytes) -> None:
    extra = f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {coding}\n"
    body = CODINGS[coding](b"Could you try this one?\n\n---\n" + formatted(HEAP))
    [patch] = read_text(separator + header("Re: heap: use after free", extra) + body, "mail")
    assert (patch.subject, patch.author, patch.diff) == (HEAP.title, OTTO, HEAP.diff)


def test_what_a_reply_shows_in_its_text_is_no_part_of_a_thread() -> None:
    """But where there is nothing else."""
    extra = "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n"
    reply = header("Re: [PATCH 1/1] pool: count", extra) + base64.encodebytes(b"As in:\n\n" + formatted(HEAP))
    start = b"From a@b.example Tue Jan  2 10:00:00 2024\n"
    thread = start + header("[PATCH 1/1] pool: count") + POOL.body + b"\n" + start + reply
    assert told(read_text(thread, "mbox")) == [("pool: count", POOL.diff)]
    thanks = start + header("Re: [PATCH 1/1] pool: count") + b"Thanks.\n"
    assert told(read_text(start + reply + b"\n" + thanks, "mbox")) == [(HEAP.title, HEAP.diff)]


def test_mail_of_git_behind_an_encoded_one_is_a_mail() -> None:
    """It is not encoded: what stands behind an equals sign tells."""
    extra = "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n"
    first = header("[PATCH] pool.c: count", extra) + quopri.encodestring(POOL.body)
    mbox = b"From a@b.example Tue Jan  2 10:00:00 2024\n" + first + b"\n" + formatted(HEAP)
    assert told(read_text(mbox, "mbox")) == [(POOL.title, POOL.diff), (HEAP.title, HEAP.diff)]


# --- as git reads it ------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [b"", b" "])
def test_part_that_ends_in_an_empty_line_of_context(lost: bytes, tmp_path: Path) -> None:
    short = b"diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,4 @@\n one\n two\n+three\n"
    data = (
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain\n\nThree.\n---\n"
        + short
        + lost
        + b"\n--b\nContent-Type: text/plain\n\nlist\n--b--\n"
    )
    mail = b"From: A <a@b.example>\nSubject: [PATCH] x: three\n" + data
    assert read_text(mail, "mail")[0].diff == short + b" \n"
    assert short in git_reads(mail, tmp_path)


FIRST = [
    "[PATCH] heap: count",
    "[RFC PATCH v2] heap: count",
    "Subject: [PATCH] heap: count",
    "[PATCH]  heap: count\nFrom: A <a@b.example>",
]


@pytest.mark.parametrize("line", FIRST)
def test_subject_in_the_first_line_of_the_text(line: str) -> None:
    [patch] = read_text(header("Re: what we talked of") + f"{line}\n\n".encode() + HEAP.body, "mail")
    assert patch.subject == "heap: count"
    assert "[PATCH]" not in patch.message
    later = b"It is so.\n\n[PATCH] heap: count\n" + HEAP.body
    assert read_text(header("[PATCH] pool: x") + later, "mail")[0].subject == "pool: x"


@pytest.mark.parametrize("old", [b"\n", b"\r\n"])
def test_two_carriage_returns(old: bytes) -> None:
    mail = header("[PATCH] heap: count") + HEAP.body
    for data in (mail, HEAP.diff, SEPARATOR + mail):
        assert read_text(data.replace(b"\n", b"\r\r\n"), "mail")[0].diff == HEAP.diff
    own = HEAP.diff.replace(b"two();\n", b"two();\r\n")  # the file's own, in a mail with CR LF
    assert read_text(own.replace(b"\n", b"\r\n"), "x")[0].diff == own


def test_carriage_return_in_a_name_is_called_that() -> None:
    diff = HEAP.diff.replace(b"+++ b/heap.c", b'+++ "b/heap.c\\r"').replace(b"--- a/heap.c", b'--- "a/heap.c\\r"')
    assert "carriage return" in refused(diff) and "(raw)" in refused(diff)


@pytest.mark.parametrize("old", ["+++ b/", " b/", "--- a/", "--git a/"])
def test_doubled_slash(old: str) -> None:
    diff = known("drivers/heap.c").diff.decode().replace(f"{old}drivers", f"{old}/drivers//", 1)
    [patch] = read_text(diff.replace("//heap.c", "/heap.c").encode(), "x.diff")
    assert patch.files == ("drivers/heap.c",)
    assert "//drivers" in patch.diff.decode()
    assert "outside the kernel tree" in refused(diff.replace("drivers/", "../").encode())


# --- a reply --------------------------------------------------------------------------------------


def test_own_diff_where_only_a_part_of_another_is_quoted() -> None:
    part = POOL.diff.replace(b"+\tx = two();\n", b"")
    [patch] = read_text(header("Re: [PATCH] pool: count") + quoted(part) + b"\nRather so:\n\n" + HEAP.diff, "mail")
    assert patch.diff == HEAP.diff
    assert "left out: a part of another patch" in patch.notes[0]
    whole = header("Re: [PATCH] pool: count") + quoted(POOL.body) + b"\nRather so:\n\n" + HEAP.diff
    assert "holds several patches" in refused(whole)
