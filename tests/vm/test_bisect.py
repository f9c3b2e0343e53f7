# SPDX-License-Identifier: GPL-2.0-only
"""Bisecting on the real 6.12 source: a short walk over a series here; whole histories are marked ``full``."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.paths import PROJECT_ROOT, cache_dir
from tests.support.generated_history import (
    BROKEN,
    CALL,
    CORE,
    CULPRIT,
    FLAKY,
    HIDDEN,
    PRINTED,
    SEEK,
    TEST,
    WRONG,
    Generated,
    generate,
)
from tests.support.kernel_patches import base_tree
from tests.support.real import LIMIT, Run, await_phase, harness_command, start_harness

pytestmark = pytest.mark.vm
LOOKED_FOR = ["--test", f"checks: {TEST}", "--suite", "checks", "--variant", "on"]
MANY = 4 * LIMIT  # seconds: a whole history, with a cold build


def bisect(directory: Path, *arguments: str | Path) -> Run:
    """``dmabuf-harness bisect ARGUMENTS --out DIRECTORY``, to its end."""
    return finished(start_harness(directory, *arguments, command="bisect"), directory)


def finished(started: subprocess.Popen[str], directory: Path) -> Run:
    try:
        stdout, stderr = started.communicate(timeout=MANY)
    finally:
        started.kill()
    return Run(started.returncode, stdout, stderr, directory)


def go_on(directory: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    argv = ["env", "--default-signal=INT", *harness_command("bisect", "--continue", directory)]
    return subprocess.Popen(
        argv, cwd=directory.parent, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def answer(run: Run) -> dict[str, Any]:
    assert (run.directory / "bisect.json").is_file(), run.stdout[-3000:] + run.stderr
    told: dict[str, Any] = json.loads((run.directory / "bisect.json").read_text())
    return told


def subjects(told: dict[str, Any]) -> list[str]:
    return [commit["subject"] for commit in told["commits"]]


def verdicts(told: dict[str, Any]) -> dict[str, str]:
    return {step["subject"]: step["verdict"] for step in told["steps"]}


# --- a series ---------------------------------------------------------------------------------


def series(directory: Path, changes: Sequence[tuple[str, str, str]]) -> Path:
    """Patches for the base, made of (subject, old, new) in ``CORE``, as git format-patch writes them."""
    directory.mkdir()
    tree = base_tree()
    show = ["git", "-C", str(tree.path), "show", f"{tree.commit}:{CORE}"]
    text = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    for number, (subject, old, new) in enumerate(changes, 1):
        assert text.count(old) == 1, subject
        before, text = directory / "before", text.replace(old, new)
        before.write_text(text.replace(new, old, 1))
        after = directory / "after"
        after.write_text(text)
        diff = subprocess.run(
            ["git", "diff", "--no-index", "--no-color", before, after], check=False, capture_output=True, text=True
        ).stdout
        diff = diff.replace(f"a{before}", f"a/{CORE}").replace(f"b{after}", f"b/{CORE}")
        head = f"From: Ann Author <ann@example.org>\nSubject: [PATCH {number}/{len(changes)}] {subject}\n\nWhy.\n---\n"
        (directory / f"{number:04d}.patch").write_text(head + diff)
        before.unlink()
        after.unlink()
    return directory


LAST = "__exitcall(dma_buf_deinit);\n"


def test_which_patch_of_a_series(main_run: Run, tmp_path: Path) -> None:
    patches = [
        ("dma-buf: a comment", LAST, f"{LAST}/* nothing to see */\n"),
        ("dma-buf: do not compile", CALL, BROKEN),
        ("dma-buf: compile again", BROKEN, CALL),
        (CULPRIT, SEEK, WRONG),
    ]
    files = series(tmp_path / "series", patches)
    run = bisect(tmp_path / "walk", "--series", files, "--base", "debian:6.12", "--runs", "1", *LOOKED_FOR)
    told = answer(run)
    assert run.returncode == 0, run.stdout + run.stderr
    assert subjects(told) == [CULPRIT]
    assert verdicts(told)["dma-buf: do not compile"] == "skip"
    (again,) = [step for step in told["steps"] if step["subject"] == "dma-buf: compile again"]
    assert again["same_as"] == told["good"] and again["runs"] == 0, "a comment makes no other kernel"
    assert told["boots"] <= 2
    assert CULPRIT in run.stdout and "Ann Author" in run.stdout and "dma-buf.c" in run.stdout
    assert "git bisect start" in (run.directory / "bisect.log").read_text()


# --- a history --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history() -> Generated:
    """At the same place each time, so that object trees and kernels of earlier runs are found again."""
    place = cache_dir("tests") / "history-6.12"
    subprocess.run(["rm", "-rf", place], check=True)
    return generate(place, base_tree())


def asked(history: Generated, branch: str, good: str = "") -> list[str | Path]:
    return ["--good", good or history.base, "--bad", branch, "--tree", history.path, *LOOKED_FOR]


def before(history: Generated) -> str:
    """The commit at which the side branches leave the trunk."""
    merge_base = ["git", "-C", str(history.path), "merge-base", "trunk", "hidden"]
    return subprocess.run(merge_base, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.full
def test_the_culprit_among_all_that_misleads(history: Generated, tmp_path: Path) -> None:
    run = bisect(tmp_path / "walk", *asked(history, "trunk"))
    told = answer(run)
    assert run.returncode == 0, run.stdout + run.stderr
    assert subjects(told) == [CULPRIT]
    assert told["total"] >= 40
    known = verdicts(told)
    for untestable in ("do not compile", "do not compile, either", "panic at boot", "warn at each seek"):
        assert known.get(f"dma-buf: {untestable}", "skip") == "skip"
    skipped = sum(verdict == "skip" for verdict in known.values())
    assert told["builds"] <= math.ceil(math.log2(told["total"])) + 2 + skipped
    assert re.search(r"\d+ builds?, \d+ boots?, ", run.stdout)
    head = subprocess.run(["git", "-C", history.path, "bisect", "log"], check=False, capture_output=True, text=True)
    assert head.returncode != 0, "the user's repository is not bisected"


@pytest.mark.full
def test_only_what_takes_part_in_the_build(history: Generated, tmp_path: Path) -> None:
    run = bisect(tmp_path / "walk", *asked(history, "trunk"), "--path")
    told = answer(run)
    assert subjects(told) == [CULPRIT], run.stdout + run.stderr
    state = json.loads((run.directory / "state.json").read_text())["walk"]
    assert state["kept"] < told["total"] and CORE in state["limit"]
    assert not [name for name in state["limit"] if name.startswith(("Documentation", "sound", "arch/x86/configs"))]


@pytest.mark.full
def test_among_what_does_not_compile_a_range_is_left(history: Generated, tmp_path: Path) -> None:
    run = bisect(tmp_path / "walk", *asked(history, "hidden", before(history)))
    told = answer(run)
    assert run.returncode == 1 and told["end"] == "only a range can be named"
    assert HIDDEN in subjects(told) and len(subjects(told)) == 3
    assert "does not build" in (run.directory / "bisect.md").read_text()


@pytest.mark.full
def test_a_test_that_fails_half_the_time(history: Generated, tmp_path: Path) -> None:
    run = bisect(tmp_path / "walk", *asked(history, "flaky", before(history)))
    told = answer(run)
    assert subjects(told) == [FLAKY], run.stdout + run.stderr
    assert told["confidence"] >= 0.9
    assert any(step["runs"] > 3 for step in told["steps"] if step["verdict"] == "good")


@pytest.mark.full
def test_a_splat_of_an_earlier_run(history: Generated, tmp_path: Path) -> None:
    base = f"git:{history.path}@printed"
    how = ["--variant", "on", "--suite", "checks", "--only", TEST, "--no-patch", "--base", base]
    first = finished(start_harness(tmp_path / "first", *how), tmp_path / "first")
    assert first.returncode == 1, first.stdout + first.stderr
    (splat,) = {splat.fingerprint for splat in first.report.variants[0].splats}
    good = before(history)
    run = bisect(tmp_path / "walk", "--from", first.directory, "--splat", splat, "--good", good)
    told = answer(run)
    assert subjects(told) == [PRINTED], run.stdout + run.stderr


@pytest.mark.full
def test_git_bisect_run_comes_to_the_same_answer(history: Generated) -> None:
    git = ["git", "-C", str(history.path), "bisect"]
    step = harness_command("bisect-step", "--tree", history.path, *LOOKED_FOR)
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([*git, "start", "--no-checkout", history.branches["trunk"], before(history)], check=True)
    try:
        done = subprocess.run([*git, "run", *step], env=env, capture_output=True, text=True, check=False)
    finally:
        subprocess.run([*git, "reset"], check=True)
    assert f"{history.commits[CULPRIT]} is the first bad commit" in done.stdout, done.stdout + done.stderr


@pytest.mark.full
def test_killed_in_every_phase_it_goes_on_to_the_same_answer(history: Generated, tmp_path: Path) -> None:
    directory = tmp_path / "walk"
    running = start_harness(directory, *asked(history, "trunk", before(history)), command="bisect")
    for phase in ("source", "config", "build", "boot", "suite:checks"):
        await_phase(directory, phase, running)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=LIMIT)
        (directory / "events.jsonl").unlink()
        running = go_on(directory)
    run = finished(running, directory)
    assert subjects(answer(run)) == [CULPRIT], run.stdout + run.stderr


# --- two configs ------------------------------------------------------------------------------

HEAP_TEST = """\
def test_there_is_a_system_heap(guest):
    assert guest.run("test -c /dev/dma_heap/system", timeout=60).ok
