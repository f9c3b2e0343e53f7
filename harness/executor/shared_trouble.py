# SPDX-License-Identifier: GPL-2.0-only
"""What most failures of a kernel have in common: a mistake on a path that all tests take is told once, and early."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from harness.guest.runner import UNREADABLE
from harness.model import Status, TestResult

_ALIKE = 5
"""So many failures must share a line before it is told. They must also be half of all, or more."""

# Of what stands below the message, the words of the guest's runner (guest/oracle.py, guest/runner.py): what else is
# there may be any output, and all outputs of a program begin alike.
_RUNNERS_WORDS = ("leaked ", "lost ", "kernel report: ", UNREADABLE)
_PLACE = re.compile(r" \([\w./-]{1,80}:\d{1,9}\)$")
_VARIES = re.compile(r"0x[0-9a-f]{1,16}|\d{1,20}")
_LONGEST, _MOST = 400, 40  # characters of a line, lines of a test


class SharedTrouble:
    """Looks at each result of one kernel as it comes."""

    def __init__(self) -> None:
        self._bad = 0
        self._counts: Counter[str] = Counter()
        self._first: dict[str, tuple[str, str]] = {}  # in whose words, and of which test
        self._told = ""

    def see(self, result: TestResult) -> str:
        """One line as soon as it is known what the failures up to now share, and again if it is another thing; or
        empty."""
        if result.status not in (Status.FAIL, Status.ERROR):
            return ""
        self._bad += 1
        for kind, line in dict(_kinds(result)).items():
            self._counts[kind] += 1
            self._first.setdefault(kind, (line, f"{result.suite} {result.name}"))
        kind = self._most()
        if not kind or kind == self._told:
            return ""
        self._told = kind
        return self.summary()

    def summary(self) -> str:
        """ "287 of 301 failures are alike: leaked 1 dma-buf: 5 now, before ... (first: checks NAME)"; or empty."""
        kind = self._most()
        if not kind:
            return ""
        line, test = self._first[kind]
        return f"{self._counts[kind]} of {self._bad} failures are alike: {line} (first: {test})"

    def _most(self) -> str:
        """What most share; of equals the one that was told, so that nothing is told in turn."""
        kind, count = max(self._counts.items(), key=lambda one: (one[1], one[0] == self._told), default=("", 0))
        return kind if count >= _ALIKE and count * 2 >= self._bad else ""


def _kinds(result: TestResult) -> Iterator[tuple[str, str]]:
    """(the line without what varies, the line) for each that may be common to many."""
    below = [line for line in result.output.splitlines()[:_MOST] if line.startswith(_RUNNERS_WORDS)]
    for line in [result.message, *below]:
        shown = _PLACE.sub("", line[:_LONGEST])
        if shown:
            yield _VARIES.sub("#", shown), shown
