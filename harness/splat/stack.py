# SPDX-License-Identifier: GPL-2.0-only
"""The stacks in a report: text in, frames out (arch/x86/kernel/dumpstack.c, lib/vsprintf.c, kernel/stacktrace.c)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.splat.kinds import UNLABELLED

_NAME = r"([A-Za-z_$.][\w$.]{0,255})"
_MODULE = r"(?: {1,4}\[([\w-]{1,64})[^\]]{0,64}\])?"
_SYMBOL = rf"{_NAME}\+0x([0-9a-f]{{1,16}})/0x([0-9a-f]{{1,16}}){_MODULE}"
# What scripts/decode_stacktrace.sh and its like add, in a log that went through one: "(mm/slub.c:12)", "mm/slub.c:12".
_PLACE = r"(?: \([\w./+-]{1,200}:\d{1,7}[^)]{0,300}\)?\)| [\w./+-]{1,200}:\d{1,7}(?::\d{1,5})?)"
_FRAME = re.compile(rf"[ \t]{{1,40}}(\? )?{_SYMBOL}{_PLACE}?(?: \[inline\])?\s{{0,8}}$")
_DECODED = re.compile(rf"[ \t]{{1,40}}(\? )?{_NAME}()(){_PLACE}(?: \[inline\])?{_MODULE}\s{{0,8}}$")
_RIP = re.compile(rf"RIP: [0-9a-f]{{4}}:(){_SYMBOL}")
_CALL_TRACE = re.compile(r"\s{0,8}Call [Tt]race:")
_OF_HEADER = re.compile(r"[ \t]{1,40}(?:\? )?[\w$.]{1,256} [\w./+-]{1,200}\.h:\d{1,7}(?::\d{1,5})? \[inline\]")
# What stands between the frames of one stack: names of stacks, registers of an interrupted context, raw addresses.
_BETWEEN = re.compile(
    r"\s{0,8}</?[\w ]{1,16}>|RIP: |Code: |[RE][A-Z0-9]{2}: |[CDEF]S: |CR2|DR\d|PKRU|\s{1,8}(?:\? )?0x[0-9a-f]{4,16}$"
)
_CPU = re.compile(r"(?:CPU: |NMI backtrace for cpu |Task dump for CPU )(\d{1,4})\b")
_NO_CPU = re.compile(r"rcu: (?:RCU grace-period|Stack dump)")
# print_cpu_stall_info() of kernel/rcu/tree_stall.h, synchronize_rcu_expedited_wait() of kernel/rcu/tree_exp.h
_STALLED = re.compile(r"(?:^rcu:)?[ \t](\d{1,4})-[.O][.o][.N][.D!?0-9](?=: | )", re.MULTILINE)
_GP_THREAD = re.compile(r"rcu_gp_kthread")
_IDLE = re.compile(r"default_idle(?:_call)?|do_idle|cpu_startup_entry|acpi_idle_enter|mwait_idle|poll_idle")
# What the compiler adds to the name of a function that it has changed, cloned or split.
_SUFFIX = re.compile(r"\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)\b[\w.]{0,64}")


@dataclass(frozen=True)
class RawFrame:
    """A function on a stack as printed: "foo+0x1a/0x40 [module]". ``offset`` and ``size`` in bytes, 0 if not printed.

    ``exact``: the offset is of the very instruction (RIP), not of the one after a call. ``sure``: no leading "? ".
    """

    function: str
    offset: int
    size: int
    module: str = ""
    exact: bool = False
    sure: bool = True


@dataclass(frozen=True)
class Stack:
    """Frames, innermost first, and the line above them. ``is_trace``: that of a "Call Trace:". ``cpu``: the processor
    that showed it, None if that is not said."""

    label: str
    frames: tuple[RawFrame, ...]
    is_trace: bool = False
    cpu: int | None = field(default=None, compare=False)


def plain_name(function: str) -> str:
    """A function's name without what the compiler adds: ".isra.0", ".constprop.0", ".part.1", ".cold"."""
    return _SUFFIX.sub("", function).removeprefix("__pfx_")


def _frame(line: str) -> RawFrame | None:
    found = _FRAME.match(line) or _RIP.match(line) or _DECODED.match(line)
    if found is None or _OF_HEADER.match(line):
        return None
    doubt, function, offset, size, module = found.groups()
    exact = found.re is _RIP
    return RawFrame(function, int(offset or "0", 16), int(size or "0", 16), module or "", exact, not doubt)


class _Reader:
    def __init__(self) -> None:
        self.stacks: list[Stack] = []
        self._label = ""
        self._frames: list[RawFrame] = []
        self._is_trace = False
        self._cpu: int | None = None

    def feed(self, line: str) -> None:
        if _CALL_TRACE.match(line):
            # The registers above it tell where it is: the innermost frame.
            registers = self._frames if not self._is_trace and all(frame.exact for frame in self._frames) else []
            if not registers:
                self.close()
            self._label, self._frames, self._is_trace = line.strip(), registers, True
        elif (frame := _frame(line)) is not None:
            if frame.exact and not self._is_trace:
                self.close()
            self._frames.append(frame)
        elif not _BETWEEN.match(line) and not _OF_HEADER.match(line):  # those are inlined always, and tell nothing
            if self._frames and not all(frame.exact for frame in self._frames):
                self.close()
            self._label = line.strip() or self._label
            self._cpu = int(found[1]) if (found := _CPU.match(line)) else None if _NO_CPU.match(line) else self._cpu

    def close(self) -> None:
        if self._frames:
            self.stacks.append(Stack(self._label, tuple(self._frames), self._is_trace, self._cpu))
        self._frames, self._is_trace = [], False


def stacks(text: str) -> tuple[Stack, ...]:
    """All stacks of a report, in order; the kernel's part only."""
    reader = _Reader()
    for line in text.split("\n"):
        reader.feed(line)
    reader.close()
    return tuple(reader.stacks)


def main_stack(kind: str, text: str) -> tuple[RawFrame, ...]:
    """The stack on which a report was printed, innermost first: for lockdep the last, for most others the first.

    Without a call trace, the function that the registers name. An RCU stall shows more than what stalls: the thread
    that it keeps waiting, and what ran where that did last (kernel/rcu/tree_stall.h).
    """
    found = stacks(text)
    if kind in UNLABELLED:
        return found[0].frames if found else ()
    traces = [stack for stack in found if stack.is_trace] or [stack for stack in found if stack.frames[0].exact]
    if not traces:
        return ()
    if kind == "rcu-stall":
        return _stalled(traces, text).frames
    return traces[-1 if kind == "lockdep" else 0].frames


def _stalled(traces: Sequence[Stack], text: str) -> Stack:
    """The stack of a processor that the report names as stalled; else the first that keeps anybody waiting."""
    busy = [stack for stack in traces if not _is_in(stack, _GP_THREAD)]
    busy = [stack for stack in busy if not _is_in(stack, _IDLE)] or busy
    named = {int(cpu) for cpu in _STALLED.findall(text)}
    return next((stack for stack in busy if stack.cpu in named), busy[0] if busy else traces[0])


def _is_in(stack: Stack, functions: re.Pattern[str]) -> bool:
    return any(functions.fullmatch(plain_name(frame.function)) for frame in stack.frames)
