# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a check around the one at which it failed: what a reader of a report wants to see next."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import harness.guest.checks as _checks

_PLACE = re.compile(r"\((\w+\.py):(\d{1,6})\)$")  # as harness/guest/runner.py ends its messages
_AROUND = 3


def check_source(message: str) -> str:
    """The lines around the place that ``message`` ends with, each with its number, a ">" before the one; else empty.

    It reads what is shipped into guests now: a report of another day keeps what it said then.
    """
    found = _PLACE.search(message)
    lines = _lines(found[1]) if found else ()
    at = int(found[2]) if found else 0
    if not 0 < at <= len(lines):
        return ""
    first, last = max(1, at - _AROUND), min(len(lines), at + _AROUND)
    return "\n".join(
        f"{'>' if number == at else ' '} {number:4}  {lines[number - 1]}".rstrip() for number in range(first, last + 1)
    )


@functools.cache
def _lines(name: str) -> tuple[str, ...]:
    path = Path(_checks.__file__).with_name(name)
    return tuple(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ()
