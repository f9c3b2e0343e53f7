# SPDX-License-Identifier: GPL-2.0-only
"""From a red run into its guest, and its failure once more: the kernel is that of the run, and all is typed as told."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.paths import PATCHES, PROJECT_ROOT
from harness.reproduce.gdb_stop import SCRIPT
from tests.support.real import LIMIT, Run, harness_command, run_harness
from tests.support.terminal import Terminal

pytestmark = pytest.mark.vm

CHECK = "dmabuf.seeking-tells-the-size"
FAULT = PATCHES / "faults" / "seek-to-last-byte.patch"
WORDS = "SEEK_END is 12287, expected 12288"
SURROUNDINGS = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("red") / "run"
    narrow = ("--variant", "on", "--suite", "checks", "--only", CHECK, "--no-base")
    done = run_harness(place, "-p", FAULT, "--base", "debian:6.12", *narrow)
    assert done.returncode == 1, done.stdout + done.stderr
    return done


def typed(words: Sequence[str | Path], given: str = "") -> subprocess.CompletedProcess[str]:
    argv = harness_command(*words)
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=LIMIT, env=SURROUNDINGS, check=False
    )


def test_what_the_report_says_shows_the_failure_again(red: Run) -> None:
    again = next(line for line in red.stdout.splitlines() if "again: " in line).partition("again: ")[2]
    words = shlex.split(again)
    assert words[:3] == ["dmabuf-harness", "reproduce", str(red.directory)]
    done = typed([*words[1:], "--times", "1"])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "  alone:      fails as in the run: 1 of 1\n" in done.stdout
    assert WORDS in done.stdout
    (log,) = (red.directory / "again").glob("reproduce*/alone-1/boots/*/logs/checks.log")
    assert WORDS in log.read_text()


def test_the_guest_of_the_shell_is_that_of_the_run(red: Run) -> None:
    kernel = red.report.variants[0].kernel
    assert kernel is not None
    done = typed(
        ["shell", red.directory, "--", f"uname -r; cat; check {CHECK}; modprobe dmabuf_probe; exit 9"], "hello\n"
    )
    assert done.returncode == 9, done.stderr
    assert done.stdout.startswith(f"{kernel.release}\nhello\n")
    assert f"not ok 1 {CHECK}" in done.stdout


def test_a_terminal_stops_before_and_after_the_failing_test(red: Run) -> None:
    argv = harness_command("reproduce", red.directory, CHECK, "--shell")
    with Terminal(argv, columns=120, patience=LIMIT, env=SURROUNDINGS) as terminal:
        terminal.wait_for(lambda shown: any(f"before {CHECK}: again runs it by hand" in line for line in shown))
        terminal.wait_for(lambda shown: any(re.search(r"\] \S+ #$", line) for line in shown))
        os.write(terminal._master, b"clear; again\r")
        terminal.wait_for(lambda shown: any(f"not ok 1 {CHECK}" in line for line in shown))
        os.write(terminal._master, b"clear; exit\r")
        terminal.wait_for(lambda shown: any(f"after {CHECK}: fail" in line for line in shown))
        os.write(terminal._master, b"exit\r")
        assert terminal.finish() == 1
        assert terminal.modes_now == terminal.modes


@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")
def test_gdb_stops_where_the_test_starts_and_at_the_line_at_fault(red: Run) -> None:
    argv = harness_command("reproduce", red.directory, CHECK, "--gdb")
    with subprocess.Popen(argv, stdout=-1, stderr=subprocess.PIPE, text=True, env=SURROUNDINGS) as waiting:
        assert waiting.stderr is not None
        script = next(line for line in waiting.stderr if SCRIPT in line).partition("gdb -x ")[2].strip()
        more = ["bt 1", "tbreak dma_buf_llseek", "continue", "bt 1", "list", "detach"]
        orders = [word for line in more for word in ("-ex", line)]
        gdb = subprocess.run(
            ["gdb", "-q", "-batch", "-x", script, *orders], capture_output=True, text=True, check=False
        )
        waiting.communicate(timeout=LIMIT)
    assert waiting.returncode == 1
    assert re.search(r"#0 .*devkmsg_write", gdb.stdout), gdb.stdout + gdb.stderr
    assert re.search(r"#0 .*dma_buf_llseek .*drivers/dma-buf/dma-buf\.c", gdb.stdout)
    assert "dma_buf_llseek(struct file *file, loff_t offset, int whence)" in gdb.stdout


def test_a_kernel_that_is_gone_is_made_again_from_the_directory_alone(red: Run, tmp_path: Path) -> None:
    """As on another machine: neither the patch nor a finished kernel is there."""
    kernel = red.report.variants[0].kernel
    assert kernel is not None
    moved = Path(shutil.copytree(red.directory, tmp_path / "from-elsewhere"))
    aside = kernel.image.parent.with_name(f".{kernel.key}.aside")
    kernel.image.parent.rename(aside)
    try:
        done = typed(["shell", moved, "--", "uname -r"])
        assert (done.returncode, done.stdout) == (0, f"{kernel.release}\n"), done.stderr
        assert "not the very kernel" not in done.stderr
        assert (kernel.image).is_file()
    finally:
        if kernel.image.parent.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(kernel.image.parent)
