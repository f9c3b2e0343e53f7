# SPDX-License-Identifier: GPL-2.0-only
"""Programs that run beside the harness."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.process.guard import DIRECT, collect, kill_group, launch, reap

_LOOK = 0.1  # seconds between two looks at how long its threads waited


class Background:
    """A program that runs beside the harness (QEMU), without children but in a sandbox. End it with ``kill``, or as a
    context manager.

    The thread that starts it must outlive it: the kernel ties the parent-death signal to that thread.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        output: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """``output``: file that receives stdout and stderr. ``pass_fds``: descriptors that it finds open."""
        self._lock = threading.Lock()
        self._usage: resource.struct_rusage | None = None
        self._waited, self._looked = 0.0, 0.0
        self.started = time.monotonic()
        with output.open("ab") as handle:
            args = [str(arg) for arg in argv]
            self._proc = launch(args, cwd, env, subprocess.DEVNULL, handle, subprocess.STDOUT, DIRECT, pass_fds)

    def poll(self) -> int | None:
        """Exit status (128 + signal if a signal ended it), or None while it runs. Any thread may ask."""
        with self._lock:
            if self._usage is None:
                if os.waitid(os.P_PID, self._proc.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                    return None
                self._usage = collect(self._proc)
            code = self._proc.returncode
            return code if code >= 0 else 128 - code

    def wait(self, timeout: float) -> int | None:
        """Wait up to ``timeout`` seconds for it to end by itself; None if it did not."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return code

    def interrupt(self) -> None:
        """Send it what Ctrl-C sends; it may have ended by now."""
        with self._lock:
            if self._usage is None:  # not reaped yet: the number is its own
                os.kill(self._proc.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it and everything it started, now."""
        with self._lock:
            if self._usage is None:
                kill_group(self._proc.pid)
                self._usage = reap(self._proc)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the program and its children, once it ended; 0 before."""
        return self._usage.ru_utime + self._usage.ru_stime if self._usage is not None else 0.0

    @property
    def waited_for_cpu(self) -> float:
        """Seconds that its thread which waited most was ready to run while the host ran others.

        From /proc/PID/task/TID/schedstat, the second field (Documentation/scheduler/sched-stats.rst); 0 where the
        host's kernel does not count. Once the program has ended: what was seen last.
        """
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            threads = (thread for pid in _with_children(self._proc.pid) for thread in _threads(pid))
            self._waited = max([self._waited, *(_waited(thread / "schedstat") for thread in threads)])
        return self._waited

    @property
    def peak_rss(self) -> int:
        """Bytes of the largest process among them, once it ended; 0 before."""
        return self._usage.ru_maxrss * 1024 if self._usage is not None else 0

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()


def _threads(pid: int) -> Iterator[Path]:
    return Path(f"/proc/{pid}/task").glob("*")


def _with_children(pid: int) -> Iterator[int]:
    """``pid`` and what came of it, as a sandbox stands between us and the program (proc(5), task/TID/children)."""
    yield pid
    for thread in _threads(pid):
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                yield from _with_children(int(child))


def _waited(schedstat: Path) -> float:
    try:
        return int(schedstat.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):  # the thread is gone, or nobody counts
        return 0.0
