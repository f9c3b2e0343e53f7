# SPDX-License-Identifier: GPL-2.0-only
"""What mail programs make of a text that they quote in a reply, as seen in the archives of lists."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

FLOWED = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8; format=flowed\n"


def _each(text: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return b"".join(change(line) + b"\n" for line in text.rstrip(b"\n").split(b"\n"))


def thunderbird(text: bytes) -> bytes:
    """Quoted, as flowed text: one more blank before each line that begins with one, behind the mark."""
    return _each(text, lambda line: b"> " + (b" " if line.startswith(b" ") else b"") + line)


def gmail(text: bytes, mark: bytes = b"> ") -> bytes:
    """Quoted in a browser: tabs are blanks up to the next column that eight divides, the marks counted."""
    return _each(text, lambda line: (mark + line).expandtabs(8))


def html(text: bytes) -> bytes:
    """Quoted by a program that writes HTML, and shows a tab as eight blanks."""
    return _each(text, lambda line: b"> " + line.replace(b"\t", b" " * 8))


def wrapped(text: bytes, columns: int = 72, mark: bytes = b"") -> bytes:
    """Quoted, long lines cut at a blank; ``mark``: what the rest of a line begins with."""

    def cut(line: bytes) -> bytes:
        pieces = textwrap.wrap(
            line.decode(), columns, expand_tabs=False, replace_whitespace=False, drop_whitespace=True,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        return b"> " + (b"\n" + mark).join(piece.encode() for piece in pieces) if len(pieces) > 1 else b"> " + line

    return _each(text, cut)


def claws(text: bytes, below: bytes) -> bytes:
    """Quoted, with a comment below the line ``below``, which Claws Mail gives two blanks at its end."""
    return _each(text, lambda line: b"> " + line + (b"  \nWhy is that?\n" if line == below else b""))


def outlook(text: bytes) -> bytes:
    """Without marks, below a head of its own, tabs kept."""
    head = (
        b"-----Original Message-----\nFrom: Otto Sender <otto@example.org>\nSent: Tuesday, January 2, 2024 10:00 AM\n"
    )
    return head + b"To: Rhea Viewer <rhea@example.net>\nSubject: [PATCH] heap: count\n\n" + text
