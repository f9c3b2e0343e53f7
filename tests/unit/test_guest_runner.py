# SPDX-License-Identifier: GPL-2.0-only
"""The guest's runner: every way a check can end, the exact lines it prints, and what a check must not leave behind."""

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

from harness.guest import checks as guest_checks
from harness.guest import kernel, oracle, registry, runner
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno, skip
from harness.guest.waiting import soon

Checks = Callable[..., list[str]]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checks:
    """Replaces the real checks by the functions given, as group "t"; returns their names."""
    monkeypatch.setattr(registry, "_CHECKS", {})
    monkeypatch.setattr(registry, "_PROVOKED", {})
    monkeypatch.setattr(oracle, "SYNC_INFO", str(tmp_path / "sync-info"))
    monkeypatch.setattr(oracle, "KMSG", str(tmp_path / "kmsg"))
    monkeypatch.setattr(guest_checks, "load", lambda: None)
    monkeypatch.setattr(kernel, "BUFINFO", str(tmp_path / "bufinfo"))
    monkeypatch.setattr(runner, "_mark", lambda _text: None)

    def define(*functions: Callable[[], None]) -> list[str]:
        for function in functions:
            Group("t")(function)
        return list(registry.registered())

    return define


def good() -> None:
    pass


def bad() -> None:
    expect(False, "the answer is 41")


def absent() -> None:
    skip("no such device")


def broken() -> None:
    raise ZeroDivisionError("oops\nand more")


def hanging() -> None:
    time.sleep(60)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, with times and places made equal."""
    text = re.sub(r"# time \d+\.\d{4}\n", "# time T\n", capsys.readouterr().out)
    return re.sub(r"\(test_guest_runner\.py:\d+\)", "(HERE)", text).splitlines()


def test_each_result_is_told_in_ktap(checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
    assert not runner.run(checks(good, bad, absent, broken))
    assert lines(capsys) == [
        "KTAP version 1",
        "1..4",
        "# start t.good",
        "# time T",
        "ok 1 t.good",
        "# start t.bad",
        "# failed: the answer is 41 (HERE)",
        "# time T",
        "not ok 2 t.bad",
        "# start t.absent",
        "# time T",
        "ok 3 t.absent # SKIP no such device",
        "# start t.broken",
        "# error: ZeroDivisionError: oops",
        "# and more (HERE)",
        "# time T",
        "not ok 4 t.broken",
    ]


def test_skips_and_passes_are_success(checks: Checks) -> None:
    assert runner.run(checks(good, absent))


def test_a_hanging_check_is_ended(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.05)
    outcome = runner.run_check(hanging)
    assert re.fullmatch(r"timed out after 0\.05 s \(test_guest_runner\.py:\d+\)", outcome.trouble[0])


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


def test_a_leaked_descriptor_fails_the_check_that_leaked_it(checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
    leaked: list[int] = []

    def leaking() -> None:
        leaked.append(os.open("/dev/null", os.O_RDONLY))

    assert not runner.run(checks(leaking, good))
    os.close(leaked[0])
    told = lines(capsys)
    assert f"# leaked descriptor {leaked[0]} -> /dev/null" in told
    assert "not ok 1 t.leaking" in told
    assert "ok 2 t.good" in told


def test_a_failed_check_that_closes_its_files_leaks_nothing(checks: Checks) -> None:
    def failing() -> None:
        with kernel.Descriptor(os.open("/dev/null", os.O_RDONLY)), kernel.Memfd(kernel.PAGE) as memory:
            view = memory.map(kernel.PAGE)
            expect_equal("first byte", view[0], 1)

    assert [line.partition(":")[0] for line in runner.run_check(failing).trouble] == ["failed"]


def _bufinfo(count: int) -> str:
    buffers = "00004096\t00000002\t...\n\tAttached Devices:\nTotal 9 devices attached\n\n" * count
    return f"\nDma-buf Objects:\nsize\tflags\t...\n{buffers}\nTotal {count} objects, {4096 * count} bytes\n"


def test_a_leaked_dma_buf_fails_the_check(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RELEASE_LIMIT", 0.02)
    info = Path(kernel.BUFINFO)
    info.write_text(_bufinfo(1))
    outcome = runner.run_check(lambda: void(info.write_text(_bufinfo(3))))
    assert outcome.trouble == [
        "leaked 2 dma-buf: 3 now, before the check 1",
        "leaked 8192 bytes of dma-bufs: 12288 now, before the check 4096",
        "leaked 18 attachment: 27 now, before the check 9",
    ]


def void(_value: object) -> None:
    pass


def test_a_dma_buf_released_a_moment_later_is_no_leak(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    info = Path(kernel.BUFINFO)
    info.write_text(_bufinfo(1))

    def check() -> None:
        info.write_text(_bufinfo(2))

    # Time passes only where the runner waits: there the last reference is dropped.
    monkeypatch.setattr(time, "sleep", lambda _seconds: void(info.write_text(_bufinfo(1))))
    assert runner.run_check(check).trouble == []


def test_a_lock_that_is_never_given_back_does_not_hang_the_runner(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bufinfo locks each buffer that it lists: here a pipe that nobody writes to stands for it."""
    monkeypatch.setattr(runner, "LIST_LIMIT", 0.05)
    Path(kernel.BUFINFO).write_text(_bufinfo(1))

    def check() -> None:
        Path(kernel.BUFINFO).unlink()
        os.mkfifo(kernel.BUFINFO)

    assert runner.run_check(check).trouble == [
        "the kernel's list of dma-bufs could not be read within 0.05 s: a lock is held"
    ]


