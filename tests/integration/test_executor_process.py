# SPDX-License-Identifier: GPL-2.0-only
"""A whole job in another process, which has nothing but the job as JSON and the cache; only its guests are scripted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import events, process
from harness.build import cache
from harness.errors import ExitCode, InfrastructureError
from harness.events import Event, EventStream
from harness.executor import Findings, KernelJob
from harness.executor.wire import job_text, read_answer
from harness.model import BootOutcome, PlannedTest, Status
from harness.paths import PROJECT_ROOT
from harness.pipeline import check, execute
from tests.support.run_requests import run_request
from tests.support.sample_reports import ON
from tests.support.subprocess_executor import SubprocessExecutor

KEY = "0123456789abcdef"
NAMES = ("dmabuf.seeking-tells-the-size", "udmabuf.size-must-be-page-aligned")
FAKELINUX = PROJECT_ROOT / "tests/data/fakelinux"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelJob:
    """Two checks on a kernel in the cache, of which only the config is real."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    with cache.part(KEY) as part:
        for name in ("image", "config", "build.log"):
            (part / name).write_text("CONFIG_UDMABUF=y\n")
        facts = {"release": "6.12.0", "compiler": "gcc", "warnings": [], "notes": [], "probe_failure": ""}
        cache.publish(KEY, part, facts)
    return KernelJob(KEY, ON, ("checks",), tuple(PlannedTest("checks", name) for name in NAMES), narrowed=True)


def scripted(mode: str) -> tuple[SubprocessExecutor, list[Event]]:
    stream, happened = EventStream(), list[Event]()
    stream.subscribe(lambda _, event: happened.append(event))
    return SubprocessExecutor(stream, ("-m", "tests.support.scripted_worker", mode)), happened


def told(found: Findings) -> list[tuple[str, Status]]:
    return [(result.name, result.status) for result in found.results]


def test_the_job_and_the_cache_are_all_that_it_needs(job: KernelJob, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.scripted_worker", "passes", str(run)],
        input=job_text(job),
        env={"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT_ROOT)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    *happened, found = map(read_answer, done.stdout.splitlines())
    assert isinstance(found, Findings)
    assert told(found) == [(name, Status.PASS) for name in NAMES]
    assert [one.result.name for one in happened if isinstance(one, events.TestEnded)] == list(NAMES)
    assert (run / found.boots[0].console).read_text() == "Linux version 6.12\n"
    assert (run / found.results[0].log).is_file()


def test_a_guest_that_is_lost_costs_what_it_costs_here(job: KernelJob, tmp_path: Path) -> None:
    executor, happened = scripted("panics")
    found = executor.run(job, tmp_path / "run")
    assert told(found) == [(NAMES[0], Status.ERROR), (NAMES[1], Status.PASS)]
    assert "BUG: kernel NULL pointer dereference" in found.results[0].message
    assert {splat.kind for splat in found.splats} == {"oops", "panic"}
    phases = [one.phase for one in happened if isinstance(one, events.PhaseEnded)]
    assert phases == ["boot", "guest", "suite:checks", "boot", "suite:checks", "guest"]


def test_a_kernel_that_does_not_boot_is_a_finding(job: KernelJob, tmp_path: Path) -> None:
    found = scripted("no-boot")[0].run(job, tmp_path / "run")
    assert ([boot.outcome for boot in found.boots], found.results) == ([BootOutcome.PANIC], ())
    assert found.notes == ("checks did not run: the kernel did not boot (panic: oh)",)


def test_trouble_of_the_machine_comes_back_as_what_it_is(job: KernelJob, tmp_path: Path) -> None:
    kept: list[Findings] = []
    with pytest.raises(InfrastructureError) as raised:
        scripted("refuses")[0].run(job, tmp_path / "run", kept.append)
    assert str(raised.value) == "QEMU does not start, twice; never mind"
    assert kept == [Findings(job.planned, times=kept[0].times)]


def test_what_a_worker_told_before_it_was_killed_is_kept(job: KernelJob, tmp_path: Path) -> None:
    kept: list[Findings] = []
    with pytest.raises(InfrastructureError, match=f"{KEY}: the worker ended with status 137"):
        scripted("dies")[0].run(job, tmp_path / "run", kept.append)
    assert told(kept[0]) == [(NAMES[0], Status.PASS)]


@pytest.mark.parametrize("text", ["", "{}", '{"version": 99}'])
def test_what_is_no_job_ends_it_with_the_users_exit_code(text: str, tmp_path: Path) -> None:
    done = process.run([sys.executable, "-m", "harness.executor", tmp_path], cwd=PROJECT_ROOT, stdin=text.encode())
    assert (done.returncode, done.stderr) == (ExitCode.USER, "")
    assert json.loads(done.stdout)["trouble"]["kind"] == "UserError"


def test_a_directory_that_cannot_be_made_is_trouble_of_the_machine(job: KernelJob, tmp_path: Path) -> None:
    place = tmp_path / "file" / "run"
    place.parent.write_text("")
    command = [sys.executable, "-m", "harness.executor", str(place)]
    done = process.run(command, cwd=PROJECT_ROOT, stdin=job_text(job).encode())
    assert (done.returncode, done.stderr) == (ExitCode.INFRASTRUCTURE, "")
    told = json.loads(done.stdout)["trouble"]
    assert (told["kind"], told["where"], told["what"]) == ("InfrastructureError", str(place), "Not a directory")


# --- another executor -------------------------------------------------------------------------


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(("mode", "first"), [("passes", Status.PASS), ("panics", Status.ERROR)])
def test_a_whole_run_needs_no_more_than_the_one_module_of_its_executor(
    mode: str, first: Status, tmp_path: Path
) -> None:
    """Its kernel is really built, and what another process found is in its report."""
    directory = tmp_path / "run"
    directory.mkdir()
    asked = run_request(f"dir:{FAKELINUX}", no_patch=True, variant="on", only=frozenset(NAMES))
    executor, happened = scripted(mode)
    outcome = execute(check(asked, directory), EventStream(), executor)
    (variant,) = outcome.report.variants
    assert {result.name: result.status for result in variant.results} == {NAMES[0]: first, NAMES[1]: Status.PASS}
    assert outcome.report.interrupted == ""
    assert (directory / variant.boots[0].console).is_file()
    assert outcome.report.machine["accelerator"] == "tcg (asked for)"
    assert {one.result.name for one in happened if isinstance(one, events.TestEnded)} == set(NAMES)
