# SPDX-License-Identifier: GPL-2.0-only
"""Measuring that is cut off keeps what it had; what gcov reads is stood in for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.events import Event, EventStream, Note
from harness.executor import Findings, KernelJob
from harness.executor.kernel_job import drop
from harness.model import PlannedTest, ResolvedConfig, Status, TestResult
from harness.pipeline import reach_measuring
from harness.pipeline.kernel_set import KernelSet, VariantRun
from harness.pipeline.kernels import HeldSource
from harness.pipeline.reach_measuring import MeasuredReach, measure
from harness.pipeline.request import RunJob
from harness.reach import ReachMap, load_reach
from harness.series import Applied, Tree
from harness.source import parse_base
from harness.suites import CounterFiles
from tests.support.run_requests import run_request
from tests.support.sample_reports import OFF, ON, on_disk
from tests.support.scripted_executor import ScriptedExecutor

RAN, NEVER = PlannedTest("checks", "ran"), PlannedTest("checks", "never")
# A program has results of its own, which are no tests that were planned.
FOUND = Findings((RAN, NEVER), (TestResult("checks", "ran", Status.PASS), TestResult("sync", "sync/part", Status.PASS)))
MAP = ReachMap("key", {}, {RAN: {}}, {NEVER: "never ran"})


class CutOffExecutor(ScriptedExecutor):
    """The first kernel is tested to its end; in the second one ``FOUND`` is found until ``why``."""

    why: BaseException = KeyboardInterrupt()

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        found = super().run(job, directory, keep)
        for result in found.results:
            CounterFiles(directory, job.variant.name).take(result.test, {})
        if len(self.jobs) == 2:
            raise self.why
        return found


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunJob:
    """Of two kernels that are there; the counters of a test are whether it has a result."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    applied = Applied(Tree("debian:6.12", tmp_path / "cache/tree", "c0ffee", "6.12"), (), "tree")

    @contextmanager
    def held(_job: RunJob, _events: EventStream) -> Iterator[HeldSource]:
        yield HeldSource(applied)

    def build(self: KernelSet, *_arguments: object) -> Iterator[VariantRun]:
        for run in self.runs:
            run.config, run.kernel = ResolvedConfig(run.variant, "", run.variant.name, ()), on_disk(tmp_path, "y")
            run.applied, run.findings = applied, Findings((RAN, NEVER))
            yield run

    monkeypatch.setattr(reach_measuring, "held_source", held)
    monkeypatch.setattr(reach_measuring, "_uncompiled", lambda *_arguments: {})
    monkeypatch.setattr(
        reach_measuring, "_read", lambda run, *_rest: MAP if run.findings.results else ReachMap("key", {})
    )
    monkeypatch.setattr(KernelSet, "build", build)
    (tmp_path / "cache/tree").mkdir(parents=True)
    return RunJob(run_request(), tmp_path / "run", parse_base("debian:6.12"), (), (ON, OFF), (), (), ())


def _measured(
    job: RunJob, executor: CutOffExecutor, happened: list[Event] | None = None
) -> tuple[MeasuredReach, type[BaseException]]:
    kept: list[MeasuredReach] = []
    events = EventStream()
    events.subscribe(lambda _, event: happened.append(event) if happened is not None else None)
    with pytest.raises(BaseException) as raised:
        measure(job, events, executor, keep=kept.append)
    (measured,) = kept
    return measured, raised.type


@pytest.mark.parametrize("why", [KeyboardInterrupt(), SystemExit(143), InfrastructureError("QEMU is gone")])
def test_what_ran_until_then_is_a_map_of_its_own_and_of_no_other_run(job: RunJob, why: BaseException) -> None:
    executor, happened = CutOffExecutor([FOUND, FOUND]), list[Event]()
    executor.why = why
    measured, raised = _measured(job, executor, happened)
    assert raised is type(why)
    assert measured.maps == {ON.name: MAP, OFF.name: MAP}
    assert measured.failures == {OFF.name: "cut off after 1 of 2 tests"}
    assert any("cut off after 1 of 2 tests" in event.text for event in happened if isinstance(event, Note))
    for name in (ON.name, OFF.name):
        assert load_reach((job.directory / f"coverage/reach-{name}.json").read_text()).lost == MAP.lost
    assert not list(
        (job.directory.parent / "cache").rglob("base-*.json")
    )  # nor of the first, of which one is not known


def test_a_kernel_that_was_not_begun_is_told(job: RunJob) -> None:
    executor = CutOffExecutor([FOUND, Findings()])
    measured, _ = _measured(job, executor)
    assert list(measured.maps) == [ON.name]
    assert measured.failures == {OFF.name: "cut off before its first test ended"}
