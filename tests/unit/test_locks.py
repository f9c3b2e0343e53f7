# SPDX-License-Identifier: GPL-2.0-only
"""Who holds a lock is told by what is known for sure: the kernel's word, and a name in the file that fits it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import locks
from harness.locks import exclusive, on_behalf_of, try_exclusive, who_holds
from harness.paths import PROJECT_ROOT

HOLDS = """
import sys
from pathlib import Path
from harness.locks import exclusive, on_behalf_of
with on_behalf_of(Path(sys.argv[2])), exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "worktree.lock"


@contextmanager
def held_by_a_run(lock: Path, directory: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds ``lock`` until its standard input ends."""
    argv = [sys.executable, "-c", HOLDS, str(lock), directory]
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, text=True) as run:
        assert run.stdout is not None and run.stdout.readline() == "held\n"
        try:
            yield run
        finally:
            run.kill()


def test_who_waits_is_told_the_process_and_the_directory_of_the_other_run(lock: Path) -> None:
    said: list[str] = []
    with held_by_a_run(lock, "/runs/of my own") as run:
        assert run.stdin is not None
        told = threading.Event()

        def waiting(other: str) -> None:
            said.append(other)
            told.set()

        def wait() -> None:
            with exclusive(lock, waiting):
                pass

        thread = threading.Thread(target=wait)
        thread.start()
        assert told.wait(60)
        run.stdin.close()
        thread.join()
        assert said == [f"another run (process {run.pid}, in /runs/of my own)"]


def test_nobody_is_told_of_a_lock_that_is_free(lock: Path) -> None:
    said: list[str] = []
    with on_behalf_of(Path("/runs/one")), exclusive(lock, said.append):
        assert lock.read_text() == f"{os.getpid()}\n/runs/one"
    assert said == [] and lock.read_text() == ""


def test_what_a_killed_run_left_in_the_file_is_nobodys_name(lock: Path) -> None:
    with held_by_a_run(lock, "/runs/killed") as run:
        run.kill()
        run.wait()
    assert lock.read_text() == f"{run.pid}\n/runs/killed"
    with try_exclusive(lock) as free:  # as whoever writes no name
        assert free
        assert who_holds(lock) == f"another run (process {os.getpid()})"
    with on_behalf_of(Path("/runs/x")), exclusive(lock):
        assert who_holds(lock) == f"another run (process {os.getpid()}, in /runs/x)"


def test_a_run_in_a_container_is_told_by_its_directory(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process has another number there, and the kernel tells us none (fs/locks.c, locks_translate_pid())."""
    with held_by_a_run(lock, "/runs/inside"):
        monkeypatch.setattr(locks, "holder", lambda _path: None)
        assert who_holds(lock) == "another run (in /runs/inside)"


def test_a_lock_without_a_name_is_held_all_the_same(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock.write_bytes(b"\xff\xfe no number\n\n")
    with lock.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert who_holds(lock) == f"another run (process {os.getpid()})"
        monkeypatch.setattr(locks, "holder", lambda _path: None)
        lock.write_bytes(b"")
        assert who_holds(lock) == "another run"


def test_a_file_that_takes_no_name_is_a_lock_all_the_same(lock: Path) -> None:
    lock.symlink_to("/dev/full")
    with exclusive(lock):
        pass
