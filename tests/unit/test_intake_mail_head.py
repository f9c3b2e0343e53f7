# SPDX-License-Identifier: GPL-2.0-only
"""What is kept of a mail's header for an answer, from the mail to the facts that a report shows."""

from __future__ import annotations

import email
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.intake import facts_of, read_patches
from harness.intake.mail_head import read_head
from harness.series import MailHead

DIFF = b"""---
diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -1,2 +1,3 @@
 one
+LINE
 two
"""
SENT = b"""From mboxrd@z Thu Jan  1 00:00:00 1970
From: =?utf-8?q?J=C3=B6rg_M=C3=BCller=2C_Berlin?= <joerg@example.org>
To: list@example.org, "Tester, A." <a@example.org>
Cc: b@example.org (Some One),
 c@example.org <c@example.org>,
Message-ID: <%b@example.org>
References: <cover@example.org>
Date: Mon, 02 Mar 2026 10:00:00 +0100
Subject: [PATCH v2 %b] dma-buf:
 add %b

text
"""


def mail(message_id: bytes, number: bytes, title: bytes) -> bytes:
    return SENT % (message_id, number, title) + DIFF.replace(b"LINE", title) + b"\n"


def taken(tmp_path: Path, *mails: bytes) -> list[MailHead | None]:
    """The heads that a report has of them, that of the cover letter first."""
    path = tmp_path / "x.mbox"
    path.write_bytes(b"".join(mails))
    facts = facts_of(read_patches([path]))
    return [facts.cover, *(patch.mail for patch in facts.patches)]


def test_a_mail_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    cover, head = taken(tmp_path, mail(b"1", b"1/1", b"x"))
    assert cover is None
    assert head == MailHead(
        subject="[PATCH v2 1/1] dma-buf: add x",
        sender="Jörg Müller, Berlin <joerg@example.org>",
        message_id="1@example.org",
        date="2026-03-02T10:00:00+01:00",
        to=("list@example.org", "Tester, A. <a@example.org>"),
        cc=("Some One <b@example.org>", "c@example.org <c@example.org>"),
        references=("cover@example.org",),
    )
    assert head.was_sent


def test_a_series_has_the_head_of_its_cover_letter(tmp_path: Path) -> None:
    text = SENT % (b"cover", b"0/2", b"things") + b"\n"
    cover, *heads = taken(tmp_path, text, mail(b"1", b"1/2", b"x"), mail(b"2", b"2/2", b"y").replace(b"-1,2", b"-1,2"))
    assert cover is not None and cover.message_id == "cover@example.org"
    assert [head.message_id for head in heads if head] == ["1@example.org", "2@example.org"]


def test_a_mere_diff_and_a_file_of_format_patch_were_not_sent(tmp_path: Path) -> None:
    assert taken(tmp_path, DIFF) == [None, None]
    kept = b"From: A <a@example.org>\nSubject: [PATCH] x\n\ntext\n" + DIFF
    _, head = taken(tmp_path, kept)
    assert head is not None and not head.was_sent


def test_of_an_attached_patch_the_mail_around_it_is_answered(tmp_path: Path) -> None:
    inner = b"From: B <b@example.org>\nSubject: [PATCH] inner\n\ntext\n" + DIFF
    outer = (
        b"From: A <a@example.org>\nMessage-ID: <o@x>\nSubject: please test\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="bb"\n\n--bb\nContent-Type: text/plain\n\nhere\n'
        b'--bb\nContent-Type: text/x-patch; name="x.patch"\nContent-Disposition: attachment; filename="x.patch"\n\n'
        + inner
        + b"\n--bb--\n"
    )
    _, head = taken(tmp_path, outer)
    assert head is not None and (head.message_id, head.sender) == ("o@x", "A <a@example.org>")


@pytest.mark.parametrize("piece", ['"\\', "<", '"', '"a" ', "<a ", "a@", "<a@b", "a at b ", "("])
def test_no_list_of_addresses_keeps_the_parser_busy(piece: str) -> None:
    """What takes quadratic time here takes minutes, and the test with it."""
    message = email.message_from_string("Subject: x\n\n")
    message["Cc"] = piece * 60_000
    assert len(read_head(message).cc) <= 60_000


@given(st.binary(max_size=300))
def test_any_header_is_read(value: bytes) -> None:
    text = b"From: " + value + b"\nCc: " + value + b"\nReferences: " + value + b"\n\n"
    head = read_head(email.message_from_bytes(text))
    for part in (head.sender, *head.to, *head.cc, head.subject, head.message_id):
        assert part.isprintable()
