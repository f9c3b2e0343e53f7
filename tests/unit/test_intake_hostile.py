# SPDX-License-Identifier: GPL-2.0-only
"""Input that wants to hurt: bounded in time and memory, and nothing of it obeyed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UserError
from harness.intake import facts_of, patch_sources, read_text
from harness.intake.quoted_patch import quotes
from tests.support.mail_shapes import ODD, SEPARATOR, archive_page, header, known_patches, quoted

FOREST = known_patches()[0]
HEAD = header("[PATCH v2 1/2] x")


def steps(data: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """Lines of Python that reading ``data`` takes; what the C library does in one of them is not counted."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        read_text(data, "x")
    except UserError:
        pass
    finally:
        sys.settrace(old)
    return count


def long_diff(lines: int) -> bytes:
    return b"--- a/f\n+++ b/f\n@@ -0,0 +1,%d @@\n" % lines + b"+x\n" * lines


SIZES: dict[str, Callable[[int], bytes]] = {
    "a long diff": long_diff,
    "many hunks": lambda n: (
        b"--- a/f\n+++ b/f\n" + b"".join(b"@@ -%d,1 +%d,1 @@\n-a\n+b\n" % (k, k) for k in range(1, n))
    ),
    "a long quote": lambda n: header("Re: [PATCH] x") + quoted(long_diff(n)),
    "comments": lambda n: header("Re: [PATCH] x") + quoted(long_diff(n)).replace(b"\n", b"\nno\n"),
    "many mails": lambda n: (SEPARATOR + header("[PATCH 1/2] x") + long_diff(1)) * n,
    "many replies": lambda n: (SEPARATOR + header("Re: [PATCH 1/2] x") + quoted(long_diff(1))) * n,
    "many files": lambda n: b"".join(b"--- a/f%d\n+++ b/f%d\n@@ -1 +1 @@\n-a\n+b\n" % (k, k) for k in range(n)),
    "flowed": lambda n: header("[PATCH] x", "Content-Type: text/plain; format=flowed\n") + b"x \n" * n,
    "quote marks": lambda n: header("Re: [PATCH] x") + b">" * n + b"\n" + b"> " * n,
}


