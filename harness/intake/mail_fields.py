# SPDX-License-Identifier: GPL-2.0-only
"""Headers of mails, and the names, addresses and dates in them, as mail programs and list archives write them."""

from __future__ import annotations

import email.errors
import email.header
import email.utils
import re
from datetime import datetime

# Mailman's archives write "user at host" for every "user@host", in the text of a mail, too.
_MANGLED = re.compile(r"(?<![\w.+-])([\w.+-]+) at ([\w-]+(?:\.[\w-]+)+)")
_IN_BRACKETS = re.compile(rb"<([^\s<>@]+) at ([^\s<>@.]+\.[^\s<>@]+)>")
# What it may have made of an address without brackets, or of a device tree node.
_DOUBTFUL = re.compile(
    rb"[\w.+-] at (?:[\w-]+\.)+(?:com|org|net|edu|io|ch|de|dev|uk|fr|jp|cn|in|eu)\b|[\w-] at [0-9a-f]+ \{"
)
# What archives make of user@host, wherever it stands in a mail: spinics, mail-archive.com and Google Groups, marc,
# sites behind Cloudflare, gmane, narkive. What stood there cannot be told.
_MASKS = (
    rb"[\w.+-]@x{4,}(?![\w.])",
    rb"[\w+-]\.\.\.@[\w-]+(?:\.[\w-]+)+",
    rb"[\w.+-] \(\) [\w-]+(?: ! [\w-]+)+",
    rb"\[email(?: |\xc2\xa0|&#160;)protected\]",
    rb"[\w.+-]-[\w/+]{16,}@public\.gmane\.org",
    rb"(?<![\w*])\*{3}@[\w-]+(?:\.[\w-]+)+",
)
_MASKED = re.compile(rb"|".join(_MASKS))
# Such words are no part of any source, the others are not in angle brackets.
_SURELY_MASKED = re.compile(rb"|".join((rb"<[^<>\n]{0,80}(?:" + rb"|".join(_MASKS) + rb")>", *_MASKS[3:5])))
_NAME_LAST = re.compile(r"([^\s@]+@[^\s@]+) \((.*)\)")
_DATES = (
    "%a, %b %d, %Y at %I:%M:%S%p %z",  # mutt
    "%a, %b %d, %Y at %H:%M:%S %z",
    "%a, %b %d, %Y at %I:%M %p",  # web mail
    "%a, %d %b %Y at %H:%M",
    "%Y-%m-%d %H:%M",
    "%a %b %d %H:%M:%S %Y %z",  # git log
    "%a %b %d %H:%M:%S UTC %Y",  # a list archive's page
)


def safe(text: str) -> str:
    """``text`` on one line, without anything that a terminal or a page would obey rather than show."""
    plain = " ".join(text.split())
    return plain if plain.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in plain)


def author(text: str) -> str:
    """ "Name <user@host>" of what stands in a header, or in the archive's ``user at host (Name)``."""
    plain = _MANGLED.sub(r"\1@\2", safe(text))
    found = _NAME_LAST.fullmatch(plain)
    return f"{found[2]} <{found[1]}>" if found else plain


def unmangled(text: bytes) -> bytes:
    """Addresses in angle brackets restored: nothing else looks like that."""
    return _IN_BRACKETS.sub(rb"<\1@\2>", text)


def doubtful(line: bytes) -> bool:
    """True if an archive may have changed ``line`` in a way that cannot be undone for sure."""
    return bool(_DOUBTFUL.search(_IN_BRACKETS.sub(b"", line)))


def masked(text: bytes) -> bool:
    """True if an archive has put something else in place of an address in ``text``."""
    return bool(_MASKED.search(text))


def surely_masked(line: bytes) -> bool:
    """True if that is so even where nothing else in the mail is masked."""
    return bool(_SURELY_MASKED.search(line))


def date(text: str) -> str:
    """ISO 8601 where ``text`` can be read, else ``text``."""
    plain = safe(text)
    try:
        return email.utils.parsedate_to_datetime(plain).isoformat()
    except (ValueError, TypeError, OverflowError):
        pass
    for form in _DATES:
        try:
            return datetime.strptime(plain, form).isoformat()
        except ValueError:
            continue
    return plain


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
