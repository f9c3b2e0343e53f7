# SPDX-License-Identifier: GPL-2.0-only
"""The place of a mail in its series, as its subject says: ``[PATCH v3 2/7]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
class Place:
    """``number`` of ``total``, both 0 for a mail that is not numbered; 0 of some total is a cover letter."""

    number: int
    total: int
    version: int

    @property
    def is_cover(self) -> bool:
        return self.number == 0 and self.total > 0


def place(subject: str) -> Place:
    """Read it off a subject. Only what stands in brackets before the title counts."""
    prefix = _prefix(subject)
    number, version = _NUMBER.search(prefix), _VERSION.search(prefix)
    return Place(
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
