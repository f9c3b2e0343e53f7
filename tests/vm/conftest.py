# SPDX-License-Identifier: GPL-2.0-only
"""One real run of the main job for all tests that need a kernel or its results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.model import Kernel, RunReport
from harness.paths import PROJECT_ROOT
from harness.report import load
from harness.vm.command import MachineSpec
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher

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


def run_harness(directory: Path, *arguments: str | Path) -> Run:
    """``dmabuf-harness run ARGUMENTS --out DIRECTORY`` as a user would start it."""
    command = harness_command("run", *arguments, "--out", directory)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(
        command, check=False, cwd=directory.parent, env=environment, capture_output=True, text=True, timeout=LIMIT
    )
    return Run(done.returncode, done.stdout, done.stderr, directory)


@pytest.fixture(scope="session")
def main_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The main job with its defaults: the bundled series on 6.12, both variants, all suites."""
    return run_harness(tmp_path_factory.mktemp("main") / "run")


@pytest.fixture(scope="session")
def kernel(main_run: Run) -> Kernel:
    """The kernel with MOVE_NOTIFY on that the main job built."""
    built = main_run.report.variants[0].kernel
    assert built is not None, main_run.stdout[-3000:] + main_run.stderr
    return built


Boot = Callable[[], VmGuest]


@pytest.fixture(scope="session")
def launcher() -> Launcher:
    return Launcher("auto", MachineSpec("tcg"), lambda text: None)


@pytest.fixture
def guest(kernel: Kernel, launcher: Launcher, tmp_path: Path) -> Iterator[VmGuest]:
    """A freshly booted guest."""
    booted, report = launcher.boot(kernel, tmp_path / "boots" / "test")
    with booted:
        assert report.outcome.value == "up", report
        yield booted


def qemu_processes(directory: Path) -> list[int]:
    """QEMU processes whose console is below ``directory``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if line.startswith("/usr/bin/qemu-system") and str(directory) in line:
                found.append(int(entry.name))
    return found


def interrupt(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    process.send_signal(number)
    return process.communicate(timeout=120)
