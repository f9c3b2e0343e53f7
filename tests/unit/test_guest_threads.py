# SPDX-License-Identifier: GPL-2.0-only
"""What checks run beside themselves: threads that meet, processes that end, memory at a known address."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import threading

import pytest

from harness.guest import registry
from harness.guest.kernel import PAGE
from harness.guest.memory import Window, memory
from harness.guest.registry import CheckFailed
from harness.guest.threads import ROUNDS, THREADS, Chance, in_threads, may_fail, together
from harness.guest.waiting import SIGKILL, await_ioctl, end_of_child, in_child, soon, start_child

# --- threads ----------------------------------------------------------------------------------


def test_all_run_at_the_same_time() -> None:
    meeting = threading.Barrier(5)
    together(*[lambda: meeting.wait(30)] * 5)  # broken, and an error, if one came only after another had ended
    assert not meeting.broken


def test_the_first_failure_is_told_when_all_have_ended() -> None:
    ended = []

    def fail(text: str) -> None:
        raise CheckFailed(text)

    with pytest.raises(CheckFailed, match=r"^one$"):
        together(lambda: ended.append(0), lambda: fail("one"), lambda: fail("two"), lambda: ended.append(3))
    assert sorted(ended) == [0, 3]


def test_what_happens_soon_has_happened_at_the_end() -> None:
    happened = []
    with soon(lambda: happened.append(1)):
        pass
    assert happened == [1]


def test_an_error_of_what_happens_soon_is_told_unless_there_is_one_already() -> None:
    def fail() -> None:
        raise CheckFailed("there")

    with pytest.raises(CheckFailed, match="there"), soon(fail):
        pass
    with pytest.raises(CheckFailed, match="here"), soon(fail):
        raise CheckFailed("here")


def test_threads_get_the_same_chance_every_time() -> None:
    def drawn() -> list[list[int]]:
        numbers: list[list[int]] = [[] for _ in range(THREADS)]
        in_threads(lambda number, chance: numbers[number].append(chance.below(1000)))
        return numbers

    first = drawn()
    assert first == drawn()
    assert [len(numbers) for numbers in first] == [ROUNDS] * THREADS
    assert len({tuple(numbers) for numbers in first}) == THREADS
    assert registry.take_measurements()[-1] == f"{THREADS} threads, {ROUNDS} rounds, seed 20200131"


def test_chance_reaches_all_and_nothing_beyond() -> None:
    for seed in (0, 1, 12345):
        chance = Chance(seed)
        assert {chance.below(7) for _ in range(200)} == set(range(7))


def test_only_the_errors_named_may_happen() -> None:
    with may_fail(2, 22):
        raise OSError(22, "")
    with pytest.raises(OSError, match="5"), may_fail(2, 22):
        raise OSError(5, "5")
    with pytest.raises(CheckFailed), may_fail(2):
        raise CheckFailed("no system call")


# --- processes --------------------------------------------------------------------------------


def test_how_a_child_ends() -> None:
    def fail() -> None:
        raise CheckFailed("in the child")

    assert in_child(lambda: None) == 0
    assert in_child(fail) == 1
    assert in_child(lambda: os.kill(os.getpid(), SIGKILL)) == -SIGKILL


def test_a_child_that_ends_never_sleeps_in_ioctl() -> None:
    child = start_child(lambda: None)
    with pytest.raises(CheckFailed, match="never slept in ioctl"):
        await_ioctl(child)
    assert end_of_child(child) == 0


def test_a_child_does_not_outlive_a_wait_that_was_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    class Enough(Exception):
        pass

    waits, wait = [0], os.waitpid

    def cut_short(pid: int, options: int) -> tuple[int, int]:
        waits[0] += 1
        if waits[0] == 1:
            raise Enough
        return wait(pid, options)

    child = start_child(signal.pause)
    monkeypatch.setattr(os, "waitpid", cut_short)
    with pytest.raises(Enough):
        end_of_child(child)
    with pytest.raises(ChildProcessError):
        wait(child, 0)


# --- memory -----------------------------------------------------------------------------------


def unread(address: int) -> int:
    """Have the kernel write an int to ``address``: the number of bytes that wait in a pipe, 3."""
    reader, writer = os.pipe()
    try:
        os.write(writer, b"abc")
        return fcntl.ioctl(reader, termios.FIONREAD, address)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_window_is_read_and_written_by_the_kernel_up_to_its_end() -> None:
    with Window(bytes(4)) as window:
        assert unread(window.address) == 0
        assert os.pread(window.fileno(), 4, PAGE - 4) == struct.pack("i", 3)
        with pytest.raises(OSError, match="Bad address"):
            unread(window.address + 1)


def test_a_constant_window_is_only_read() -> None:
    with Window(bytes(4), writable=False) as window, pytest.raises(OSError, match="Bad address"):
        unread(window.address)


def test_amounts_of_memory() -> None:
    assert memory("MemTotal") > 1 << 20
    assert memory("NoSuchLine") == -1
