# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel printed around a failure, from the console logs of a run: short, and none where there is no log.

A page is made of ``results.json``; the logs beside it are read only for this, and nothing outside of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.identities import PlannedTest
from harness.model import Splat, TestResult
from harness.report.text import visible
from harness.splat.lines import MARK

MAX_LINES = 40
"""Of one excerpt. Of more the first ones are shown, and twice as many of the last."""

MAX_WIDTH = 240
"""Characters of one of its lines."""

MAX_ALL = 1 << 20
"""Characters of all excerpts of a page: what comes later has none."""

BEFORE = 8
"""Lines that are shown of what stands before a report."""

_MAX_READ = 16 << 20  # bytes of one log
_CONSOLE = "console.log"


@dataclass(frozen=True)
class _Console:
    """``spans``: of each test that is marked, the first line after its start, and the first that is no more of it."""

    lines: Sequence[str]
    spans: dict[str, tuple[int, int]]


class LogExcerpts:
    """Those of the run in ``run_dir``, which need not be there."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._read: dict[str, _Console | None] = {}
        self._left = MAX_ALL

    def meanwhile(self, result: TestResult) -> str | None:
        """What was printed while the test ran, empty if nothing was; None if that cannot be told."""
        place = Path(result.log).parent.parent / _CONSOLE
        console = self._console(str(place)) if result.log else None
        span = console.spans.get(PlannedTest.of(result).name) if console is not None else None
        if console is None or span is None:
            return None
        return self._bounded(console.lines[span[0] : span[1]])

    def before(self, splat: Splat) -> str:
        """The lines before the report ``splat``; empty if there is no such log, or not such a line in it."""
        console = self._console(splat.log) if splat.log else None
        first = splat.line - 1
        if console is None or not 0 < first < len(console.lines):
            return ""
        return self._bounded(console.lines[max(0, first - BEFORE) : first]) or ""

    def _bounded(self, lines: Sequence[str]) -> str | None:
        """None once the page has enough of them."""
        short = [line if len(line) <= MAX_WIDTH else f"{line[:MAX_WIDTH]} ..." for line in _ends(lines)]
        text = visible("\n".join(short)).strip("\n")
        self._left -= len(text)
        return text if self._left >= 0 else None

    def _console(self, path: str) -> _Console | None:
        if path not in self._read:
            self._read[path] = self._load(path)
        return self._read[path]

    def _load(self, path: str) -> _Console | None:
        """A run is what somebody else may have made: links and ``..`` lead nowhere, and a pipe is not waited for."""
        try:
            place = (self._run_dir / path).resolve()
            if not (place.is_relative_to(self._run_dir.resolve()) and place.is_file()):
                return None
            with place.open("rb") as file:
                text = file.read(_MAX_READ).decode("utf-8", "replace")
        except (OSError, ValueError, RuntimeError):
            return None
        lines = text.split("\n")
        return _Console(lines, _spans(lines))


def _ends(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= MAX_LINES:
        return lines
    first = MAX_LINES // 3
    last = MAX_LINES - first
    return [*lines[:first], f"... {len(lines) - MAX_LINES} lines left out ...", *lines[-last:]]


def _spans(lines: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of a test that ran twice the last one counts."""
    spans: dict[str, tuple[int, int]] = {}
    running, since = "", 0
    for number, line in enumerate(lines):
        at = line.find("dmabuf-harness: ")
        if at < 0 or not (mark := MARK.match(line[at:])):
            continue
        if running:
            spans[running] = (since, number)
        running, since = (mark[2].strip(), number + 1) if mark[1] == "start" else ("", 0)
    if running:
        spans[running] = (since, len(lines))
    return spans
