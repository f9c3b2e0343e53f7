# SPDX-License-Identifier: GPL-2.0-only
"""The only place that starts programs.

Every program runs as an argument list, in a process group of its own, under a small guard: a shell that kills
the whole group when the harness itself dies (``PR_SET_PDEATHSIG`` reaches only the direct child, and make's
children outlive make). So nothing runs on after Ctrl-C, ``kill`` or ``kill -9``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.errors import InfrastructureError

# The parent may have died before setpriv asked for the signal: hence the look at PPID.
# A shell gives /dev/null to what it runs in the background: hence the detour of stdin.
_GUARD = (
    "TERM",
    'trap "kill -KILL 0" TERM; [ "$PPID" = "$0" ] || exit 125; exec 3<&0; '
    '"$@" <&3 3<&- & exec 3<&- </dev/null; wait $!',
)
# A program without children of its own needs no shell that stays: it gets the deadly signal itself.
_DIRECT = ("KILL", '[ "$PPID" = "$0" ] || exit 125; exec "$@"')
# What a surrounding make or a user's kernel work would leak into the builds under test.
_LEAKY_ENVIRONMENT = frozenset(
    {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GNUMAKEFLAGS", "ARCH", "CROSS_COMPILE", "LLVM", "O"}
    | {"KBUILD_OUTPUT", "KCONFIG_CONFIG", "INSTALL_MOD_PATH", "INSTALL_HDR_PATH", "KCFLAGS", "CC", "HOSTCC"}
    | {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "CDPATH", "BASH_ENV", "ENV"}
)

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


class Stopping(BaseException):
    """The run is being stopped: no further program may start. Not an ``Exception``, so nothing swallows it."""


@dataclass
class Usage:
    """What ended programs took: CPU seconds in all, and bytes of the largest single process."""

    cpu_seconds: float = 0.0
    peak_rss: int = 0

    def add(self, cpu_seconds: float, peak_rss: int) -> None:
        self.cpu_seconds += cpu_seconds
        self.peak_rss = max(self.peak_rss, peak_rss)


_meter: ContextVar[Usage | None] = ContextVar("meter", default=None)


@contextlib.contextmanager
def metered() -> Iterator[Usage]:
    """Count what the programs take that ``run`` runs in this block (and thread) to their end."""
    usage = Usage()
    token = _meter.set(usage)
    try:
        yield usage
    finally:
        _meter.reset(token)


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

    def reset(self) -> None:
        with self._lock:
            self._stopping = False


_registry = _Registry()


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


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's environment without what would change a kernel build, in the C locale, plus ``extra``."""
    env = {key: value for key, value in os.environ.items() if key not in _LEAKY_ENVIRONMENT}
    env.update({"LC_ALL": "C", "LANGUAGE": "C"})
    env.update(extra or {})
    return env


def which(program: str) -> Path | None:
    """Path of ``program``; also looks in the sbin directories that a user's PATH often lacks."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    return Path(found) if found else None


def _launch(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    guard: tuple[str, str] = _GUARD,
) -> subprocess.Popen[bytes]:
    program = which(argv[0])
    if program is None:
        raise InfrastructureError("program not found", where=argv[0], mend="run ci/setup, or dmabuf-harness doctor")
    number, script = guard
    guarded = ["setpriv", "--pdeathsig", number, "sh", "-c", script, str(os.getpid()), str(program), *argv[1:]]
    environment = dict(env) if env is not None else clean_environment()

    def launch() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            guarded, cwd=cwd, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )

    try:
        return _registry.start(launch)
    except FileNotFoundError as error:
        raise InfrastructureError("cannot be started", where=str(error.filename), mend="run ci/setup") from error


def _reap(proc: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Wait for ``proc`` and return what it and its children used (``Popen.wait`` would throw that away)."""
    os.waitid(os.P_PID, proc.pid, os.WEXITED | os.WNOWAIT)
    return _collect(proc)


def _collect(proc: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Reap ``proc``, which has ended. What is left of its group goes first, while the number is surely its own."""
    kill_group(proc.pid)
    _, status, usage = os.wait4(proc.pid, 0)
    proc.returncode = os.waitstatus_to_exitcode(status)
    _registry.ended(proc)
    return usage


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
    A failing program is a value, not an exception. Raises ``InfrastructureError`` if it cannot be started.
    """
    args = [str(arg) for arg in argv]
    started = time.monotonic()
    out: list[bytes] = []
    err: list[bytes] = []
    with contextlib.ExitStack() as stack:
        log_file = stack.enter_context(log.open("ab")) if log is not None else None
        proc = _launch(
            args,
            cwd,
            env,
            subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            subprocess.PIPE,
            subprocess.STDOUT if merge else subprocess.PIPE,
        )
        deadline = _Deadline(proc.pid, timeout)
        threads: list[threading.Thread] = []
        if proc.stdin is not None:
            threads.append(threading.Thread(target=_feed, args=(proc.stdin, stdin), daemon=True))
        if proc.stderr is not None:
            threads.append(threading.Thread(target=_drain, args=(proc.stderr, err), daemon=True))
        for thread in threads:
            thread.start()
        try:
            assert proc.stdout is not None
            _tee(proc.stdout, log_file, out, on_line)
        except BaseException:
            kill_group(proc.pid)
            raise
        finally:
            usage = _reap(proc)
            timed_out = deadline.cancel()
            for thread in threads:
                thread.join()
    done = Completed(
        argv=tuple(args),
        returncode=proc.returncode if proc.returncode >= 0 else 128 - proc.returncode,
        stdout=_decode(b"".join(out)),
        stderr=_decode(b"".join(err)),
        seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss=usage.ru_maxrss * 1024,
        timed_out=timed_out,
    )
    if (meter := _meter.get()) is not None:
        meter.add(done.cpu_seconds, done.peak_rss)
    return done


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


class Background:
    """A program without children that runs beside the harness (QEMU). End it with ``kill``, or as a context manager.

    The thread that starts it must outlive it: the kernel ties the parent-death signal to that thread.
    """

    def __init__(
        self, argv: Sequence[str | Path], *, output: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """``output``: file that receives stdout and stderr."""
        self._lock = threading.Lock()
        self._usage: resource.struct_rusage | None = None
        self.started = time.monotonic()
        with output.open("ab") as handle:
            args = [str(arg) for arg in argv]
            self._proc = _launch(args, cwd, env, subprocess.DEVNULL, handle, subprocess.STDOUT, _DIRECT)

    def poll(self) -> int | None:
        """Exit status (128 + signal if a signal ended it), or None while it runs. Any thread may ask."""
        with self._lock:
            if self._usage is None:
                if os.waitid(os.P_PID, self._proc.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                    return None
                self._usage = _collect(self._proc)
            code = self._proc.returncode
            return code if code >= 0 else 128 - code

    def wait(self, timeout: float) -> int | None:
        """Wait up to ``timeout`` seconds for it to end by itself; None if it did not."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return code

    def kill(self) -> None:
        """End it and everything it started, now."""
        with self._lock:
            if self._usage is None:
                kill_group(self._proc.pid)
                self._usage = _reap(self._proc)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the program and its children, once it ended; 0 before."""
        return self._usage.ru_utime + self._usage.ru_stime if self._usage is not None else 0.0

    @property
    def peak_rss(self) -> int:
        """Bytes of the largest process among them, once it ended; 0 before."""
        return self._usage.ru_maxrss * 1024 if self._usage is not None else 0

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()


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
