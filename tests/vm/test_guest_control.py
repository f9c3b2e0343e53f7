# SPDX-License-Identifier: GPL-2.0-only
"""A real guest over real ssh: commands, files, deadlines, and every way to lose it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.guest.marks import DMA_ERRORS, REPORTS
from harness.interfaces import GuestLost
from harness.model import BootOutcome, Kernel
from harness.splat import find_splats
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher
from tests.support.real import qemu_processes
from tests.support.red import provoke

pytestmark = pytest.mark.vm

# vgem declares no segment size, and maps the heap's 1 MiB in one (DMA_HEAP_IOCTL_ALLOC, DRM_IOCTL_PRIME_FD_TO_HANDLE).
WRONG_MAPPING = """/usr/bin/python3 -I -S -c '
import fcntl, os, struct
asked = bytearray(struct.pack("QIIQ", 1 << 20, 0, os.O_RDWR, 0))
fcntl.ioctl(os.open("/dev/dma_heap/system", os.O_RDWR), 0xC0184800, asked)
fcntl.ioctl(os.open("/dev/dri/card0", os.O_RDWR), 0xC00C642E, bytearray(struct.pack("IIi", 0, 0, asked[8])))
'"""
COMPLAINT = "DMA-API: platform vgem: mapping sg segment longer than device claims to support"


