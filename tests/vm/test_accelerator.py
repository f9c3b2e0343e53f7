# SPDX-License-Identifier: GPL-2.0-only
"""Real guests under a KVM that fails in each way, at the boot and in a suite: no verdict shows a trace of it.

The KVM is a stand-in (tests/support/unreliable_kvm.py): the guests run by emulation, and slowly.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.model import BootOutcome, Kernel, Status
from harness.vm.launch import Launcher
from tests.support.kernel_patches import patch_file
from tests.support.real import Run, harness_command, qemu_processes, run_harness
from tests.support.red import assert_red_run, assert_told
from tests.support.unreliable_kvm import IN_A_SUITE, install

KVM = Path("/dev/kvm")
pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(not KVM.exists(), reason="virtme-ng asks for KVM only where there is /dev/kvm"),
]
full = pytest.mark.full

IN_THE_MIDDLE = "check start udmabuf.si"
"""Printed before the fourth or so of the checks below."""

CHECKS = ("--no-patch", "--variant", "on", "--suite", "checks", "--only", "udmabuf")
HANGS = "static int __init dma_buf_init(void)\n{\n"


def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, slow_tcg: float = 0.0) -> Launcher:
    """One that meets such a KVM, and knows nothing of it. What it learns is not kept."""
    for name, value in install(tmp_path / "bin", mode, slow_tcg=slow_tcg).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Launcher("auto", lambda text: None)


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("crawls", "KVM crawls here: no login after "),
        pytest.param("aborts", "KVM fails here: KVM failed: error: failed to set MSR 0x10a", marks=full),
        pytest.param("halts", "KVM fails here: KVM failed: KVM internal error. Suberror: 1", marks=full),
        pytest.param("stops", "KVM crawls here: no login after ", marks=full),
        # Whichever is first: the login under TCG, or the end of patience.
        pytest.param("silent", "KVM (crawls here: no login after|fails here: the kernel printed nothing)", marks=full),
    ],
)
def test_a_kernel_that_kvm_does_not_get_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: Kernel, mode: str, told: str
) -> None:
    tried = launcher(tmp_path, monkeypatch, mode)
    guest, report = tried.boot(kernel, tmp_path / "boots" / "on-1")
    with guest:
        assert (report.outcome, report.accel) == (BootOutcome.UP, "tcg")
        assert guest.run("true", timeout=60).ok, "its directory was given another name meanwhile"
        assert len(qemu_processes(tmp_path)) == 1, "the one under KVM runs on"
    assert tried.accelerator.name == "tcg" and re.match(told, tried.accelerator.reason), tried.accelerator
    assert "hang" not in tried.accelerator.reason
    assert Launcher("auto", lambda text: None).accelerator == tried.accelerator, "remembered"
    assert "Linux version" in (tmp_path / "boots" / "on-1" / "console.log").read_text()
    assert (tmp_path / "boots" / "on-1-under-kvm").is_dir()


def test_a_kvm_that_works_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> None:
    tried = launcher(tmp_path, monkeypatch, "works", slow_tcg=60)
    guest, report = tried.boot(kernel, tmp_path / "boots" / "on-1")
    with guest:
        assert (report.outcome, report.accel, tried.accelerator.name) == (BootOutcome.UP, "kvm", "kvm")
        assert not guest.crawls()
        assert len(qemu_processes(tmp_path)) == 1, "the one under TCG runs on"


# --- whole runs -------------------------------------------------------------------------------


def run_with(
    tmp_path: Path, mode: str, name: str, *options: str | Path, after: str = IN_THE_MIDDLE, slow_tcg: float = 0.0
) -> Run:
    """A run with such a KVM."""
    env = install(tmp_path / f"bin-{name}", mode, after, slow_tcg)
    return run_harness(tmp_path / name, *options, env=env)


def everything_told(run: Run) -> str:
    files = (run.directory / name for name in ("results.json", "junit.xml", "report.html"))
    return "\n".join([run.stdout, *(file.read_text() for file in files)])


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("halts", "KVM failed: KVM internal error. Suberror: 1"),
        pytest.param("aborts", "KVM failed: error: failed to set MSR 0x10a", marks=full),
        pytest.param("stops", "its processors stand still", marks=full),
        # Whichever it meets first: a test that fails, or a guest that no longer answers.
        pytest.param("crawls", "(KVM crawls in the middle of a suite|its processors stand still)", marks=full),
    ],
)
def test_a_kvm_that_fails_in_the_middle_of_a_suite(tmp_path: Path, kernel: Kernel, mode: str, told: str) -> None:
    """Green, twice: the first run, in which TCG is the slower one, gives KVM up, and the second knows of it."""
    # One that crawls gets through some tests before one fails: the next guest must meet what made it crawl, too.
    after = IN_A_SUITE if mode == "crawls" else IN_THE_MIDDLE
    for name, slow_tcg in (("first", 15.0), ("second", 0.0)):
        run = run_with(tmp_path, mode, name, *CHECKS, after=after, slow_tcg=slow_tcg)
        assert run.returncode == 0, run.stdout + run.stderr
        (variant,) = run.report.variants
        assert {result.status for result in variant.results} == {Status.PASS}
        assert ({boot.accel for boot in variant.boots}, variant.splats, variant.notes) == ({"tcg"}, (), ())
        assert re.match(rf"tcg \(KVM lost 2 guests here: {told}", run.report.machine["accelerator"])
        assert "the guest hangs" not in everything_told(run) and "hangs in" not in everything_told(run)
        assert (run.directory / "boots" / f"{variant.variant.name}-1-under-kvm").is_dir() is (name == "first")


@full
@pytest.mark.parametrize("mode", ["works", "crawls"])
def test_a_patch_that_hangs_the_boot_is_red(tmp_path: Path, mode: str) -> None:
    """Under either accelerator, whatever KVM is worth; the evidence is that of both."""
    patch = patch_file(tmp_path / "hangs.patch", "drivers/dma-buf/dma-buf.c", HANGS, f"{HANGS}\tfor (;;)\n\t\t;\n")
    options = ("-p", patch, "--no-base", "--variant", "on", "--suite", "checks", "--only", "udmabuf")
    run = run_with(tmp_path, mode, "run", *options, after="Linux version ")
    assert_red_run(run)
    (variant,) = run.report.variants
    assert [(boot.outcome, boot.accel) for boot in variant.boots] == [(BootOutcome.HANG, "tcg")]
    assert_told(run, "move-notify-on: hangs while booting: no login within 240 s", "under KVM: no login within 30 s")
    assert {result.status for result in variant.results} == {Status.MISSING}


@full
def test_doctor_says_what_a_run_does(tmp_path: Path, kernel: Kernel) -> None:
    env = {**os.environ, **install(tmp_path / "bin", "crawls")}
    said = subprocess.run(harness_command("doctor"), env=env, capture_output=True, text=True, check=False)
    assert "KVM crawls here: no login after " in said.stdout