@pytest.mark.parametrize("shape", SIZES)
def test_twice_as_much_takes_twice_as_long(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (steps(SIZES[shape](n), monkeypatch) for n in (60, 120))
    assert large <= 2.2 * small + 200


def test_a_million_lines() -> None:
    [patch] = read_text(long_diff(1_000_000), "x")
    assert len(patch.added["f"]) == 1_000_000


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_decompression_bomb(compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch_sources, "MAX_BYTES", 1 << 20)
    bomb = compress(b"x" * (16 << 20))
    assert len(bomb) < 1 << 20
    with pytest.raises(UserError, match="larger than 1 MiB"):
        read_text(bomb, "bomb")
    assert len(read_text(compress(FOREST.diff), "fine")) == 1


@pytest.mark.parametrize(
    "extra",
    [
        'Content-Type: text/plain; x="' + ';"' * 200_000,
        "Content-Disposition: attachment; filename=" + "%;" * 200_000,
    ],
    ids=["parameters", "file name"],
)
def test_header_that_would_take_hours(extra: str) -> None:
    with pytest.raises(UserError, match="header of one of its parts is too long"):
        read_text(header("[PATCH] x", extra + "\n") + FOREST.diff, "x")


def test_subject_that_would_take_hours() -> None:
    [patch] = read_text(header("=?a?q?" * 100_000) + FOREST.diff, "x")
    assert len(patch.subject) <= 8000


LONG = 1_000_000
FOUND: dict[str, Callable[[], bytes]] = {
    "author in the body": lambda: HEAD + b"From: " + b"@" * LONG + b"\n\n" + FOREST.diff,
    "word on a page": lambda: archive_page(FOREST).replace(b"> +\t", b"> +" + b"b" * LONG, 1),
    "labels on a page": lambda: archive_page(FOREST).replace(b"It has", b"<x at " + b"a." * LONG + b" has", 1),
    "blanks below a quote": lambda: header("Re: x") + quoted(FOREST.body) + b"\n" + b" " * LONG + b"x\n",
    "empty gzip members": lambda: gzip.compress(b"", mtime=0) * (LONG // 4) + gzip.compress(FOREST.diff),
}


@pytest.mark.parametrize("shape", FOUND)
def test_long_lines_and_many_members_take_no_minutes(shape: str) -> None:
    """Each took a quadratic time once, which is an hour for these."""
    assert len(read_text(FOUND[shape](), "x")) == 1


def test_quotes_at_many_depths_hold_the_text_once() -> None:
    text = b"".join(b">" * depth + blank + b"diff --git a/f b/f\n" for depth in range(1, 41) for blank in (b"", b" "))
    found = quotes(text + b"filler\n" * 1000)
    assert len(found) == 80
    assert len({id(quote.text) for quote in found}) == 1
    assert [len(quote.read().lines) for quote in found[:3]] == [80, 80, 78]


def test_many_nested_parts() -> None:
    part = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    with pytest.raises(UserError, match="nested too deep"):
        read_text(HEAD[:-1] + b"".join(part % (n, n) for n in range(60)) + b"x\n" * 100, "x")


def test_names_and_people_cannot_write_on_the_terminal() -> None:
    diff = b"--- a/\x1b[2Jf\n+++ b/\x1b[2Jf\n@@ -1 +1 @@\n-a\n+b\n"
    body = b"Reviewed-by: \x1b]0;x\x07 <a@b>\n---\n" + diff
    found = facts_of(read_text(header("[PATCH] x \x1b[31m\u202e", "") + body, "x"))
    shown = [*found.files, found.patches[0].subject, *found.patches[0].tags, found.patches[0].author]
    assert all(text.isprintable() for text in shown)


PIECES = st.sampled_from(
    [
        *(header(subject) for subject in ("Re: [PATCH 1/2] x", "[PATCH v2 1/2] x", "[PATCH 0/2] x", "[PATCH] y")),
        header("[PATCH 2/2] z", "Content-Type: text/plain; format=flowed; delsp=yes\n"),
        header("[PATCH] m", 'Content-Type: multipart/mixed; boundary="q"\n'),
        SEPARATOR,
        ODD,
        FOREST.body,
        quoted(ODD),
        quoted(quoted(FOREST.body)),
        archive_page(FOREST),
        *(FOREST.diff[at:] for at in range(0, len(FOREST.diff), 97)),
        *(quoted(FOREST.body)[:at] for at in range(0, len(FOREST.body), 97)),
        *(
            b">",
            b"> ",
            b"\n",
            b"\r\n",
            b"--q\n",
            b"---\n",
            b"-- \n",
            b"> [...]\n",
            b"From: x\n",
            b"commit 1\n",
            b"--- a/b\n",
        ),
        *(b"base-commit: 1\n", b"On Monday, A wrote:\n", b" 1 file changed\n", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0"),
    ]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES | st.binary(max_size=40), max_size=10), st.sampled_from([None, "1", "x"]))
def test_any_input_is_read_exactly_or_refused(pieces: list[bytes], pick: str | None) -> None:
    try:
        patches = read_text(b"".join(pieces), "fuzz", pick)
    except UserError as error:
        assert "\n" not in str(error)
        return
    assert patches
    for patch in patches:
        assert patch.files
        assert len(patch.patch_id) == 40
        [again] = read_text(patch.diff, "again")
        assert (again.diff, again.patch_id) == (patch.diff, patch.patch_id)
    assert len(facts_of(patches).patches) == len(patches)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_quote_is_refused_or_exact(data: st.DataObject) -> None:
    """Lines taken out, doubled or put in: what comes out is the patch itself, or nothing."""
    known = data.draw(st.sampled_from(known_patches()))
    lines = quoted(known.body).split(b"\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([[], [b""], [b"a comment"], [b"> [...]"], [b"Reviewed-by: A <a@b>"]])
        )
    body = b"\n".join(lines)
    if b" changed, " not in body:
        return  # without the diffstat nothing tells whether all is there, and the report says so
    try:
        [patch] = read_text(header("Re: [PATCH] x") + body, "damaged")
    except UserError:
        return
    kept = [line for line in known.diff.split(b"\n") if line[:1] in (b"+", b"-")]
    assert [line for line in patch.diff.split(b"\n") if line[:1] in (b"+", b"-")] == kept


def test_a_signature_does_not_stand_in_for_a_line_that_was_cut() -> None:
    """Two lines deleted, one of them cut from the quote: with the "-- " below it the counts agree again."""
    diff = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,4 +1,2 @@\n one\n-two\n-three\n four\n"
    body = f"text\n---\n a.c | 2 --\n 1 file changed, 2 deletions(-)\n\n{diff}-- \n2.39.5\n".encode()
    assert read_text(header("Re: [PATCH] x") + quoted(body), "whole")[0].diff == diff.encode()
    with pytest.raises(UserError, match="begins a signature"):
        read_text(header("Re: [PATCH] x") + quoted(body).replace(b"> -three\n", b""), "cut")