def test_figures_are_told_with_their_check(checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
    def measuring() -> None:
        registry.figure("bytes pinned: 0")

    assert runner.run(checks(measuring, good))
    told = lines(capsys)
    assert told[told.index("# start t.measuring") + 1] == "# figure bytes pinned: 0"
    assert sum(line.startswith("# figure") for line in told) == 1


# --- the kernel log ---------------------------------------------------------------------------

WARNS = "4,100,5000,-;WARNING: CPU: 1 PID: 87 at drivers/dma-buf/dma-buf.c:843 dma_buf_dynamic_attach+0x1a4/0x1d0"


def _log_of(monkeypatch: pytest.MonkeyPatch, *records: str) -> None:
    """Have the kernel log give ``records`` once, one for each read."""
    left = [record.encode() for record in records]

    def read(_fd: int, _size: int) -> bytes:
        if not left:
            raise BlockingIOError
        return left.pop(0)

    Path(oracle.KMSG).touch()
    monkeypatch.setattr(os, "read", read)


def _provoking() -> list[str]:
    @Group("t").provokes("dma_buf_dynamic_attach", "dma_buf_export")
    def provoking() -> None:
        pass

    return list(registry.registered())


def test_a_kernel_report_fails_the_check_during_which_it_came(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    _log_of(monkeypatch, "6,99,4999,-;a word of no weight", WARNS, "4,101,5001,-;Modules linked in:")
    assert runner.run_check(good).trouble == [f"kernel report: {WARNS.partition(';')[2]}"]
    assert runner.run_check(good).trouble == []


def test_what_a_program_writes_to_the_log_is_no_report(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    _log_of(monkeypatch, WARNS.replace("4,", "12,", 1))
    assert runner.run_check(good).trouble == []


def test_a_provoked_report_is_no_trouble(
    checks: Checks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _log_of(monkeypatch, WARNS)
    assert runner.run(_provoking())


def test_another_report_than_the_provoked_one_fails(
    checks: Checks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _log_of(monkeypatch, WARNS, "4,102,5002,-;BUG: kernel NULL pointer dereference, address: 0")
    assert not runner.run(_provoking())
    assert "# kernel report: BUG: kernel NULL pointer dereference, address: 0" in lines(capsys)


def test_a_report_that_is_not_provoked_fails(
    checks: Checks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _log_of(monkeypatch)
    assert not runner.run(_provoking())
    told = "# no kernel report although one was provoked (dma_buf_dynamic_attach or dma_buf_export)"
    assert told in lines(capsys)


def test_lost_records_do_not_hide_a_report(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    """EPIPE: the ring buffer went round before we read (Documentation/ABI/testing/dev-kmsg)."""
    answers: list[bytes | type[OSError]] = [BrokenPipeError, WARNS.encode(), BlockingIOError]

    def read(_fd: int, _size: int) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, bytes):
            return answer
        raise answer

    Path(oracle.KMSG).touch()
    monkeypatch.setattr(os, "read", read)
    assert len(runner.run_check(good).trouble) == 1


def test_a_name_defined_twice_is_refused(checks: Checks) -> None:
    checks(good)
    with pytest.raises(ValueError, match=r"check t\.good is defined twice"):
        checks(good)


# --- assertions -------------------------------------------------------------------------------


def _refuse(code: int) -> None:
    raise OSError(code, os.strerror(code))


def test_the_expected_error_passes() -> None:
    with expect_errno(errno.EINVAL, errno.EBADF):
        _refuse(errno.EBADF)


def test_another_error_fails_and_names_both() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^expected EINVAL or EBADF, got ENOENT$"):  # noqa: SIM117
        with expect_errno(errno.EINVAL, errno.EBADF):
            _refuse(errno.ENOENT)


def test_success_where_an_error_is_due_fails() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^expected EINVAL, but the call succeeded$"):  # noqa: SIM117
        with expect_errno(errno.EINVAL):
            pass


def test_a_missing_call_skips_even_where_another_error_is_due() -> None:
    with pytest.raises(registry.CheckSkipped, match=r"^NEW_CALL is not in this kernel$"):  # noqa: SIM117
        with expect_errno(errno.EINVAL), absent_is_skipped("NEW_CALL"):
            _refuse(errno.ENOTTY)


def test_long_bytes_are_told_by_their_first_difference() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^page: byte 100 is 0x00, expected 0x01$"):
        expect_equal("page", bytes(4096), bytes(100) + b"\1" + bytes(3995))


def test_values_are_told() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^size is 1, expected 2$"):
        expect_equal("size", 1, 2)


def test_soon_acts_before_the_block_is_left() -> None:
    done: list[int] = []
    with soon(lambda: done.append(1)):
        pass
    assert done == [1]


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
    marks: list[str] = []
    monkeypatch.setattr(runner, "_mark", marks.append)
    runner.run(checks(good, bad))
    assert marks == ["start t.good", "end t.good", "start t.bad", "end t.bad"]


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
