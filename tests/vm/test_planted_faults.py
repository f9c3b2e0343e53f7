# SPDX-License-Identifier: GPL-2.0-only
"""Bugs planted in real kernels are found, each by the check that must find it; without them nothing is red."""

from __future__ import annotations

import json
import secrets
import signal
from pathlib import Path

import pytest

from harness.faults.fault_verdict import alarms
from tests.support.real import LIMIT, Run, assert_nothing_runs, await_phase, qemu_processes, start_harness

pytestmark = pytest.mark.vm

# Of each kind that takes no minutes, from both suites: a leak, input that is accepted, lockdep, BUG_ON(), who pins and
# who holds the lock.
HANDFUL = (
    "name-and-list-lock-inverted",
    "poll-leaks-file",
    "poll-callback-stays-active",
    "map-pins-in-spite-of-the-option",
    "attach-pins-unlocked",
    "udmabuf-shrink-seal-not-wanted",
)


def plant(directory: Path, *arguments: str) -> Run:
    """``dmabuf-harness faults ARGUMENTS``, to its end."""
    started = start_harness(directory, *arguments, command="faults")
    try:
        stdout, stderr = started.communicate(timeout=LIMIT)
    finally:
        started.kill()
    return Run(started.returncode, stdout, stderr, directory)


def verdicts(directory: Path) -> list[dict[str, str]]:
    """What faults.json says of each fault."""
    found: list[dict[str, str]] = json.loads((directory / "faults.json").read_text())["faults"]
    return found


def test_without_a_bug_nothing_is_red(main_run: Run) -> None:
    """The control: the kernels of the main job, with all suites. Its patch only adds lines to bufinfo."""
    assert not alarms(main_run.report)


def test_a_handful_of_bugs_is_found(main_run: Run, tmp_path: Path) -> None:
    """All are for the variant on, whose object tree the main job left, so that each costs one file and one boot."""
    run = plant(tmp_path / "faults", "--no-control", *HANDFUL, "--markdown", str(tmp_path / "table.md"))
    assert run.returncode == 0, run.stdout + run.stderr
    known = verdicts(run.directory)
    assert {one["name"]: one["verdict"] for one in known} == dict.fromkeys(HANDFUL, "caught")
    assert {one["how"] for one in known} == {"fail", "splat", "crash"}
    assert {one["suite"] for one in known} == {"checks", "contract"}
    for name in HANDFUL:
        assert f"{name}: caught by" in run.stdout
        assert f"| `{name}` |" in (tmp_path / "table.md").read_text()
        assert (run.directory / name / "results.json").is_file()
    assert not qemu_processes(run.directory)


def test_ended_by_ctrl_c_nothing_is_left(main_run: Run, tmp_path: Path) -> None:
    """What was found by then is kept."""
    directory, mark = tmp_path / "faults", f"mark-{secrets.token_hex(8)}"
    names = ("poll-leaks-file", "udmabuf-list-limit-off-by-one")
    process = start_harness(directory, "--no-control", *names, env={"TEST_MARK": mark}, command="faults")
    await_phase(directory / names[1], "boot", process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, stdout + stderr
    assert "1 caught, 1 not tried of 2" in stdout and f"{names[1]}: interrupted" in stdout
    assert [one["name"] for one in verdicts(directory)] == [names[0]]
    assert "Traceback" not in stdout + stderr
    assert_nothing_runs(mark)
