# SPDX-License-Identifier: GPL-2.0-only
"""What a patch's mail says above its diff: the place in its series, the commit message, tags, diffstat, base."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.intake import mail_fields

# What mail programs put before the subject of an answer, in the languages of those who send patches. Short words count
# only as the programs write them: "res:" and "tr:" are names of subsystems.
_ANSWER = (
    "(?:(?i:re|aw)|Antw|SV|Sv|VS|Vs|Odp|RES|RIF|YNT|Ynt|BLS|ATB"
    "|回复|答复|回覆|答覆|返信|답장|회신|Ответ|Відповідь|ΑΠ|תגובה)"
)
_FORWARD = "(?:(?i:fwd?)|WG|TR|RV|VB|VL|ENC|Doorst|转发|轉寄|転送|전달|Пересылка)"
_COLON = r"(?:\[\d+\])?\s?(?::|\uff1a)"
_PREFIX = re.compile(rf"(?:\s*(?:(?:{_ANSWER}|{_FORWARD}){_COLON}|\[[^\]]*\]))+\s*")
# Not the "10/5" of "[PATCH 5.10/5.15 1/2]", which is for two stable trees; nor the "v6" of "[PATCH ipv6 1/2]".
_NUMBER = re.compile(r"(?<![\d./])(\d{1,4})/(\d{1,4})(?![\d./])")
# "v2.1" mends one patch of a v2; "v6.1" is a tree, as no series has so many versions with mends of their own.
_VERSION = re.compile(
    r"(?:(?<![a-z\d])|(?<=patch)|(?<=rfc)|(?<=resend))v(\d{1,4}(?!\.\d)|[1-4](?=\.\d))\b", re.IGNORECASE
)
_REPLY = re.compile(rf"\s*(?:\[[^\]]*\]\s*)*{_ANSWER}{_COLON}")


@dataclass(frozen=True)
class SeriesPosition:
    """``number`` of ``total``, both 0 for a mail that is not numbered; 0 of some total is a cover letter."""

    number: int
    total: int
    version: int

    @property
    def is_cover(self) -> bool:
        return self.number == 0 and self.total > 0


def position(subject: str) -> SeriesPosition:
    """Read it off a subject. Only what stands in brackets before the title counts."""
    prefix = _prefix(subject)
    number, version = _NUMBER.search(prefix), _VERSION.search(prefix)
    return SeriesPosition(
        number=int(number[1]) if number else 0,
        total=int(number[2]) if number else 0,
        version=int(version[1]) if version else 1,
    )


def title(subject: str) -> str:
    """The subject without ``Re:`` and ``[PATCH ...]``, as ``git am`` takes it."""
    return subject[len(_prefix(subject)) :].strip() or subject.strip()


def is_reply(subject: str) -> bool:
    """True for ``Re: ...``, in whichever language."""
    return bool(_REPLY.match(subject))


def _prefix(subject: str) -> str:
    found = _PREFIX.match(subject)
    return found[0] if found else ""


_FOLDS = rb"[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)"
_IN_BODY = re.compile(
    rb"(?i)(From|Subject|Date):[ \t]*(" + _FOLDS + rb")"
    rb"|(?-i:\[[^\]\n]{0,60}PATCH[^\]\n]{0,60}\])[ \t]+(\S[^\n]*)(?:\n|\Z)"
)
_FORWARDED = re.compile(
    rb"(?m)^-{5,10} ?(?:Forwarded [Mm]essage|Original Message) ?-{5,10}[ \t]*\n"
    rb"(?:(?:From|Sent|Date|To|Cc|Reply-To|Subject):" + _FOLDS + rb")+(?=\n)"
)
_FORWARDED_FIELD = re.compile(rb"(?m)^(From|Sent|Date|Subject):[ \t]*(" + _FOLDS + rb")")
_SCISSORS = re.compile(rb"(?m)^-+ *(?:>8|8<|>%|%<)[ >8<%-]*$")
# What git apply takes for a diff, or would if it were not damaged or a merge.
_DIFF = re.compile(
    rb'(?m)^(?:diff --git |--- [^\n]*\n\+\+\+ [^\n]*\n@@ -\d|--- "?(?:a/|/dev/null)[^\n]*\n\+\+\+ '
    rb"|diff --(?:cc|combined) [^\n]*\n(?:index |mode |new file |deleted file ))"
)
_BARE_HUNK = re.compile(rb"(?m)^@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@[^\n]*\n(?=[-+ ])")
_COUNTED = {b" ": (1, 1), b"-": (1, 0), b"+": (0, 1), b"\\": (0, 0)}
_SEPARATOR = re.compile(rb"(?m)^---[ \t]*\r?$")
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
    """What a mail's text says; "" and () for what it does not. ``author`` and the rest are those in the body.

    ``body``: what becomes the commit's message, without its subject.
    """

    author: str
    subject: str
    date: str
    tags: tuple[str, ...]
    stat: Stat | None
    base_commit: str
    prerequisites: tuple[str, ...]
    body: str = ""


def diff_start(text: bytes) -> int | None:
    """Where the diff begins that a mail with ``text`` holds; None if it has none.

    A message may show the first lines of a hunk, or name two things with "---" and "+++": for git it ends at a line
    "---", and without one at what can be nothing but a diff. In a whole hunk such a line is one that was removed.
    """
    diff, separator = _DIFF.search(text), _SEPARATOR.search(text)
    said = separator.start() if separator and (not diff or separator.start() < diff.start()) else 0
    if any(hunk.start() < said < _end(text, hunk) for hunk in _BARE_HUNK.finditer(text)):
        said = 0
    return min((found.start() for found in (diff, _BARE_HUNK.search(text, said)) if found), default=None)


def _end(text: bytes, hunk: re.Match[bytes]) -> int:
    """Where ``hunk`` ends if its lines add up, else 0."""
    old, new = (int(count or 1) for count in hunk.groups())
    at = hunk.end()
    while old > 0 or new > 0:
        if (step := _COUNTED.get(text[at : at + 1])) is None:
            return 0
        old, new = old - step[0], new - step[1]
        at = (text.find(b"\n", at) + 1) or len(text)
    return at if old == new == 0 else 0


def read_message(text: bytes) -> Message:
    """Read the message in ``text`` (LF line ends); its diff is skipped."""
    before = text[: diff_start(text)]
    scissors = _SCISSORS.search(before)
    message = before[scissors.end() + 1 :] if scissors else before
    said, rest = _headers(message)
    base = _BASE.search(text)
    return Message(
        author=mail_fields.author(said.get("from", "")),
        subject=mail_fields.safe(said.get("subject", "")),
        date=mail_fields.date(said.get("date", "")),
        tags=tags(_SEPARATOR.split(message, maxsplit=1)[0]),
        stat=_stat(before),
        base_commit=base[1].decode() if base else "",
        prerequisites=tuple(found.decode() for found in _NEEDS.findall(text)),
        body=_text(_SEPARATOR.split(rest, maxsplit=1)[0]).strip(),
    )


def tags(text: bytes) -> tuple[str, ...]:
    """The trailers in ``text``, each once, addresses as they were."""
    found = (mail_fields.safe(_text(mail_fields.unmangled(tag))) for tag in _TAG.findall(text))
    return tuple(dict.fromkeys(found))


def _headers(message: bytes) -> tuple[dict[str, str], bytes]:
    """What the message says of itself in its own lines, and the rest of it."""
    forwarded = _FORWARDED.search(message)
    told = _FORWARDED_FIELD.findall(forwarded[0]) if forwarded else []
    said, rest = _in_body(message[forwarded.end() :] if forwarded else message)
    fields = {key.lower().decode().replace("sent", "date"): mail_fields.decoded(value) for key, value in told}
    return {**fields, **said}, rest


def _in_body(message: bytes) -> tuple[dict[str, str], bytes]:
    """git am(1): lines like a mail's header at the start of the body, each once, win over the header.

    A line that begins with "[PATCH] " is the subject (git's mailinfo.c, check_inbody_header), and here one with "[PATCH
    v2] ", too.
    """
    said: dict[str, str] = {}
    at = len(message) - len(message.lstrip(b"\n"))
    while (found := _IN_BODY.match(message, at)) and (key := (found[1] or b"subject").decode().lower()) not in said:
        said[key] = mail_fields.decoded(found[2] or found[3])
        at = found.end()
    return said, message[at:]


def _stat(before: bytes) -> Stat | None:
    every = list(_TOTAL.finditer(before))
    if not every:
        return None
    found = every[-1]  # what a comment quotes stands before it
    files, inserted, deleted = (int(number or 0) for number in found.groups())
    return Stat(files, inserted, deleted, before.count(b"\n", 0, found.start()))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
