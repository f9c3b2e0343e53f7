# SPDX-License-Identifier: GPL-2.0-only
"""A host with more work than processors makes its guests wait: that is no hang, and no word on the kernel."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import process
from harness.causes import Blame, Cause
from harness.interfaces import GuestLost
from harness.vm.command import MachineSpec
from harness.vm.guest import VmGuest
from harness.vm.qemu import Qemu
from tests.support.scripted_guest import scripted_kernel

LONG = 10_000.0  # seconds: more than any limit


@pytest.fixture
def qemu(tmp_path: Path) -> Iterator[Qemu]:
    made = Qemu(tmp_path, "tcg")
    made.start(["sleep", "1000"])
    yield made
    made.kill()


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[VmGuest]:
    """One whose QEMU was started long ago, and whose sshd never came."""
    made = VmGuest(scripted_kernel(tmp_path), MachineSpec("tcg"), tmp_path / "boot", "7.2")
    made._qemu.directory.mkdir()
    made._qemu.start(["sh", "-c", f"echo '[ 0.000000] Linux version 6.12' > {made.console.path}; exec sleep 1000"])
    made._qemu.process.started -= LONG
    yield made
    made.shutdown()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how long every program has waited for a processor, in seconds."""

    def wait(seconds: float) -> None:
        monkeypatch.setattr(process.Background, "waited_for_cpu", seconds)

    return wait


def end_of_boot(guest: VmGuest) -> tuple[Cause | None, str] | None:
    """After two looks: the first finds the kernel's first line."""
    while not guest._speaks:
        guest.poll_boot()
        time.sleep(0.01)
    report = guest.poll_boot()
    return (report.cause, report.ended) if report is not None else None


def test_waiting_is_seen_where_two_programs_want_one_processor(tmp_path: Path) -> None:
    processor = str(min(os.sched_getaffinity(0)))
    busy = ["taskset", "-c", processor, "sh", "-c", "while :; do :; done"]
    with ExitStack() as stack:
        first, _, idle = (
            stack.enter_context(process.Background(argv, output=tmp_path / "out"))
            for argv in (busy, busy, ["sleep", "1000"])
        )
        deadline = time.monotonic() + 60
        while first.waited_for_cpu < 0.5 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert first.waited_for_cpu >= 0.5
        assert idle.waited_for_cpu < first.waited_for_cpu
        seen = first.waited_for_cpu
    assert first.waited_for_cpu >= seen  # of a program that has ended


def test_what_a_guest_waited_is_not_its_own_time(qemu: Qemu, waits: Callable[[float], None]) -> None:
    waits(0.0)
    assert not qemu.starved()
    qemu.process.started -= 100
    before = qemu.own_time()
    assert before >= 100
    waits(60.0)
    assert "of 100 s the guest waited 60 s for a processor" in qemu.starved()
    assert qemu.own_time() >= before  # never backwards


def test_only_what_it_waited_since_it_was_heard_counts(qemu: Qemu, waits: Callable[[float], None]) -> None:
    """A guest may have waited while kernels were built, and hang by itself long after."""
    qemu.process.started -= 100
    waits(90.0)
    qemu.own_time()
    assert qemu.starved()
    heard = _long_ago(qemu)
    assert not qemu.starved(heard)
    waits(110.0)
    assert "waited 20 s" in qemu.starved(heard)


def test_a_guest_that_was_heard_just_now_had_time(qemu: Qemu, waits: Callable[[float], None]) -> None:
    """It answers; what hangs in it is its own doing, however little of the last moment it got."""
    qemu.process.started -= 100
    waits(90.0)
    qemu.own_time()
    waits(LONG)
    assert qemu.starved(_long_ago(qemu)) and not qemu.starved(time.monotonic())


def _long_ago(qemu: Qemu) -> float:
    """The moment of the last look, which is 30 s ago from now on."""
    ((moment, waited),) = qemu._waits
    qemu._waits[0] = (moment - 30, waited)
    return moment - 30


def test_a_quarter_of_the_time_counts_whatever_the_host_does(qemu: Qemu, waits: Callable[[float], None]) -> None:
    waits(LONG)
    qemu.process.started -= LONG
    assert LONG / 4 <= qemu.own_time() < LONG / 2


def test_a_qemu_that_was_not_started_has_no_time(tmp_path: Path) -> None:
    qemu = Qemu(tmp_path, "tcg")
    assert (qemu.own_time(), qemu.starved()) == (0.0, "")


def test_a_boot_that_waits_is_given_more_time(
    guest: VmGuest, waits: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits(0.75 * LONG)
    monkeypatch.setattr(guest, "_limit", LONG / 2)
    assert end_of_boot(guest) is None


def test_a_boot_that_had_time_is_a_hang_and_the_kernels(guest: VmGuest, waits: Callable[[float], None]) -> None:
    waits(0.0)
    ended = end_of_boot(guest)
    assert ended is not None and ended[0] in (Cause.HANG, Cause.SILENCE) and "host" not in ended[1]
    assert guest.blame is Blame.KERNEL


def test_a_boot_for_which_no_patience_is_enough_is_the_machines(guest: VmGuest, waits: Callable[[float], None]) -> None:
    waits(LONG)
    ended = end_of_boot(guest)
    assert ended is not None and ended[0] is Cause.MACHINE and "the host is too busy" in ended[1]


@pytest.mark.parametrize(
    ("cause", "waited", "expected"),
    [
        (Cause.SILENCE, 0.75, Cause.MACHINE),
        (Cause.UNUSABLE, 0.75, Cause.MACHINE),
        (Cause.SILENCE, 0.25, Cause.SILENCE),
        (Cause.PANIC, 0.75, Cause.PANIC),
        (Cause.EXIT, 0.75, Cause.EXIT),
    ],
)
def test_the_silence_of_a_starved_guest_is_the_machines(
    guest: VmGuest, waits: Callable[[float], None], cause: Cause, waited: float, expected: Cause
) -> None:
    waits(waited * LONG)
    assert guest.blamed(GuestLost("no answer", cause)).cause is expected
