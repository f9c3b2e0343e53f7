# SPDX-License-Identifier: GPL-2.0-only
"""What ends a run early is said in its report."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from harness.errors import ExitCode
from harness.events import EventStream
from harness.pipeline import check, execute
from tests.support.run_requests import run_request

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
