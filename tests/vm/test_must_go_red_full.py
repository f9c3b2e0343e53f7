# SPDX-License-Identifier: GPL-2.0-only
"""The rest of what must go red, which takes minutes: hangs that are waited for, floods, kernels that are built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.model import BootOutcome, Status
from tests.support.kernel_patches import patch_file
from tests.support.real import qemu_processes, run_harness
from tests.support.red import (
    DIRECT,
    LOAD,
    assert_red_run,
    assert_red_splat,
    assert_red_test,
    assert_told,
    await_log,
    interrupts_off,
    own_results,
    provoke,
    red_cases,
    run_own,
    write_tests,
)

pytestmark = [pytest.mark.vm, pytest.mark.full]

CORE = "drivers/dma-buf/dma-buf.c"
INIT = "static int __init dma_buf_init(void)\n{\n"
SEEK = """static loff_t dma_buf_llseek(struct file *file, loff_t offset, int whence)
{
	struct dma_buf *dmabuf;
	loff_t base;
"""


def test_hangs_and_floods(tmp_path: Path) -> None:
    commands = {
        "interrupts_off": interrupts_off(),
        "flood": "while :; do echo t; done > /proc/sysrq-trigger",
        "after": "true",
    }
    run = run_own(tmp_path / "run", write_tests(tmp_path / "test_lost.py", commands))
    assert_red_test(run, "test_interrupts_off", Status.ERROR, "the guest hangs; hangs in ")
    assert_red_test(run, "test_flood", Status.ERROR, "the console floods: more than 8 MiB")
    (variant,) = run.report.variants
    results = own_results(variant)
    assert "vfs_write" in results["interrupts_off"].message or "lkdtm_HARDLOCKUP" in results["interrupts_off"].message
    assert (run.directory / "boots" / f"{variant.variant.name}-1" / "state.txt").is_file()
    assert (run.directory / variant.boots[1].console).stat().st_size < 64 << 20
    assert results["after"].status is Status.PASS


def test_a_lockup_and_panics(tmp_path: Path) -> None:
    """One processor never comes back: the kernel itself notices, and the test that provoked it passes."""
    soft = f"""
    echo 2 > /proc/sys/kernel/watchdog_thresh
    {LOAD}
    taskset -c 1 sh -c 'echo SOFTLOCKUP > {DIRECT}' > /dev/null 2>&1 &
    taskset -c 0 sh -c "{await_log("soft lockup")}"
    """
    commands = {
        "soft_lockup": soft,
        "panic": f"{provoke('PANIC')}; sleep 1000",
        "bug": f"{provoke('BUG')}; sleep 1000",
        "sysrq": "echo c > /proc/sysrq-trigger; sleep 1000",
        "after": "true",
    }
    run = run_own(tmp_path / "run", write_tests(tmp_path / "test_lockups.py", commands))
    splat = assert_red_splat(run, "soft-lockup", "soft lockup - CPU", "test_soft_lockup")
    assert "lkdtm_SOFTLOCKUP" in splat.text
    assert_red_test(run, "test_panic", Status.ERROR, "Kernel panic - not syncing: dumptest")
    assert_red_test(run, "test_bug", Status.ERROR, "ernel BUG at ")
    assert_red_test(run, "test_sysrq", Status.ERROR, "Kernel panic - not syncing: sysrq triggered crash")
    results = own_results(run.report.variants[0])
    assert (results["soft_lockup"].status, results["after"].status) == (Status.PASS, Status.PASS)


def test_a_check_that_never_returns_is_told_by_where_it_sleeps(tmp_path: Path) -> None:
    patch = patch_file(
        tmp_path / "sleeps.patch", CORE, SEEK, f"{SEEK}\n\tfor (;;)\n\t\tschedule_timeout_uninterruptible(HZ);\n"
    )
    only = ("--only", "dmabuf.other-seeks-are-refused", "udmabuf.size-must-not-be-zero")
    run = run_harness(tmp_path / "run", "-p", patch, "--variant", "on", "--suite", "checks", *only)
    assert_red_test(run, "dmabuf.other-seeks-are-refused", Status.ERROR, "hangs in dma_buf_llseek")
    (variant,) = run.report.variants
    assert {result.name: result.status for result in variant.results}["udmabuf.size-must-not-be-zero"] is Status.PASS
    assert "1 task blocked" in variant.boots[0].ended


def in_one_variant(path: Path, code: str) -> Path:
    """A patch whose ``code`` is there only with MOVE_NOTIFY on."""
    return patch_file(path, CORE, INIT, f"{INIT}#ifdef CONFIG_DMABUF_MOVE_NOTIFY\n\t{code}\n#endif\n")


def test_a_build_that_fails_in_one_variant(tmp_path: Path) -> None:
    patch = in_one_variant(tmp_path / "broken.patch", "this_does_not_compile();")
    run = run_harness(tmp_path / "run", "-p", patch, "--suite", "checks", "--only", "udmabuf.size-must-not-be-zero")
    assert_red_run(run)
    on, off = run.report.variants
    assert on.build_failure is not None and {result.status for result in on.results} == {Status.MISSING}
    assert off.kernel is not None and {result.status for result in off.results} == {Status.PASS}
    assert_told(run, "move-notify-on: does not build", "this_does_not_compile", "move-notify-off: 1 test passed")
    red = {case.classname: case.result[0].message for case in red_cases(run)}
    assert "this_does_not_compile" in red["dmabuf.move-notify-on.kernel"]
    assert not [name for name in red if "move-notify-off" in name]


def test_a_boot_that_hangs_in_one_variant(tmp_path: Path) -> None:
    patch = in_one_variant(tmp_path / "hangs.patch", "for (;;)\n\t\tcpu_relax();")
    run = run_harness(tmp_path / "run", "-p", patch, "--suite", "checks", "--only", "udmabuf.size-must-not-be-zero")
    assert_red_run(run)
    on, off = run.report.variants
    assert on.boots[-1].outcome is BootOutcome.HANG and {result.status for result in on.results} == {Status.MISSING}
    assert {result.status for result in off.results} == {Status.PASS}
    # The caller of a function that has no frame yet is not seen from outside: the next one is.
    assert_told(run, "move-notify-on: hangs while booting", "hangs in dma_buf_init <- ")
    red = {case.name: case.result[0].message for case in red_cases(run) if "move-notify-on" in case.classname}
    assert "hangs in dma_buf_init" in red["boot"]


KILLS = """
import os, pathlib, signal

def kill_qemu():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if line.startswith("/usr/bin/qemu-system") and {directory!r} in line:
                os.kill(int(entry.name), signal.SIGKILL)

def test_killed_once(guest):
    once = pathlib.Path({directory!r}).parent / "killed"
    if not once.exists():
        once.touch()
        kill_qemu()
    assert guest.run("true", timeout=60).ok

def test_killed_always(guest):
    kill_qemu()
    guest.run("true", timeout=60)

def test_after(guest):
    assert guest.run("true", timeout=60).ok
"""


def test_a_guest_that_vanishes_is_tried_once_more(tmp_path: Path) -> None:
    own = tmp_path / "test_vanishes.py"
    own.write_text(KILLS.format(directory=str(tmp_path / "run")))
    run = run_own(tmp_path / "run", own)
    assert_red_test(run, "test_killed_always", Status.ERROR, "QEMU was killed or failed (QEMU exit status 137)")
    (variant,) = run.report.variants
    assert {name: result.status for name, result in own_results(variant).items()} == {
        "killed_once": Status.PASS,
        "killed_always": Status.ERROR,
        "after": Status.PASS,
    }
    assert ["137" in boot.ended for boot in variant.boots] == [True, True, True, False]
    assert_told(run, "test_killed_once tried once more", "test_killed_always tried once more")


FILLS = """
import pathlib

def test_fills_the_disk(guest):
    try:
        with open({file!r}, "wb", buffering=0) as full:
            while True:
                full.write(bytes(1 << 16))
    except OSError:
        pass
    guest.run("sleep 1000", timeout=1000)
"""


def test_a_disk_that_fills_during_a_test_is_no_failure_of_the_test(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(small)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("may not mount here")
    own = tmp_path / "test_fills.py"
    own.write_text(FILLS.format(file=str(small / "full")))
    try:
        run = run_own(small / "run", own)
        assert run.returncode == 3, run.stdout[-3000:] + run.stderr
        assert "No space left" in run.stdout + run.stderr
        assert "Traceback" not in run.stdout + run.stderr
        assert "test_fills_the_disk: fail" not in run.stdout
        assert not qemu_processes(small)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
