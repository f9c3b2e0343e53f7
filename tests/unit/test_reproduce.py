# SPDX-License-Identifier: GPL-2.0-only
"""A failure of a stored run once more: which tests show it, what ran before them, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.errors import ExitCode, InfrastructureError, UserError
from harness.executor import Findings, JobSource
from harness.interfaces import JobLimits
from harness.model import BootOutcome, BootReport, PlannedTest, RunReport, Splat, Status, TestResult, VariantReport
from harness.report import save
from harness.report.store import save_plan
from harness.reproduce import Reproducer, seek
from tests.support.sample_reports import OFF, ON, kernel, run_report, splat, variant_report
from tests.support.scripted_executor import ScriptedExecutor

NAMES = ("a.one", "a.two", "a.bad", "a.last")
PLANNED = tuple(PlannedTest("checks", name) for name in NAMES)
WORDS = "expected 4096, got 4095"
UP = BootReport(BootOutcome.UP, "tcg", 9.0, "boots/move-notify-on-1/console.log", "7.2")


def result(name: str, status: Status = Status.PASS, guest: int = 1, suite: str = "checks") -> TestResult:
    message = WORDS if status is Status.FAIL else ""
    cause = Cause.ASSERTION if status is Status.FAIL else None
    log = f"boots/move-notify-on-{guest}/logs/{suite}.log"
    return TestResult(suite, name, status, message=message, cause=cause, log=log)


def red(*results: TestResult, splats: Sequence[Splat] = ()) -> RunReport:
    planned = tuple(dict.fromkeys(one.test for one in results))
    bad = VariantReport(ON, planned, results, tuple(splats), (UP,), kernel=kernel())
    return run_report(variant_report(OFF), bad)


RED = red(*(result(name, Status.FAIL if name == "a.bad" else Status.PASS) for name in NAMES))


def stored(tmp_path: Path, report: RunReport = RED) -> Path:
    save(tmp_path, report)
    return tmp_path


def found(status: Status, message: str = WORDS, cause: Cause | None = None) -> Findings:
    """What one guest shows of a.bad."""
    cause = cause or (Cause.ASSERTION if status is Status.FAIL else None)
    return Findings(results=(TestResult("checks", "a.bad", status, message=message, cause=cause),), boots=(UP,))


def tried(tmp_path: Path, *outcomes: Findings, times: int = 2) -> tuple[ScriptedExecutor, list[str], int]:
    executor = ScriptedExecutor([*outcomes])
    said: list[str] = []
    reproducer = Reproducer(executor, kernel(), JobSource(), tmp_path / "again", said.append)
    seen = reproducer.reproduce(seek(stored(tmp_path), "a.bad"), times)
    return executor, [*said, *seen.summary()], seen.exit_code


# --- what is sought ---------------------------------------------------------------------------


def test_a_test_is_found_in_the_variant_in_which_it_failed(tmp_path: Path) -> None:
    sought = seek(stored(tmp_path), "checks: a.bad")
    assert (sought.stored.name, sought.tests) == (ON.name, (PLANNED[2],))
    assert sought.failure.summary == WORDS


def test_what_ran_before_it_is_of_the_same_guest(tmp_path: Path) -> None:
    report = red(result("a.one"), result("a.two", guest=2), result("a.bad", Status.FAIL, 2), result("a.last", guest=2))
    assert seek(stored(tmp_path, report), "a.bad").before == (PLANNED[1],)


def test_what_ran_first_is_before_it_though_it_was_planned_later(tmp_path: Path) -> None:
    """A report has results as they were planned."""
    times = {"a.one": 3.0, "a.two": 4.0, "a.bad": 2.0, "a.last": 1.0}
    results = (replace(result(name), started=times[name]) for name in NAMES)
    bad = [replace(one, status=Status.FAIL) if one.name == "a.bad" else one for one in results]
    assert seek(stored(tmp_path, red(*bad)), "a.bad").before == (PLANNED[3],)


def test_a_splat_is_shown_by_the_test_that_it_came_in(tmp_path: Path) -> None:
    warned = replace(splat(), during="checks: a.two", fingerprint="warn-0123456789ab")
    report = red(*map(result, NAMES), splats=(warned,))
    sought = seek(stored(tmp_path, report), "warn-0123456789ab")
    assert (sought.tests, sought.before) == ((PLANNED[1],), (PLANNED[0],))


def test_what_is_not_bad_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing of that kind is bad in this run; bad is: .*checks: a\.bad"):
        seek(stored(tmp_path), "a.two")


def test_guests_get_what_those_of_the_run_got(tmp_path: Path) -> None:
    save_plan(tmp_path, {"limits": JobLimits(memory=3072, seed=5, walks=10)})
    assert seek(stored(tmp_path), "a.bad").stored.limits == JobLimits(memory=3072, seed=5, walks=10)


# --- what comes of it -------------------------------------------------------------------------


def test_the_same_failure_each_time(tmp_path: Path) -> None:
    executor, said, code = tried(tmp_path, found(Status.FAIL), found(Status.FAIL))
    assert code == ExitCode.FAILED
    assert "  alone:      fails as in the run: 2 of 2" in said
    assert f"  in the run: {WORDS}" in said
    assert [job.planned for job, _ in executor.jobs] == [(PLANNED[2],), (PLANNED[2],)]


def test_another_failure_is_told_apart(tmp_path: Path) -> None:
    _, said, code = tried(tmp_path, found(Status.FAIL, "no such device"), found(Status.PASS))
    assert code == ExitCode.FAILED
    (alone,) = [line for line in said if line.startswith("  alone:")]
    assert "fails, but in another way: no such device: 1 of 2, passes: 1 of 2" in alone


def test_what_passes_alone_is_tried_after_what_ran_before_it(tmp_path: Path) -> None:
    outcomes = [found(Status.PASS), found(Status.PASS), found(Status.FAIL), found(Status.PASS)]
    executor, said, code = tried(tmp_path, *outcomes)
    assert code == ExitCode.FAILED
    assert [job.planned for job, _ in executor.jobs][2:] == [PLANNED[:3], PLANNED[:3]]
    assert "  after the 2 tests before it: fails as in the run: 1 of 2, passes: 1 of 2" in said


def test_what_passes_every_time_is_not_reproduced(tmp_path: Path) -> None:
    _, said, code = tried(tmp_path, *4 * [found(Status.PASS)])
    assert code == ExitCode.OK
    assert "  after the 2 tests before it: passes: 2 of 2" in said


def test_the_machine_is_no_verdict(tmp_path: Path) -> None:
    lost = found(Status.ERROR, "QEMU was killed", Cause.MACHINE)
    _, said, code = tried(tmp_path, lost, found(Status.FAIL), lost, found(Status.FAIL))
    assert code == ExitCode.FAILED
    assert "  alone:      fails as in the run: 2 of 2" in said
    with pytest.raises(InfrastructureError, match="nothing can be learned here: QEMU was killed"):
        tried(tmp_path, *3 * [lost])


def test_a_test_of_the_users_needs_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sought = seek(stored(tmp_path, red(result("mine.py::x", Status.FAIL, suite="pytest:mine.py"))), "mine.py::x")
    executor = ScriptedExecutor([found(Status.FAIL)])
    reproducer = Reproducer(executor, kernel(), JobSource(), tmp_path / "again", lambda _text: None)
    with pytest.raises(UserError, match="its file is not here; change into the directory"):
        reproducer.reproduce(sought, 1)
    (tmp_path / "mine.py").touch()
    reproducer.reproduce(sought, 1)
    assert executor.jobs[0][0].own_tests == {"pytest:mine.py": str(tmp_path / "mine.py")}


def test_a_suite_that_ran_in_two_parts_does_so_again(tmp_path: Path) -> None:
    results = (
        *(replace(result(name), started=at) for name, at in (("a.one", 1.0), ("a.two", 3.0))),
        replace(result("s", suite="sync"), started=2.0),
        replace(result("a.bad", Status.FAIL), started=4.0),
    )
    executor = ScriptedExecutor([found(Status.PASS), found(Status.FAIL)])
    sought = seek(stored(tmp_path, red(*results)), "a.bad")
    Reproducer(executor, kernel(), JobSource(), tmp_path / "again", lambda _text: None).reproduce(sought, 1)
    job = executor.jobs[1][0]
    assert [test.name for test in job.first] == ["a.one", "s"]
    assert [test.name for test in job.planned] == ["a.one", "s", "a.two", "a.bad"]
