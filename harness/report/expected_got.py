# SPDX-License-Identifier: GPL-2.0-only
"""What a test expected and what it got, read off its message: the words are those of ``harness/guest/registry.py``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST = 1000  # characters: a longer message is no word of a check
_CALL = re.compile(r"expected (?P<want>.+?)(?:, got (?P<got>.+)|, but (?P<other>the call succeeded))")
_BYTE = re.compile(r"(?P<what>.+?): (?P<at>byte \d+) is (?P<got>.+?), expected (?P<want>.+)")
_VALUE = re.compile(r"(?P<what>.+?) is (?P<got>.+), expected (?P<want>.+)")


@dataclass(frozen=True)
class ExpectedGot:
    """``what``: of which value, empty for a call as a whole."""

    what: str
    expected: str
    got: str


def expected_got(message: str) -> ExpectedGot | None:
    """None if ``message`` is not of that kind."""
    if len(message) > _LONGEST:
        return None
    if call := _CALL.fullmatch(message):
        return ExpectedGot("", call["want"], call["got"] or call["other"])
    if byte := _BYTE.fullmatch(message):
        return ExpectedGot(f"{byte['what']}, {byte['at']}", byte["want"], byte["got"])
    if value := _VALUE.fullmatch(message):
        return ExpectedGot(value["what"], value["want"], value["got"])
    return None
