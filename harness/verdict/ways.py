# SPDX-License-Identifier: GPL-2.0-only
"""In which way a test is bad: two failures are the same trouble only if one is no graver than the other.

Ways are read off the words that a ``Difference`` has for each side, so that runs of any age can be compared.
"""

from __future__ import annotations

import enum
import re

from harness.model import Status, TestResult


class Way(enum.Enum):
    """``SILENT``: a time limit, or a guest that was lost without a word of its kernel: perhaps a busy host, and no
    evidence of any failure that would have come."""

    SAID = "says that it failed"
    SILENT = "ran out of time, or its guest was lost without a word"
    KILLED = "was killed by a signal"
    DIED = "took its guest down"


_BAD = re.compile(rf"({Status.FAIL.value}|{Status.ERROR.value})(?:: |$)")
_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", re.IGNORECASE)
# How a message begins: of a check, of a program (timeout(1) ends one with signal 9 if it must), of a runner.
_NO_END = re.compile(r"timed out after |stopped at its time limit after |killed by signal 9\b|still ran after ")
_KILLED = re.compile(r"killed by signal ")
_LOST = re.compile(r"guest lost: ")
_KERNEL_SPOKE = re.compile(r"guest lost: (?:panic: |the guest ended by itself|the console floods)|; hangs in ")
# What is worse than a failure of another way.
_GRAVER = {
    Way.SAID: {Way.SILENT, Way.KILLED, Way.DIED},
    Way.SILENT: {Way.SAID, Way.KILLED, Way.DIED},
    Way.KILLED: {Way.DIED},
    Way.DIED: set[Way](),
}


def words(result: TestResult | None) -> str:
    """What was seen of a test, in a few words."""
    if result is None:
        return "no such test"
    if result.status is Status.MISSING:
        return "never ran"
    told = result.message or "; ".join(result.lost_coverage)
    return f"{result.status.value}: {told}" if told and result.status is not Status.PASS else result.status.value


def masked(text: str) -> str:
    """``text`` without what differs from run to run: numbers and addresses."""
    return _VARYING.sub("#", text)


def way_of(told: str) -> Way | None:
    """The way of what ``words`` tell; None if they tell of nothing bad."""
    found = _BAD.match(told)
    if found is None:
        return None
    message = told[found.end() :]
    if _NO_END.match(message) or (_LOST.match(message) and not _KERNEL_SPOKE.search(message)):
        return Way.SILENT
    if found[1] == Status.ERROR.value:
        return Way.DIED
    return Way.KILLED if _KILLED.match(message) else Way.SAID


def is_silent(result: TestResult) -> bool:
    """True if ``result`` is bad, and nothing says of what."""
    return way_of(words(result)) is Way.SILENT


def is_graver(told: str, than: str) -> bool:
    """True if ``told`` is bad in a way that ``than``, the words of another outcome, does not explain."""
    way, other = way_of(told), way_of(than)
    if way is None or other is None:
        return way is not None
    cost_guest = told.startswith(Status.ERROR.value) and not than.startswith(Status.ERROR.value)
    return cost_guest or way in _GRAVER[other]


def is_another(told: str, than: str) -> bool:
    """True if both are bad, and do not say the same."""
    return None not in (way_of(told), way_of(than)) and masked(told) != masked(than)
