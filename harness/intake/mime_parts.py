# SPDX-License-Identifier: GPL-2.0-only
"""The parts of a mail that a patch can be in, decoded to the bytes that they were made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from harness.errors import UserError
from harness.intake import mail_fields
from harness.intake.patch_message import diff_start
from harness.intake.patch_sources import single_returns


def unflowed(text: bytes, delsp: bool = False) -> bytes:
    """``text`` as it was. ``delsp``: the blank at which a line was wrapped is not its own.

    A quote mark and one blank stand before a quoted line afterwards, whatever stood there.
    """
    joined: list[tuple[int, list[bytes]]] = []
    flows = False
    for raw in text.replace(b"\r\n", b"\n").split(b"\n"):
        rest = raw.lstrip(b">")
        depth = len(raw) - len(rest)
        content = rest[1:] if rest.startswith(b" ") else rest
        if flows and joined[-1][0] == depth and content != b"-- ":
            last = joined[-1][1]
            if delsp:
                last[-1] = last[-1][:-1]
            last.append(content)
        else:
            joined.append((depth, [content]))
        # A line of blanks only is an empty context line of a patch, and "-- " the signature's mark.
        # So is a line of quote marks with blanks between, which the RFC does not know.
        flows = content.endswith(b" ") and content.strip(b"> ") not in (b"", b"--")
    return b"\n".join(b">" * depth + (b" " if depth else b"") + b"".join(parts) for depth, parts in joined)


# Charsets whose bytes can pass for UTF-8 without being it.
_NOT_ASCII_BASED = ("utf-7", "utf-16", "utf-32", "iso-2022", "hz")
# Codecs of Python that no mail means; some take quadratic time.
_NO_CHARSETS = ("idna", "punycode", "unicode", "raw", "undefined")
_ATTACHED = (".patch", ".diff", ".txt")
_CODED = ("base64", "quoted-printable")
_CODING = "content-transfer-encoding"
_SIGNATURE = re.compile(rb"(?m)^-- \r?$")
# Python's mail parser takes quadratic time for long parameters.
_MAX_PARAMETERS = 2000


@dataclass(frozen=True)
class Part:
    """A text. ``name``: of the file that it was attached as, "" for what the mail itself says.

    ``recoded``: the charset that its diff was in, if that is not UTF-8. ``flowed``: it was sent as ``format=flowed``.
    """

    text: bytes
    name: str = ""
    recoded: str = ""
    flowed: bool = False


@dataclass(frozen=True)
class Attached:
    """A whole mail that is a part of another one."""

    mail: Message


def parts(message: Message, *, exact: bool, inside: bool = False) -> Iterator[Part | Attached]:
    """The texts in ``message``, in order, and the mails. ``exact``: git wrote it, and recodes no diff.

    ``inside``: it is a part itself. Raises ``UserError`` for a trap.
    """
    if sum(len(str(message.get(name, ""))) for name in ("content-type", "content-disposition")) > _MAX_PARAMETERS:
        raise UserError("the header of one of its parts is too long", hint="give the patch itself")
    if message.get_content_type() == "message/rfc822" and message.is_multipart():
        yield from (Attached(mail) for mail in message.get_payload() if isinstance(mail, Message))
    elif message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from parts(part, exact=exact, inside=True)
    else:
        yield from _texts(message, exact, inside)


def _texts(part: Message, exact: bool, inside: bool) -> Iterator[Part]:
    name = mail_fields.safe(part.get_filename() or "")
    kind = part.get_content_type()
    if kind == "text/html" or (part.get_content_maintype() != "text" and not name.lower().endswith(_ATTACHED)):
        return
    payload = _payload(part)
    if inside and "base64" not in str(part.get(_CODING, "")).lower():
        # The end of the line before the boundary is not the part's (RFC 2046, 5.1.1); git's mailinfo takes it for one.
        # It is the last line of context where that is empty, and its blank was taken away.
        payload += b"\n"
    text = single_returns(_utf8(payload, part.get_content_charset("utf-8"), exact).removeprefix(b"\xef\xbb\xbf"))
    recoded = _recoded(payload, text, part.get_content_charset(""))
    flowed = _parameter(part, "format") == "flowed"
    if flowed:
        text = unflowed(text, _parameter(part, "delsp") == "yes")
    named = name or ("attachment" if part.get_content_disposition() == "attachment" else "")
    yield Part(text if text.endswith(b"\n") else text + b"\n", named, recoded, flowed)


def _payload(part: Message) -> bytes:
    """Its bytes. The header that says how they are coded may be folded or have a comment: git looks for the word."""
    said = str(part.get(_CODING, "")).lower()
    for coding in _CODED:
        if coding in said:
            part.replace_header(_CODING, coding)
            break
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _parameter(part: Message, name: str) -> str:
    return str(part.get_param(name, "")).lower()


def _utf8(payload: bytes, charset: str, exact: bool) -> bytes:
    """``payload`` in UTF-8, which kernel sources are in. Bytes that are UTF-8 already stay whatever the mail says.

    The charset that git names is that of the message: the diff below it is judged by itself, and what follows, too.
    """
    if charset.startswith(_NOT_ASCII_BASED):
        return _decoded(payload, charset)
    before, diff, after = split(payload)
    before, after = (_decoded(text, charset) if not _is_utf8(text) else text for text in (before, after))
    return before + (diff if exact or _is_utf8(diff) else _decoded(diff, charset)) + after


def split(payload: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands above the diff, the diff, and what stands below it from the mark of a signature on."""
    found = diff_start(payload)
    start = len(payload) if found is None else found
    marks = [mark.start() for mark in _SIGNATURE.finditer(payload, start)]
    end = marks[-1] if marks else len(payload)
    return payload[:start], payload[start:end], payload[end:]


def _recoded(payload: bytes, text: bytes, charset: str) -> str:
    changed = not charset.startswith(_NOT_ASCII_BASED) and split(payload)[1] != split(text)[1]
    return mail_fields.safe(charset) if changed else ""


def _decoded(payload: bytes, charset: str) -> bytes:
    try:
        return payload if charset.startswith(_NO_CHARSETS) else payload.decode(charset).encode()
    except (LookupError, ValueError):
        return payload


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
