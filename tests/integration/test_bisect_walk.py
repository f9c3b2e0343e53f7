# SPDX-License-Identifier: GPL-2.0-only
"""Whole walks with real git and real builds of a kernel in miniature; only the guests are scripted."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.bisect import End
from tests.support.bisected import BUG, History, question, walk


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    return History(tmp_path / "linux")


def test_the_culprit_of_a_straight_history(history: History, tmp_path: Path) -> None:
    history.plain(4, "before")
    culprit = history.add("culprit", BUG)
    history.plain(3, "after")
    head, before = history.git("rev-parse", "HEAD"), history.git("status", "--porcelain", "--ignored")
    walked = walk(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.state.ending is not None and walked.state.ending.end is End.FOUND
    assert walked.commits == (culprit,)
    assert walked.builds <= math.ceil(math.log2(8)) + 2
    assert len(walked.guests.asked) == walked.builds + 2, "three guests for the bad end, one for each other commit"
    assert (history.git("rev-parse", "HEAD"), history.git("status", "--porcelain", "--ignored")) == (head, before)
    assert not (history.path / ".git" / "BISECT_START").exists()
