# SPDX-License-Identifier: GPL-2.0-only
"""Where a guest hangs, found out before it is ended: ``state.txt`` beside its console, and one line for the reports.

Whoever can still speak is asked. If ssh answers, the kernel prints its blocked tasks, processors, locks and tasks
(sysrq w, l, d, t). If not, the processors are read from outside (``unwind``), and an NMI makes the kernel panic with
``panic_print`` (kernel/panic.c, set in ``command``): that works with interrupts off, and names functions of modules.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InfrastructureError
from harness.vm.console import Console
from harness.vm.qmp import Monitor, MonitorError
from harness.vm.stacks import TaskStack, hanging, parse_stacks, where
from harness.vm.unwind import Symbols, processors

STATE = "state.txt"

# Seconds under KVM, each; all of them together are the most that it takes.
# A panic first waits a second for the other processors, in delays that emulation stretches, and prints at its end.
_SSH_LIMIT, _MONITOR_LIMIT, _PANIC_LIMIT = 1.5, 0.5, 3.0
_PANIC_MOST = 8.0  # as long as it is still being printed
_KEYS = "w l d t"  # Documentation/admin-guide/sysrq.rst
_TICK = 0.05
# Bytes a second. A panic with the stacks of all processors and blocked tasks is 20 KB and more, which KVM prints within
# a second or two; a guest with one hundredth of its time printed 1 KB a second.
_PRINTS = 4 << 10


@dataclass(frozen=True)
class Patient:
    """The guest as the autopsy sees it. ``ask``: runs a command in it, False if it did not end within so many seconds.

    ``ended``: True once QEMU has.
    """

    directory: Path
    console: Console
    monitor: Monitor
    symbols: Path | None
    slowness: float
    ask: Callable[[str, float], bool]
    ended: Callable[[], bool]


@dataclass(frozen=True)
class Examined:
    """``place``: where the guest hangs, in one line; empty if that did not come out.

    ``function``: the innermost one there. ``kernel_ran``: its kernel did what it was asked for, so that it is the
    kernel that hangs, and not its processors that stand still.
    """

    place: str
    function: str
    kernel_ran: bool


def examine(patient: Patient, reason: str) -> Examined:
    """Write ``state.txt``, and tell where the guest hangs.

    Never fails because of the guest: there is nothing more to lose. ``reason``: why it was given up, for the file.
    """
    patient.console.poll()
    began = patient.console.size
    sections: list[tuple[str, str]] = []
    stacks: tuple[TaskStack, ...] = ()
    answers = kernel_ran = _by_ssh(patient)
    if not answers:
        stacks = _from_outside(patient, sections)
        kernel_ran = _by_nmi(patient, sections)
    patient.console.poll()
    said = patient.console.text(began)
    stacks = parse_stacks(said) or stacks
    line = where(stacks, answers)
    sections.append(("what the kernel says", said or "nothing"))
    head = f"{reason}\n{line or 'where it hangs is not known'}\n"
    _write(patient.directory / STATE, [head, *map(_section, sections)])
    function = next((stack.function for stack in hanging(stacks, answers)), "")
    return Examined(line, function, kernel_ran)


def _section(section: tuple[str, str]) -> str:
    title, text = section
    return f"--- {title}\n\n{text.rstrip()}\n"


def _write(path: Path, parts: list[str]) -> None:
    try:
        path.write_text("\n".join(parts))
    except OSError:
        return  # a full disk is told by what must be written


def _by_ssh(patient: Patient) -> bool:
    """Have the kernel print what it knows, through ssh; False if nobody answers."""
    return patient.ask(f"for key in {_KEYS}; do echo $key > /proc/sysrq-trigger; done", _SSH_LIMIT * patient.slowness)


def _from_outside(patient: Patient, sections: list[tuple[str, str]]) -> tuple[TaskStack, ...]:
    """The processors' stacks, read while the guest is halted."""
    try:
        stacks, registers = processors(patient.monitor, Symbols(patient.symbols), _MONITOR_LIMIT * patient.slowness)
    except (MonitorError, InfrastructureError) as error:
        sections.append(("processors", str(error)))
        return ()
    lines = [f"{stack.who}: {' <- '.join(stack.frames) or 'in user space'}" for stack in stacks]
    sections.append(("processors, as QEMU sees them", "\n".join([*lines, "", registers])))
    return stacks


def _by_nmi(patient: Patient, sections: list[tuple[str, str]]) -> bool:
    """Make the kernel panic and wait for what it prints; it reboots after that, which ends QEMU.

    False if it did neither that nor print at a kernel's pace: then next to nothing runs in that guest.
    """
    before = patient.console.size
    try:
        patient.monitor.ask("inject-nmi", _MONITOR_LIMIT * patient.slowness)
    except MonitorError as error:
        sections.append(("NMI", str(error)))
        return False
    started = time.monotonic()
    deadline = started + _PANIC_LIMIT * patient.slowness
    while not (ended := patient.ended()) and time.monotonic() < deadline:
        time.sleep(_TICK)
        if patient.console.poll():  # it still speaks
            deadline = max(deadline, min(time.monotonic() + 1.0, started + _PANIC_MOST * patient.slowness))
    patient.console.poll()
    seconds = time.monotonic() - started
    in_time = ended and seconds < _PANIC_LIMIT * patient.slowness
    return in_time or patient.console.size - before > _PRINTS * seconds / patient.slowness
