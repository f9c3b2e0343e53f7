# SPDX-License-Identifier: GPL-2.0-only
"""What each test took, in one table at the end of a run.

``TEST_SECONDS`` in the environment: a file with what tests took before, of the same make; this run is added to it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

TOLD = 1.0  # seconds: tests that took less are told together


def pytest_configure(config: pytest.Config) -> None:
    # Taken away: a test may start another pytest, whose tests are its own.
    config.pluginmanager.register(TimeTable(os.environ.pop("TEST_SECONDS", "")), "time-table")


class TimeTable:
    """Seconds of each test, of all workers, from its reports. A fixture of many tests is counted with the first one."""

    def __init__(self, kept: str = "") -> None:
        self._kept = Path(kept) if kept else None
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._add_those_before()
        long = [(name, seconds) for name, seconds in self._seconds.most_common() if seconds >= TOLD]
        rest = sum(self._seconds.values()) - sum(seconds for _, seconds in long)
        terminalreporter.section("seconds of each test")
        for name, seconds in long:
            terminalreporter.write_line(f"{seconds:8.1f}  {name}")
        terminalreporter.write_line(f"{rest:8.1f}  the other {len(self._seconds) - len(long)}")

    def _add_those_before(self) -> None:
        if self._kept is None:
            return
        before: dict[str, float] = json.loads(self._kept.read_text()) if self._kept.exists() else {}
        self._seconds.update(before)
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        self._kept.write_text(json.dumps(self._seconds))
