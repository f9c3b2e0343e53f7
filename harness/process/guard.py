# SPDX-License-Identifier: GPL-2.0-only
"""Starting a program so that it cannot outlive the harness, and ending all of them at once."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.errors import InfrastructureError
from harness.process.environment import clean_environment, which

# The parent may have died before setpriv asked for the signal: hence the look at PPID.
# A shell gives /dev/null to what it runs in the background: hence the detour of stdin.
GUARD = (
    "TERM",
    'trap "kill -KILL 0" TERM; [ "$PPID" = "$0" ] || exit 125; exec 3<&0; '
    '"$@" <&3 3<&- & exec 3<&- </dev/null; wait $!',
)
# A program without children of its own needs no shell that stays: it gets the deadly signal itself.
DIRECT = ("KILL", '[ "$PPID" = "$0" ] || exit 125; exec "$@"')


class Stopping(BaseException):
    """The run is being stopped: no further program may start. Not an ``Exception``, so nothing swallows it."""


class _Registry:
    """Process groups that are alive, so that stopping the run stops all of them, whichever thread started them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen[bytes]] = set()
        self._stopping = False

    def start(self, launch: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopping:
                raise Stopping
            proc = launch()
            self._live.add(proc)
            return proc

    def ended(self, proc: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._live.discard(proc)

    def stop_all(self) -> None:
        with self._lock:
            self._stopping = True
            for proc in self._live:
                kill_group(proc.pid)

    @property
    def stopping(self) -> bool:
        return self._stopping

    def reset(self) -> None:
        with self._lock:
            self._stopping = False


_registry = _Registry()


def stopping() -> bool:
    """True once ``stop_all`` was called: what ended since then was ended by us."""
    return _registry.stopping


def stop_all() -> None:
    """Kill every running program and refuse new ones: the run is over."""
    _registry.stop_all()


def allow_again() -> None:
    """Undo ``stop_all``'s refusal (a process that starts a second run: tests)."""
    _registry.reset()


def kill_group(leader: int) -> None:
    """SIGKILL the process group of ``leader``; it may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def launch(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    guard: tuple[str, str] = GUARD,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    program = which(argv[0])
    if program is None:
        raise InfrastructureError("program not found", where=argv[0], hint="run ci/setup, or dmabuf-harness doctor")
    number, script = guard
    guarded = ["setpriv", "--pdeathsig", number, "sh", "-c", script, str(os.getpid()), str(program), *argv[1:]]
    environment = dict(env) if env is not None else clean_environment()

    def launch() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            guarded,
            cwd=cwd,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=pass_fds,
        )

    try:
        return _registry.start(launch)
    except FileNotFoundError as error:
        raise InfrastructureError("cannot be started", where=str(error.filename), hint="run ci/setup") from error


def reap(proc: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Wait for ``proc`` and return what it and its children used (``Popen.wait`` would throw that away)."""
    os.waitid(os.P_PID, proc.pid, os.WEXITED | os.WNOWAIT)
    return collect(proc)


def collect(proc: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Reap ``proc``, which has ended. What is left of its group goes first, while the number is surely its own."""
    kill_group(proc.pid)
    _registry.ended(proc)
    _, status, usage = os.wait4(proc.pid, 0)
    proc.returncode = os.waitstatus_to_exitcode(status)
    return usage


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into ``KeyboardInterrupt``-like ends of the main thread with everything killed.

    SIGINT keeps raising ``KeyboardInterrupt``; SIGTERM and SIGHUP raise ``SystemExit(143)``.
    """

    def stop(_signum: int, _frame: object) -> None:
        raise SystemExit(143)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
