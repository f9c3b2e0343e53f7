# SPDX-License-Identifier: GPL-2.0-only
"""The checks suite: what it plans, how it reads the runner, what a lost guest or a dead interpreter leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest.registry import all_checks
from harness.interfaces import GuestLost, SuiteContext
from harness.model import Status, TestResult
from harness.suites.checks import ChecksSuite
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

OUTPUT = """\
KTAP version 1
1..3
# start a.passes
# time 0.0123
ok 1 a.passes
# start a.fails
# failed: expected EINVAL, but the call succeeded (a.py:42)
# leaked descriptor 7 -> /dmabuf:
# time 0.5000
not ok 2 a.fails
# start a.skips
# time 0.0001
ok 3 a.skips # SKIP no such device
"""


def collect(
    tmp_path: Path, answer: Answer, *only: str, slowness: float = 1.0
) -> tuple[list[TestResult], ScriptedGuest, str]:
    """(results, guest, why it was lost)."""
    machine = ScriptedGuest(scripted_kernel(tmp_path), {"run_checks.py": answer}, slowness)
    results: list[TestResult] = []
    try:
        results.extend(ChecksSuite().run(machine, SuiteContext(tmp_path, "logs", frozenset(only))))
    except GuestLost as lost:
        return results, machine, lost.reason
    return results, machine, ""


def test_results(tmp_path: Path) -> None:
    passed, failed, skipped = collect(tmp_path, Answer(OUTPUT, 1))[0]
    assert passed == TestResult("checks", "a.passes", Status.PASS, 0.0123, log="logs/checks.log")
    assert (failed.status, failed.seconds) == (Status.FAIL, 0.5)
    assert failed.message == "failed: expected EINVAL, but the call succeeded (a.py:42)"
    assert failed.output.splitlines()[1] == "leaked descriptor 7 -> /dmabuf:"
    assert (skipped.status, skipped.message) == (Status.SKIP, "no such device")
    assert skipped.lost_coverage == ("a.skips: no such device",)


def test_lost_guest_is_an_error_of_the_check_that_ran(tmp_path: Path) -> None:
    cut = OUTPUT.split("# failed", maxsplit=1)[0]
    results, _, reason = collect(tmp_path, Answer(cut, lost="panic: oh"))
    assert reason == "panic: oh"
    assert [(result.name, result.status) for result in results] == [
        ("a.passes", Status.PASS),
        ("a.fails", Status.ERROR),
    ]
    assert results[1].message == "guest lost: panic: oh"


def test_guest_lost_between_two_checks_blames_none(tmp_path: Path) -> None:
    results, _, reason = collect(tmp_path, Answer(OUTPUT.split("# start a.fails", maxsplit=1)[0], lost="gone"))
    assert reason == "gone"
    assert [result.name for result in results] == ["a.passes"]


@pytest.mark.parametrize(
    ("status", "message"),
    [(139, "the runner ended in it with status 139: Fatal error: oh"), (None, "still ran after 0 s")],
)
def test_dead_runner_fails_the_check_that_ran(tmp_path: Path, status: int | None, message: str) -> None:
    cut = OUTPUT.split("# failed", maxsplit=1)[0] + "Fatal error: oh\n"
    last = collect(tmp_path, Answer(cut, status))[0][-1]
    assert (last.name, last.status, last.message) == ("a.fails", Status.FAIL, message)


def test_command(tmp_path: Path) -> None:
    name = all_checks()[3]
    _, machine, _ = collect(tmp_path, Answer(OUTPUT), name, "not-a-check", slowness=8.0)
    assert machine.commands[0].startswith("/usr/bin/python3 -I -S /")
    assert machine.commands[0].endswith(f"/run_checks.py --factor 8 {name} 2>&1")
    assert collect(tmp_path, Answer(OUTPUT))[1].commands[0].endswith("--factor 1 2>&1")


def test_plan_is_every_check_there_is(tmp_path: Path) -> None:
    plan = ChecksSuite().plan(scripted_kernel(tmp_path), tmp_path)
    assert [test.name for test in plan] == all_checks()
    assert len(plan) >= 25
