# SPDX-License-Identifier: GPL-2.0-only
"""In which mode a test fails: two failures are the same trouble only if one is no graver than the other."""

from __future__ import annotations

import re

from harness.causes import Observed, Severity, Status
from harness.model import TestResult

_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", re.IGNORECASE)
# What is worse than a failure of another severity.
_GRAVER = {
    Severity.SAID: {Severity.SILENT, Severity.KILLED, Severity.DIED},
    Severity.SILENT: {Severity.SAID, Severity.KILLED, Severity.DIED},
    Severity.KILLED: {Severity.DIED},
    Severity.DIED: set[Severity](),
}


def words(result: TestResult | None) -> str:
    """What was seen of a test, in a few words."""
    return str(result.observed) if result is not None else "no such test"


def masked(text: str) -> str:
    """``text`` without what differs from run to run: numbers and addresses."""
    return _VARYING.sub("#", text)


def is_silent(result: TestResult) -> bool:
    """True if ``result`` is bad, and nothing says of what."""
    return result.observed.severity is Severity.SILENT


def is_graver(one: Observed | None, than: Observed | None) -> bool:
    """True if ``one`` is bad in a way that ``than`` does not explain. None: there is no such test."""
    if one is None or one.severity is None:
        return False
    if than is None or than.severity is None:
        return True
    cost_guest = one.status is Status.ERROR and than.status is not Status.ERROR
    return cost_guest or one.severity in _GRAVER[than.severity]


def is_another(one: Observed, than: Observed) -> bool:
    """True if both are bad, and do not say the same."""
    return None not in (one.severity, than.severity) and masked(str(one)) != masked(str(than))
