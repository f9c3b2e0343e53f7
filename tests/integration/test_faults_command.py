# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness faults`` as a user types it, as far as no kernel is needed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.real import LIMIT, Run, start_harness

FAKELINUX = Path(__file__).parent.parent / "data" / "fakelinux"


def faults(directory: Path, *arguments: str) -> Run:
    env = {"XDG_CACHE_HOME": str(directory.parent / "cache")}
    started = start_harness(directory, *arguments, env=env, command="faults")
    stdout, stderr = started.communicate(timeout=LIMIT)
    return Run(started.returncode, stdout, stderr, directory)


def test_a_bug_that_does_not_apply_is_told_and_is_not_caught(tmp_path: Path) -> None:
    """The patches are for 6.12."""
    run = faults(tmp_path / "out", "seek-to-last-byte", "--no-control", "--base", f"dir:{FAKELINUX}")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "seek-to-last-byte: broken" in run.stdout and "does not apply" in run.stdout
    assert "1 broken of 1; no control" in run.stdout and not run.stderr
    (told,) = json.loads((run.directory / "faults.json").read_text())["faults"]
    assert (told["name"], told["verdict"]) == ("seek-to-last-byte", "broken")


def test_a_bug_that_shipped_is_tried_in_the_same_way(tmp_path: Path) -> None:
    run = faults(tmp_path / "out", "--history", "peek-waits", "--no-control", "--base", f"dir:{FAKELINUX}")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "peek-waits: broken" in run.stdout and "does not apply" in run.stdout and not run.stderr
    (told,) = json.loads((run.directory / "faults.json").read_text())["faults"]
    assert told["fix"]["commit"] == "2b95a7db6e0f" and told["base"] == f"dir:{FAKELINUX}"


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    for arguments, words in (
        (("seek-to-last-bite",), ["seek-to-last-bite", "did you mean seek-to-last-byte"]),
        (("--history", "seek-to-last-byte"), ["no fault is called that"]),
        (("--base", "dir:/nonexistent"), ["no such directory"]),
    ):
        run = faults(tmp_path / "out", *arguments)
        assert run.returncode == 2, run.stdout + run.stderr
        assert len(run.stderr.splitlines()) == 1 and all(word in run.stderr for word in words), run.stderr
        assert not run.directory.exists()


def test_the_list_names_every_bug(tmp_path: Path) -> None:
    run = faults(tmp_path / "out", "--list", "seek-to-last-byte")
    assert run.returncode == 0 and run.stdout.startswith("seek-to-last-byte  dma-buf: ")
    shipped = faults(tmp_path / "out", "--list", "--history", "peek-waits")
    assert shipped.returncode == 0 and shipped.stdout.startswith("peek-waits  dma-resv: ")
    assert not run.directory.exists()