"""
BLAMED = "CONFIG_DMABUF_HEAPS_SYSTEM: y to n"


@pytest.mark.full
def test_which_option_of_two_configs(tmp_path: Path) -> None:
    good, bad, own = tmp_path / "good.config", tmp_path / "bad.config", tmp_path / "test_own.py"
    good.write_text("CONFIG_DMABUF_HEAPS_SYSTEM=y\nCONFIG_DMABUF_SYSFS_STATS=y\n")
    bad.write_text(  # of few objects each
        "CONFIG_IKCONFIG=y\n# CONFIG_DMABUF_SYSFS_STATS is not set\n# CONFIG_DRM_VGEM is not set\n"
        "# CONFIG_DMABUF_HEAPS_SYSTEM is not set\n# CONFIG_UDMABUF is not set\n# CONFIG_SW_SYNC is not set\n"
    )
    own.write_text(HEAP_TEST)
    what: list[str | Path] = [
        "--pytest",
        own,
        "--suite",
        "checks",
        "--test",
        "test_own.py::test_there_is_a_system_heap",
        "--runs",
        "1",
    ]
    run = bisect(tmp_path / "walk", "--config", good, bad, "--base", "debian:6.12", *what)
    told = answer(run)
    assert run.returncode == 0, run.stdout + run.stderr
    assert subjects(told) == [BLAMED]
    assert f"again:   dmabuf-harness bisect --config {run.directory}/without-DMABUF_HEAPS_SYSTEM.config" in run.stdout
    assert told["total"] == 6 and told["builds"] <= math.ceil(math.log2(6)) + 2
