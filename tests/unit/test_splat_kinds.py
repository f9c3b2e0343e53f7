# SPDX-License-Identifier: GPL-2.0-only
"""Whole reports of kinds that the test kernels cannot make, put together from the kernel's format strings.

The real ones are in test_splat_planted.py. The sources of the wording are named in harness/splat/kinds.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.splat import find_splats
from harness.splat.kinds import STARTS, kind_of
from tests.support.consoles import splats_in

DATA = Path(__file__).parent.parent / "data"
STACK = "Call Trace:\n <TASK>\n dump_stack_lvl+0x6b/0xa0\n udmabuf_create+0x1/0x2\n </TASK>"
BY = "CPU: 1 UID: 0 PID: 63 Comm: sh Not tainted 6.12.117 #1 \nHardware name: QEMU"
CUT = "------------[ cut here ]------------"

SECTIONS = re.split(r"^### (.*)\n", (DATA / "composed-reports.txt").read_text(), flags=re.MULTILINE)[1:]
REPORTS = dict(zip(SECTIONS[::2], (text.removesuffix("\n") for text in SECTIONS[1::2]), strict=True))


def stamped(text: str, caller: str = "") -> str:
    prefix = "[   12.345678]" + (f"[{caller:>6}]" if caller else "")
    return "".join(f"{prefix} {line}\n" for line in text.splitlines())


@pytest.mark.parametrize("name", REPORTS)
def test_a_whole_report_is_one_and_whole(name: str) -> None:
    log = stamped(f"net: link is up\n{REPORTS[name]}\nnet: link is down\nnet: link is up again")
    (splat,) = find_splats(log)
    assert (splat.kind, splat.text, splat.line) == (name.partition(" ")[0], REPORTS[name], 2)
    assert splat.title == next(line for line in splat.text.splitlines() if line != CUT)


def test_data_corruption_that_is_a_bug_keeps_its_reason() -> None:
    """With BUG_ON_DATA_CORRUPTION the reason stands above the cut."""
    text = (
        f"list_del corruption, ffff888003ae2001->next is LIST_POISON1 (dead000000000100)\n{CUT}\nkernel BUG at "
        f"lib/list_debug.c:56!\nOops: invalid opcode: 0000 [#1] PREEMPT SMP\n{BY}\n{STACK}\n---[ end trace 0 ]---"
    )
    (splat,) = find_splats(stamped(text))
    assert (splat.kind, splat.text) == ("list-corruption", text)


def test_other_cpus_show_their_stacks_in_the_report_of_a_stall() -> None:
    """The NMI handler prints them, each from its own CPU."""
    head = "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nSending NMI from CPU 0 to CPUs 1:"
    shown = f"NMI backtrace for cpu 1\n{BY}\nRIP: 0010:udmabuf_create+0x1/0x2\n{STACK}"
    (splat,) = find_splats(stamped(head, "C0") + stamped(shown, "C1") + stamped("net: link is up", "C1"))
    assert (splat.kind, splat.text) == ("rcu-stall", f"{head}\n{shown}")


def test_several_reports_in_a_row_are_several() -> None:
    log = "".join(stamped(text) for text in REPORTS.values())
    assert [splat.kind for splat in find_splats(log)] == [name.partition(" ")[0] for name in REPORTS]


def test_a_real_bad_page_between_two_tests() -> None:
    splat, taint = splats_in(DATA / "console-5.10-bad-page-between-two-tests.log")
    assert (splat.kind, splat.during) == ("bad-page", "after slub_uaf")
    assert taint.fingerprint == "taint-W"  # the warnings before it are not in this piece of the log
    assert splat.title == "BUG: Bad page state in process sshd  pfn:035c3"


# --- what is none -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: Flushing system-wide workqueues will be prohibited in near future.",
        "WARNING: kernel not compiled with MITIGATION_SRSO.",
        "WARNING: The mand mount option has been deprecated and",
        "WARNING: polling idle and HT enabled, performance may degrade",
        "WARNING: 'bootconfig' found on the kernel command line but CONFIG_BOOT_CONFIG is not set.",
        "WARNING: stack recursion on stack type 4",
        "WARNING: workqueue cpumask: online intersect > possible intersect",
        "workqueue: flush_to_ldisc hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND",
        "workqueue: round-robin CPU selection forced, expect performance impact",
        "INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.234 msecs",
        "INFO: task sh:63 is blocked on a mutex likely owned by task sh:64.",
        "INFO: lockdep is turned off.",
        "hrtimer: interrupt took 30534270 ns",
        "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable",
        "perf: interrupt took too long (2500 > 2490), lowering kernel.perf_event_max_sample_rate to 80000",
        "traps: sh[63] general protection fault ip:7f0 sp:7f1 error:0 in libc.so.6[7f0+1000]",
        "sh[63]: segfault at 0 ip 0 sp 0 error 14 in libc.so.6",
        "kmemleak: Kernel memory leak detector initialized (mem pool available: 15691)",
        "kasan: KernelAddressSanitizer initialized",
        "kfence: initialized - using 2097152 bytes for 255 objects",
        "ODEBUG: selftest passed",
        "rcu: Preemptible hierarchical RCU implementation.",
        "SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=2, Nodes=1",
        "OOM killer disabled.",
        "VFS: Finished mounting rootfs on nullfs",
        "VFS: Mounted root (9p filesystem) readonly on device 0:20.",
        "softirq: what a test says of it",
        "Oops",
        "Disabling lock debugging due to kernel taint",
        "planted: loading out-of-tree module taints kernel.",
        "systemd[1]: kernel: WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2",
        "list_add corruption is what this test provokes",
        "irq 11: somebody cared",
    ],
)
def test_innocent_words(line: str) -> None:
    assert find_splats(stamped(line)) == ()


def test_every_kind_can_begin() -> None:
    """No pattern hides behind an earlier one: each kind is the first for some line of these tests."""
    begun = {kind_of(text.split("\n")[0]) for name, text in REPORTS.items() if "below" not in name}
    real = {
        "atomic",
        "soft-lockup",
        "spinlock",
        "hung-task",
        "bug",
        "oops",
        "slub",
        "oom",
        "page-allocation",
        "warn",
        "kmsan",
    }
    assert begun | real == {kind for _, kind in STARTS}
    assert kind_of("BUG: KMSAN: uninit-value in f+0x1/0x2") == "kmsan"
