# SPDX-License-Identifier: GPL-2.0-only
"""In which way a test is bad, from the words of those who say it: theirs and the verdict's must not drift apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.executor.guest_loss import explained
from harness.guest import runner
from harness.interfaces import CommandResult, GuestLost, SuiteContext
from harness.ktap import parse
from harness.model import Status, TestResult
from harness.suites.checks import ChecksSuite
from harness.suites.judging import judge
from harness.verdict.ways import Way, is_graver, is_silent, way_of, words
from tests.support.guest_checks import Checks, bad, broken, hanging, replaced_checks
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel


def failed(message: str) -> str:
    return words(TestResult("checks", "x", Status.FAIL, message=message))


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checks:
    return replaced_checks(monkeypatch, tmp_path)


@pytest.mark.usefixtures("checks")
def test_what_the_runner_in_the_guest_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.05)
    assert way_of(failed(runner.run_check(hanging).trouble[0])) is Way.SILENT
    assert way_of(failed(runner.run_check(bad).trouble[0])) is Way.SAID
    assert way_of(failed(runner.run_check(broken).trouble[0])) is Way.SAID


@pytest.mark.parametrize(
    ("status", "way"),
    [(1, Way.SAID), (124, Way.SILENT), (None, Way.SILENT), (139, Way.KILLED), (134, Way.KILLED), (137, Way.SILENT)],
)
@pytest.mark.parametrize("text", ["1..2\nok 1 a\n", ""])
def test_how_a_program_ends(status: int | None, way: Way, text: str) -> None:
    done = CommandResult("./p", status, text, "", 9.0, timed_out=status is None)
    assert way_of(failed(judge(done, parse(text), None, "").message)) is way


@pytest.mark.parametrize(("status", "way"), [(139, Way.DIED), (None, Way.SILENT)])
def test_how_the_runner_of_the_checks_ends(tmp_path: Path, status: int | None, way: Way) -> None:
    answer = Answer("KTAP version 1\n1..1\n# start a.fails\n", status)
    machine = ScriptedGuest(scripted_kernel(tmp_path), {"harness.guest.runner": answer})
    results: list[TestResult] = []
    with pytest.raises(GuestLost):
        results.extend(ChecksSuite("checks").run(machine, SuiteContext(tmp_path, "logs")))
    assert way_of(words(results[-1])) is way


@pytest.mark.parametrize(
    ("reason", "place", "way"),
    [
        ("panic: Fatal exception", "", Way.DIED),
        ("the guest ended by itself (QEMU exit status 0)", "", Way.DIED),
        ("the console floods: more than 8 MiB", "", Way.DIED),
        ("it hangs: no word for 160 s", "", Way.SILENT),
        ("it hangs: no word for 160 s", "hangs in dma_fence_default_wait <- f (python3, pid 63)", Way.DIED),
        ("no answer for 80 s: the guest hangs", "", Way.SILENT),
        ("QEMU was killed or failed (QEMU exit status -9)", "", Way.SILENT),
    ],
)
def test_how_a_guest_is_lost(reason: str, place: str, way: Way) -> None:
    error = TestResult("checks", "x", Status.ERROR, message=f"guest lost: {reason}")
    told = explained(error, reason, place, (), "boots/on-1/console.log")
    assert way_of(words(told)) is way
    assert is_silent(told) is (way is Way.SILENT)


def test_what_is_not_bad_has_no_way() -> None:
    one = TestResult("checks", "x", Status.PASS, message="timed out after 3 s")
    every = [words(replace(one, status=status)) for status in (Status.PASS, Status.SKIP, Status.MISSING)]
    assert [way_of(told) for told in [*every, words(None)]] == [None] * 4
    assert is_graver("fail: odd", "pass") and not is_graver("pass", "fail: odd")


def test_the_same_is_never_graver_than_itself() -> None:
    for told in ("fail", "error", failed("timed out after 3 s"), failed("killed by signal 6"), failed("odd")):
        assert not is_graver(told, told)
