# SPDX-License-Identifier: GPL-2.0-only
"""The headers of mails as text: unfolded, and decoded whether they are encoded as RFC 2047 asks, or not at all."""

from __future__ import annotations

import email.errors
import email.header
import re

_MAX = 8000
_FOLD = re.compile(r"\r?\n(?=[ \t])")
# Encoded words that follow each other are one text: the blanks between them are not part of it.
_WORDS = re.compile(r"(?:=\?[^?\s]{1,80}\?[bBqQ]\?[^?\n]*\?=(?:[ \t]+(?==\?))?)+")


def decoded(raw: bytes, charset: str = "latin-1") -> str:
    """What the header ``raw`` says. ``charset``: of bytes that are neither encoded nor UTF-8."""
    return _WORDS.sub(lambda found: _plain(found[0]), _FOLD.sub("", _unicode(raw[:_MAX], charset)))


def _unicode(raw: bytes, charset: str) -> str:
    for name in ("utf-8", charset):
        try:
            return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def _plain(words: str) -> str:
    try:
        return "".join(_word(data, charset) for data, charset in email.header.decode_header(words))
    except (email.errors.HeaderParseError, ValueError):
        return words


def _word(data: bytes | str, charset: str | None) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")
