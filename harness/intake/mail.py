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

from harness.errors import UserError
from harness.intake import address
from harness.intake.flowed import unflowed

# The separator of an mbox (git's mailsplit asks for the same: an address, a time of day and a year).
_FROM_LINE = re.compile(rb"(?m)^From \S{1,250}(?: at \S{1,250})?[^\n]{1,40}\d\d:\d\d[^\n]{1,40}\d{4}[^\n]{0,40}\n")
_HEADER = re.compile(rb"[!-9;-~]+:[ \t]*\S?")
_TELLING = re.compile(rb"(?mi)^(?:From|Subject):")
_MULTIPART = re.compile(rb"(?mi)^content-type:\s*multipart/")
_FULL_DATE = re.compile(rb"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d (?:[A-Z]{2,5} )?\d{4}")
_ARCHIVE_AUTHOR = re.compile(rb"\S[^\n]{0,200} \S+ at \S+\.\S+")
# Charsets whose bytes can pass for UTF-8 without being it.
_NOT_ASCII_BASED = ("utf-7", "utf-16", "utf-32", "iso-2022", "hz")
_ATTACHED = (".patch", ".diff", ".txt")
# Python's mail parser takes quadratic time for many nested parts and for long parameters.
_MAX_MULTIPARTS = 50
_MAX_PARAMETERS = 2000
_MAX_HEADER = 8000


@dataclass(frozen=True)
class Letter:
    """One mail, decoded. ``first_line``: where ``text`` begins in the file, 1 if it was encoded.

    ``mangled``: it went through an archive that writes "user at host". ``html``: there is a part of HTML.
    """

    subject: str
    author: str
    text: bytes
    first_line: int
    encoded: bool
    date: str = ""
    mangled: bool = False
    html: bool = False


def is_mail(data: bytes) -> bool:
    """True for a mail or an mbox, False for a bare diff or other text."""
    if _FROM_LINE.match(data):
        return True
    block = re.split(rb"\r?\n\r?\n", data[:65536].lstrip(b"\r\n"), maxsplit=1)[0]
    return bool(_HEADER.match(block)) and bool(_TELLING.search(block))


def letters(data: bytes) -> Iterator[Letter]:
    """The mails in ``data``: one, or several with a ``From `` line before each. Raises ``UserError`` for a trap."""
    starts = [found.start() for found in _FROM_LINE.finditer(data)]
    bounds = [*(starts or [0]), len(data)]
    line = 1 + data.count(b"\n", 0, bounds[0])
    for start, end in itertools.pairwise(bounds):
        piece = data[start:end]
        yield _letter(piece, line)
        line += piece.count(b"\n")


def page(data: bytes) -> Letter | None:
    """The text of a list archive's page: subject, "Name user at host" and date on lines of their own; else None."""
    lines = data[:4096].lstrip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n")
    subject, *head = [line.strip() for line in lines[:8] if line.strip()]
    if len(head) < 2 or not _ARCHIVE_AUTHOR.fullmatch(head[0]) or not _FULL_DATE.fullmatch(head[1]):
        return None
    name, at, host = head[0].decode("utf-8", "replace").rpartition(" at ")
    name, _, user = name.rpartition(" ")
    return Letter(
        subject=address.safe(subject.decode("utf-8", "replace")),
        author=address.author(f"{name} <{user}{at}{host}>"),
        text=data,
        first_line=1,
        encoded=False,
        date=address.date(head[1].decode()),
        mangled=True,
    )


def _letter(raw: bytes, line: int) -> Letter:
    if len(_MULTIPART.findall(raw)) > _MAX_MULTIPARTS:
        raise UserError(
            "its parts are nested too deep to be a mail", where=f"line {line}", mend="give the patch itself"
        )
    head = _FROM_LINE.match(raw)
    message = email.message_from_bytes((raw[head.end() :] if head else raw).lstrip(b"\r\n"))
    text = b"".join(part if part.endswith(b"\n") else part + b"\n" for part in _parts(message))
    body = text.rstrip()
    encoded = message.is_multipart() or not raw.rstrip().endswith(body)
    sender = _header(message, "from")
    return Letter(
        subject=address.safe(_header(message, "subject")),
        author=address.author(sender),
        text=text,
        first_line=1 if encoded else line + raw.rstrip().count(b"\n") - body.count(b"\n"),
        encoded=encoded,
        date=address.date(_header(message, "date")),
        mangled=" at " in sender and "@" not in sender,
        html=any(part.get_content_type() == "text/html" for part in message.walk()),
    )


def _parts(message: Message) -> Iterator[bytes]:
    """The text of each part that a patch can be in, decoded to the bytes that it was made from."""
    for part in message.walk():
        if sum(len(str(part.get(name, ""))) for name in ("content-type", "content-disposition")) > _MAX_PARAMETERS:
            raise UserError("the header of one of its parts is too long", mend="give the patch itself")
        name = (part.get_filename() or "").lower()
        kind = part.get_content_type()
        if part.is_multipart() or (part.get_content_maintype() != "text" and not name.endswith(_ATTACHED)):
            continue
        payload = part.get_payload(decode=True)
        if kind != "text/html" and isinstance(payload, bytes):
            text = _utf8(payload, part.get_content_charset("utf-8"))
            yield unflowed(text, _parameter(part, "delsp") == "yes") if _parameter(part, "format") == "flowed" else text


def _parameter(part: Message, name: str) -> str:
    return str(part.get_param(name, "")).lower()


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


def _header(message: Message, name: str) -> str:
    """The header ``name`` (lower case) as text, RFC 2047 words decoded; "" if it is not there."""
    values = (str(value) for key, value in message.raw_items() if key.lower() == name)
    raw = _unicode(next(values, "")[:_MAX_HEADER].encode("utf-8", "surrogateescape"), message)
    try:
        return "".join(_word(data, charset) for data, charset in email.header.decode_header(raw))
    except (email.errors.HeaderParseError, ValueError):
        return raw


def _unicode(raw: bytes, message: Message) -> str:
    """Bytes in a header that should have been encoded: UTF-8, or else the charset of the text, or else Latin-1."""
    for charset in ("utf-8", message.get_content_charset("latin-1"), "latin-1"):
        try:
            return raw.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return ""


def _word(data: bytes | str, charset: str | None) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
