# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a check around the one at which it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest import checks
from harness.suites.check_source import check_source

FILE = "exporters.py"
LINES = Path(checks.__file__).with_name(FILE).read_text().splitlines()


def test_the_line_and_those_around_it_are_shown() -> None:
    shown = check_source(f"failed: first byte is 1, expected 2 ({FILE}:20)").splitlines()
    assert len(shown) == 7
    assert [line for line in shown if line.startswith(">")] == [f">   20  {LINES[19]}".rstrip()]


def test_the_first_and_the_last_line_have_less_around_them() -> None:
    assert check_source(f"failed: x ({FILE}:1)").startswith(">    1  ")
    assert check_source(f"failed: x ({FILE}:{len(LINES)})").count("\n") == 3


@pytest.mark.parametrize(
    "message", ["", "odd bytes", "x (nothing.py:3)", f"x ({FILE}:0)", f"x ({FILE}:99999)", "x (../exporters.py:3)"]
)
def test_nothing_is_shown_where_nothing_is_known(message: str) -> None:
    assert check_source(message) == ""
