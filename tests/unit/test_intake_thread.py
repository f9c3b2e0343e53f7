# SPDX-License-Identifier: GPL-2.0-only
"""Threads, mailboxes and maildirs: what is taken, in which order, and what has to be picked."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest

from harness import process
from harness.errors import HarnessError, InfrastructureError, UserError
from harness.intake import patch_sources, read_patches, read_text
from harness.series import Patch
from tests.support.mail_shapes import SEPARATOR, Known, header, quoted

BASE, NEEDED = "1" * 40, "2" * 40


def known(number: int, version: int = 1) -> Known:
    diff = b"diff --git a/f%d b/f%d\n--- a/f%d\n+++ b/f%d\n@@ -1 +1 @@\n-a\n+b%d\n" % (number, *[number] * 3, version)
    return Known(str(number), f"part {number}", diff)


def sent(number: int, total: int = 3, version: int = 1) -> bytes:
    prefix = f"PATCH v{version}" if version > 1 else "PATCH"
    return header(f"[{prefix} {number}/{total}] part {number}") + known(number, version).body


def reply(number: int, total: int = 3, version: int = 1, body: bytes = b"") -> bytes:
    prefix = f"PATCH v{version}" if version > 1 else "PATCH"
    return header(f"Re: [{prefix} {number}/{total}] part {number}") + (body or quoted(known(number, version).body))


def cover(total: int = 3, version: int = 1) -> bytes:
    prefix = f"PATCH v{version}" if version > 1 else "PATCH"
    tail = f"\nbase-commit: {BASE}\nprerequisite-patch-id: {NEEDED}\n-- \n2.39\n"
    return header(f"[{prefix} 0/{total}] cover") + b"Hello.\n 3 files changed\n" + tail.encode()


def mbox(*mails: bytes) -> bytes:
    return b"".join(SEPARATOR + one + b"\n" for one in mails)


def refused(data: bytes, pick: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read_text(data, "t.mbox", pick)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def subjects(patches: tuple[Patch, ...]) -> list[str]:
    return [patch.subject for patch in patches]


@pytest.mark.parametrize("order", list(itertools.permutations(range(5))))
def test_any_order_gives_the_series(order: tuple[int, ...]) -> None:
    mails = [cover(), sent(1), sent(2), sent(3), reply(2, body=b"Tested-by: Bob <bob@example.com>\n")]
    patches = read_text(mbox(*(mails[at] for at in order)), "t.mbox")
    assert [patch.diff for patch in patches] == [known(number).diff for number in (1, 2, 3)]
    assert [patch.base_commit for patch in patches] == [BASE, "", ""]
    assert patches[0].prerequisites == (NEEDED,)
    assert ["Tested-by: Bob <bob@example.com>" in patch.tags for patch in patches] == [False, True, False]


def test_answer_to_the_cover_letter_is_about_all() -> None:
    answer = header("Re: [PATCH 0/2] cover") + b"> Hello.\n\nAcked-by: Bob <bob@example.com>\n"
    patches = read_text(mbox(cover(2), answer, sent(1, 2), sent(2, 2)), "t")
    assert all("Acked-by: Bob <bob@example.com>" in patch.tags for patch in patches)


def test_maildir(tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "new" / "1.a:2,").write_bytes(sent(2, 2).replace(b"\n", b"\r\n"))
    (tmp_path / "cur" / "2.b:2,S").write_bytes(sent(1, 2))
    (tmp_path / "cur" / "3.c:2,S").write_bytes(cover(2))
    (tmp_path / "tmp" / "4").write_bytes(sent(1, 9))
    patches = read_patches([tmp_path])
    assert subjects(patches) == ["part 1", "part 2"]
    assert patches[0].base_commit == BASE


def test_compressed_thread(tmp_path: Path) -> None:
    path = tmp_path / "t.mbox.gz"
    path.write_bytes(gzip.compress(mbox(sent(1, 2))) + gzip.compress(mbox(sent(2, 2))))
    assert subjects(read_patches([path])) == ["part 1", "part 2"]


def test_newest_version_is_taken_and_said() -> None:
    patches = read_text(mbox(sent(1, 2, 2), sent(1, 2), sent(2, 2), sent(2, 2, 2), cover(2, 2)), "t")
    assert [patch.diff for patch in patches] == [known(1, 2).diff, known(2, 2).diff]
    assert patches[0].notes == ("v2 is taken; older in the same mailbox: v1",)
    single = mbox(header("[PATCH] part 1") + known(1).body, header("[PATCH v2] part 1") + known(1, 2).body)
    [patch] = read_text(single, "t")
    assert patch.diff == known(1, 2).diff
    assert "older version is left out: v1" in patch.notes[0]


def test_other_version_under_another_subject_is_not_silently_taken_with_it() -> None:
    first = header("[PATCH] foo: a") + known(1).body
    better = header("[PATCH v2] foo: better a") + known(1, 2).body
    assert "of several versions, with different subjects, to 'f1'; take one with --pick" in refused(mbox(first, better))
    [patch] = read_text(mbox(first, better), "t", "better")
    assert patch.subject == "foo: better a"
    one, two = read_text(mbox(first, header("[PATCH v2] foo: b") + known(2, 2).body), "t")
    assert (one.subject, two.subject) == ("foo: a", "foo: b")
    assert one.notes == ("all are taken, though not of the same version: foo: a; v2 foo: b",)
    both = [header(f"[PATCH v2] foo: {name}") + known(number, 1).body for number, name in enumerate("ab", 1)]
    assert [patch.notes for patch in read_text(mbox(*both), "t")] == [(), ()]


def test_mail_that_says_it_was_applied_is_a_copy() -> None:
    applied = header('Applied "part 1" to the tree') + b"Thanks.\n\n" + known(1).diff
    for one in (header("[PATCH] part 1") + known(1).body, sent(1, 1)):
        [patch] = read_text(mbox(one, applied, applied), "t")
        assert (patch.subject, patch.diff) == ("part 1", known(1).diff)
        assert patch.notes == ('taken once, it is there again as: Applied "part 1" to the tree',)
    series = read_text(mbox(applied, sent(2, 2), sent(1, 2)), "t")
    assert subjects(series) == ["part 1", "part 2"]
    other = header("Another patch") + known(2).diff
    assert subjects(read_text(mbox(header("[PATCH] part 1") + known(1).body, other), "t")) == [
        "part 1",
        "Another patch",
    ]
    assert "some are not" in refused(mbox(sent(1, 1), other))


def test_equal_patches_with_numbers_are_no_copies() -> None:
    again = header("[PATCH 2/2] part 1 again") + known(1).body
    assert "is the same patch as" in refused(mbox(sent(1, 2), again))


def test_missing_parts_of_the_newest_are_named() -> None:
    text = refused(mbox(sent(1, 3), sent(2, 3), sent(3, 3), sent(1, 3, 2), sent(3, 3, 2)))
    assert "lacks patch 2 of 3; add what is missing, or take one with --pick" in text
    assert "v2 1/3 part 1; v2 3/3 part 3" in text


def test_reply_stands_in_for_a_missing_part() -> None:
    patches = read_text(mbox(sent(1), reply(2), sent(3)), "t")
    assert [patch.diff for patch in patches] == [known(number).diff for number in (1, 2, 3)]
    assert "quoted in a reply" in patches[1].notes
    cut = quoted(known(2).body).replace(b"> +b1\n", b"")
    assert "t.mbox, message 2, line" in refused(mbox(sent(1), reply(2, body=cut), sent(3)))
    assert len(read_text(mbox(sent(1), reply(2, body=cut), sent(2), sent(3)), "t")) == 3


def test_first_reply_that_quotes_all_is_taken() -> None:
    cut = quoted(known(2).body).replace(b"> +b1\n", b"")
    [patch] = read_text(mbox(reply(2, 7, body=cut), reply(2, 7)), "t")
    assert patch.diff == known(2).diff


THREAD = mbox(reply(1, 7), reply(4, 7), header("Re: [PATCH 0/7] cover") + b"Nice.\n")


@pytest.mark.parametrize("pick", ["4", "part 4", "PART 4", "4/7 part"])
def test_pick(pick: str) -> None:
    [patch] = read_text(THREAD, "t", pick)
    assert patch.diff == known(4).diff


def test_pick_is_asked_for_with_what_there_is() -> None:
    assert "take one with --pick N or --pick SUBJECT of: 1/7 part 1; 4/7 part 4" in refused(THREAD)
    assert "--pick '2' is none of the patches; there are: 1/7 part 1; 4/7 part 4" in refused(THREAD, "2")
    assert "is none of the patches; there are: 1/7 part 1" in refused(THREAD, "9" * 5000)
    assert "--pick 'part' fits 2 of the patches; there are: 1/7" in refused(THREAD, "part")
    mixed = mbox(sent(1, 2), sent(2, 2), header("[PATCH] part 9") + known(9).body)
    assert "some are not; take one with --pick N or --pick SUBJECT of: 1/2 part 1; 2/2 part 2; part 9" in refused(mixed)


def test_pick_takes_the_newest_and_the_original() -> None:
    data = mbox(sent(2, 2), reply(2, 2, 2), sent(2, 2, 2))
    [patch] = read_text(data, "t", "2")
    assert (patch.diff, patch.notes) == (known(2, 2).diff, ())


def test_pick_by_place_where_nothing_is_numbered() -> None:
    data = mbox(*(header(f"[PATCH] part {number}") + known(number).body for number in (1, 2)))
    assert subjects(read_text(data, "t", "2")) == ["part 2"]
    assert "is none of the patches" in refused(data, "0")


def test_headers_in_the_body_and_trailers_of_format_patch() -> None:
    said = "From: Änne <a@example.com>\nSubject: [PATCH] the\n real one\nDate: Wed, 19 Feb 2020 13:59:04 +0100\n\n"
    body = said.encode() + known(1).body.replace(b"-- \n", f"\nbase-commit: {BASE}\n-- \n".encode())
    [patch] = read_text(header("[PATCH] forwarded") + body, "x")
    assert (patch.author, patch.date) == ("Änne <a@example.com>", "2020-02-19T13:59:04+01:00")
    assert patch.subject == "the real one"
    assert patch.base_commit == BASE


def test_diffstat_that_tells_of_more_is_noted() -> None:
    [patch] = read_text(header("[PATCH] x") + known(1).body.replace(b" 1 file changed", b" 2 files changed"), "x")
    assert patch.notes == ("its diffstat says 2 files, +1 -1, it holds 1 file, +1 -1",)


def test_log_of_several_commits_has_no_order() -> None:
    log = b"".join(b"commit " + b"%d" % n * 40 + b"\nAuthor: A\n\n    x\n\n" + known(n).diff for n in (1, 2))
    assert "the log of several commits; make it with git format-patch" in refused(log)
    [patch] = read_text(
        b"commit "
        + b"1" * 40
        + b"\nAuthor: A <a@b>\nDate:   Wed Feb 19 13:59:04 2020 +0100\n\n    x: y\n\n"
        + known(1).diff,
        "x",
    )
    assert (patch.subject, patch.author, patch.date) == ("x: y", "A <a@b>", "2020-02-19T13:59:04+01:00")


def test_raw_bytes_and_controls_in_headers() -> None:
    raw = b"From: J\xf6rg <j@example.com>\nSubject: [PATCH] dma-buf: \x1b[2Jred\x07 \xe2\x80\xae<b>\n\n" + known(1).body
    [patch] = read_text(raw, "x")
    assert patch.author == "Jörg <j@example.com>"
    assert patch.subject == r"dma-buf: \x1b[2Jred\x07 \u202e<b>"


# --- b4 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lore:20200219.1-a@b.example", "20200219.1-a@b.example"),
        ("<20200219.1-a@b.example>", "20200219.1-a@b.example"),
        (str(Path("https://lists.example.org/all/20200219.1-a@b.example/T/#u")), "20200219.1-a@b.example"),
        ("https://lists.example.org/20200219.1-a%40b.example/", "20200219.1-a@b.example"),
        ("my@patch.mbox", None),
        ("dir/x@y.patch", None),
        ("main..topic", None),
    ],
)
def test_names_of_mails_in_an_archive(name: str, wanted: str | None) -> None:
    assert patch_sources.archived_id(name) == wanted


def fake_b4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "b4"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(process, "which", lambda name: program)


def test_b4_gets_the_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m").write_bytes(mbox(sent(2, 2), sent(1, 2)))
    (tmp_path / "c").write_bytes(cover(2))
    check = '[ "$1 $2 $4 $5" = "am --outdir -- 1@example.com" ] || exit 9'
    fake_b4(tmp_path, monkeypatch, f'{check}\ncp {tmp_path}/m "$3/s.mbx"\ncp {tmp_path}/c "$3/s.cover"')
    patches = read_patches([Path("lore:1@example.com")])
    assert subjects(patches) == ["part 1", "part 2"]
    assert patches[0].base_commit == BASE
    assert patches[0].origin.startswith("lore:1@example.com")
    assert subjects(read_patches([Path("<1@example.com>")], "2")) == ["part 2"]


def test_b4_that_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_b4(tmp_path, monkeypatch, "echo looking >&2; echo no such thread >&2; exit 1")
    with pytest.raises(
        InfrastructureError,
        match=r"lore:1@example\.com: b4 cannot get it: it ends with 'no such thread'; try again, or",
    ):
        read_patches([Path("lore:1@example.com")])


def test_without_b4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "which", lambda name: None)
    with pytest.raises(
        HarnessError, match="needs b4, which is not installed; install it, or save the thread as an mbox"
    ):
        read_patches([Path("lore:1@example.com")])
