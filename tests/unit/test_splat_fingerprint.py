# SPDX-License-Identifier: GPL-2.0-only
"""Fingerprints: the same trouble has the same one in another run, build or variant; another trouble has another."""

from __future__ import annotations

import pytest

from harness.splat import find_splats
from harness.splat.fingerprint import fingerprint, headline, only_reports, signature, site_of


def warn(first: str, *frames: str, rip: str = "") -> str:
    stack = "".join(f" {frame}\n" for frame in frames)
    registers = f"RIP: 0010:{rip}\n" if rip else ""
    return f"{first}\n{registers}Call Trace:\n <TASK>\n{stack} </TASK>\n---[ end trace 0 ]---"


# --- the first line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("WARNING: CPU: 1 PID: 63 at drivers/dma-buf/dma-buf.c:1000 dma_buf_attach+0x1/0x2", "WARNING: dma_buf_attach"),
        ("WARNING: CPU: 1 PID: 63 at dma_buf_attach.isra.0+0x1/0x2", "WARNING: dma_buf_attach"),
        ("WARNING: drivers/dma-buf/dma-buf.c:1000 at dma_buf_attach+0x1/0x2, CPU#1: sh/63", "WARNING: dma_buf_attach"),
        (
            "WARNING: [!dmabuf || !dev] drivers/dma-buf/dma-buf.c:1000 at dma_buf_attach+0x1/0x2, CPU#1: sh/63",
            "WARNING: dma_buf_attach",
        ),
        ("WARNING: at act_warn_on+0xb/0x10 [planted], CPU#0: sh/79", "WARNING: act_warn_on [planted]"),
        ("kernel BUG at drivers/dma-buf/dma-buf.c:24!", "kernel BUG at drivers/dma-buf/dma-buf.c"),
        ("Kernel BUG at act_bug+0xb/0x10 [planted] [verbose debug info unavailable]", "kernel BUG at act_bug"),
        ("BUG: scheduling while atomic: insmod/75/0x00000002", "BUG: scheduling while atomic"),
        ("BUG: scheduling while atomic: kworker/1:2/67/0x00000002", "BUG: scheduling while atomic"),
        ("BUG: workqueue leaked lock or atomic: kworker/1:1/0x00000001/25", "BUG: workqueue leaked lock or atomic"),
        (
            "BUG: using smp_processor_id() in preemptible [00000000] code: insmod/88",
            "BUG: using smp_processor_id() in preemptible [#]",
        ),
        ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [sh:88]", "watchdog: BUG: soft lockup - CPU stuck for #s!"),
        (
            "watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 1",
            "watchdog: CPU: Watchdog detected hard LOCKUP on cpu #",
        ),
        ("rcu: INFO: rcu_preempt self-detected stall on CPU", "INFO: rcu_preempt detected a stall"),
        ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "INFO: rcu_preempt detected a stall"),
        ("INFO: task dmabuf-heap:63 blocked for more than 120 seconds.", "INFO: task blocked for more than # seconds."),
        (
            "INFO: task a b:6 blocked in I/O wait for more than 2 seconds.",
            "INFO: task blocked in I/O wait for more than # seconds.",
        ),
        ("BUG: KASAN: slab-use-after-free in f.part.0+0x12/0x34 [m]", "BUG: KASAN: slab-use-after-free in f [m]"),
        ("BUG kmalloc-64 (Tainted: G    B   W  O      ): Poison overwritten", "BUG kmalloc-64: Poison overwritten"),
        ("BUG kmalloc-64 (Not tainted): Poison overwritten", "BUG kmalloc-64: Poison overwritten"),
        ("BUG: Bad page state in process sshd  pfn:035c3", "BUG: Bad page state in process pfn"),
        ("list_add double add: new=ffff88800432bda8, prev=ffff88800432bd98.", "list_add double add: new=#, prev=#."),
        (
            "sh: page allocation failure: order:10, mode:0x10cc0(GFP_KERNEL)",
            "task: page allocation failure: order:#, mode:#(GFP_KERNEL)",
        ),
        ("Oops: general protection fault, x: 0000 [#1] PREEMPT SMP", "Oops: general protection fault, x"),
        (
            "BUG: kernel NULL pointer dereference, address: 0000000000000008",
            "BUG: kernel NULL pointer dereference, address: #",
        ),
        ("refcount_t: underflow; use-after-free.", "refcount_t: underflow; use-after-free."),
        ("dma_fence_v2 wants i915 and -22", "dma_fence_v2 wants i915 and -22"),
    ],
)
def test_headline(title: str, name: str) -> None:
    assert headline(title) == name


# --- the same trouble -------------------------------------------------------------------------


