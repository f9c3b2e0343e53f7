# SPDX-License-Identifier: GPL-2.0-only
"""The place of a mail in its series, as its subject says: ``[PATCH v3 2/7]``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.errors import UserError

_PREFIX = re.compile(r"(?:\s*(?:(?:re|aw|fwd?):|\[[^\]]*\]))+\s*", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d/])(\d{1,4})/(\d{1,4})(?![\d/])")
_VERSION = re.compile(r"v(\d{1,4})\b", re.IGNORECASE)
_REPLY = re.compile(r"\s*(?:re|aw):", re.IGNORECASE)

T = TypeVar("T")


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
    """True for ``Re: ...``."""
    return bool(_REPLY.match(subject))


def _prefix(subject: str) -> str:
    found = _PREFIX.match(subject)
    return found[0] if found else ""


def in_series_order(items: Sequence[tuple[Place, T]], origin: str) -> list[T]:
    """Sort by number; what is not numbered stays in the order given.

    Raises ``UserError`` if the file holds several versions, a number twice, or not every number of the series.
    """
    numbered = [spot for spot, _ in items if spot.total]
    if not numbered:
        return [item for _, item in items]
    if len(numbered) != len(items):
        raise UserError("some mails are numbered [PATCH n/m] and some are not", where=origin, mend="keep one series")
    _check_whole(numbered, origin)
    return [item for _, item in sorted(items, key=lambda pair: pair[0].number)]


def _check_whole(places: Sequence[Place], origin: str) -> None:
    versions, totals = {spot.version for spot in places}, {spot.total for spot in places}
    if len(versions) > 1:
        shown = ", ".join(f"v{version}" for version in sorted(versions))
        raise UserError(f"holds several versions of a series ({shown})", where=origin, mend="keep one of them")
    if len(totals) > 1:
        shown = " and ".join(str(total) for total in sorted(totals))
        raise UserError(f"holds series of {shown} patches", where=origin, mend="keep one of them")
    numbers = Counter(spot.number for spot in places)
    twice = sorted(number for number, count in numbers.items() if count > 1)
    if twice:
        raise UserError(f"holds {_listed(twice)} twice", where=origin, mend="keep one of each")
    missing = sorted(set(range(1, places[0].total + 1)) - set(numbers))
    if missing:
        mend = "add what is missing, or give the patches one by one with -p"
        raise UserError(f"lacks {_listed(missing)} of {places[0].total}", where=origin, mend=mend)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
    return f"patch {shown}" if len(numbers) == 1 else f"patches {shown}"
