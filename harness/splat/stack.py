# SPDX-License-Identifier: GPL-2.0-only
"""The stacks in a report: text in, frames out (arch/x86/kernel/dumpstack.c, lib/vsprintf.c, kernel/stacktrace.c)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SYMBOL = r"([A-Za-z_$.][\w$.]{0,255})\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})(?: {1,4}\[([\w-]{1,64})[^\]]{0,64}\])?"
_FRAME = re.compile(rf"[ \t]{{1,40}}(\? )?{_SYMBOL}\s{{0,8}}$")
_RIP = re.compile(rf"RIP: [0-9a-f]{{4}}:(){_SYMBOL}")
_CALL_TRACE = re.compile(r"\s{0,8}Call [Tt]race:")
# What stands between the frames of one stack: names of stacks, registers of an interrupted context, raw addresses.
_BETWEEN = re.compile(
    r"\s{0,8}</?[\w ]{1,16}>|RIP: |Code: |[RE][A-Z0-9]{2}: |[CDEF]S: |CR2|DR\d|PKRU|\s{1,8}(?:\? )?0x[0-9a-f]{4,16}$"
)
# What the compiler adds to the name of a function that it has changed, cloned or split.
_SUFFIX = re.compile(r"\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)\b[\w.]{0,64}")


@dataclass(frozen=True)
class RawFrame:
    """A function on a stack as printed: "foo+0x1a/0x40 [module]". ``offset`` and ``size`` in bytes.

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
    """Frames, innermost first, and the line above them. ``is_trace``: that of a "Call Trace:"."""

    label: str
    frames: tuple[RawFrame, ...]
    is_trace: bool = False


def plain_name(function: str) -> str:
    """A function's name without what the compiler adds: ".isra.0", ".constprop.0", ".part.1", ".cold"."""
    return _SUFFIX.sub("", function).removeprefix("__pfx_")


def _frame(line: str) -> RawFrame | None:
    found = _FRAME.match(line) or _RIP.match(line)
    if found is None:
        return None
    doubt, function, offset, size, module = found.groups()
    exact = found.re is _RIP
    return RawFrame(function, int(offset, 16), int(size, 16), module or "", exact, not doubt)


class _Reader:
    def __init__(self) -> None:
        self.stacks: list[Stack] = []
        self._label = ""
        self._frames: list[RawFrame] = []
        self._is_trace = False

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
        elif not _BETWEEN.match(line):
            if self._frames and not all(frame.exact for frame in self._frames):
                self.close()
            self._label = line.strip() or self._label

    def close(self) -> None:
        if self._frames:
            self.stacks.append(Stack(self._label, tuple(self._frames), self._is_trace))
        self._frames, self._is_trace = [], False


def stacks(text: str) -> tuple[Stack, ...]:
    """All stacks of a report, in order; the kernel's part only."""
    reader = _Reader()
    for line in text.split("\n"):
        reader.feed(line)
    reader.close()
    return tuple(reader.stacks)


def main_stack(kind: str, text: str) -> tuple[RawFrame, ...]:
    """The stack on which a report was printed, innermost first: for lockdep the last, for all others the first.

    Without a call trace, the function that the registers name.
    """
    found = stacks(text)
    traces = [stack for stack in found if stack.is_trace] or [s for s in found if s.frames[0].exact]
    if not traces:
        return ()
    return traces[-1 if kind == "lockdep" else 0].frames
