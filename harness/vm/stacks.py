# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel prints about its tasks and processors (sysrq w, l, t; a panic): stacks, and where it hangs.

Sources of the wording: kernel/sched/core.c (sched_show_task), lib/nmi_backtrace.c, arch/x86/kernel/dumpstack.c
(5.10 to 7.3). Pure: text in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.kernel_stamp import stamped

RUNNING, BLOCKED = "running", "D"
_SHOWN_FRAMES = 3
_SHOWN_PLACES = 3

_TASK = re.compile(r"task:(\S.{0,14}?) +state:(\w)\b.*?\bpid: *(\d+)(?:.*?\bppid: *(\d+))?")
_CPU = re.compile(r"(?:Sending )?NMI backtrace for cpu (\d+)(?: (skipped: idling))?")
_COMM = re.compile(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.+?) (?:Not tainted|Tainted|Kdump)")
_RIP = re.compile(r"RIP: (\w{4}):(?:([A-Za-z_][\w.]*)\+0x)?")
_FRAME = re.compile(r" ([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
_KERNEL_SEGMENT = "0010"

# What stands above the function that really waits.
_SCHEDULER = re.compile(
    r"(?:__)?(?:schedule|switch_to)(?:_\w+)?$|preempt_schedule|io_schedule|context_switch|__cond_resched|rt_mutex_schedule"
)
# Where tasks sleep when all is well: a shell waits for what it started, sshd for its sockets.
_EVERYDAY = re.compile(
    r"do_wait|do_sys_poll|do_select|core_sys_select|ep_poll|(?:anon_)?pipe_read|devkmsg_read|syslog_print|do_syslog"
    r"|do_sigtimedwait|worker_thread|kthread$|smpboot_thread_fn|n_tty_read"
)
_IDLE = re.compile(r"default_idle_call$|cpuidle_enter|arch_cpu_idle$|\w*safe_halt$|intel_idle|mwait_idle|poll_idle")
_ASKING = frozenset({"write_sysrq_trigger", "__handle_sysrq"})  # the one that asked for the stacks
_PID_KTHREADD = 2


@dataclass(frozen=True)
class TaskStack:
    """One task or processor. ``frames``: function names, innermost first; none: it is in user space.

    ``who``: "sh, pid 67" or "CPU 1". ``state``: RUNNING for a processor, else as in ``ps`` (BLOCKED: no signal
    ends it). ``kernel_thread``: a task of the kernel's own.
    """

    who: str
    state: str
    frames: tuple[str, ...]
    kernel_thread: bool = False

    @property
    def is_idle(self) -> bool:
        return any(_IDLE.match(frame) for frame in self.frames[:3])

    @property
    def place(self) -> str:
        """ "dma_fence_default_wait <- dma_fence_wait_timeout <- ...": where it is, without the scheduler's part."""
        return " <- ".join(self._telling[:_SHOWN_FRAMES])

    @property
    def function(self) -> str:
        """The innermost function of ``place``, empty in user space."""
        return next(iter(self._telling), "")

    @property
    def _telling(self) -> list[str]:
        return [frame for frame in self.frames if not _SCHEDULER.match(frame)] or list(self.frames)


@dataclass
class _Open:
    """A stack that is being read."""

    who: str
    state: str
    kernel_thread: bool = False
    frames: list[str] = field(default_factory=list)
    in_nmi: bool = False  # the part of the trace that only shows how it was asked

    def close(self) -> TaskStack:
        return TaskStack(self.who, self.state, tuple(self.frames), self.kernel_thread)


def parse_stacks(text: str) -> tuple[TaskStack, ...]:
    """All stacks of tasks and processors in a kernel log, in order."""
    found: list[_Open] = []
    for raw in text.splitlines():
        line = found_in.text if (found_in := stamped(raw)) is not None else raw
        if (opened := _opened(line, found[-1] if found else None)) is not None:
            found.append(opened)
        elif found:
            _take(found[-1], line)
    return tuple(one.close() for one in found)


def _opened(line: str, last: _Open | None) -> _Open | None:
    if task := _TASK.match(line):
        name, state, pid, parent = task.groups()
        return _Open(f"{name}, pid {pid}", state, _PID_KTHREADD in (int(pid), int(parent or 0)))
    if (cpu := _CPU.match(line)) and not line.startswith("Sending"):
        frames = ["default_idle_call"] if cpu.group(2) else []
        return _Open(f"CPU {cpu.group(1)}", RUNNING, frames=frames)
    comm = _COMM.match(line)
    if comm and (last is None or last.state != RUNNING or last.frames):  # a stack dump for any other reason
        return _Open(f"CPU {comm.group(1)}", RUNNING, kernel_thread=_is_idle_task(comm))
    return None


def _is_idle_task(comm: re.Match[str]) -> bool:
    return comm.group(3).startswith("swapper/")


def _take(stack: _Open, line: str) -> None:
    if comm := _COMM.match(line):
        stack.kernel_thread = stack.kernel_thread or _is_idle_task(comm)
    elif line.strip() in ("<NMI>", "</NMI>"):
        stack.in_nmi = line.strip() == "<NMI>"
    elif rip := _RIP.match(line):
        # In the NMI part it is what the NMI interrupted; a task's own RIP comes last and is in user space.
        if rip.group(1) == _KERNEL_SEGMENT and rip.group(2) and (stack.in_nmi or not stack.frames):
            stack.frames = [rip.group(2)]
    elif (frame := _FRAME.match(line)) and not stack.in_nmi:
        stack.frames.append(frame.group(1))


# --- where it hangs ---------------------------------------------------------------------------


def where(stacks: Sequence[TaskStack], answers: bool) -> str:
    """One line on where the guest hangs, empty if the stacks do not tell. ``answers``: as for ``hanging``."""
    told = _places(hanging(stacks, answers))
    if not told:
        return ""
    count = len({stack.who for stack in stacks if stack.state == BLOCKED})
    return f"hangs in {'; '.join(told[:_SHOWN_PLACES])}" + (f"; {_tasks(count)} blocked" if count else "")


def hanging(stacks: Sequence[TaskStack], answers: bool) -> list[TaskStack]:
    """Those of ``stacks`` that hang, the first is the most telling; none if they do not tell.

    ``answers``: the guest runs commands: then what sleeps is to blame, else first what keeps the processors busy.
    """
    stacks = tuple(dict.fromkeys(stacks))  # sysrq w and t show the same tasks
    busy = [s for s in stacks if s.state == RUNNING and s.frames and not s.is_idle and not _ASKING & set(s.frames)]
    busy.sort(key=lambda stack: stack.kernel_thread)
    blocked = [s for s in stacks if s.state == BLOCKED]
    return [*(busy if not answers else []), *blocked] or _waiting(stacks) or busy


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _waiting(stacks: Iterable[TaskStack]) -> list[TaskStack]:
    """Tasks of user space that sleep in the kernel where tasks do not usually sleep."""
    tasks = [stack for stack in stacks if stack.state not in (RUNNING, BLOCKED) and not stack.kernel_thread]
    return [stack for stack in tasks if stack.frames and not any(_is_harmless(frame) for frame in stack.frames)]


def _is_harmless(frame: str) -> bool:
    return frame in _ASKING or _EVERYDAY.match(frame) is not None


def _places(stacks: Iterable[TaskStack]) -> list[str]:
    """ "dma_fence_default_wait <- dma_resv_wait_timeout (python3, pid 67)": each place once, and who is there."""
    who: dict[str, list[str]] = {}
    for stack in stacks:
        who.setdefault(stack.place, []).append(stack.who)
    return [f"{place} ({_named(names)})" for place, names in who.items()]


def _named(names: list[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
