# SPDX-License-Identifier: GPL-2.0-only
"""What is done around the failing test: a shell before and after it, and a trace of what the kernel does in it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from harness.causes import Cause
from harness.errors import UserError
from harness.identities import PlannedTest
from harness.interfaces import Guest, GuestLost, JobLimits, SuiteContext
from harness.local_terminal import LocalTerminal
from harness.model import TestResult
from harness.suites.guest_tools import GuestTools
from harness.vm.ssh import Connection

TRACE = "trace.txt"
_LIMIT = 60.0  # seconds under KVM for a step of the tracer
_BUFFER = 16384  # KiB for each processor: what is older is overwritten
_ROOT = "/sys/kernel/tracing"
_EVENTS = ("dma_fence", "dma_buf")  # directories of tracepoints, as far as the kernel has them


@runtime_checkable
class TerminalGuest(Protocol):
    """A guest that a person can get into."""

    def live(self) -> Connection:
        """The connection to it. Raises ``GuestLost``."""


class ShellStop:
    """A shell before the test, and after it if it did not pass. ``again`` runs the test by hand."""

    def __init__(
        self, terminal: LocalTerminal, tests: Sequence[PlannedTest], limits: JobLimits, tell: Callable[[str], None]
    ) -> None:
        self._terminal = terminal
        self._tests = tests
        self._limits = limits
        self._tell = tell

    @contextmanager
    def around(self, guest: Guest, context: SuiteContext, results: list[TestResult]) -> Iterator[None]:
        GuestTools(guest, self._limits, f"[{guest.kernel.release}] \\w # ", self._tests[-1]).install(context.logs)
        self._enter(guest, f"before {self._tests[-1].name}: again runs it by hand; exit lets it run")
        yield
        bad = [result for result in results if result.status.is_bad]
        if bad:
            self._enter(guest, f"after {bad[-1].name}: {bad[-1].status.value}: {bad[-1].message}; exit ends the guest")

    def _enter(self, guest: Guest, text: str) -> None:
        assert isinstance(guest, TerminalGuest)
        self._tell(text)
        guest.live().interact(GuestTools.command(()), self._terminal, lambda: None)


class TraceStop:
    """Records ``functions`` with all that they call, or without any the tracepoints of fences and buffers.

    The trace is in ``trace.txt`` beside the logs of the guest. Of a guest that is lost the console has it: the kernel
    prints it when it panics.
    """

    def __init__(self, functions: Sequence[str], tell: Callable[[str], None]) -> None:
        self._functions = functions
        self._tell = tell

    @contextmanager
    def around(self, guest: Guest, context: SuiteContext, results: list[TestResult]) -> Iterator[None]:
        self._must(guest, f"mountpoint -q {_ROOT} || mount -t tracefs nodev {_ROOT}")
        for number, name in enumerate(self._functions):
            self._choose(guest, name, ">>" if number else ">")
        for line in self._begin():
            self._must(guest, line)
        yield
        self._must(guest, f"echo 0 > {_ROOT}/tracing_on")
        target = context.logs.parent / TRACE
        target.write_text(guest.run(f"cat {_ROOT}/trace", timeout=_LIMIT * guest.slowness).stdout)
        self._tell(f"trace: {target}")

    def _begin(self) -> Iterator[str]:
        yield f"echo {_BUFFER} > {_ROOT}/buffer_size_kb"
        yield "[ ! -e /proc/sys/kernel/ftrace_dump_on_oops ] || echo 1 > /proc/sys/kernel/ftrace_dump_on_oops"
        if self._functions:
            yield f"echo function_graph > {_ROOT}/current_tracer"
        else:
            yield from (f"[ ! -d {_ROOT}/events/{one} ] || echo 1 > {_ROOT}/events/{one}/enable" for one in _EVENTS)
        yield f"echo 1 > {_ROOT}/tracing_on"

    @staticmethod
    def _choose(guest: Guest, name: str, into: str) -> None:
        command = f"echo {shlex.quote(name)} {into} {_ROOT}/set_graph_function"
        if not guest.run(command, timeout=_LIMIT * guest.slowness).ok:
            hint = "name one that is called and not inlined, or a pattern such as 'dma_buf_*'"
            raise UserError("the kernel has no such function to trace", where=f"--trace {name}", hint=hint)

    @staticmethod
    def _must(guest: Guest, command: str) -> None:
        done = guest.run(command, timeout=_LIMIT * guest.slowness)
        if not done.ok:
            said = (done.stderr.strip() or f"status {done.status}").splitlines()[-1]
            raise GuestLost(f"it cannot trace: {command}: {said}", Cause.MACHINE)
