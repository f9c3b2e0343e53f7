# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a console log that the kernel printed, told from what programs wrote.

A line of the kernel has a time stamp. A program can give its line one too, through /dev/kmsg; but not the facility
"kern", which printk() keeps for itself (kernel/printk/printk.c, devkmsg_write()). It is shown where the kernel runs
with ``console_msg_format=syslog`` ("<4>[    1.234567] text"), and in ``dmesg --raw``: there such lines are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

MAX_WIDTH = 65_536
"""Bytes that are taken at once: a program may print megabytes without a newline."""

# Also in the middle of a line: a daemon's text without a newline may stand before it.
_STAMP = re.compile(r"(?:<(\d{1,4})>)?\[ {0,8}(\d{1,12}\.\d{6})\](?:\[ {0,8}([TC]\d{1,10})\])? ?")
_LONGEST_STAMP = 60
_FACILITY = 3  # bits of the level below it


class Line(NamedTuple):
    """A line with a time stamp. ``number``: 1-based, in the log. ``seconds``: by the kernel's clock.

    ``caller``: "T12" (task), "C1" (CPU), "" if unknown. ``by_program``: known to be written through /dev/kmsg.
    """

    number: int
    seconds: float
    caller: str
    text: str
    by_program: bool = False


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines of ``text`` with their numbers."""
    start, number = 0, 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        yield number, text[start:end]
        start = end + 1


def numbered_in(handle: IO[bytes]) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, in bounded memory: one longer than ``MAX_WIDTH`` comes in pieces."""
    number, kept = 1, b""
    while read := handle.readline(MAX_WIDTH):
        piece, kept = kept + read, b""
        if len(read) == MAX_WIDTH and not piece.endswith(b"\n"):
            piece, kept = _whole(piece)
        yield number, piece.decode("utf-8", "replace").rstrip("\n")
        number += piece.endswith(b"\n")
    if kept:
        yield number, kept.decode("utf-8", "replace")


def _whole(piece: bytes) -> tuple[bytes, bytes]:
    """``piece`` without the begin of a time stamp at its end, and that begin."""
    near = max(piece.rfind(b"[", -_LONGEST_STAMP), piece.rfind(b"<", -_LONGEST_STAMP))
    if near <= 0:
        return piece, b""
    before = piece.rfind(b"<", max(0, near - 6), near)  # the level before the bracket
    cut = before if before > 0 else near
    return piece[:cut], piece[cut:]


def kernel_lines(lines: Iterable[tuple[int, str]]) -> Iterator[Line]:
    """Those of ``lines`` that have a time stamp, without it."""
    for number, line in lines:
        if "[" in line and (stamp := _STAMP.search(line)):
            level, seconds, caller = stamp.groups()
            by_program = level is not None and int(level) >> _FACILITY != 0
            yield Line(number, float(seconds), caller or "", line[stamp.end() :].rstrip("\r"), by_program)
