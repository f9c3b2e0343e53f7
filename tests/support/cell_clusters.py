# SPDX-License-Identifier: GPL-2.0-only
"""A dask scheduler of its own, and workers as processes whose cells are scripted (``scripted_harness``)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import LocalCluster

from tests.support.matrices import HARNESS, await_that


class ScriptedCluster:
    """``address``: of the scheduler. ``workers``: processes by machine."""

    def __init__(self, address: str, script: Path) -> None:
        self.address, self._script = address, script
        self.workers: dict[str, subprocess.Popen[str]] = {}

    def add(self, machine: str, *options: str) -> subprocess.Popen[str]:
        """Start a worker, and wait until it has said what it has."""
        command = ("env", "--default-signal=INT", sys.executable, str(HARNESS), str(self._script))
        self.workers[machine] = started = subprocess.Popen(
            [*command, "worker", self.address, "--name", machine, "--at-once", "1", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert started.stdout is not None
        said = started.stdout.readline()
        assert said.startswith(f"{machine}: "), (said, started.communicate())
        return started

    def close(self) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.communicate()


@contextmanager
def scheduler_process(place: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """(address, process) of a scheduler as docs/many-machines.md has it started; killed at the end."""
    file = place / "scheduler.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command = [*command, "--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            await_that(file.exists)
            yield str(json.loads(file.read_text())["address"]), process
        finally:
            process.kill()


@contextmanager
def scripted_cluster(script: Path) -> Iterator[ScriptedCluster]:
    with LocalCluster(
        n_workers=0, host="127.0.0.1", protocol="tcp://", dashboard_address="127.0.0.1:0", silence_logs=40
    ) as cluster:
        found = ScriptedCluster(cluster.scheduler_address, script)
        try:
            yield found
        finally:
            found.close()
            await_that(lambda: not cluster.scheduler_info["workers"])
