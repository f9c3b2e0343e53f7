# SPDX-License-Identifier: GPL-2.0-only
"""A terminal in front of a run on real guests."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT
from tests.support.real import LIMIT, harness_command
from tests.support.terminal import Terminal

pytestmark = pytest.mark.vm

COUNTED = re.compile(r"checks +([0-9]+)/([0-9]+) +([0-9]+)/\2")


def counted(shown: list[str]) -> tuple[int, int, int] | None:
    """Of the two variants the checks that ended, and those that are planned for each."""
    found = next(filter(None, (COUNTED.fullmatch(line) for line in shown)), None)
    return (int(found[1]), int(found[3]), int(found[2])) if found else None


def in_the_middle(shown: list[str]) -> bool:
    """At least one of the variants has begun, and is not through."""
    figures = counted(shown)
    return figures is not None and any(0 < done < figures[2] for done in figures[:2])


def test_two_variants_stand_beside_each_other_and_the_end_is_one_screen(tmp_path: Path) -> None:
    argv = harness_command("run", "--no-base", "--suite", "checks", "--only", "udmabuf", "--out", tmp_path / "run")
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with Terminal(argv, cwd=tmp_path, env=env, patience=LIMIT) as terminal:
        middle = terminal.wait_for(in_the_middle)
        assert terminal.finish() == 0
    assert any(re.search(r"move-notify-(on|off) suite:checks: [0-9]+ of [0-9]+ tests", line) for line in middle)
    end = terminal.shown
    figures = counted(middle)
    assert figures is not None
    assert any(line.startswith("PASS: move-notify-on and move-notify-off: ") for line in end)
    assert any(re.fullmatch(rf"checks +{figures[2]} passed +{figures[2]} passed", line) for line in end)
    assert "report   run/report.html" in end
