# SPDX-License-Identifier: GPL-2.0-only
"""A job on a real kernel in another process, which has the job as JSON, the cache, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import events
from harness.events import Event, EventStream
from harness.executor import KernelJob
from harness.model import BootOutcome, Kernel, PlannedTest, Status
from harness.suites import select_suites
from tests.support.sample_reports import ON
from tests.support.subprocess_executor import SubprocessExecutor

pytestmark = pytest.mark.vm

SUITES = ("checks", "contract")
NAMES = ("udmabuf.size-is-told-by-seek-and-stat", "contract.row-01-each-map-of-a-dynamic-importer-is-its-own")


def test_a_guest_of_another_process_shows_what_one_of_ours_does(kernel: Kernel, tmp_path: Path) -> None:
    stream, happened = EventStream(), list[Event]()
    stream.subscribe(lambda _, event: happened.append(event))
    suites = [suite for name in SUITES for suite in select_suites([name])]
    planned = tuple(test for suite in suites for test in suite.plan(kernel, tmp_path) if test.name in NAMES)
    assert [test.suite for test in planned] == list(SUITES)
    job = KernelJob(kernel.key, ON, SUITES, planned, narrowed=True)
    found = SubprocessExecutor(stream).run(job, tmp_path)
    assert {PlannedTest(result.suite, result.name): result.status for result in found.results} == {
        test: Status.PASS for test in planned
    }
    (boot,) = found.boots
    assert (boot.outcome, boot.accel, found.splats, found.notes) == (BootOutcome.UP, "tcg", (), ())
    console = (tmp_path / boot.console).read_text(errors="replace")
    assert f"Linux version {kernel.release}" in console and f"dmabuf-harness: start {SUITES[0]}" in console
    told = [event.result.name for event in happened if isinstance(event, events.TestEnded)]
    assert told == [result.name for result in found.results]
