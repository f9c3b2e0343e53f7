# SPDX-License-Identifier: GPL-2.0-only
"""Kernel reports are found in real console logs, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.splat import find_splats
from harness.splat.report_lines import MAX_LINES

DATA = Path(__file__).parent.parent / "data"


def log(name: str) -> str:
    return (DATA / f"console-6.12-{name}.log").read_text()


def stamped(text: str, caller: str = "") -> str:
    """``text`` as the kernel would print it: a time stamp before each line."""
    prefix = "[   12.345678]" + (f"[{caller:>5}]" if caller else "")
    return "".join(f"{prefix} {line}\n" for line in text.splitlines())


def kinds(text: str) -> list[str]:
    return [splat.kind for splat in find_splats(text)]


# --- real logs --------------------------------------------------------------------------------


def test_clean_boot_has_none() -> None:
    assert find_splats(log("clean-boot")) == ()


def test_every_planted_report_is_found_once_and_laid_at_the_right_door() -> None:
    """Made by a module that does each of these wrongs on a 6.12 kernel with PROVE_LOCKING and PROVE_RCU."""
    found = find_splats(log("planted-splats"))
    assert [(splat.during, splat.kind, splat.title) for splat in found] == [
        ("warn", "warn", "planted: warn"),
        ("warnon", "warn", "WARNING: CPU: 0 PID: 63 at /srv/planted/splats.c:21 i+0x1a9/0x1000 [splats]"),
        ("refcount", "refcount", "refcount_t: addition on 0; use-after-free."),
        ("rcu", "lockdep", "WARNING: suspicious RCU usage"),
        ("atomic", "atomic", "BUG: scheduling while atomic: insmod/75/0x00000002"),
        ("atomic", "warn", "initcall i+0x0/0x1000 [splats] returned with preemption imbalance"),
        ("circular", "lockdep", "WARNING: possible circular locking dependency detected"),
        ("null", "oops", "BUG: kernel NULL pointer dereference, address: 0000000000000000"),
        ("unlock", "lockdep", "WARNING: bad unlock balance detected!"),
        ("bug", "bug", "kernel BUG at /srv/planted/splats.c:24!"),
        ("held", "lockdep", "WARNING: held lock freed!"),
    ]


def test_real_report_is_whole_and_knows_its_place() -> None:
    text = log("planted-splats")
    circular = next(splat for splat in find_splats(text) if splat.during == "circular")
    assert "*** DEADLOCK ***" in circular.text
    assert circular.text.splitlines()[-1].strip() == "</TASK>"
    assert text.splitlines()[circular.line - 1].endswith(circular.title)


def test_real_splat_inside_a_passing_test() -> None:
    (splat,) = find_splats(log("dma-api-splat-in-passing-dmabuf-heap"))
    assert splat.kind == "dma-api"
    assert splat.during == "dmabuf-heaps: dmabuf-heaps/dmabuf-heap"
    assert splat.title.startswith("DMA-API: platform vgem: mapping sg segment longer than device claims to support")
    assert "at kernel/dma/debug.c:1181 debug_dma_map_sg" in splat.text
    assert splat.text.splitlines()[-1] == "---[ end trace 0000000000000000 ]---"


def test_real_oops_is_one_report_up_to_its_end() -> None:
    (splat,) = find_splats(log("oops-in-dmabuf-heap"))
    assert (splat.kind, splat.title) == ("oops", "BUG: unable to handle page fault for address: 0000777fc2343f00")
    assert splat.text.splitlines()[-1] == "---[ end trace 0000000000000000 ]---"


def test_real_panic() -> None:
    text = log("panic-without-init")
    (splat,) = find_splats(text)
    assert splat.kind == "panic"
    assert splat.title.startswith("Kernel panic - not syncing: Requested init")


def test_carriage_returns_change_nothing() -> None:
    text = log("planted-splats")
    assert find_splats(text.replace("\n", "\r\n")) == find_splats(text)


def test_cut_off_log_still_shows_its_last_report() -> None:
    lines = log("oops-in-dmabuf-heap").splitlines()[:10]
    assert kinds("\n".join(lines)) == ["oops"]


# --- wordings (from the kernel's format strings) ----------------------------------------------


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("panic", "Kernel panic - not syncing: Fatal exception"),
        ("kasan", "BUG: KASAN: slab-use-after-free in dma_buf_release+0x12/0x34"),
        ("kfence", "BUG: KFENCE: out-of-bounds read in foo+0x1/0x2"),
        ("ubsan", "UBSAN: array-index-out-of-bounds in drivers/dma-buf/dma-buf.c:12:3"),
        ("lockdep", "WARNING: possible recursive locking detected"),
        ("lockdep", "WARNING: possible irq lock inversion dependency detected"),
        ("lockdep", "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected"),
        ("lockdep", "WARNING: HARDIRQ-READ-safe -> HARDIRQ-READ-unsafe lock order detected"),
        ("lockdep", "WARNING: SOFTIRQ-safe -> SOFTIRQ-READ-unsafe lock order detected"),
        ("lockdep", "WARNING: circular locking deadlock detected!"),
        (
            "softirq",
            "softirq: huh, entered softirq 1 TIMER 00000000a1b2 with preempt_count 00000100, exited with 0000?",
        ),
        ("vfs", "VFS: Close: file count is 0"),
        ("vfs", "VFS: Busy inodes after unmount of dmabuf. Self-destruct in 5 seconds.  Have a nice day..."),
        ("lockdep", "WARNING: inconsistent lock state"),
        ("lockdep", "WARNING: lock held when returning to user space!"),
        ("lockdep", "WARNING: Nested lock was not taken"),
        ("lockdep", "WARNING: kworker/0:1/12 still has locks held!"),
        ("lockdep", "[ BUG: Invalid wait context ]"),
        ("lockdep", "INFO: trying to register non-static key."),
        ("lockdep-off", "BUG: MAX_LOCKDEP_CHAINS too low!"),
        ("rcu-stall", "rcu: INFO: rcu_preempt self-detected stall on CPU"),
        ("rcu-stall", "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"),
        ("rcu-stall", "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-.... } 26 jiffies"),
        ("soft-lockup", "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [insmod:88]"),
        ("hard-lockup", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1"),
        ("workqueue-lockup", "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!"),
        ("hung-task", "INFO: task dmabuf-heap:63 blocked for more than 120 seconds."),
        ("atomic", "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585"),
        ("atomic", "BUG: using smp_processor_id() in preemptible [00000000] code: insmod/88"),
        ("stack-overflow", "BUG: stack guard page was hit at 00000000a1b2 (stack is 00000000c3d4..00000000e5f6)"),
        ("stack-overflow", "BUG: TASK stack guard page was hit at 00000000a1b2 (stack is 00000000c3d4..00000000e5f6)"),
        (
            "oops",
            "Oops: general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1] SMP",
        ),
        ("oops", "general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1] SMP"),
        ("oops", "BUG: unable to handle page fault for address: ffffc90000163d20"),
        ("oops", "Internal error: Oops: 96000004 [#1] PREEMPT SMP"),
        ("slub", "BUG kmalloc-64 (Not tainted): Poison overwritten"),
        ("bad-page", "BUG: Bad page state in process dmabuf-heap  pfn:0a1b2"),
        ("irq", 'irq 11: nobody cared (try booting with the "irqpoll" option)'),
        ("kmemleak", "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)"),
        ("oom", "Out of memory: Killed process 63 (udmabuf) total-vm:2100000kB, anon-rss:900000kB"),
        ("warn", "WARNING: CPU: 1 PID: 63 at drivers/dma-buf/dma-buf.c:1000 dma_buf_attach+0x1/0x2"),
        ("warn", "WARNING: drivers/dma-buf/dma-buf.c:1000 at dma_buf_attach+0x1/0x2, CPU#1: insmod/63"),
        ("warn", "WARNING: drivers/dma-buf/udmabuf.c:10 at f+0x1/0x2 [udmabuf], CPU#1: insmod/63"),
        ("warn", "WARNING: [!dmabuf || !dev] drivers/dma-buf/dma-buf.c:10 at dma_buf_attach+0x1/0x2, CPU#1: insmod/63"),
    ],
)
def test_first_lines(kind: str, first: str) -> None:
    (splat,) = find_splats(stamped(first))
    assert (splat.kind, splat.title) == (kind, first)


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("odebug", "ODEBUG: free active (active state 0) object: 00000000a1b2 object type: timer_list hint: 0x0"),
        ("list-corruption", "list_add corruption. prev->next should be next (ffff88), but was dead."),
        ("list-corruption", "list_del corruption, ffff888003ae2001->next is LIST_POISON1 (dead000000000100)"),
        ("refcount", "refcount_t: underflow; use-after-free."),
        ("dma-api", "DMA-API: vgem vgem: device driver frees DMA memory with wrong function"),
        ("ubsan", "UBSAN: shift-out-of-bounds in lib/foo.c:1:2"),
        ("lockdep", "DEBUG_LOCKS_WARN_ON(lock->magic != lock)"),
        ("warn", "VFS: Close: file count is 0 (f_op=dma_buf_fops)"),
    ],
)
def test_first_lines_below_the_cut(kind: str, first: str) -> None:
    text = stamped(
        f"------------[ cut here ]------------\n{first}\nCall Trace:\n foo+0x1/0x2\n---[ end trace 0 ]---\nmore"
    )
    (splat,) = find_splats(text)
    assert (splat.kind, splat.title) == (kind, first)
    assert splat.text.endswith("---[ end trace 0 ]---")


# --- what is none -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: CPU: 0 PID: 1 at foo.c:1 bar+0x1/0x2",  # a program's own output: no time stamp
        "------------[ cut here ]------------",
        "Kernel panic - not syncing: I am a program",
        "[   12.345678] systemd[1]: foo.service: WARNING: CPU: 0 PID: 1 at foo.c:1",
        "[   12.345678] DMA-API: preallocated 65536 debug entries",
        "[   12.345678] DMA-API: debugging enabled by kernel config",
        "[   12.345678] refcount_t is a type",
        "[   12.345678] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks",
        "[   12.345678] Spectre V2 : WARNING: Unprivileged eBPF is enabled",
        "[   12.345678] hung_task: INFO: nothing of the kind",
        "[   12.345678] dmabuf-harness: start WARNING: CPU: 0 PID: 1 at foo.c:1",
        "[   12.345678] dmabuf-harness: BUG: said by ourselves",
        "[   12.345678] debug: BUG: in the middle of a line",
        "[   12.345678] lockdep: Lock dependency validator: Copyright (c) 2006 Red Hat, Inc.",
    ],
)
def test_innocent_lines(line: str) -> None:
    assert find_splats(line + "\n") == ()


# --- where a report ends, and who is to blame -------------------------------------------------


def test_panic_after_an_oops_is_a_report_of_its_own() -> None:
    text = stamped(
        "BUG: kernel NULL pointer dereference, address: 0000000000000008\n#PF: supervisor read access in kernel mode\n"
        "Oops: Oops: 0000 [#1] PREEMPT SMP\nCall Trace:\n <TASK>\n foo+0x1/0x2\n </TASK>\n---[ end trace 0 ]---\n"
        "RIP: 0010:foo+0x1/0x2\nKernel panic - not syncing: Fatal exception\n---[ end Kernel panic - not syncing ]---"
    )
    assert kinds(text) == ["oops", "panic"]


def test_two_warnings_are_two_reports() -> None:
    head = "------------[ cut here ]------------\nWARNING: CPU: 0 PID: 1 at "
    one, two = (f"{head}a.c:{line} f+0x1/0x2\nCall Trace:\n f+0x1/0x2\n" for line in (1, 2))
    assert kinds(stamped(one + two + "---[ end trace 0 ]---")) == ["warn", "warn"]


def test_kasan_goes_up_to_its_ruled_line() -> None:
    ruled = "=" * 66
    text = stamped(
        f"{ruled}\nBUG: KASAN: slab-use-after-free in f+0x1/0x2\nCall Trace:\n <TASK>\n f+0x1/0x2\n </TASK>\n\n"
        f"Allocated by task 63:\n kasan_save_stack+0x1/0x2\nMemory state around the buggy address:\n{ruled}\nhello"
    )
    (splat,) = find_splats(text)
    assert "Allocated by task 63:" in splat.text
    assert "hello" not in splat.text


def test_ordinary_log_after_a_report_is_not_part_of_it() -> None:
    text = stamped(
        "WARNING: suspicious RCU usage\nstack backtrace:\nCall Trace:\n <TASK>\n f+0x1/0x2\n </TASK>\neth0: link is up"
    )
    (splat,) = find_splats(text)
    assert splat.text.endswith("</TASK>")


def test_programs_that_talk_into_a_report_do_not_end_it() -> None:
    lines = log("oops-in-dmabuf-heap").splitlines()
    talk = "\n".join(line + "\nAccepted publickey for root" for line in lines)
    assert [splat.text for splat in find_splats(talk)] == [splat.text for splat in find_splats("\n".join(lines))]


def test_program_text_before_the_time_stamp_on_one_line_hides_nothing() -> None:
    assert kinds("login: " + stamped("BUG: KASAN: x in f")) == ["kasan"]


def test_reports_of_two_cpus_are_told_apart() -> None:
    one = stamped(
        "------------[ cut here ]------------\nrefcount_t: underflow; use-after-free.\n---[ end trace 0 ]---", "T12"
    )
    two = stamped("------------[ cut here ]------------\nDMA-API: vgem v: wrong\n---[ end trace 1 ]---", "C1")
    mixed = "\n".join(line for pair in zip(one.splitlines(), two.splitlines(), strict=True) for line in pair)
    found = find_splats(mixed)
    assert [splat.kind for splat in found] == ["refcount", "dma-api"]
    assert [splat.text.count("\n") for splat in found] == [2, 2]


def test_a_report_without_end_ends_with_silence() -> None:
    lines = ["[   10.000000] BUG: Bad rss-counter state mm:1 type:2 val:3", "[   10.100000] more of it"]
    (splat,) = find_splats("\n".join([*lines, "[   20.000000] net: link is up"]))
    assert splat.text.endswith("more of it")


def test_report_torn_in_its_stack_does_not_swallow_the_log() -> None:
    text = stamped("WARNING: inconsistent lock state\nCall Trace:\n <TASK>\n f+0x1/0x2\n" + "ordinary\n" * 1000)
    (splat,) = find_splats(text)
    assert splat.text.endswith(" f+0x1/0x2")


def test_oops_while_a_warning_is_printed_is_a_report_of_its_own() -> None:
    text = stamped(
        "------------[ cut here ]------------\nplanted\nWARNING: CPU: 0 PID: 1 at f+0x1/0x2\n"
        "BUG: kernel NULL pointer dereference, address: 0\nOops: Oops: 0000 [#1]\nCall Trace:\n g+0x1/0x2\n"
        "---[ end trace 0 ]---\nCall Trace:\n f+0x1/0x2\n---[ end trace 0 ]---"
    )
    warn, oops = find_splats(text)
    assert (warn.kind, oops.kind) == ("warn", "oops")
    assert "g+0x1" not in warn.text and warn.text.endswith("f+0x1/0x2\n---[ end trace 0 ]---")


@pytest.mark.parametrize(
    ("registers", "title"),
    [("RIP: 0010:f+0x1/0x2 [m]\n", "WARNING: at f+0x1/0x2 [m]"), ("", "------------[ cut here ]------------")],
)
def test_title_of_a_torn_warning_is_not_what_stands_below_it(registers: str, title: str) -> None:
    text = (
        f"------------[ cut here ]------------\nModules linked in: m\n{registers}CPU: 0 PID: 1\n---[ end trace 0 ]---"
    )
    (splat,) = find_splats(stamped(text))
    assert (splat.kind, splat.title) == ("warn", title)


def test_report_without_end_does_not_swallow_the_log() -> None:
    text = stamped("BUG: Bad page state in process x\n" + "an ordinary line\n" * 2000 + "BUG: KASAN: x in f")
    first, second = find_splats(text)
    assert len(first.text.splitlines()) == MAX_LINES
    assert second.kind == "kasan"


def test_during() -> None:
    bug = "BUG: Bad page state in process x\n"
    text = stamped(
        f"{bug}dmabuf-harness: start checks\ndmabuf-harness: check start udmabuf.create\n{bug}"
        f"dmabuf-harness: check end udmabuf.create\n{bug}dmabuf-harness: end checks\n{bug}"
        f"dmabuf-harness: start sync\ndmabuf-harness: start lost\ndmabuf-harness: start sync\n{bug}"
    )
    assert [splat.during for splat in find_splats(text)] == [
        "boot",
        "checks: udmabuf.create",
        "checks",
        "after checks",
        "sync",
    ]


def test_selftests_of_the_kernel_say_themselves_what_they_begin() -> None:
    bug = "BUG: Bad page state in process x\n"
    lines = ("dmabuf-harness: start in-kernel", "dma-buf: Running dma_fence", "dma-buf: Running dma_fence/test_wait")
    kunit = ("    # Subtest: dma-buf-resv", "dmabuf-harness: end in-kernel", "dma-buf: Running outside")
    user = ("dmabuf-harness: start pytest", "dmabuf-harness: start mine", "dma-buf: Running inside")
    text = bug + "".join(f"{line}\n{bug}" for line in (*lines, *kunit, *user))
    assert [splat.during for splat in find_splats(stamped(text))] == [
        "boot",
        "in-kernel",
        "in-kernel: dma_fence",
        "in-kernel: dma_fence/test_wait",
        "in-kernel: dma-buf-resv",
        "after in-kernel",  # printed twice there: one report, with a count
        "pytest",
        "pytest: mine",
    ]


def test_a_test_without_an_end_mark_ends_when_the_next_one_starts() -> None:
    bug = "BUG: Bad page state in process x\n"
    text = "dmabuf-harness: start pytest\n" + "".join(f"dmabuf-harness: start {name}\n{bug}" for name in "abc")
    assert [splat.during for splat in find_splats(stamped(text))] == ["pytest: a", "pytest: b", "pytest: c"]


def test_a_mark_ends_a_report() -> None:
    bug = "BUG: Bad page state in process x"
    (splat,) = find_splats(stamped(f"{bug}\ndmabuf-harness: end a\nmore"))
    assert (splat.text, splat.line, splat.during) == (bug, 1, "boot")
