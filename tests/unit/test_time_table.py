# SPDX-License-Identifier: GPL-2.0-only
"""The table of seconds at the end of a test run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.conftest import TimeTable


def report(name: str, when: str, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(name, ("", 0, ""), {}, "passed", None, when, duration=seconds)  # type: ignore[arg-type]


def test_the_longest_come_first_and_the_short_ones_together(pytestconfig: pytest.Config) -> None:
    table, written = TimeTable(), io.StringIO()
    for phase in (
        report("tests/a.py::short", "call", 0.25),
        report("tests/a.py::another", "call", 0.25),
        report("tests/b.py::long", "setup", 3.0),
        report("tests/b.py::long", "call", 0.5),
        report("tests/vm/c.py::longest", "call", 90.0),
    ):
        table.pytest_runtest_logreport(phase)
    table.pytest_terminal_summary(pytest.TerminalReporter(pytestconfig, written))
    title, *lines = written.getvalue().splitlines()
    assert title.strip("= ") == "seconds of each test"
    assert lines == [
        "    90.0  tests/vm/c.py::longest",
        "     3.5  tests/b.py::long",
        "     0.5  the other 2",
    ]


def test_two_runs_of_a_make_have_one_table(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    kept = tmp_path / "build" / "seconds"
    for name, seconds in (("tests/a.py::fast", 2.0), ("tests/vm/c.py::guest", 90.0)):
        table, written = TimeTable(str(kept)), io.StringIO()
        table.pytest_runtest_logreport(report(name, "call", seconds))
        table.pytest_terminal_summary(pytest.TerminalReporter(pytestconfig, written))
    assert written.getvalue().splitlines()[1:] == [
        "    90.0  tests/vm/c.py::guest",
        "     2.0  tests/a.py::fast",
        "     0.0  the other 0",
    ]
