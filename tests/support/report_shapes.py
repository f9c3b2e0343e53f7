# SPDX-License-Identifier: GPL-2.0-only
"""Reports as kernels from 5.6 to 7.3 print them, put together from their format strings, in every dress of a console.

A body has one line for each line of the kernel, without prefix; "C1| text" is printed by another caller than the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

CUT = "------------[ cut here ]------------"
END = "---[ end trace 0000000000000000 ]---"
RULE = "=" * 66
BY = {
    "5.10": "CPU: 0 PID: 100 Comm: python3 Not tainted 5.10.262 #1",
    "6.12": "CPU: 0 UID: 0 PID: 100 Comm: python3 Not tainted 6.12.117 #1",
}
_FRAME = re.compile(r" [\w.]+\+0x")


def frames(*functions: str) -> str:
    """Frames of a stack, innermost first."""
    return "\n".join(f" {function}+0x10/0x20" for function in functions)


def trace(*functions: str) -> str:
    """A call trace, as it is printed since 5.16."""
    return f"Call Trace:\n <TASK>\n{frames(*functions)}\n </TASK>"


# --- reports that tell of the function ``place`` ------------------------------------------------


def dma_api(helper: str, words: str, *between: str) -> Callable[[str], str]:
    """A complaint of kernel/dma/debug.c, made in ``helper``, which the functions ``between`` call."""

    def report(place: str) -> str:
        return (
            f"{CUT}\nDMA-API: probe probe: {words}\n"
            f"WARNING: CPU: 0 PID: 100 at kernel/dma/debug.c:600 {helper}+0x10/0x20\n"
            f"Modules linked in:\n{BY['6.12']}\nRIP: 0010:{helper}+0x10/0x20\nCode: 90 <0f> 0b\n"
            f"{trace(*between, place, 'dma_buf_map_attachment', 'importer_ioctl')}\n{END}"
        )

    return report


def warning(*above: str) -> Callable[[str], str]:
    """A WARN in the first function of ``above``, which ``place`` calls by way of the others."""

    def report(place: str) -> str:
        return (
            f"{CUT}\nWARNING: CPU: 0 PID: 100 at mm/any.c:12 {above[0]}+0x10/0x20\n{BY['6.12']}\n"
            f"RIP: 0010:{above[0]}+0x10/0x20\n{trace(*above[1:], place, 'dma_buf_ioctl')}\n{END}"
        )

    return report


def lock_usage(place: str) -> str:
    """Interrupts are enabled under a lock that an interrupt takes (kernel/locking/lockdep.c)."""
    above = ("dump_stack_lvl", "print_usage_bug.part.0", "mark_lock", "mark_held_locks", "lockdep_hardirqs_on_prepare")
    return (
        "WARNING: inconsistent lock state\n6.12.117 #1 Not tainted\n--------------------------------\n"
        "inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.\npython3/100 [HC0[0]:SC0[0]:HE0:SE1] takes:\n"
        "ffffffff8d295c38 (list_lock){?.+.}-{2:2}, at: probe_show+0x31/0x250\n{IN-HARDIRQ-W} state was registered at:\n"
        "  lock_acquire+0x10/0x20\n  _raw_spin_lock_irqsave+0x10/0x20\n  timer_fn+0x10/0x20\nirq event stamp: 12\n"
        f"stack backtrace:\n{BY['6.12']}\n"
        f"{trace(*above, 'trace_hardirqs_on', '_raw_spin_unlock_irq', place, 'probe_show')}"
    )


def kasan_510(place: str) -> str:
    return (
        "BUG: KASAN: use-after-free in _raw_spin_lock_irqsave+0x10/0x20\n"
        f"Write of size 4 at addr ffff888100a0b0c0 by task python3/100\n\n{BY['5.10']}\nCall Trace:\n"
        f"{frames('dump_stack', 'print_address_description.constprop.0', 'kasan_report.cold', 'check_memory_region')}\n"
        f"{frames('__kasan_check_write', '_raw_spin_lock_irqsave', place, 'probe_ioctl')}\n\nAllocated by task 99:\n"
        f"{frames('kasan_save_stack', 'probe_open')}\n{RULE}"
    )


def kmsan(place: str) -> str:
    return (
        "BUG: KMSAN: kernel-infoleak in _copy_to_user+0x10/0x20\n"
        f"{frames('_copy_to_user', place, 'do_syscall_64')}\n\n"
        f"Uninit was created at:\n{frames('__kmalloc_noprof', 'f')}\n\n"
        f"Bytes 4-7 of 8 are uninitialized\nMemory access of size 8 starts at ffff888100a0b0c0\n\n{BY['6.12']}\n"
        f"{'=' * 53}"
    )


def kfence(place: str) -> str:
    return (
        f"BUG: KFENCE: use-after-free read in {place}+0x10/0x20\n\n"
        f"Use-after-free read at 0x00000000a1b2c3d4 (in kfence-#7):\n{frames(place, 'probe_ioctl')}\n\n"
        "kfence-#7: 0x00000000a1b2c3d4-0x00000000a1b2c3e4, size=16, cache=kmalloc-16\n\n"
        f"allocated by task 100 on cpu 0 at 12.3s (0.1s ago):\n{frames('probe_open', 'vfs_open')}\n\n"
        f"{BY['6.12']}\n{RULE}"
    )


def kcsan(place: str) -> str:
    return (
        "BUG: KCSAN: data-race in dma_fence_init / dma_fence_signal\n\n"
        f"write to 0xffff888100a0b0c0 of 8 bytes by task 100 on cpu 0:\n{frames('dma_fence_init', 'f')}\n\n"
        f"read to 0xffff888100a0b0c0 of 8 bytes by task 101 on cpu 1:\n{frames(place, 'g')}\n\n"
        f"value changed: 0x00 -> 0x01\n\nReported by Kernel Concurrency Sanitizer on:\n{BY['6.12']}\n{RULE}"
    )


def _starved(period: int) -> str:
    return (
        f"rcu: rcu_preempt kthread starved for 20990 jiffies! g{period} f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1\n"
        "rcu: \tUnless rcu_preempt kthread gets sufficient CPU time, OOM is now expected behavior.\n"
        "rcu: RCU grace-period kthread stack dump:\n"
        "task:rcu_preempt     state:R  running task     stack:14896 pid:16    tgid:16    ppid:2      flags:0x00004000\n"
        f"{trace('__schedule', 'schedule', 'schedule_timeout', 'rcu_gp_fqs_loop', 'rcu_gp_kthread', 'kthread')}"
    )


def own_stall(place: str, period: int = 1021) -> str:
    """A processor that stalls says so itself; before its stack it shows the thread that it keeps waiting."""
    return (
        "rcu: INFO: rcu_preempt self-detected stall on CPU\n"
        "rcu: \t0-....: (20999 ticks this GP) idle=5a34/1/0x4000000000000000 softirq=812/812 fqs=1\n"
        f"rcu: \t(t=21003 jiffies g={period} q=64 ncpus=2)\n{_starved(period)}\n"
        f"rcu: Stack dump where RCU GP kthread last ran:\n{BY['6.12']}\nRIP: 0010:cpu_relaxes+0x10/0x20\n"
        f"{trace(place, 'probe_ioctl', '__x64_sys_ioctl', 'do_syscall_64')}"
    )


def stall_of_another(place: str, period: int = 1021) -> str:
    """A processor tells of another one, which shows its stack and then says something else."""
    shown = f"NMI backtrace for cpu 0\n{BY['6.12']}\nRIP: 0010:cpu_relaxes+0x10/0x20\nCode: f3 90\n"
    shown += trace(place, "probe_ioctl", "__x64_sys_ioctl", "do_syscall_64")
    shown += "\nINFO: NMI handler (nmi_cpu_backtrace_handler) took too long to run: 4.146 msecs"
    others = "\n".join(f"C0| {line}" for line in shown.split("\n"))
    return (
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"
        "rcu: \t0-...0: (1 GPs behind) idle=5a34/1/0x4000000000000000 softirq=812/812 fqs=1\n"
        f"rcu: \t(detected by 1, t=21002 jiffies, g={period}, q=210 ncpus=2)\nSending NMI from CPU 1 to CPUs 0:\n"
        f"{others}\n{_starved(period)}"
    )


def hung_task(place: str) -> str:
    return (
        "INFO: task python3:100 blocked for more than 122 seconds.\n      Not tainted 6.12.117 #1\n"
        '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.\n'
        "task:python3         state:D stack:0     pid:100   tgid:100   ppid:1      flags:0x00004006\n"
        f"{trace('__schedule', 'schedule', place, 'dma_buf_poll')}"
    )


def bad_page(place: str) -> str:
    return (
        "BUG: Bad page state in process python3  pfn:12345\n"
        "page: refcount:-1 mapcount:0 mapping:0000000000000000 index:0x0 pfn:0x12345\n"
        f"flags: 0x100000000000000(node=0)\npage dumped because: nonzero _refcount\nModules linked in:\n{BY['6.12']}\n"
        f"{trace('dump_stack_lvl', 'bad_page', 'free_unref_page', '__free_pages', place, 'dma_buf_release')}"
    )


REPORTS: dict[str, Callable[[str], str]] = {
    "dma, overlapping": dma_api(
        "add_dma_entry",
        "cacheline tracking EEXIST, overlapping mappings aren't supported",
        "debug_dma_map_sg",
        "__dma_map_sg_attrs",
    ),
    "dma, stack": dma_api(
        "check_for_stack", "device driver maps memory from stack", "debug_dma_map_page", "dma_map_page_attrs"
    ),
    "dma, text": dma_api(
        "check_for_illegal_area",
        "device driver maps memory from kernel text or rodata",
        "debug_dma_map_page",
        "dma_map_page_attrs",
    ),
    "lockdep": lock_usage,
    "kmalloc, 6.10": warning(
        "__alloc_pages_noprof", "___kmalloc_large_node", "__kmalloc_large_node_noprof", "__kmalloc_noprof"
    ),
    "kmalloc, 5.10": warning("__alloc_pages_nodemask", "kmalloc_order", "kmalloc_order_trace", "__kmalloc"),
    "vmap": warning("vmap_pages_pte_range", "vmap_small_pages_range_noflush", "__vmap_pages_range_noflush", "vmap"),
    "softirqs": warning("__local_bh_enable_ip", "_raw_spin_unlock_bh"),
    "dma, too far": warning("dma_direct_map_sg", "__dma_map_sg_attrs", "dma_map_sgtable"),
    "folio": warning("__alloc_frozen_pages_noprof", "alloc_pages_mpol", "folio_alloc_noprof"),
    "work": warning("__flush_work", "__cancel_work_timer", "cancel_work_sync"),
    "rcu": warning("__call_rcu_common", "call_rcu"),
    "kasan, 5.10": kasan_510,
    "kmsan": kmsan,
    "kfence": kfence,
    "kcsan": kcsan,
    "stall": own_stall,
    "stall of another": stall_of_another,
    "hung task": hung_task,
    "bad page": bad_page,
}
"""By a name: each with the function in question."""


# --- how a console shows them -------------------------------------------------------------------


def printed(
    body: str, caller: str = "T100", level: int | None = 4, callers: bool = True, start: float = 12.0
) -> list[str]:
    """Lines of the console. ``level`` None: without it, as where ``console_msg_format`` is not "syslog"."""
    lines = []
    for number, text in enumerate(body.split("\n")):
        found = re.match(r"([CT]\d+)\| (.*)", text)
        who, said = (found[1], found[2]) if found else (caller, text)
        prefix = f"<{level}>" if level is not None else ""
        prefix += f"[{start + number / 1000:12.6f}]" + (f"[{who:>6}]" if callers else "")
        lines.append(f"{prefix} {said}")
    return lines


def _on_frames(change: Callable[[str], Iterable[str]]) -> Callable[[str], str]:
    def dress(body: str) -> str:
        return "\n".join(
            new for line in body.split("\n") for new in (change(line) if _FRAME.match(_said(line)) else [line])
        )

    return dress


def _said(line: str) -> str:
    return re.sub(r"^[CT]\d+\| ", "", line)


def _doubtful(line: str) -> list[str]:
    return [line, line.replace(_said(line), " ? was_here_before+0x1/0x2")]


def _without_tags(body: str) -> str:
    return "\n".join(line for line in body.split("\n") if _said(line).strip() not in ("<TASK>", "</TASK>"))


BODIES: dict[str, Callable[[str], str]] = {
    "as it is": lambda body: body,
    "doubtful frames": _on_frames(_doubtful),
    "frames of a module": _on_frames(lambda line: [f"{line} [udmabuf]"]),
    "frames with a build id": _on_frames(lambda line: [f"{line} [udmabuf 0123456789abcdef0123456789abcdef01234567]"]),
    "decoded": _on_frames(lambda line: [f"{line} drivers/dma-buf/any.c:12"]),
    "decoded by the kernel's script": _on_frames(
        lambda line: [f"{line.partition('+0x')[0]} (drivers/any.c:12 (discriminator 2))"]
    ),
    "before 5.16": _without_tags,
    "hidden pointers": lambda body: re.sub(r"\b00000000a1b2c3d4\b", "(____ptrval____)", body),
}
CONSOLES: dict[str, Callable[[str], Sequence[str]]] = {
    "syslog, callers": printed,
    "callers": lambda body: printed(body, level=None),
    "in an interrupt": lambda body: printed(body, caller="C1"),
    "neither": lambda body: printed(body, level=None, callers=False),
    "carriage returns": lambda body: [f"{line}\r" for line in printed(body)],
    "behind a prompt": lambda body: [f"guest login: {line}" for line in printed(body)],
    "another day": lambda body: printed(body, caller="T4711", start=98765.4),
    "another processor talks": lambda body: [
        new for line in printed(body) for new in (line, "<6>[   12.500000][    C3] net: link is up")
    ],
}
