# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong on real kernels and real machines: the right colour, the right words, nothing left behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from harness.model import BootOutcome, Status
from tests.support.kernel_patches import patch_file
from tests.support.real import (
    LIMIT,
    Run,
    assert_nothing_runs,
    await_phase,
    processes,
    qemu_processes,
    run_harness,
    start_harness,
)

pytestmark = pytest.mark.vm
CORE = "drivers/dma-buf/dma-buf.c"
ANCHOR = "static int __init dma_buf_init(void)\n{\n"


def test_a_compile_error_names_file_line_and_the_patch(main_run: Run, tmp_path: Path) -> None:
    patch = patch_file(tmp_path / "broken.patch", CORE, ANCHOR, ANCHOR + "\tthis_does_not_compile();\n")
    run = run_harness(tmp_path / "run", "-p", patch, "--variant", "on", "--suite", "checks", "--no-base")
    assert run.returncode == 1, run.stderr
    (variant,) = run.report.variants
    assert variant.build_failure is not None
    first = variant.build_failure.messages[0]
    assert (first.path, first.severity, first.added) == (CORE, "error", True)
    assert "this_does_not_compile" in first.text
    assert f"{CORE}:{first.line}" in run.stdout
    assert f"{CORE}:{first.line}" in (run.directory / "junit.xml").read_text()


def test_a_panic_at_boot_is_a_result_with_its_last_words(main_run: Run, tmp_path: Path) -> None:
    patch = patch_file(tmp_path / "panic.patch", CORE, ANCHOR, ANCHOR + '\tpanic("planted: no way");\n')
    run = run_harness(tmp_path / "run", "-p", patch, "--variant", "on", "--suite", "checks", "dma-buf", "--no-base")
    assert run.returncode == 1, run.stderr
    (variant,) = run.report.variants
    assert variant.boots[-1].outcome is BootOutcome.PANIC
    assert "planted: no way" in run.stdout
    assert "planted: no way" in (run.directory / "junit.xml").read_text()
    assert {result.status for result in variant.results} == {Status.MISSING}
    assert len(variant.results) > 100, "what was planned disappeared"
    assert not qemu_processes(run.directory)


@pytest.mark.full  # test_must_go_red.py has the same in one run
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("echo b > /proc/sysrq-trigger; sleep 1000", "ended by itself"),
        ("echo c > /proc/sysrq-trigger; sleep 1000", "sysrq triggered crash"),
    ],
    ids=["power-off", "panic"],
)
def test_a_guest_lost_in_a_test_costs_that_test_alone(main_run: Run, tmp_path: Path, act: str, reason: str) -> None:
    own = tmp_path / "test_deadly.py"
    own.write_text(
        "def test_before(guest):\n    assert guest.run('true', timeout=30).ok\n"
        f"def test_deadly(guest):\n    guest.run({act!r}, timeout=300)\n"
        "def test_after(guest):\n    assert guest.run('true', timeout=30).ok\n"
    )
    run = run_harness(tmp_path / "run", "--variant", "on", "--suite", "dma-buf", "--pytest", own, "--no-base")
    assert run.returncode == 1, run.stderr
    (variant,) = run.report.variants
    mine = {r.name.rpartition("::")[2]: r for r in variant.results if r.suite.startswith("pytest")}
    assert {name: result.status for name, result in mine.items()} == {
        "test_before": Status.PASS,
        "test_deadly": Status.ERROR,
        "test_after": Status.PASS,
    }
    assert reason in mine["test_deadly"].message
    assert len(variant.boots) == 2 and reason in variant.boots[0].ended


def unique_patch(path: Path) -> Path:
    """A patch that no cache knows."""
    return patch_file(path, CORE, ANCHOR, f"/* {secrets.token_hex(8)} */\n{ANCHOR}")


PHASES = ("patch", "config", "build", "boot", "suite:checks")
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
# What is killed in any phase leaves most behind. The others end a run in one way: where it compiles, and with a guest.
USUAL = {
    *((phase, signal.SIGKILL) for phase in PHASES),
    *(("build", signal.SIGINT), ("suite:checks", signal.SIGINT), ("boot", signal.SIGTERM)),
}


def _endings() -> Iterator[ParameterSet]:
    """Each phase with each signal; those that are not usual are full."""
    for phase in PHASES:
        for number in SIGNALS:
            marks = () if (phase, number) in USUAL else (pytest.mark.full,)
            yield pytest.param(phase, number, marks=marks, id=f"{phase}-{number.name.removeprefix('SIG')}")


@pytest.mark.parametrize(("phase", "number"), list(_endings()))
def test_ended_in_any_phase_nothing_is_left(main_run: Run, tmp_path: Path, phase: str, number: signal.Signals) -> None:
    patch: list[str | Path] = (
        ["-p", unique_patch(tmp_path / "unique.patch")] if phase in ("patch", "config", "build") else []
    )
    directory = tmp_path / "run"
    mark = f"mark-{secrets.token_hex(8)}"
    process = start_harness(directory, *patch, "--variant", "on", "--suite", "checks", env={"TEST_MARK": mark})
    await_phase(directory, phase, process)
    assert processes(mark)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LIMIT)
    assert "Traceback" not in stdout + stderr
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}[number]
    assert_nothing_runs(mark)
    if number != signal.SIGKILL:
        kept = Run(process.returncode, stdout, stderr, directory).report
        assert kept.interrupted and kept.is_bad


def test_after_all_that_the_next_run_works(main_run: Run, tmp_path: Path) -> None:
    """Runs last in this file's order: the kills before it left their marks in work tree and object tree."""
    patch = unique_patch(tmp_path / "unique.patch")
    killed = start_harness(tmp_path / "killed", "-p", patch, "--variant", "on", "--suite", "checks")
    await_phase(tmp_path / "killed", "build", killed)
    killed.kill()
    killed.communicate(timeout=LIMIT)
    how = ["--variant", "on", "--suite", "checks", "--only", "udmabuf", "--no-base"]
    run = run_harness(tmp_path / "run", "-p", patch, *how)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr


def test_a_full_disk_is_trouble_with_the_machine(main_run: Run, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("may not mount here")
    try:
        run = run_harness(small / "run", "--variant", "on", "--suite", "checks")
        assert run.returncode == 3, run.stdout[-2000:] + run.stderr
        assert "Traceback" not in run.stdout + run.stderr
        assert "No space left" in run.stdout + run.stderr
        assert not qemu_processes(small)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
