# SPDX-License-Identifier: GPL-2.0-only
"""A job, what comes of it, and why it ended, as JSON: the same on the other side, and bound to no machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness import events
from harness.errors import InfrastructureError, UserError
from harness.events import Event, EventStream
from harness.executor import Findings, JobSource, KernelJob
from harness.executor.local_executor import LocalExecutor
from harness.executor.wire import Answer, Trouble, answer_text, job_text, read_answer, read_job
from harness.identities import OWN_TESTS
from harness.interfaces import JobLimits
from harness.model import PlannedTest, Status, TestResult
from harness.pipeline import check
from harness.report import SchemaError
from harness.series import Applied, Tree
from tests.support.run_requests import run_request
from tests.support.sample_reports import ON, PASSES, TROUBLE, boot, kernel, planned, splat

JOB = KernelJob(
    kernel="5f0c",
    variant=ON,
    suites=("sync", "checks"),
    planned=planned(PASSES),
    narrowed=True,
    own_tests={f"{OWN_TESTS}test_mine.py": "/home/me/test_mine.py"},
    source=JobSource("trees/debian-6.12/linux", "4b825dc6", {"drivers/dma-buf/dma-buf.c": (7, 8)}),
    limits=JobLimits(boots=2, memory=1536, thorough=True, time_factor=2.5, seed=7),
    label="base ",
    first=planned(PASSES)[:1],
)
RESULT = TestResult("checks", "a", Status.FAIL, 0.5, "odd \udcff bytes", started=3.5, measurements=("3 ms",))
FINDINGS = Findings(planned(PASSES), (*PASSES, *TROUBLE), (splat(),), (boot(),), {"boot": 9.5}, ("told",))


def test_a_job_is_the_same_on_the_other_side() -> None:
    assert read_job(job_text(JOB)) == JOB
    assert "\n" not in job_text(JOB)


def every_answer() -> list[Answer]:
    happened: list[Event] = [
        events.PhaseStarted("on", "boot"),
        events.PhaseProgress("on", "build", "612 objects"),
        events.PhaseEnded("on", "boot", 3.5, "up", 2.5, 1 << 20),
        events.Planned("on", (PlannedTest("checks", "a"),)),
        events.Chosen("on", (PlannedTest("checks", "a"),), (PlannedTest("checks", "b"),), "the patch touches f"),
        events.TestEnded("base on", RESULT),
        events.Note("", "guests run under TCG", "warning"),
    ]
    return [*happened, FINDINGS, Trouble("InfrastructureError", "no space left", "/x", "free some")]


@pytest.mark.parametrize("answer", every_answer(), ids=lambda one: type(one).__name__)
def test_what_comes_back_is_the_same_on_the_other_side(answer: Answer) -> None:
    line = answer_text(answer)
    assert read_answer(line) == answer
    assert "\n" not in line and line.isascii()


def test_every_kind_of_event_can_come_back() -> None:
    assert {type(answer) for answer in every_answer()} >= set(Event.__subclasses__())


@pytest.mark.parametrize("kind", [UserError, InfrastructureError])
def test_trouble_is_the_same_error_on_the_other_side(kind: type[UserError | InfrastructureError]) -> None:
    error = kind("what", where="where", hint="mend")
    again = Trouble(kind.__name__, error.what, error.where, error.hint).error
    assert (type(again), str(again)) == (kind, str(error))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"version": 1}', '{"version": 1, "job": {"kernel": 3}}', job_text(JOB).replace("label", "lable")],
)
def test_what_is_no_job_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"^standard input: not a job: .*; give what job_text makes$") as told:
        read_job(text)
    assert "\n" not in str(told.value)


def test_a_job_of_another_version_is_refused() -> None:
    later = json.dumps({**json.loads(job_text(JOB)), "version": 99})
    with pytest.raises(UserError, match="a job of version 99, this harness does those of 1"):
        read_job(later)


@pytest.mark.parametrize("line", ["", "3", "[]", "{}", '{"event": {"type": "Told"}}', '{"findings": {"when": 1}}'])
def test_what_is_no_answer_is_refused(line: str) -> None:
    with pytest.raises(SchemaError):
        read_answer(line)


# --- what a run makes of it -------------------------------------------------------------------


def test_a_job_names_no_place_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users with caches in other places, and runs in other places, ask for the same."""
    jobs = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        request = run_request(no_patch=True, suites=("checks",), seed=7)
        cache = tmp_path / name / "dmabuf-harness"
        tree = Tree("debian:6.12", cache / "trees/debian-6.12/linux", "c", "6.12.117")
        applied = Applied(tree, (), "4b825dc6", added={"a.c": frozenset({3, 1})})
        made = kernel(image=cache / "kernels/5f0c/image", config=tmp_path / name / "runs/1/kernels/5f0c/config")
        jobs.append(check(request, tmp_path / name / "runs/1").kernel_job(ON, made, JobSource.of(applied)))
        assert jobs[-1].source.path == tree.path
    assert job_text(jobs[0]) == job_text(jobs[1])
    assert str(tmp_path) not in job_text(jobs[0])
    assert (jobs[0].source.added, jobs[0].limits.seed) == ({"a.c": (1, 3)}, 7)


def test_a_job_can_be_narrowed_to_tests_and_to_a_boot() -> None:
    whole = replace(JOB, narrowed=False)
    (one,) = (test for test in whole.planned if test.suite == "checks")
    alone = whole.narrowed_to(one, label="again 1/3: ")
    assert (alone.planned, alone.suites, alone.narrowed, alone.label) == ((one,), ("checks",), True, "again 1/3: ")
    assert (whole.narrowed_to().planned, whole.narrowed_to().suites) == ((), ())
    assert (whole.up_to("sync").suites, whole.up_to("sync").narrowed) == (("sync",), False)


def test_a_kernel_that_left_the_cache_is_trouble_of_the_machine(tmp_path: Path) -> None:
    executor = LocalExecutor(EventStream(), find=lambda _key: None)
    with pytest.raises(InfrastructureError, match="5f0c: a kernel that was to be tested is gone from the cache"):
        executor.run(JOB, tmp_path)
