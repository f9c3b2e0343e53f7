# SPDX-License-Identifier: GPL-2.0-only
"""How grave a failure is, from the cause that those give who see it arise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes import Cause, Observed, Severity
from harness.executor.guest_loss import Loss, explained
from harness.guest import runner
from harness.interfaces import CommandResult, GuestLost, SuiteContext
from harness.ktap import parse
from harness.model import Status, TestResult
from harness.suites.checks import ChecksSuite
from harness.suites.program_verdict import judge_program
from harness.verdict.failure_mode import is_graver, is_silent
from tests.support.guest_checks import Checks, bad, broken, hanging, replaced_checks
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checks:
    return replaced_checks(monkeypatch, tmp_path)


def test_each_cause_has_a_consequence_and_the_runner_in_the_guest_names_causes() -> None:
    assert {cause.severity for cause in Cause} == set(Severity)
    told = (runner.ASSERTION, runner.REPORT, runner.LATE)
    assert [Cause(word) for word in told] == [Cause.ASSERTION, Cause.REPORT, Cause.TIME_LIMIT]


@pytest.mark.usefixtures("checks")
def test_what_the_runner_in_the_guest_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.05)
    found = [runner.run_check(check).causes for check in (hanging, bad, broken)]
    assert found == [[runner.LATE], [runner.ASSERTION], [runner.ASSERTION]]


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (1, Severity.SAID),
        (124, Severity.SILENT),
        (None, Severity.SILENT),
        (139, Severity.KILLED),
        (134, Severity.KILLED),
        (137, Severity.SILENT),
    ],
)
@pytest.mark.parametrize("text", ["1..2\nok 1 a\n", ""])
def test_how_a_program_ends(status: int | None, severity: Severity, text: str) -> None:
    done = CommandResult("./p", status, text, "", 9.0, timed_out=status is None)
    verdict = judge_program(done, parse(text), None, "")
    assert Observed(verdict.status, verdict.cause).severity is severity


@pytest.mark.parametrize(("status", "severity"), [(139, Severity.DIED), (None, Severity.SILENT)])
def test_how_the_runner_of_the_checks_ends(tmp_path: Path, status: int | None, severity: Severity) -> None:
    answer = Answer("KTAP version 1\n1..1\n# start a.fails\n", status)
    machine = ScriptedGuest(scripted_kernel(tmp_path), {"harness.guest.runner": answer})
    results: list[TestResult] = []
    with pytest.raises(GuestLost) as lost:
        results.extend(ChecksSuite("checks").run(machine, SuiteContext(tmp_path, "logs")))
    assert results[-1].observed.severity is severity
    assert lost.value.cause is results[-1].cause


@pytest.mark.parametrize(
    ("cause", "place", "severity"),
    [
        (Cause.PANIC, "", Severity.DIED),
        (Cause.EXIT, "", Severity.DIED),
        (Cause.FLOOD, "", Severity.DIED),
        (Cause.SILENCE, "", Severity.SILENT),
        (Cause.SILENCE, "hangs in dma_fence_default_wait <- f (python3, pid 63)", Severity.DIED),
        (Cause.CONNECTION, "", Severity.SILENT),
        (Cause.MACHINE, "", Severity.SILENT),
    ],
)
def test_how_a_guest_is_lost(cause: Cause, place: str, severity: Severity) -> None:
    lost = GuestLost("whatever", cause)
    told = explained(lost.result("checks", "x"), Loss(lost, place, True, True), (), "boots/on-1/console.log")
    assert told.observed.severity is severity
    assert is_silent(told) is (severity is Severity.SILENT)


def test_what_is_not_bad_has_no_severity() -> None:
    one = TestResult("checks", "x", Status.PASS, message="timed out after 3 s")
    every = [replace(one, status=status).observed for status in (Status.PASS, Status.SKIP, Status.MISSING)]
    assert [seen.severity for seen in every] == [None] * 3
    bad, good = Observed(Status.FAIL), Observed(Status.PASS)
    assert is_graver(bad, good) and is_graver(bad, None) and not is_graver(good, bad) and not is_graver(None, None)


def test_an_error_that_nobody_explains_is_the_gravest() -> None:
    assert Observed(Status.ERROR).severity is Severity.DIED


@pytest.mark.parametrize("status", [Status.FAIL, Status.ERROR])
@pytest.mark.parametrize("cause", [None, *Cause])
def test_the_same_is_never_graver_than_itself(status: Status, cause: Cause | None) -> None:
    assert not is_graver(Observed(status, cause), Observed(status, cause, "in other words"))