def test_another_build_of_the_kernel_has_the_same_fingerprint() -> None:
    one = warn("planted", "f.isra.0+0x10/0x200", "g+0x30/0x90", "h+0x5/0x9", rip="f.cold+0x4/0x8")
    two = warn("planted", "f.constprop.0+0x99/0x300", "g+0x31/0xa0", "h+0x6/0xa", rip="f+0x44/0x80")
    assert fingerprint("warn", "planted", one) == fingerprint("warn", "planted", two)


def test_what_only_reports_and_what_is_doubtful_is_left_out() -> None:
    plain = warn("planted", "f+0x1/0x2", "g+0x1/0x2")
    noisy = warn(
        "planted", "dump_stack_lvl+0x1/0x2", "__might_resched+0x1/0x2", "? x+0x1/0x2", "f+0x1/0x2", "g+0x1/0x2"
    )
    assert fingerprint("atomic", "planted", plain) == fingerprint("atomic", "planted", noisy)


def test_only_the_innermost_functions_count() -> None:
    one, two = (warn("x", "f+0x1/0x2", "g+0x1/0x2", "h+0x1/0x2", f"{last}+0x1/0x2") for last in ("ioctl", "release"))
    assert fingerprint("warn", "x", one) == fingerprint("warn", "x", two)


def test_a_stall_is_known_by_its_outermost_functions_wherever_it_is_caught() -> None:
    entry = ("spinning+0x1/0x2", "dma_buf_ioctl+0x1/0x2", "__x64_sys_ioctl+0x1/0x2", "do_syscall_64+0x1/0x2")
    one = warn("x", "delay_tsc+0x1/0x2", "deeper+0x1/0x2", *entry)
    two = warn("x", *entry)
    assert fingerprint("soft-lockup", "x", one) == fingerprint("soft-lockup", "x", two)
    assert signature("soft-lockup", "x", one) == "soft-lockup | x | spinning < dma_buf_ioctl"


def test_frames_in_doubt_tell_of_a_stall_when_there_are_no_others() -> None:
    text = warn("x", "__schedule+0x1/0x2", "? spinning+0x1/0x2", "? dma_buf_ioctl+0x1/0x2", "? vfs_ioctl+0x1/0x2")
    assert signature("rcu-stall", "x", text) == "rcu-stall | x | spinning < dma_buf_ioctl"


CIRCULAR = """WARNING: possible circular locking dependency detected
-> #1 ({0}#2){{+.+.}}-{{3:3}}:
       __mutex_lock+0xba/0xce0
       {1}+0x20/0x40
-> #0 ({2}){{+.+.}}-{{3:3}}:
       lock_acquire+0xa4/0x290
       {3}+0x20/0x40
2 locks held by sh/70:
 #0: ffff88800430c3f0 (sb_writers#{4}){{.+.+}}-{{0:0}}, at: ksys_write+0x65/0xe0
stack backtrace:
Call Trace:
 print_circular_bug+0x2cf/0x410
 {3}+0x20/0x40"""


def test_a_deadlock_is_the_same_whichever_task_comes_last() -> None:
    one = CIRCULAR.format("lock_b", "take_ab", "lock_a", "take_ba", 6)
    two = CIRCULAR.format("lock_a", "take_ba", "lock_b", "take_ab", 7)
    title = one.split("\n")[0]
    assert fingerprint("lockdep", title, one) == fingerprint("lockdep", title, two)
    assert "lock_a, lock_b | take_ab, take_ba" in signature("lockdep", title, one)


def test_two_cpus_printing_at_once_change_nothing() -> None:
    reports = [
        warn(f"------------[ cut here ]------------\nplanted {name}", f"{name}+0x1/0x2", "g+0x1/0x2") for name in "ab"
    ]
    alone = {splat.fingerprint for text in reports for splat in find_splats(_stamped(text, "T1"))}
    pairs = zip(
        *(_stamped(text, caller).splitlines() for text, caller in zip(reports, ("T1", "C0"), strict=True)), strict=True
    )
    assert {splat.fingerprint for splat in find_splats("\n".join(line for pair in pairs for line in pair))} == alone


def _stamped(text: str, caller: str) -> str:
    return "".join(f"[   12.345678][{caller:>6}] {line}\n" for line in text.splitlines())


# --- other trouble ----------------------------------------------------------------------------


