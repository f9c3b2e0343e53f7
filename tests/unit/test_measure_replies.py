# SPDX-License-Identifier: GPL-2.0-only
"""The figures for replies: what is exact is counted as that, and what is wrong as wrong."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.measure_replies import Figures, corpus, judge, raw_mails, replies
from tests.support import mail_programs
from tests.support.mail_shapes import ODD, WROTE, Known, known_patches, quoted

PATCH = known_patches()[0]


def mail(number: int, body: bytes, answers: str = "", extra: str = "", subject: str = "[PATCH] x") -> bytes:
    head = f"From: A <a@b.example>\nMessage-ID: <{number}@b.example>\nSubject: {subject}\n{answers}{extra}\n"
    return head.encode() + body


def reply(number: int, body: bytes, extra: str = "", to: int = 1) -> bytes:
    return mail(number, WROTE + body + b"\nFine.\n", f"In-Reply-To: <{to}@b.example>\n", extra, "Re: [PATCH] x")


CODED = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n"
MAILS = {
    "original": mail(1, PATCH.body),
    "exact": reply(2, quoted(PATCH.body), "User-Agent: Mutt/2.2\n"),
    "exact, flowed": reply(3, mail_programs.thunderbird(PATCH.body), mail_programs.FLOWED),
    "exact, encoded": reply(4, base64.encodebytes(WROTE + quoted(PATCH.body)), CODED).replace(WROTE, b"", 1),
    "exact, answers an answer": reply(5, quoted(PATCH.body), "References: <1@b.example> <2@b.example>\n", to=2),
    "wrong": reply(6, quoted(PATCH.body).replace(b"> +", b"> +/", 4).replace(b"> +/++ ", b"> +++ ")),
    "refused": reply(7, quoted(PATCH.body).replace(b"> +", b"> ", 5)),
    "own diff": reply(8, b"> diff --git a/x b/x\n\nRather so:\n\n" + PATCH.diff),
    "answers what is not there": reply(9, quoted(PATCH.body), to=77),
    "quotes no patch": reply(10, b"> Why?\n"),
}
OUTCOMES = {2: "exact", 3: "exact", 4: "exact", 5: "exact", 6: "wrong", 7: "refused", 8: "own diff"}


def as_mbox(directory: Path) -> Path:
    mbox = directory / "list.mbox"
    mbox.write_bytes(b"".join(b"From a@b.example Tue Jan  2 10:00:00 2024\n" + one + b"\n" for one in MAILS.values()))
    return mbox


def as_maildir(directory: Path) -> Path:
    for number, one in enumerate(MAILS.values()):
        (directory / "cur").mkdir(exist_ok=True)
        (directory / "cur" / f"{number}:2,S").write_bytes(one.replace(b"\n", b"\r\n"))
    return directory


def as_public_inbox(directory: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", str(directory)], check=True)
    for one in MAILS.values():
        command = ["git", "--git-dir", str(directory), "hash-object", "-w", "--stdin"]
        subprocess.run(command, input=one, capture_output=True, check=True)
    return directory


@pytest.mark.parametrize("store", [as_mbox, as_maildir, as_public_inbox])
def test_each_reply_is_held_against_what_it_answers(store: Callable[[Path], Path], tmp_path: Path) -> None:
    source = store(tmp_path)
    assert len(list(raw_mails(source))) == len(MAILS)
    found = [*replies(corpus([source]))]
    assert {int(own[1:].split("@")[0]): judge(one, before)[0] for own, one, before in found} == OUTCOMES


def test_odd_diffs_are_compared_line_by_line(tmp_path: Path) -> None:
    known = Known("odd", "x", ODD)
    box = tmp_path / "box"
    pair = (mail(1, known.body), reply(2, quoted(known.body)))
    box.write_bytes(b"".join(b"From a@b Tue Jan  2 10:00:00 2024\n" + one + b"\n" for one in pair))
    [(_, one, before)] = replies(corpus([box]))
    assert judge(one, before) == ("exact", "")


def test_table() -> None:
    figures = Figures()
    for outcome, reason in (("exact", ""), ("exact", ""), ("exact", ""), ("wrong", ""), ("refused", "no")):
        figures.add(outcome, reason, "Mutt")
    lines = [line.split() for line in figures.table().splitlines()]
    assert ["replies", "5"] in lines
    assert ["exact", "of", "accepted", "75.0", "%"] in lines
    assert ["Mutt", "3", "1", "1", "0"] in lines
    assert ["1", "refused:", "no"] in lines
