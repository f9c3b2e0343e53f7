# SPDX-License-Identifier: GPL-2.0-only
"""Where the processors of a guest are, read from outside: works with interrupts off and long before the console does.

The guest is halted for it. Kernels under test have frame pointers (kernel-configs/base.config) and are not moved in
memory, so a stack is a linked list of (next, return address) pairs. On an interrupt's entry the kernel puts a marked
pointer to the saved registers in its place (ENCODE_FRAME_POINTER, arch/x86/include/asm/frame.h).
"""

from __future__ import annotations

import bisect
import itertools
import re
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.vm.qmp import Monitor, MonitorError
from harness.vm.stacks import RUNNING, TaskStack

MODULE = "a module"
_DEPTH = 24  # frames
_LAYOUT = ARCHITECTURE.stack
_REGISTER = re.compile(rf"\b({_LAYOUT.instruction}|{_LAYOUT.frame}|{_LAYOUT.halted})=([0-9a-f]+)")
_WORD = re.compile(r"0x([0-9a-f]{16})")


class Symbols:
    """Names of the functions of one kernel image."""

    def __init__(self, elf: Path | None) -> None:
        """``elf``: with a symbol table (``Kernel.symbols``); None: addresses stay addresses."""
        found: list[tuple[int, str]] = []
        if elf is not None:
            for line in process.run([ARCHITECTURE.tool("nm"), "-n", "--defined-only", elf]).stdout.splitlines():
                address, kind, name = line.split(maxsplit=2)
                if kind in "tTwW":
                    found.append((int(address, 16), name))
        self._addresses = [address for address, _ in found]
        self._names = [name for _, name in found]

    def name(self, address: int) -> str:
        """The function that holds ``address``; of modules only the kernel itself knows (``autopsy``)."""
        if address >= _LAYOUT.modules:
            return MODULE
        at = bisect.bisect_right(self._addresses, address) - 1
        return self._names[at] if at >= 0 else f"0x{address:x}"


def processors(monitor: Monitor, symbols: Symbols, seconds: float) -> tuple[tuple[TaskStack, ...], str]:
    """(one stack for each processor, their registers as text). ``seconds``: limit for each answer of QEMU.

    The guest is halted meanwhile and goes on afterwards. Raises ``MonitorError``.
    """
    monitor.ask("stop", seconds)
    try:
        numbers = [int(cpu["cpu-index"]) for cpu in monitor.ask("query-cpus-fast", seconds)]
        # Without the floating point registers: nobody hangs there.
        texts = [monitor.human("info registers", seconds, number).partition("\nFCW=")[0] for number in numbers]
        reader = _Reader(monitor, seconds)
        stacks = [reader.stack(number, text, symbols) for number, text in zip(numbers, texts, strict=True)]
    finally:
        monitor.ask("cont", seconds)
    return tuple(stacks), "\n".join(texts)


class _Reader:
    """Reads kernel memory through the monitor."""

    def __init__(self, monitor: Monitor, seconds: float) -> None:
        self._monitor = monitor
        self._seconds = seconds

    def stack(self, cpu: int, registers: str, symbols: Symbols) -> TaskStack:
        values = {name: int(value, 16) for name, value in _REGISTER.findall(registers)}
        who = f"CPU {cpu}"
        if values.get(_LAYOUT.halted):
            return TaskStack(who, RUNNING, ("default_idle_call",))
        pointer = values.get(_LAYOUT.instruction, 0)
        if pointer < _LAYOUT.kernel_half:
            return TaskStack(who, RUNNING, ())
        found = [pointer, *self._callers(cpu, values.get(_LAYOUT.frame, 0))]
        # A return address is behind its call, which may be the last of its function.
        names = [symbols.name(address - (n > 0)) for n, address in enumerate(found)]
        return TaskStack(who, RUNNING, tuple(name for name, _ in itertools.groupby(names)))

    def _callers(self, cpu: int, frame: int) -> list[int]:
        """Return addresses from the frame at ``frame`` on, outwards."""
        found: list[int] = []
        while len(found) < _DEPTH and frame >= _LAYOUT.kernel_half:
            following, saved = self._step(cpu, frame)
            if saved < _LAYOUT.kernel_half:
                break
            found.append(saved)
            if not frame & 1 and not following & 1 and following <= frame:
                break
            frame = following
        return found

    def _step(self, cpu: int, frame: int) -> tuple[int, int]:
        """(the next frame pointer, an address in the function that it belongs to)."""
        if frame & 1:
            registers = frame - 1
            following = self._word(cpu, registers + _LAYOUT.saved_frame)
            return following, self._word(cpu, registers + _LAYOUT.saved_instruction)
        return self._word(cpu, frame), self._word(cpu, frame + 8)

    def _word(self, cpu: int, address: int) -> int:
        """8 bytes at ``address``, 0 if there is no memory."""
        try:
            found = _WORD.search(self._monitor.human(f"x /1gx 0x{address:x}", self._seconds, cpu))
        except MonitorError:
            return 0
        return int(found.group(1), 16) if found else 0
