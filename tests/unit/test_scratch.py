# SPDX-License-Identifier: GPL-2.0-only
"""Nothing is left in /tmp: at the end, or after a kill by the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import scratch as under_test
from harness.paths import PROJECT_ROOT
from harness.scratch import scratch

HOLDER = """
import os, signal
from harness.scratch import scratch
with scratch("held") as place:
    (place / "file").write_text("x")
    print(place, flush=True)
    signal.pause()
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(under_test, "_YOUNG", -1.0)
    return tmp_path


def test_it_is_gone_at_the_end(root: Path) -> None:
    with scratch("one") as place:
        (place / "file").write_text("x")
        assert place.parent == root and "one" in place.name
    assert not list(root.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not(root: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TMPDIR": str(root)}
    held = subprocess.Popen([sys.executable, "-c", HOLDER], env=env, stdout=subprocess.PIPE, text=True)
    assert held.stdout is not None
    place = Path(held.stdout.readline().strip())
    (root / "dmabuf-harness-other").mkdir()
    try:
        with scratch("mine"):
            assert (place / "file").exists(), "somebody works in it"
    finally:
        held.send_signal(signal.SIGKILL)
        held.communicate()
    assert place.exists()
    with scratch("next"):
        assert not place.exists()
    assert [path.name for path in root.iterdir()] == ["dmabuf-harness-other"]


def test_one_that_was_just_made_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_YOUNG", 60.0)
    new = root / "dmabuf-harness-tmp-new"
    new.mkdir()
    with scratch("mine"):
        assert new.exists()
