# SPDX-License-Identifier: GPL-2.0-only
"""What ends a run early is said in its report."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from harness.errors import ExitCode, InfrastructureError
from harness.events import EventStream
from harness.pipeline import check, execute
from tests.support.run_requests import run_request
from tests.support.scripted_executor import ScriptedExecutor

FAKELINUX = Path(__file__).parent.parent / "data" / "fakelinux"


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/runs/1/console.log"), "/runs/1/console.log: No space left"),
        (shutil.Error([("/a", "/b", "[Errno 13] Permission denied")]), "the machine: [('/a', '/b', '[Errno 13] Perm"),
    ],
)
def test_trouble_of_the_machine_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: OSError, told: str
) -> None:
    def fails(_run: object) -> None:
        raise trouble

    monkeypatch.setattr("harness.pipeline.run_execution._Run.work", fails)
    request = run_request(f"dir:{FAKELINUX}", no_patch=True, suites=("checks",))
    outcome = execute(check(request, tmp_path), EventStream())
    assert outcome.exit_code is ExitCode.INFRASTRUCTURE
    assert outcome.report.interrupted.startswith(told) and outcome.report.is_bad


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (SystemExit(), ExitCode.TERMINATED),
        (InfrastructureError("no QEMU"), ExitCode.FAILED),
        (OSError(errno.ENOSPC, "No space left on device", "/runs/1/x"), ExitCode.FAILED),
    ],
    ids=str,
)
def test_what_ends_the_measuring_after_the_verdict_takes_nothing_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException, code: ExitCode
) -> None:
    """The run of nothing at all is red, and finished; without the verdict it would be cut off."""

    def fails(*_arguments: object) -> None:
        raise trouble

    monkeypatch.setattr("harness.pipeline.run_execution._Run._build_all", lambda *_arguments: [])
    monkeypatch.setattr("harness.pipeline.run_execution.changed_coverage", fails)
    request = run_request(f"dir:{FAKELINUX}", no_patch=True, suites=("checks",), coverage=True)
    outcome = execute(check(request, tmp_path), EventStream(), ScriptedExecutor())
    assert (outcome.exit_code, outcome.report.interrupted) == (code, "")
    assert outcome.report.coverage is not None and "not measured" in outcome.report.coverage.notes[0]