def test_commands_streams_and_files(guest: VmGuest, tmp_path: Path) -> None:
    """One boot for all that does not end it."""
    lines: list[tuple[str, str]] = []
    done = guest.run("echo out; echo err >&2; exit 7", timeout=60, on_line=lambda *line: lines.append(line))
    assert (done.status, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert sorted(lines) == [("stderr", "err"), ("stdout", "out")]

    flood = "head -c 3000000 /dev/zero | tr '\\0' a; head -c 3000000 /dev/zero | tr '\\0' b >&2"
    both = guest.run(flood, timeout=120)
    assert (len(both.stdout), len(both.stderr)) == (3_000_000, 3_000_000)

    assert int(guest.run("nproc", timeout=60).stdout) >= 2
    assert guest.run("touch /must-not-be", timeout=60).status != 0, "the root is writable"
    assert guest.run("ls /sys/class/net", timeout=60).stdout.split() == ["eth0", "lo"]
    assert guest.run("sh -c 'kill -9 $$'", timeout=60).status == 128 + signal.SIGKILL

    slow = guest.run("echo begun; sleep 1000", timeout=3)
    assert (slow.timed_out, slow.status, slow.stdout) == (True, None, "begun\n")
    assert guest.run("true", timeout=60).ok, "a command that was stopped took the connection along"

    data = os.urandom(100_000)
    (tmp_path / "there").write_bytes(data)
    guest.put(tmp_path / "there", "/tmp/a file")
    guest.get("/tmp/a file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    with pytest.raises(OSError, match="No such file"):
        guest.get("/no/such/file", tmp_path / "none")

    guest.mark("start it")
    assert "dmabuf-harness: start it" in guest.kernel_log()
    assert "dmabuf-harness: start it" in guest.console.text()


def test_each_test_may_complain_of_its_dma_mappings(guest: VmGuest) -> None:
    """The kernel prints one such error; many in one test are still few lines."""
    assert guest.run(f"echo 0 > {DMA_ERRORS}; {WRONG_MAPPING}", timeout=60).ok
    guest.mark("start it")
    assert guest.run("\n".join([WRONG_MAPPING] * (REPORTS + 2)), timeout=60).ok
    before, _, after = guest.kernel_log().partition("dmabuf-harness: start it")
    assert (before.count(COMPLAINT), after.count(COMPLAINT)) == (0, REPORTS)
    (splat,) = find_splats(f"{before}dmabuf-harness: start it{after}")
    assert (splat.kind, splat.during, splat.count) == ("dma-api", "it", REPORTS)


def test_each_test_may_make_the_kernel_warn_once(guest: VmGuest) -> None:
    """Writing oom_adj is told once in a boot, as __oom_adj_write() of fs/proc/base.c does it by pr_warn_once()."""
    warns = "echo 0 > /proc/self/oom_adj"
    assert guest.run(f"{warns}; {warns}", timeout=60).ok
    guest.mark("start it")
    assert guest.run(f"{warns}; {warns}", timeout=60).ok
    before, _, after = guest.kernel_log().partition("dmabuf-harness: start it")
    assert (before.count("oom_adj is deprecated"), after.count("oom_adj is deprecated")) == (1, 1)


def test_a_task_that_nothing_wakes_is_told_before_the_kernel_would(guest: VmGuest) -> None:
    assert guest.stuck() == (), "of a guest that is well"
    assert guest.run("( " + provoke("HUNG_TASK") + " ) > /dev/null 2>&1 &", timeout=60).ok
    assert guest.run("until grep -q '^State:.D' /proc/[0-9]*/status; do sleep 0.2; done", timeout=60).ok
    (told,) = guest.stuck()
    assert told.startswith("INFO: task sh:") and told.splitlines()[2].startswith(" lkdtm_HUNG_TASK+0x")
    assert guest.stuck() == (), "once"


def test_a_panic_is_noticed_with_its_first_line(guest: VmGuest) -> None:
    with pytest.raises(GuestLost, match=r"^panic: Kernel panic - not syncing: sysrq triggered crash$") as lost:
        guest.run("echo c > /proc/sysrq-trigger; sleep 1000", timeout=1000)
    assert lost.value.cause is Cause.PANIC
    assert "sysrq triggered crash" in guest.console.text()


def test_a_guest_that_reboots_is_lost(guest: VmGuest) -> None:
    with pytest.raises(GuestLost, match=r"ended by itself \(QEMU exit status 0\)") as lost:
        guest.run("echo b > /proc/sysrq-trigger; sleep 1000", timeout=1000)
    assert lost.value.cause is Cause.EXIT


def test_a_qemu_that_is_killed_is_noticed(guest: VmGuest, tmp_path: Path) -> None:
    (pid,) = qemu_processes(tmp_path)
    begun = threading.Event()

    def kill_once_it_runs() -> None:
        begun.wait()
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_once_it_runs)
    killer.start()
    with pytest.raises(GuestLost, match="QEMU exit status 137") as lost:
        guest.run("echo begun; sleep 1000", timeout=1000, on_line=lambda *_: begun.set())
    killer.join()
    assert lost.value.cause is Cause.MACHINE


def test_a_guest_that_stops_answering_is_lost_long_before_the_deadline(guest: VmGuest, tmp_path: Path) -> None:
    (pid,) = qemu_processes(tmp_path)
    guest.limit_silence(4)
    started = time.monotonic()
    with pytest.raises(GuestLost, match="the guest hangs") as lost:
        guest.run("echo begun; sleep 1000", timeout=1000, on_line=lambda *_: os.kill(pid, signal.SIGSTOP))
    assert time.monotonic() - started < 500, "it waited for the deadline"
    assert lost.value.cause is Cause.SILENCE


def test_a_kernel_that_finds_no_init_is_a_panic_at_boot(
    kernel: Kernel, launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.vm.command.GUEST_INIT", tmp_path / "nowhere" / "init")
    booted, report = launcher.boot(kernel, tmp_path / "boots" / "test")
    booted.shutdown()
    assert (report.outcome, report.cause) == (BootOutcome.PANIC, Cause.PANIC)
    assert "No working init" in report.ended or "Requested init" in report.ended
    assert "Kernel panic - not syncing" in report.tail


def test_a_kernel_that_does_not_come_up_in_time_is_a_hang(
    kernel: Kernel, launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = tmp_path / "init"
    stuck.write_text("#!/bin/sh\nexec sleep 1000\n")
    stuck.chmod(0o755)
    monkeypatch.setattr("harness.vm.command.GUEST_INIT", stuck)
    monkeypatch.setattr("harness.vm.guest._BOOT_LIMIT", 2.5)
    booted, report = launcher.boot(kernel, tmp_path / "boots" / "test")
    booted.shutdown()
    assert (report.outcome, report.cause) in [(BootOutcome.HANG, cause) for cause in (Cause.HANG, Cause.SILENCE)]
    assert bool(report.hangs_in) is (report.cause is Cause.HANG)
    assert "no login within" in report.ended
    assert report.tail


def test_nothing_of_a_guest_is_left(kernel: Kernel, launcher: Launcher, tmp_path: Path) -> None:
    booted, _ = launcher.boot(kernel, tmp_path / "boots" / "test")
    assert qemu_processes(tmp_path)
    booted.shutdown()
    assert not qemu_processes(tmp_path)
    assert not list(tmp_path.rglob("*_key")), "private keys were left in the run directory"


def test_guests_side_by_side_do_not_meet(kernel: Kernel, launcher: Launcher, tmp_path: Path) -> None:
    booted = [launcher.boot(kernel, tmp_path / "boots" / name)[0] for name in ("a", "b")]
    try:
        for name, one in zip("ab", booted, strict=True):
            assert one.run(f"echo {name} > /tmp/who", timeout=60).ok
        assert [one.run("cat /tmp/who", timeout=60).stdout for one in booted] == ["a\n", "b\n"]
    finally:
        for one in booted:
            one.shutdown()
