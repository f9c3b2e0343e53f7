# SPDX-License-Identifier: GPL-2.0-only
"""Jobs done here: what is kept of one that is cut off, and whose word counts on the accelerator."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from harness import events, process
from harness.errors import InfrastructureError
from harness.events import Event, EventStream
from harness.executor import Findings, KernelJob
from harness.executor.guests import GuestLauncher
from harness.executor.local_executor import LocalExecutor
from harness.model import PlannedTest, Status
from tests.support.sample_reports import ON
from tests.support.scripted_guest import scripted_kernel
from tests.support.scripted_worker import ScriptedLauncher

NAMES = ("dmabuf.seeking-tells-the-size", "udmabuf.size-must-be-page-aligned")
JOB = KernelJob("key", ON, ("checks",), tuple(PlannedTest("checks", name) for name in NAMES), narrowed=True)


def executor(tmp_path: Path, launcher: ScriptedLauncher, stream: EventStream | None = None) -> LocalExecutor:
    kernel = scripted_kernel(tmp_path)
    return LocalExecutor(
        stream or EventStream(), find=lambda _key: kernel, launcher=lambda: cast(GuestLauncher, launcher)
    )


def test_a_whole_job_is_kept_as_it_is_given_back(tmp_path: Path) -> None:
    kept: list[Findings] = []
    found = executor(tmp_path, ScriptedLauncher([])).run(JOB, tmp_path / "run", kept.append)
    assert kept == [found] and found.planned == JOB.planned
    assert [result.status for result in found.results] == [Status.PASS, Status.PASS]


def test_what_was_found_until_a_run_is_stopped_is_kept(tmp_path: Path) -> None:
    def stop(_elapsed: float, event: Event) -> None:
        if isinstance(event, events.TestEnded):
            raise process.Stopping

    stream, kept = EventStream(), list[Findings]()
    stream.subscribe(stop)
    launcher = ScriptedLauncher([])
    with pytest.raises(process.Stopping):
        executor(tmp_path, launcher, stream).run(JOB, tmp_path / "run", kept.append)
    assert [result.name for result in kept[0].results] == [NAMES[0]]
    assert [boot.ended for boot in kept[0].boots] == ["ended by the harness"]
    assert all(guest.ended for guest in launcher.booted)


def test_what_was_found_until_the_machine_fails_is_kept(tmp_path: Path) -> None:
    kept: list[Findings] = []
    with pytest.raises(InfrastructureError):
        executor(tmp_path, ScriptedLauncher([], mode="refuses")).run(JOB, tmp_path / "run", kept.append)
    assert [(found.planned, found.results, found.boots) for found in kept] == [(JOB.planned, (), ())]


def test_findings_under_an_accelerator_that_was_given_up_since_are_distrusted(tmp_path: Path) -> None:
    launcher = ScriptedLauncher([], accel="kvm")
    ours = executor(tmp_path, launcher)
    found = ours.run(JOB, tmp_path / "run")
    assert (ours.machine().accel, ours.distrusts(JOB, found)) == ("kvm", False)
    for _ in range(2):
        launcher.accuse("KVM lost a guest")
    assert (ours.machine().accel, ours.distrusts(JOB, found)) == ("tcg", True)


def test_threads_that_ask_at_once_share_what_boots_the_guests() -> None:
    """Else each would settle the accelerator for itself, and one would not know what another gave up."""
    made: list[ScriptedLauncher] = []
    barrier = threading.Barrier(4)

    def make() -> GuestLauncher:
        made.append(ScriptedLauncher([]))
        return cast(GuestLauncher, made[-1])

    ours = LocalExecutor(EventStream(), launcher=make)

    def ask(_number: int) -> str:
        barrier.wait()
        return ours.machine().qemu

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {"7.2"}
    assert len(made) == 1
