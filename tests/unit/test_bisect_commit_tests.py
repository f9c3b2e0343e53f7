# SPDX-License-Identifier: GPL-2.0-only
"""What a guest showed is asked once of equal kernels, as far as all is known that an answer depends on."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from harness.bisect.commit_tests import Built, PipelineTester
from harness.bisect.targets import Target
from harness.events import EventStream
from harness.executor import Findings
from harness.identities import OWN_TESTS
from harness.model import PlannedTest, Status, TestResult
from harness.pipeline import RunJob
from harness.series import Applied, Tree
from harness.source import parse_base
from harness.suites import select_suites
from tests.support.run_requests import run_request
from tests.support.sample_reports import ON, boot, kernel
from tests.support.scripted_executor import ScriptedExecutor

OWN = f"{OWN_TESTS}test_mine.py"


@pytest.mark.parametrize(("suite", "asked"), [("checks", 1), (OWN, 2)])
def test_answers_of_own_tests_are_not_remembered(
    suite: str, asked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    job = RunJob(
        run_request(), tmp_path / "run", parse_base("debian:6.12"), (), (ON,), (), select_suites(["checks"]), ()
    )
    applied = Applied(Tree("debian:6.12", tmp_path, "c", "6.12.117"), (), "t")
    built = Built(kernel(), applied, job, (PlannedTest(suite, "a"),), "digest", None)
    passes = Findings(results=(TestResult(suite, "a", Status.PASS),), boots=(boot(),))
    executor = ScriptedExecutor([passes] * 2)
    tester = PipelineTester(cast(Target, None), EventStream(), executor)
    for walk in ("1", "2"):
        attempt = tester.attempt(built, tmp_path / walk, ())
        if not attempt.again:
            tester.remember(built, attempt)
    assert len(executor.jobs) == asked
