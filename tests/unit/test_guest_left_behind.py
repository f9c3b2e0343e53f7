# SPDX-License-Identifier: GPL-2.0-only
"""What a check must not leave behind, and the guest's runner finds: descriptors, dma-bufs, words in the kernel log."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from harness.guest import kernel, oracle, registry, runner
from harness.guest.registry import Group, expect_equal
from tests.support.guest_checks import Checks, good, lines, replaced_checks


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checks:
    return replaced_checks(monkeypatch, tmp_path)


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


def test_a_number_that_stays_reserved_is_laid_at_the_check_that_ran(
    checks: Checks, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """open() of a FIFO reserves the number, as calls that fail do, and sleeps until somebody writes."""
    monkeypatch.setattr(oracle, "_NUMBERS", 512)  # a process that runs tests may have more open than a guest's runner
    monkeypatch.setattr(oracle, "_reserved", set())
    fifo, opened = tmp_path / "fifo", list[int]()
    os.mkfifo(fifo)
    thread = threading.Thread(target=lambda: opened.append(os.open(fifo, os.O_RDONLY)), daemon=True)

    def reserving() -> None:
        first = os.dup(0)  # lower than that which is reserved: the lowest free number is the same afterwards
        thread.start()
        await_open(thread)
        os.close(first)

    assert not runner.run(checks(reserving, good))
    os.close(os.open(fifo, os.O_WRONLY))
    thread.join()
    os.close(opened[0])
    told = lines(capsys)
    assert f"# leaked descriptor {opened[0]} -> nothing: its number stays reserved" in told
    assert "not ok 1 t.reserving" in told
    assert "ok 2 t.good" in told


def await_open(thread: threading.Thread) -> None:
    """Return when ``thread`` sleeps in openat(), for which there is no event."""
    state = Path(f"/proc/self/task/{thread.native_id}/syscall")
    while not state.read_text().startswith("257 "):
        time.sleep(0.001)


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

    assert runner.run_check(check).trouble == [_LOCKED]


_LOCKED = "the kernel's list of dma-bufs could not be read within 0.05 s: a lock is held"


def test_no_check_is_begun_where_a_lock_is_held(
    checks: Checks, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would hang where it lists what there is before it, and be blamed."""
    monkeypatch.setattr(runner, "LIST_LIMIT", 0.05)
    Path(kernel.BUFINFO).write_text(_bufinfo(1))

    def locking() -> None:
        Path(kernel.BUFINFO).unlink()
        os.mkfifo(kernel.BUFINFO)

    checks(locking, good)
    assert runner.main(["t.locking", "t.good"]) == 1
    printed = capfd.readouterr().out
    assert printed.splitlines()[-2:] == ["not ok 1 t.locking", f"# {runner.GIVEN_UP}{_LOCKED}"]


def test_what_was_found_after_one_check_is_what_there_is_before_the_next(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists are read anew only if the one before left something."""
    made: list[oracle.Inventory] = []

    class Counted(oracle.Inventory):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(oracle, "Inventory", Counted)
    monkeypatch.setattr(runner, "RELEASE_LIMIT", 0.0)
    info = Path(kernel.BUFINFO)
    info.write_text(_bufinfo(1))

    def leaking() -> None:
        info.write_text(_bufinfo(2))

    def losing() -> None:
        info.write_text(_bufinfo(1))

    def also_good() -> None:
        pass

    assert not runner.run(checks(good, also_good, leaking, losing))
    assert len(made) == 2


def test_a_descriptor_that_a_check_closed_may_be_leaked_by_the_next(
    checks: Checks, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the same number, and leads to the same file."""
    fd = os.open("/dev/null", os.O_RDONLY)

    def closing() -> None:
        os.close(fd)

    def leaking() -> None:
        os.dup2(os.open("/dev/null", os.O_RDONLY), fd)

    assert not runner.run(checks(closing, leaking))
    told = lines(capsys)
    os.close(fd)
    assert "ok 1 t.closing" in told and "not ok 2 t.leaking" in told
    assert f"# leaked descriptor {fd} -> /dev/null" in told


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


@pytest.mark.parametrize(
    "line",
    [
        'irq 9: nobody cared (try booting with the "irqpoll" option)',
        "python3: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL), nodemask=(null)",
        "kmem_cache_destroy udmabuf: Slab cache still has objects when called from f+0x1/0x2",
        "Out of memory: Killed process 87 (python3)",
        "traps: PANIC: double fault, error_code: 0x0",
    ],
)
def test_a_report_that_begins_in_another_way_fails_the_check_too(
    checks: Checks, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    _log_of(monkeypatch, f"4,100,5000,-;{line}", "4,101,5001,-;CPU: 0 PID: 87 Comm: python3 Not tainted 6.12.117 #1")
    assert runner.run_check(good).trouble == [f"kernel report: {line}"]


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: a mere text that a driver prints",
        "list_add: an ordinary word",
        "DMA-API: preallocated 65536 debug entries",
        "refcount_t: what a test says of it",
        "BUGS: none",
    ],
)
def test_ordinary_words_fail_no_check(checks: Checks, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    _log_of(monkeypatch, f"4,100,5000,-;{line}")
    assert runner.run_check(good).trouble == []


def test_the_text_of_a_warning_is_told_with_it_also_if_another_cpu_speaks_between(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "DMA-API: platform vgem: device driver frees DMA memory with different size"
    _log_of(
        monkeypatch, "4,98,1,-;------------[ cut here ]------------", "6,99,2,-;link is up", f"3,100,3,-;{text}", WARNS
    )
    told = [f"kernel report: {text}", f"kernel report: {WARNS.partition(';')[2]}"]
    assert runner.run_check(good).trouble == told


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
