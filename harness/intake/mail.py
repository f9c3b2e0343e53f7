# SPDX-License-Identifier: GPL-2.0-only
"""Mails and mailboxes: who wrote what, and the text exactly as it was before mail wrapped it."""

from __future__ import annotations

import email
import email.errors
import email.header
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

# The separator of an mbox (git's mailsplit asks for the same: an address, a time of day and a year).
_FROM_LINE = re.compile(rb"(?m)^From \S{1,250}[^\n]{1,40}\d\d:\d\d[^\n]{1,40}\d{4}[^\n]{0,40}\n")
_HEADER = re.compile(rb"[!-9;-~]+:[ \t]*\S?")
_TELLING = re.compile(rb"(?mi)^(?:From|Subject):")
_BODY_AUTHOR = re.compile(rb"\s*From:[ \t]*(\S[^\n]*)\n\s*\n")
# Charsets whose bytes can pass for UTF-8 without being it.
_NOT_ASCII_BASED = ("utf-7", "utf-16", "utf-32", "iso-2022", "hz")
_ATTACHED = (".patch", ".diff", ".txt")


@dataclass(frozen=True)
class Letter:
    """One mail, decoded. ``first_line``: where ``text`` begins in the file, 1 if it was encoded."""

    subject: str
    author: str
    text: bytes
    first_line: int
    encoded: bool


def is_mail(data: bytes) -> bool:
    """True for a mail or an mbox, False for a bare diff."""
    if _FROM_LINE.match(data):
        return True
    block = re.split(rb"\r?\n\r?\n", data[:65536].lstrip(b"\r\n"), maxsplit=1)[0]
    return bool(_HEADER.match(block)) and bool(_TELLING.search(block))


def letters(data: bytes) -> Iterator[Letter]:
    """The mails in ``data``: one, or several with a ``From `` line before each."""
    starts = [found.start() for found in _FROM_LINE.finditer(data)]
    bounds = [*(starts or [0]), len(data)]
    line = 1 + data.count(b"\n", 0, bounds[0])
    for start, end in itertools.pairwise(bounds):
        piece = data[start:end]
        yield _letter(piece, line)
        line += piece.count(b"\n")


def _letter(raw: bytes, line: int) -> Letter:
    head = _FROM_LINE.match(raw)
    message = email.message_from_bytes((raw[head.end() :] if head else raw).lstrip(b"\r\n"))
    text = b"".join(part if part.endswith(b"\n") else part + b"\n" for part in _parts(message))
    author = _BODY_AUTHOR.match(text)
    body = text.rstrip()
    encoded = message.is_multipart() or not raw.rstrip().endswith(body)
    return Letter(
        subject=_header(message, "subject"),
        author=author[1].decode("utf-8", "replace").strip() if author else _header(message, "from"),
        text=text,
        first_line=1 if encoded else line + raw.rstrip().count(b"\n") - body.count(b"\n"),
        encoded=encoded,
    )


def _parts(message: Message) -> Iterator[bytes]:
    """The text of each part that a patch can be in, decoded to the bytes that it was made from."""
    for part in message.walk():
        name = (part.get_filename() or "").lower()
        kind = part.get_content_type()
        if part.is_multipart() or (part.get_content_maintype() != "text" and not name.endswith(_ATTACHED)):
            continue
        payload = part.get_payload(decode=True)
        if kind != "text/html" and isinstance(payload, bytes):
            text = _utf8(payload, part.get_content_charset("utf-8"))
            yield _unflowed(text) if str(part.get_param("format", "")).lower() == "flowed" else text


def _utf8(payload: bytes, charset: str) -> bytes:
    """``payload`` in UTF-8, which kernel sources are in. Bytes that are UTF-8 already stay whatever the mail says."""
    if _is_utf8(payload) and not charset.startswith(_NOT_ASCII_BASED):
        return payload
    try:
        return payload.decode(charset).encode()
    except (LookupError, UnicodeError):
        return payload


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unflowed(text: bytes) -> bytes:
    """Undo ``format=flowed`` (RFC 3676): the blank put before lines, and the wrapping of long ones."""
    lines: list[bytes] = []
    flows = False
    for raw in text.replace(b"\r\n", b"\n").split(b"\n"):
        line = raw[1:] if raw.startswith(b" ") else raw
        if flows:
            line = lines.pop() + line
        lines.append(line)
        flows = line.endswith(b" ") and line.strip() not in (b"", b"--")
    return b"\n".join(lines)


def _header(message: Message, name: str) -> str:
    """The header ``name`` (lower case) as one line of text, RFC 2047 words decoded; "" if it is not there."""
    values = (str(value) for key, value in message.raw_items() if key.lower() == name)
    raw = next(values, "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        text = "".join(_word(data, charset) for data, charset in email.header.decode_header(raw))
    except (email.errors.HeaderParseError, ValueError):
        text = raw
    return " ".join(text.split())


def _word(data: bytes | str, charset: str | None) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
