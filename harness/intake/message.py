# SPDX-License-Identifier: GPL-2.0-only
"""What the text around a diff says: who wrote it, who reviewed it, how large it is, what it stands on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.intake import address

_HEADER = re.compile(rb"(From|Subject|Date):[ \t]*(\S[^\n]*)\n")
_FOLDED = re.compile(rb"\n[ \t]+(?=\S)")
_SCISSORS = re.compile(rb"(?m)^-+ *(?:>8|8<|>%|%<)[ >8<%-]*$")
_DIFF = re.compile(rb"(?m)^(?:diff --git |--- \S[^\n]*\n\+\+\+ )")
_SEPARATOR = re.compile(rb"(?m)^---[ \t]*$")
_TAG = re.compile(rb"(?m)^((?:[A-Z][\w-]{0,40}-by|Fixes|Closes|Link): [ \t]*\S[^\n]*)$")
_BASE = re.compile(rb"(?m)^base-commit: ([0-9a-f]{7,64})[ \t]*$")
_NEEDS = re.compile(rb"(?m)^prerequisite-patch-id: ([0-9a-f]{40,64})[ \t]*$")
_TOTAL = re.compile(
    rb"(?m)^ ?(\d{1,7}) files? changed(?:, (\d{1,9}) insertions?\(\+\))?(?:, (\d{1,9}) deletions?\(-\))?[ \t]*$"
)


@dataclass(frozen=True)
class Stat:
    """The last line of a diffstat. ``line``: its index in the text."""

    files: int
    inserted: int
    deleted: int
    line: int = 0


@dataclass(frozen=True)
class Message:
    """What a mail's text says; "" and () for what it does not. ``author`` and the rest are those in the body."""

    author: str
    subject: str
    date: str
    tags: tuple[str, ...]
    stat: Stat | None
    base_commit: str
    prerequisites: tuple[str, ...]


def read_message(text: bytes) -> Message:
    """Read the message in ``text`` (LF line ends); its diff is skipped."""
    diff = _DIFF.search(text)
    before = text[: diff.start()] if diff else text
    scissors = _SCISSORS.search(before)
    message = before[scissors.end() + 1 :] if scissors else before
    said = _body_headers(message.lstrip(b"\n"))
    base = _BASE.search(text)
    return Message(
        author=address.author(_text(said.get(b"From", b""))),
        subject=address.safe(_text(said.get(b"Subject", b""))),
        date=address.date(_text(said.get(b"Date", b""))),
        tags=tags(_SEPARATOR.split(message, maxsplit=1)[0]),
        stat=_stat(before),
        base_commit=base[1].decode() if base else "",
        prerequisites=tuple(found.decode() for found in _NEEDS.findall(text)),
    )


def tags(text: bytes) -> tuple[str, ...]:
    """The trailers in ``text``, each once, addresses as they were."""
    found = (address.safe(_text(address.unmangled(tag))) for tag in _TAG.findall(text))
    return tuple(dict.fromkeys(found))


def _body_headers(message: bytes) -> dict[bytes, bytes]:
    """git am(1): lines like a mail's header at the start of the body win over the header."""
    block = _FOLDED.sub(b" ", message.split(b"\n\n", 1)[0]) + b"\n"
    said: dict[bytes, bytes] = {}
    at = 0
    while found := _HEADER.match(block, at):
        said.setdefault(found[1], found[2])
        at = found.end()
    return said if at == len(block) else {}


def _stat(before: bytes) -> Stat | None:
    every = list(_TOTAL.finditer(before))
    if not every:
        return None
    found = every[-1]  # what a comment quotes stands before it
    files, inserted, deleted = (int(number or 0) for number in found.groups())
    return Stat(files, inserted, deleted, before.count(b"\n", 0, found.start()))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
