# SPDX-License-Identifier: GPL-2.0-only
"""The guest's runner: every way a check can end, the exact lines it prints, and what it is asked to run."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest import marks, registry, runner
from harness.guest.registry import expect_errno
from tests.support.guest_checks import Checks, absent, bad, broken, good, hanging, lines, replaced_checks


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checks:
    return replaced_checks(monkeypatch, tmp_path)


def test_an_alarm_counts_in_its_block_alone() -> None:
    """The interpreter may come to the handler only after the timer was stopped."""
    limit = runner._Limit(60)
    with pytest.raises(registry.TimedOut), limit:
        os.kill(os.getpid(), signal.SIGALRM)
    with runner._Limit(60):
        pass
    os.kill(os.getpid(), signal.SIGALRM)


def test_each_result_is_told_in_ktap(checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
    assert not runner.run(checks(good, bad, absent, broken))
    assert lines(capsys) == [
        "KTAP version 1",
        "1..4",
        "# start t.good",
        "# has ended",
        "# time T",
        "ok 1 t.good",
        "# start t.bad",
        "# has ended",
        "# failed: the answer is 41 (HERE)",
        "# cause assertion",
        "# time T",
        "not ok 2 t.bad",
        "# start t.absent",
        "# has ended",
        "# time T",
        "ok 3 t.absent # SKIP no such device",
        "# start t.broken",
        "# has ended",
        "# error: ZeroDivisionError: oops",
        "# and more (HERE)",
        "# cause assertion",
        "# time T",
        "not ok 4 t.broken",
    ]


def test_a_skip_that_loses_nothing_is_told_by_a_line_of_its_own(
    checks: Checks, capsys: pytest.CaptureFixture[str]
) -> None:
    def foreign() -> None:
        registry.does_not_apply("nothing is cached on 7.x")

    def lacking() -> None:
        registry.skip("does not apply: no device")

    runner.run(checks(foreign, lacking))
    told = lines(capsys)
    assert told.count("# not applicable") == 1
    assert told[told.index("# not applicable") + 2] == "ok 1 t.foreign # SKIP does not apply: nothing is cached on 7.x"


def test_whatever_a_check_says_of_itself_is_one_result(checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
    def silent() -> None:
        registry.skip("")

    def forging() -> None:
        registry.measurement("1\nok 3 t.other")
        registry.skip("because\nok 2 t.forging\n")

    runner.run(checks(silent, forging))
    assert lines(capsys)[2:] == [
        "# start t.silent",
        "# has ended",
        "# time T",
        "ok 1 t.silent # SKIP no reason given",
        "# start t.forging",
        "# has ended",
        "# measurement 1 ok 3 t.other",
        "# time T",
        "ok 2 t.forging # SKIP because ok 2 t.forging",
    ]


def test_skips_and_passes_are_success(checks: Checks) -> None:
    assert runner.run(checks(good, absent))


def test_a_hanging_check_is_ended(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.05)
    outcome = runner.run_check(hanging)
    assert re.fullmatch(r"timed out after 0\.05 s \(guest_checks\.py:\d+\)", outcome.trouble[0])


def test_the_factor_stretches_the_time_limit(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.01)
    assert runner.run_check(hanging, 3.0).trouble[0].startswith("timed out after 0.03 s")


@pytest.mark.parametrize("check", [good, bad])
def test_the_alarm_does_not_outlive_its_check(checks: Checks, check: Callable[[], None]) -> None:
    runner.run_check(check)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_time_limit_is_not_taken_for_the_kernels_answer(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs_where_an_error_is_due() -> None:
        with expect_errno(errno.EINVAL):
            time.sleep(60)

    monkeypatch.setattr(runner, "TIME_LIMIT", 0.05)
    assert runner.run_check(hangs_where_an_error_is_due).trouble[0].startswith("timed out")


def test_figures_are_told_with_their_check(checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
    def measuring() -> None:
        registry.measurement("bytes pinned: 0")

    assert runner.run(checks(measuring, good))
    told = lines(capsys)
    assert told[told.index("# start t.measuring") + 2] == "# measurement bytes pinned: 0"
    assert sum(line.startswith("# measurement") for line in told) == 1


def test_a_name_defined_twice_is_refused(checks: Checks) -> None:
    checks(good)
    with pytest.raises(ValueError, match=r"check t\.good is defined twice"):
        checks(good)


# --- choosing and the command line ------------------------------------------------------------


def test_names_groups_and_patterns_select(checks: Checks) -> None:
    checks(good, bad, absent)
    assert runner.select([]) == ["t.good", "t.bad", "t.absent"]
    assert runner.select(["t"]) == ["t.good", "t.bad", "t.absent"]
    assert runner.select(["t.bad", "t.good"]) == ["t.good", "t.bad"]
    assert runner.select(["*.*b*"]) == ["t.bad", "t.absent"]


@pytest.mark.parametrize("pattern", ["t.goo", "nothing", "*.nothing", "good"])
def test_an_unknown_name_is_a_usage_error(checks: Checks, capsys: pytest.CaptureFixture[str], pattern: str) -> None:
    checks(good)
    assert runner.main(["t.good", pattern]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"run_checks.py: no check is called {pattern!r}; --list shows their names\n"


@pytest.mark.parametrize(
    "arguments", [["--factor"], ["--factor", "x"], ["--factor", "0"], ["--factor", "inf"], ["--wat"], ["-h"]]
)
def test_a_wrong_option_is_told_in_one_line(
    checks: Checks, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    checks(good)
    assert runner.main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and "usage: run_checks.py" in told.err


def test_exit_status_tells_whether_a_check_failed(checks: Checks) -> None:
    checks(good, bad)
    assert runner.main(["t.good"]) == 0
    assert runner.main(["t.bad"]) == 1


def test_every_check_is_marked_in_the_kernel_log(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(marks, "mark", told.append)
    runner.run(checks(good, bad))
    assert told == ["start t.good", "end t.good", "start t.bad", "end t.bad"]


@pytest.mark.parametrize(("place", "allowed"), [("DMA_ERRORS", str(marks.REPORTS)), ("WARNED_ONCE", "1")])
def test_every_check_may_make_the_kernel_complain_of_its_own(
    checks: Checks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str, allowed: str
) -> None:
    left = tmp_path / place
    left.write_text("0")
    monkeypatch.setattr(marks, place, str(left))
    seen: list[str] = []

    def uses_all() -> None:
        seen.append(left.read_text())
        left.write_text("0")

    def again() -> None:
        seen.append(left.read_text())

    runner.run(checks(uses_all, again))
    assert seen == [allowed] * 2


def test_a_kernel_that_checks_no_dma_mappings_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "DMA_ERRORS", str(tmp_path / "none"))
    monkeypatch.setattr(marks, "WARNED_ONCE", str(tmp_path / "none"))
    marks.listen()
    assert not (tmp_path / "none").exists()
    done = subprocess.run(["sh", "-c", f"true && {marks.LISTEN}"], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def run_program(*checks: str) -> subprocess.CompletedProcess[str]:
    """The real program on pipes, with these functions as its checks."""
    root = str(Path(runner.__file__).parents[2])
    code = (
        f"import os, sys; sys.path.insert(0, {root!r})\n"
        "from harness.guest import checks, registry, runner\n"
        "checks.load = lambda: None\n"
        "check = registry.Group('t')\n"
        + "".join(f"@check\n{function}\n" for function in checks)
        + "sys.exit(runner.main([]))\n"
    )
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)


def test_what_a_check_prints_is_no_result() -> None:
    done = run_program(
        "def prints(): print('ok 2 t.fails')",
        "def fails(): os.system('echo ok 2 t.fails'); os.write(1, b'ok 3 t.fails\\n'); 1 / 0",
    )
    assert done.returncode == 1
    results = [line for line in done.stdout.splitlines() if line.startswith(("ok", "not ok"))]
    assert results == ["ok 1 t.prints", "not ok 2 t.fails"]
    assert done.stderr.count("ok 2 t.fails") == 2 and "ok 3 t.fails" in done.stderr


def test_a_crash_loses_nothing_that_was_told() -> None:
    """Lines are out before the check that takes the process down has ended."""
    done = run_program("def first(): pass", "def crash(): os._exit(9)")
    told = done.stdout.splitlines()
    assert done.returncode == 9
    assert "ok 1 t.first" in told
    assert told[-1] == "# start t.crash"
