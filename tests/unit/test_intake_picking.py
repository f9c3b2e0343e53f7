# SPDX-License-Identifier: GPL-2.0-only
"""``--pick``: one patch, or a whole series by its version or by a message id."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import read_patches, read_text
from tests.support.mail_shapes import SEPARATOR, Known, quoted

BASE = "1" * 40


def known(number: int, version: int, name: str = "f") -> Known:
    path = f"{name}{number}"
    text = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+v{version}\n"
    return Known(path, f"part {number}", text.encode())


def mail(subject: str, body: bytes, message_id: str, author: str = "Otto <otto@example.org>") -> bytes:
    head = f"From: {author}\nMessage-ID: <{message_id}>\nSubject: {subject}\n\n"
    return SEPARATOR + head.encode() + body + b"\n"


def series(version: int, total: int, author: str = "Otto <otto@example.org>", name: str = "f") -> list[bytes]:
    """Cover letter and patches."""
    prefix = f"PATCH v{version}" if version > 1 else "PATCH"
    cover = b"Hello.\n\nbase-commit: " + BASE.encode() + b"\n"
    mails = [mail(f"[{prefix} 0/{total}] {name}", cover, f"{name}-v{version}-0@example.org", author)]
    for number in range(1, total + 1):
        one = known(number, version, name)
        subject = f"[{prefix} {number}/{total}] {one.title}"
        mails.append(mail(subject, one.body, f"{name}-v{version}-{number}@example.org", author))
    return mails


def diffs(mails: list[bytes], pick: str) -> list[bytes]:
    return [patch.diff for patch in read_text(b"".join(mails), "t.mbox", pick)]


def wanted(version: int, total: int, name: str = "f") -> list[bytes]:
    return [known(number, version, name).diff for number in range(1, total + 1)]


ALL = [*series(1, 2), *series(3, 3), *series(2, 2)]


@pytest.mark.parametrize(("version", "total"), [(1, 2), (2, 2), (3, 3)])
def test_version(version: int, total: int) -> None:
    for pick in (f"v{version}", f"V{version}"):
        assert diffs(ALL, pick) == wanted(version, total)
        assert diffs(ALL[::-1], pick) == wanted(version, total)


@pytest.mark.parametrize(("version", "total"), [(1, 2), (2, 2), (3, 3)])
@pytest.mark.parametrize("form", ["{}", "<{}>"])
def test_message_id_of_the_cover_letter_or_of_any_part(version: int, total: int, form: str) -> None:
    for number in range(total + 1):
        pick = form.format(f"f-v{version}-{number}@example.org")
        patches = read_text(b"".join(ALL), "t.mbox", pick)
        assert [patch.diff for patch in patches] == wanted(version, total)
        assert patches[0].base_commit == BASE


def test_series_of_two_people_with_the_same_numbers() -> None:
    both = [*series(1, 2), *series(1, 2, "Rhea <rhea@example.net>", "g")]
    assert diffs(both, "g-v1-2@example.org") == wanted(1, 2, "g")
    assert diffs(both, "f-v1-0@example.org") == wanted(1, 2)
    with pytest.raises(UserError, match="holds patches 1, 2 twice"):
        diffs(both, "v1")


def test_part_that_only_a_reply_quotes_belongs_to_the_series() -> None:
    lost = [one for one in ALL if b"f-v2-2@" not in one]
    reply = mail("Re: [PATCH v2 2/2] part 2", quoted(known(2, 2).body), "r@example.org", "Rhea <r@example.net>")
    assert diffs([*lost, reply], "v2") == diffs([*lost, reply], "f-v2-1@example.org") == wanted(2, 2)
    with pytest.raises(UserError, match="lacks patch 2 of 2"):
        diffs(lost, "v2")


def test_patch_without_a_number() -> None:
    mails = [mail(f"[PATCH] p{number}", known(number, 1).body, f"p{number}@example.org") for number in (1, 2)]
    assert diffs(mails, "p2@example.org") == [known(2, 1).diff]


def test_what_is_no_version_or_id_there_is_a_subject() -> None:
    mails = [mail(f"[PATCH] v{n}: fix memory@{n}", known(n, 1).body, f"p{n}@example.org") for n in (1, 2)]
    assert diffs(mails, "memory@2") == [known(2, 1).diff]
    assert diffs(mails, "v2") == [known(2, 1).diff]  # no version 2 is there
    for pick in ("v7", "nobody@example.org"):
        with pytest.raises(UserError, match="is none of the patches; there are: v1: fix memory@1; v2: fix"):
            diffs(mails, pick)


def test_one_patch_is_picked_as_before() -> None:
    assert diffs([*series(1, 2), *series(2, 2)], "2") == [known(2, 2).diff]
    assert diffs(ALL, "v2 2/2 part 2") == [known(2, 2).diff]
    assert diffs(ALL, "part 3") == [known(3, 3).diff]


def test_choice_says_how_a_series_is_picked() -> None:
    with pytest.raises(UserError, match="a whole series with --pick vN or --pick MESSAGE-ID"):
        read_text(b"".join([*series(1, 2), *(one.replace(b"part", b"other") for one in series(2, 3))]), "t.mbox")


def test_several_files(tmp_path: Path) -> None:
    for name, mails in (("a.mbox", ALL), ("b.mbox", series(1, 2, name="g"))):
        (tmp_path / name).write_bytes(b"".join(mails))
    paths = [tmp_path / "a.mbox", tmp_path / "b.mbox"]
    assert [patch.diff for patch in read_patches(paths, "g-v1-0@example.org")] == wanted(1, 2, "g")
    assert [patch.diff for patch in read_patches(paths, "v1")] == [*wanted(1, 2), *wanted(1, 2, "g")]
