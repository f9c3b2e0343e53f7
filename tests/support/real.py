# SPDX-License-Identifier: GPL-2.0-only
"""Running the real command, and looking at what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model import RunReport
from harness.paths import PROJECT_ROOT
from harness.report import load

LIMIT = 3000  # seconds: a cold build on a slow machine


@dataclass(frozen=True)
class Run:
    """A finished ``dmabuf-harness`` command. ``directory``: of the run, if it was one."""

    returncode: int
    stdout: str
    stderr: str
    directory: Path

    @property
    def report(self) -> RunReport:
        return load(self.directory)


def harness_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "harness", *map(str, arguments)]


def start_harness(
    directory: Path, *arguments: str | Path, env: Mapping[str, str] | None = None, command: str = "run"
) -> subprocess.Popen[str]:
    """``dmabuf-harness run ARGUMENTS --out DIRECTORY`` as a user would start it; ``env``: on top of ours."""
    return subprocess.Popen(
        # A shell's background jobs ignore SIGINT, and so would what they start: a user at a terminal does not.
        ["env", "--default-signal=INT", *harness_command(command, *arguments, "--out", directory)],
        cwd=directory.parent,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_harness(directory: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Run:
    """The same, to its end."""
    started = start_harness(directory, *arguments, env=env)
    try:
        stdout, stderr = started.communicate(timeout=LIMIT)
    finally:
        started.kill()
    return Run(started.returncode, stdout, stderr, directory)


def await_phase(directory: Path, phase: str, process: subprocess.Popen[str]) -> None:
    """Wait until a run has begun ``phase``, as its events tell."""
    await_event(directory, f'"phase": "{phase}"', process)


def await_event(directory: Path, wanted: str, process: subprocess.Popen[str]) -> None:
    """Wait until ``wanted`` is in the events of a run."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        events = directory / "events.jsonl"
        if events.exists() and wanted in events.read_text():
            return
        if process.poll() is not None:
            raise AssertionError(f"ended before {wanted}: {process.communicate()}")
        time.sleep(0.02)
    raise AssertionError(f"{wanted} did not come")


def processes(mark: str) -> list[str]:
    """Command lines of the processes with ``mark`` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue  # ended meanwhile
    return found


def assert_nothing_runs(mark: str) -> None:
    """Nothing that inherited ``mark`` from the harness runs on, a moment later."""
    deadline = time.monotonic() + 30
    while left := processes(mark):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.02)


def qemu_processes(directory: Path) -> list[int]:
    """QEMU processes whose console is below ``directory``."""
    lines = ((entry, entry / "cmdline") for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [int(entry.name) for entry, line in lines if _is_qemu(line, str(directory))]


def _is_qemu(cmdline: Path, mark: str) -> bool:
    try:
        text = cmdline.read_bytes().decode(errors="replace")
    except OSError:
        return False
    return text.startswith("/usr/bin/qemu-system") and mark in text
