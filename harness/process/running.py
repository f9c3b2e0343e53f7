# SPDX-License-Identifier: GPL-2.0-only
"""Programs that run to their end: output teed, time bounded, usage counted."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.errors import InfrastructureError
from harness.process.guard import kill_group, launch, reap

LineHandler = Callable[[str], None]


@dataclass(frozen=True)
class Completed:
    """A program that ended. ``returncode``: exit status, or 128 + signal. Text is UTF-8 with surrogateescape.

    ``stdout`` holds both streams if they were merged. ``cpu_seconds`` and ``peak_rss`` (bytes, of the largest
    process) include its children. ``timed_out``: it was killed at its deadline.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and not self.timed_out


@dataclass
class Usage:
    """What ended programs took: CPU seconds in all, and bytes of the largest single process."""

    cpu_seconds: float = 0.0
    peak_rss: int = 0

    def add(self, cpu_seconds: float, peak_rss: int) -> None:
        self.cpu_seconds += cpu_seconds
        self.peak_rss = max(self.peak_rss, peak_rss)


meter: ContextVar[Usage | None] = ContextVar("meter", default=None)


@contextlib.contextmanager
def metered() -> Iterator[Usage]:
    """Count what the programs take that ``run`` runs in this block (and thread) to their end."""
    usage = Usage()
    token = meter.set(usage)
    try:
        yield usage
    finally:
        meter.reset(token)


def _appended(log: Path) -> IO[bytes]:
    """It may be where a program in a sandbox can put a link in its place, to what it may not write itself."""
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666), "ab")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(data)


def _drain(pipe: IO[bytes], chunks: list[bytes]) -> None:
    with pipe:
        chunks.append(pipe.read())


def _tee(pipe: IO[bytes], log: IO[bytes] | None, keep: list[bytes], on_line: LineHandler | None) -> None:
    with pipe:
        for raw in iter(pipe.readline, b""):
            if log is not None:
                log.write(raw)
                log.flush()
            keep.append(raw)
            if on_line is not None:
                on_line(_decode(raw).rstrip("\r\n"))


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    log: Path | None = None,
    on_line: LineHandler | None = None,
    merge: bool = False,
) -> Completed:
    """Run a program to its end.

    ``env``: the whole environment (default: ``clean_environment()``). ``timeout``: wall seconds, after which the
    group is killed and ``timed_out`` set. ``log``: file to which stdout is appended as it comes.
    ``on_line``: called with each line of stdout as it comes. ``merge``: stderr goes into stdout.
    A failing program is a value, not an exception. Raises ``InfrastructureError`` if it cannot be started, and
    ``OSError`` for a ``log`` that cannot be written, or is a link.
    """
    args = [str(arg) for arg in argv]
    started = time.monotonic()
    out: list[bytes] = []
    err: list[bytes] = []
    with contextlib.ExitStack() as stack:
        log_file = stack.enter_context(_appended(log)) if log is not None else None
        inward = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
        proc = launch(args, cwd, env, inward, subprocess.PIPE, subprocess.STDOUT if merge else subprocess.PIPE)
        deadline = _Deadline(proc.pid, timeout)
        threads = _serve(proc, stdin, err)
        try:
            assert proc.stdout is not None
            _tee(proc.stdout, log_file, out, on_line)
        except BaseException:
            kill_group(proc.pid)
            raise
        finally:
            usage = reap(proc)
            timed_out = deadline.cancel()
            for thread in threads:
                thread.join()
    _count(usage)
    return Completed(
        argv=tuple(args),
        returncode=proc.returncode if proc.returncode >= 0 else 128 - proc.returncode,
        stdout=_decode(b"".join(out)),
        stderr=_decode(b"".join(err)),
        seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss=_bytes(usage),
        timed_out=timed_out,
    )


def _serve(proc: subprocess.Popen[bytes], stdin: bytes | None, err: list[bytes]) -> list[threading.Thread]:
    """Threads that feed ``stdin`` to the program and take its standard error into ``err``, if it has those streams."""
    threads: list[threading.Thread] = []
    if proc.stdin is not None:
        threads.append(threading.Thread(target=_feed, args=(proc.stdin, stdin), daemon=True))
    if proc.stderr is not None:
        threads.append(threading.Thread(target=_drain, args=(proc.stderr, err), daemon=True))
    for thread in threads:
        thread.start()
    return threads


def _count(usage: resource.struct_rusage) -> None:
    """Add what a program took to the block that is metered, if any."""
    if (here := meter.get()) is not None:
        here.add(usage.ru_utime + usage.ru_stime, _bytes(usage))


def _bytes(usage: resource.struct_rusage) -> int:
    """Of the largest process; getrusage(2) counts in kilobytes."""
    return usage.ru_maxrss * 1024


def check(argv: Sequence[str | Path], *, what: str, cwd: Path | None = None, stdin: bytes | None = None) -> str:
    """Run a short program that must succeed and return its stdout.

    Raises ``InfrastructureError`` with ``what`` failed, the command and the last line it printed.
    """
    done = run(argv, cwd=cwd, stdin=stdin)
    if not done.ok:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise InfrastructureError(f"{what}: {done.argv[0]} ended with {done.returncode}: {lines[-1]}")
    return done.stdout


class _Deadline:
    """Kills a process group after ``seconds`` unless cancelled before."""

    def __init__(self, leader: int, seconds: float | None) -> None:
        self._fired = False
        self._leader = leader
        self._timer = threading.Timer(seconds, self._fire) if seconds is not None else None
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def _fire(self) -> None:
        self._fired = True
        kill_group(self._leader)

    def cancel(self) -> bool:
        """Stop the clock; True if it had run out."""
        if self._timer is not None:
            self._timer.cancel()
        return self._fired
