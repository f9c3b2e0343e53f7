# SPDX-License-Identifier: GPL-2.0-only
"""What a build that was killed leaves is not trusted: make would, as it is newer than its sources."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT
from tests.support.fake_linux import DMA_BUF, Linux, compiled


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    return Linux(tmp_path / "linux")


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
import tests.support.fake_linux as t
linux = object.__new__(t.Linux)
linux.path, linux.commit = t.Path(sys.argv[2]), sys.argv[3]
linux.build()
"""


def test_a_build_that_was_killed_leaves_nothing_half_made(linux: Linux, tmp_path: Path) -> None:
    linux.kernel()
    linux.edit(DMA_BUF, "return 0;", "return 3;")
    half = killed_at(linux, tmp_path, "object")
    assert half.name == "dma-buf.o"
    # make alone would take the half object for a finished one: it is newer than its source.
    assert compiled(linux.kernel()) == ["drivers/dma-buf/dma-buf.o"]


def test_a_build_that_was_killed_at_the_probe_leaves_none_that_is_half_made(linux: Linux, tmp_path: Path) -> None:
    linux.kernel()
    linux.edit("include/linux/dma-buf.h", "int sync", "/* touched */\nint sync")
    half = killed_at(linux, tmp_path, "probe")
    assert half.name == "probe.o"
    assert (linux.kernel().modules / "lib/modules/6.12.1/probe.o").read_bytes()[:4] == b"\x7fELF"


def test_a_kconfig_that_was_killed_leaves_no_program_that_is_half_made(linux: Linux, tmp_path: Path) -> None:
    linux.config()
    linux.edit("scripts/conf.sh", "\n", "\n# touched\n")
    half = killed_at(linux, tmp_path, "conf")
    assert half.name == "conf"
    assert "CONFIG_PCI=y" in linux.config().text


def killed_at(linux: Linux, tmp_path: Path, where: str) -> Path:
    """Build, and be killed ``where`` the fake Makefile waits; returns the file that is half made."""
    # The name of a variable of ccache: no other that a user sets comes as far as make in its sandbox.
    env = {**os.environ, "CCACHE_FAKE_BLOCKS": where, "PYTHONPATH": os.pathsep.join(sys.path)}
    harness = subprocess.Popen([sys.executable, "-c", KILLED, PROJECT_ROOT, linux.path, linux.commit], env=env)
    while not (reached := list(_made(tmp_path, "*.reached"))):
        assert harness.poll() is None
        time.sleep(0.02)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    reached[0].unlink()
    [half] = [path for path in _made(tmp_path, "*") if path.read_bytes() == b"half\n"]
    return half


def _made(tmp_path: Path, pattern: str) -> Iterator[Path]:
    """Files of the caches and object trees."""
    for place in ("cache", "objects"):
        yield from (path for path in (tmp_path / place).rglob(pattern) if path.is_file())
