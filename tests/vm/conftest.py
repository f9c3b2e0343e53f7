# SPDX-License-Identifier: GPL-2.0-only
"""One real run of the main job for all tests that need a kernel or its results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.model import Kernel
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher
from tests.support.real import Run, run_harness


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


@pytest.fixture(scope="session")
def launcher() -> Launcher:
    return Launcher("auto", lambda text: None)


@pytest.fixture
def guest(kernel: Kernel, launcher: Launcher, tmp_path: Path) -> Iterator[VmGuest]:
    """A freshly booted guest, in a directory whose name sshd would take apart (spaces) and read more into ("%")."""
    booted, report = launcher.boot(kernel, tmp_path / "my run 100%h" / "test")
    with booted:
        assert report.outcome.value == "up", report
        yield booted