def test_other_words_functions_kinds_and_locks_are_other_trouble() -> None:
    text = warn("planted", "f+0x1/0x2", "g+0x1/0x2")
    circular = CIRCULAR.format("lock_b", "take_ab", "lock_a", "take_ba", 6)
    names = [
        fingerprint("warn", "planted", text),
        fingerprint("refcount", "planted", text),
        fingerprint("warn", "planted too", text),
        fingerprint("warn", "planted", text.replace("g+", "h+")),
        fingerprint("warn", "planted", text, site="WARN_ON(!dmabuf)"),
        fingerprint("warn", "planted", text, site="WARN_ON(!dev)"),
        fingerprint("lockdep", "x", circular),
        fingerprint("lockdep", "x", circular.replace("lock_a", "lock_c")),
        fingerprint("lockdep", "x", circular.replace("take_ab", "take_bc")),
    ]
    assert len(set(names)) == len(names)


UBSAN = """\
UBSAN: shift-out-of-bounds in drivers/dma-buf/udmabuf.c:{line}:3
shift exponent {exponent} is too large for 32-bit type '{type}'
CPU: 1 UID: 0 PID: 63 Comm: sh Not tainted 6.12.117 #1
Call Trace:
 <TASK>
 __ubsan_handle_shift_out_of_bounds+0x1/0x2
 udmabuf_create+0x1/0x2
 </TASK>
================================================================================"""


def test_a_fault_of_another_type_or_at_another_line_of_the_function_is_another() -> None:
    def found(**one: object) -> str:
        return UBSAN.format(**{"line": 12, "exponent": 64, "type": "int"} | one)

    texts = [found(), found(type="unsigned int"), found(line=14)]
    splats = find_splats("".join(_stamped(text, "T1") for text in texts))
    assert [splat.kind for splat in splats] == ["ubsan"] * 3
    assert splats[0].fingerprint != splats[1].fingerprint
    # A patch shifts the lines: the source line tells them apart, once it is at hand.
    assert splats[0].fingerprint == splats[2].fingerprint
    (again,) = find_splats(_stamped(found(exponent=-3), "T1") + _stamped(found(), "T1"))
    assert (again.count, again.fingerprint) == (2, splats[0].fingerprint)


def test_a_panic_that_follows_is_as_different_as_what_it_follows() -> None:
    def panics(function: str, reason: str) -> str:
        oops = warn("BUG: kernel NULL pointer dereference, address: 0", f"{function}+0x1/0x2")
        text = f"{oops}\nKernel panic - not syncing: {reason}\n---[ end Kernel panic - not syncing ]---"
        return find_splats(_stamped(text, "T1"))[-1].fingerprint

    assert panics("f", "Fatal exception") != panics("g", "Fatal exception")
    assert panics("f", "Fatal exception").startswith("panic-after-oops-")
    assert panics("f", "VFS: no root") == panics("g", "VFS: no root")


# --- places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("x\nWARNING: CPU: 1 PID: 63 at drivers/dma-buf/dma-buf.c:1000 f+0x1/0x2", "drivers/dma-buf/dma-buf.c:1000"),
        ("WARNING: drivers/dma-buf/dma-buf.c:1000 at f+0x1/0x2, CPU#1: sh/63", "drivers/dma-buf/dma-buf.c:1000"),
        ("kernel BUG at include/linux/dma-resv.h:24!", "include/linux/dma-resv.h:24"),
        ("drivers/dma-buf/dma-resv.c:19 suspicious rcu_dereference_check() usage!", "drivers/dma-buf/dma-resv.c:19"),
        ("UBSAN: shift-out-of-bounds in drivers/dma-buf/udmabuf.c:12:3", "drivers/dma-buf/udmabuf.c:12"),
        (
            "WARNING: [!dmabuf || !dev] drivers/dma-buf/dma-buf.c:10 at f+0x1/0x2, CPU#1: sh/63",
            "drivers/dma-buf/dma-buf.c:10",
        ),
        ("WARNING: CPU: 1 PID: 63 at f+0x1/0x2", ""),
        ("BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585", ""),
    ],
)
def test_the_line_of_the_check_that_failed(text: str, site: str) -> None:
    assert site_of(text) == site


@pytest.mark.parametrize(
    "name",
    [
        "__dma_map_sg_attrs",
        "dma_map_sgtable",
        "debug_dma_map_sg",
        "dump_stack_lvl",
        "__might_resched",
        "mutex_lock_nested",
        "kfree",
        "asm_exc_page_fault",
    ],
)
def test_functions_that_only_report(name: str) -> None:
    assert only_reports(name) and only_reports(f"{name}.isra.0")


@pytest.mark.parametrize(
    "name",
    [
        "dma_buf_attach",
        "__map_dma_buf",
        "system_heap_map_dma_buf",
        "warn_thread",
        "print_my_own",
        "die_hard",
        "scheduled",
        "udmabuf_create",
    ],
)
def test_functions_that_may_be_wrong(name: str) -> None:
    assert not only_reports(name)
