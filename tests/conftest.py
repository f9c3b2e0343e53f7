# SPDX-License-Identifier: GPL-2.0-only
"""What each test took, in one table at the end of a run."""

from __future__ import annotations

from collections import Counter

import pytest

TOLD = 1.0  # seconds: tests that took less are told together


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(TimeTable(), "time-table")


class TimeTable:
    """Seconds of each test, of all workers, from its reports. A fixture of many tests is counted with the first one."""

    def __init__(self) -> None:
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        long = [(name, seconds) for name, seconds in self._seconds.most_common() if seconds >= TOLD]
        rest = sum(self._seconds.values()) - sum(seconds for _, seconds in long)
        terminalreporter.section("seconds of each test")
        for name, seconds in long:
            terminalreporter.write_line(f"{seconds:8.1f}  {name}")
        terminalreporter.write_line(f"{rest:8.1f}  the other {len(self._seconds) - len(long)}")
