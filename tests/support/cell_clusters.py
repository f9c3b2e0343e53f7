# SPDX-License-Identifier: GPL-2.0-only
"""A dask scheduler of its own, and workers as processes whose cells are scripted (``scripted_harness``)."""

from __future__ import annotations

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
