# SPDX-License-Identifier: GPL-2.0-only
"""One fault is one splat with one fingerprint in every dress that a console gives it; another place is another one."""

from __future__ import annotations

import pytest

from harness.model import Splat
from harness.splat import find_splats, hung
from harness.splat.fingerprint import headline, only_reports, signature
from tests.support.report_shapes import (
    BODIES,
    BY,
    CONSOLES,
    CUT,
    END,
    REPORTS,
    frames,
    own_stall,
    printed,
    stall_of_another,
    trace,
)


def read(*bodies: str) -> tuple[Splat, ...]:
    return find_splats("\n".join(line for body in bodies for line in printed(body)) + "\n")


def only(body: str) -> Splat:
    (splat,) = read(body)
    return splat


def told(splat: Splat) -> str:
    return signature(splat.kind, splat.title, splat.text)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("report", REPORTS)
def test_every_dress_is_one_splat_with_one_fingerprint(report: str, body: str) -> None:
    plain = only(REPORTS[report]("udmabuf_map"))
    for name, console in CONSOLES.items():
        found = find_splats("\n".join(console(BODIES[body](REPORTS[report]("udmabuf_map")))))
        assert [told(splat) for splat in found] == [told(plain)], name


@pytest.mark.parametrize("report", REPORTS)
def test_another_place_is_another_splat(report: str) -> None:
    one, two = (only(REPORTS[report](place)) for place in ("udmabuf_map", "system_heap_map"))
    assert one.fingerprint != two.fingerprint
    assert "udmabuf_map" in told(one) and "system_heap_map" in told(two)


@pytest.mark.parametrize(
    "helper",
    [
        "add_dma_entry",
        "check_for_stack",
        "check_for_illegal_area",
        "mark_held_locks",
        "___kmalloc_large_node",
        "check_memory_region.constprop.0",
        "__local_bh_enable_ip",
        "vmap_small_pages_range_noflush",
        "__call_rcu_common",
        "fs_reclaim_acquire",
        "dma_fence_begin_signalling",
        "down_interruptible",
    ],
)
def test_what_only_reports_is_no_place(helper: str) -> None:
    assert only_reports(helper)


@pytest.mark.parametrize("place", ["udmabuf_map", "dma_buf_map_attachment", "dma_fence_signal", "system_heap_allocate"])
def test_what_can_be_at_fault_is_a_place(place: str) -> None:
    assert not only_reports(place)


# --- stalls -----------------------------------------------------------------------------------


def test_the_number_of_a_grace_period_tells_nothing() -> None:
    for stall in (own_stall, stall_of_another):
        assert only(stall("spins", 7245)).fingerprint == only(stall("spins", 881)).fingerprint


def test_a_stall_whose_begin_is_lost_has_no_number_in_its_name() -> None:
    names = set()
    for period in (7245, 881):
        whole = own_stall("spins", period)
        names.add(only(whole[whole.index("rcu: rcu_preempt kthread") :]).fingerprint)
    assert len(names) == 1


def test_of_a_stall_the_processor_that_stalls_counts() -> None:
    """The thread that is kept waiting ran last on another one, which is idle, or at work."""
    for other in ("default_idle_call", "works_all_day"):
        other_cpu = f"{BY['6.12'].replace('CPU: 0', 'CPU: 1')}\n{trace(other, 'do_idle_or_not', 'f')}"
        body = own_stall("spins").partition("rcu: Stack dump where")[0]
        body += f"rcu: Stack dump where RCU GP kthread last ran:\n{other_cpu}\nNMI backtrace for cpu 0\n{BY['6.12']}\n"
        assert told(only(body + trace("spins", "probe_ioctl"))).endswith(" | spins < probe_ioctl")


@pytest.mark.parametrize(
    ("head", "stalled"),
    [
        ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu: \t2-...0: (1 GPs behind) idle=1", 2),
        ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu: \t1-O.N!: (1 ticks this GP) idle=1", 1),
        ("rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 26 jiffies s: 85 root: 0x1/.", 1),
        ("rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { P7 0-...D 2-...D } 26 jiffies s: 8", 0),
    ],
)
def test_the_processor_that_stalls_is_read_from_the_report(head: str, stalled: int) -> None:
    stacks = [
        f"NMI backtrace for cpu {cpu}\n{BY['6.12'].replace('CPU: 0', f'CPU: {cpu}')}\n{trace(f'spins_{cpu}', 'f')}"
        for cpu in (0, 1, 2)
    ]
    assert told(only("\n".join([head, *stacks]))).endswith(f"spins_{stalled} < f")


def test_a_stall_of_which_only_the_waiting_thread_is_seen_is_told() -> None:
    body = own_stall("spins").partition("rcu: Stack dump where")[0].rstrip("\n")
    assert only(body).kind == "rcu-stall"


def test_two_processors_that_show_their_stacks_at_once_do_not_mix() -> None:
    head = "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nSending NMI from CPU 1 to CPUs 0,2:"
    shown = {
        cpu: [
            f"NMI backtrace for cpu {cpu}",
            BY["6.12"].replace("CPU: 0", f"CPU: {cpu}"),
            *trace(f"spins_{cpu}", "g", "probe_ioctl").split("\n"),
        ]
        for cpu in (0, 2)
    }
    both = [
        f"C{cpu}| {line}" for lines in zip(*shown.values(), strict=True) for cpu, line in zip(shown, lines, strict=True)
    ]
    (splat,) = find_splats("\n".join(printed("\n".join([head, *both, "(detected by 1, t=21002 jiffies)"]), "C1")))
    assert splat.text.split("\n") == [*head.split("\n"), *shown[0], *shown[2], "(detected by 1, t=21002 jiffies)"]


def test_what_a_processor_says_after_its_stack_is_read_for_itself() -> None:
    log = printed(stall_of_another("spins"), "C1")
    own = printed(f"{CUT}\nWARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n{trace('f')}\n{END}", "C0", start=12.5)
    stall, warn = find_splats("\n".join([*log[:20], *own, *log[20:]]))
    assert (stall.kind, warn.kind) == ("rcu-stall", "warn")
    assert "rcu_gp_kthread" in stall.text and END not in stall.text


def test_a_stall_waits_for_the_other_processors() -> None:
    """They have ten seconds to show their stacks."""
    log = printed(stall_of_another("spins"), "C1")
    later = printed(
        "rcu: rcu_preempt kthread starved for 1 jiffies! g1 f0x0 RCU(5) ->state=0x0 ->cpu=1", "C1", start=22.0
    )
    (splat,) = find_splats("\n".join([*log[:4], *later]))
    assert "starved" in splat.text


def test_tasks_that_stall_are_a_report_with_their_stack() -> None:
    body = (
        "INFO: rcu_tasks detected stalls on tasks:\n00000000a1b2c3d4: .. nvcsw: 2/2 holdout: 1 idle_cpu: -1/0\n"
        "task:python3         state:R  running task     stack:0     pid:100\n"
    )
    assert told(only(body + trace("__schedule", "spins", "probe_ioctl"))).endswith(" | spins < probe_ioctl")


def test_what_a_stall_brings_about_does_not_end_its_report() -> None:
    """Also where nothing tells who prints what."""
    body = stall_of_another("spins").split("\n")
    for line in ("perf: interrupt took too long (2500 > 2490), lowering", "hrtimer: interrupt took 30534270 ns"):
        lines = [*body[:18], line, *body[18:]]
        (splat,) = find_splats("\n".join(printed("\n".join(lines), callers=False)))
        assert line in splat.text and "starved" in splat.text


# --- other stacks -----------------------------------------------------------------------------


def test_a_race_is_the_same_whichever_side_comes_first() -> None:
    head = "BUG: KCSAN: data-race in f / g\n\n"
    sides = [f"write to 0x1 of 8 bytes by task 1 on cpu 0:\n{frames(name, 'h')}\n\n" for name in ("f", "g")]
    one, two = (only(f"{head}{first}{second}{'=' * 66}") for first, second in (sides, sides[::-1]))
    assert one.fingerprint == two.fingerprint


def test_a_function_that_a_decoder_shows_as_inlined_counts() -> None:
    """But for those of headers, as where we decode."""
    inlined = " __dump_stack lib/dump_stack.c:94 [inline]\n kref_put include/linux/kref.h:64 [inline]\n"
    inlined += " drop_it drivers/dma-buf/any.c:300 [inline]\n"
    body = f"{CUT}\nWARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\nCall Trace:\n{inlined}{frames('f', 'g')}\n{END}"
    assert told(only(body)).endswith("drop_it < f < g")


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: kernel stack frame pointer at 00000000a1b2c3d4 in {0}:100 has bad value 00000000deadbeef",
        "WARNING: kernel stack regs at (____ptrval____) in {0}:100 has bad 'bp' value 000000005e1f0001",
        "WARNING: can't access registers at udmabuf_create+0x1/0x2",
        "WARNING: unknown unwind hint type 3 at 00000000a1b2c3d4",
    ],
)
def test_a_stack_that_cannot_be_unwound_is_a_splat(line: str) -> None:
    splat, other = (only(line.format(name)) for name in ("sh", "Thread-1 (worke"))
    assert splat.kind == "unwind" and splat.fingerprint == other.fingerprint


def test_the_unwinders_warning_does_not_end_the_report_whose_stack_it_breaks() -> None:
    broken = (
        "WARNING: kernel stack regs at 00000000a1b2c3d4 in sh:1 has bad 'bp' value 00000000a1b2c3d4\n"
        "unwind stack type:0 next_sp:0000000000000000 mask:0x2 graph_idx:0\n"
        "00000000a1b2c3c8: ffffffff81234567 (udmabuf_create+0x27/0x90)"
    )
    for report in ("dma, stack", "lockdep", "hung task"):
        for tags in ("as it is", "before 5.16"):
            plain = BODIES[tags](REPORTS[report]("udmabuf_map")).split("\n")
            place = plain.index(" udmabuf_map+0x10/0x20")
            whole, unwind = read("\n".join([*plain[:place], *broken.split("\n"), *plain[place:]]))
            assert (whole.text, unwind.text) == ("\n".join(plain), broken)


def test_a_bug_explains_that_the_kernel_died_whatever_it_is_reported_as() -> None:
    body = (
        "list_del corruption. prev->next should be ffff888100a0b0c0, but was dead000000000100\n"
        f"{CUT}\nkernel BUG at lib/list_debug.c:62!\nOops: invalid opcode: 0000 [#1] PREEMPT SMP NOPTI\n{BY['6.12']}\n"
        f"RIP: 0010:__list_del_entry_valid_or_report+0x10/0x20\n{trace('dma_buf_detach', 'x_release')}\n{END}\n"
        "BUG: sleeping function called from invalid context at kernel/locking/rwsem.c:1\n"
        "CPU: 0 UID: 0 PID: 100 Comm: python3 Tainted: G      D            6.12.117 #1\n"
        f"{trace('dump_stack_lvl', '__might_resched', 'exit_signals', 'do_exit', 'make_task_dead')}"
    )
    assert [splat.kind for splat in read(body)] == ["list-corruption", "atomic"]


def test_a_warning_does_not_explain_that_the_kernel_died() -> None:
    body = f"{CUT}\nlist_del corruption, ffff888003ae2001->next is LIST_POISON1 (dead000000000100)\n"
    body += f"WARNING: CPU: 0 PID: 1 at lib/list_debug.c:5 f+0x1/0x2\nTainted: [D]=DIE\n{trace('f', 'g')}\n{END}\n"
    died = BY["6.12"].replace("Not tainted", "Tainted: G      D  ")
    body += f"BUG: sleeping function called from invalid context at a.c:1\n{died}"
    assert [splat.fingerprint for splat in read(body) if splat.kind == "taint"] == ["taint-D"]


# --- first lines ------------------------------------------------------------------------------

NAMES = ("python3", "gpu:cs0", "Thread-1 (worke", "a/b:c [d]", "kworker/1:2", "rcuc/1", "", "x 7/8", "stuck for 1s")


@pytest.mark.parametrize(
    "title",
    [
        "BUG: scheduling while atomic: {0}/100/0x00000002",
        "BUG: using smp_processor_id() in preemptible [00000000] code: {0}/100",
        "BUG: using __this_cpu_read() in preemptible [00000000] code: {0}/100",
        "BUG: workqueue leaked atomic, lock or RCU: {0}[100]",
        "BUG: workqueue leaked lock or atomic: {0}/0x00000001/25",
        "BUG: spinlock bad magic on CPU#1, {0}/100",
        "BUG: Bad page state in process {0}  pfn:12345",
        "BUG: Bad page map in process {0}  pte:80000001 pmd:12345067",
        "BUG: Bad rss-counter state mm:0000000012345678 type:MM_SHMEMPAGES val:-14 Comm:{0} Pid:100",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [{0}:100]",
        "INFO: task {0}:100 blocked for more than 122 seconds.",
        "INFO: task {0}:100 blocked in I/O wait for more than 2 seconds.",
        "WARNING: {0}/100 still has locks held!",
        "{0}: page allocation failure: order:10, mode:0x10cc0(GFP_KERNEL), nodemask=(null)",
        "{0} invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=1",
        "Out of memory: Killed process 100 ({0}) total-vm:1234kB, anon-rss:12kB",
    ],
)
def test_the_name_of_a_task_tells_nothing(title: str) -> None:
    found = [only(title.format(name)) for name in NAMES]
    assert len({splat.fingerprint for splat in found}) == 1, {headline(splat.title) for splat in found}


@pytest.mark.parametrize(
    ("title", "values"),
    [
        ("BUG: Bad rss-counter state mm:0000000012345678 type:MM_FILEPAGES val:{0}", (-14, -3, 14)),
        ("BUG: non-zero pgtables_bytes on freeing mm: {0}", (-4096, 8192, -12288)),
        ("BUG: non-zero pgtables_bytes on freeing mm (____ptrval____): {0}", (-4096, 8192)),
        ("BUG: Bad page of a device, refcount:{0}", (-1, -128, 3)),
        ("BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice={0} stuck for 33s!", (-20, 0)),
        ("BUG: Bad page of a device, usage count = {0}", (-1, 2)),
    ],
)
def test_a_count_below_zero_is_a_count(title: str, values: tuple[int, ...]) -> None:
    assert len({only(title.format(value)).fingerprint for value in values}) == 1


def test_an_error_is_a_cause_and_counts() -> None:
    one, two = (only(f"{CUT}\nprobe: map failed: {error}\n{trace('f', 'g')}\n{END}") for error in (-22, -12))
    assert one.fingerprint != two.fingerprint


def test_rss_counters_of_two_types_are_two() -> None:
    one, two = (
        only(f"BUG: Bad rss-counter state mm:1 type:{t} val:-1 Comm:sh Pid:1") for t in ("MM_FILEPAGES", "MM_SWAPENTS")
    )
    assert one.fingerprint != two.fingerprint


# --- names with line feeds --------------------------------------------------------------------


def torn(body: str, name: str, stamps: bool) -> Splat:
    """``body`` as printk() prints it with ``name`` in it. ``stamps``: both parts of a record have the time of one."""
    lines: list[str] = []
    for number, record in enumerate(body.replace("{name}", "\0").split("\n")):
        parts = record.replace("\0", name).split("\n")
        times = [12.0 + number / 1000 + (0 if stamps else part / 1_000_000) for part in range(len(parts))]
        lines += [f"<3>[{time:12.6f}][   T30] {part}" for time, part in zip(times, parts, strict=True)]
    (splat,) = find_splats("\n".join(lines))
    return splat


HUNG = (
    "INFO: task {name}:100 blocked for more than 122 seconds.\n      Not tainted 6.12.117 #1\n"
    '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.\n'
    "task:{name}         state:D stack:0     pid:100\n"
    + trace("__schedule", "schedule", "dma_fence_default_wait", "poll")
)
LOCKUP = (
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [{name}:100]\nModules linked in:\n"
    "CPU: 0 UID: 0 PID: 100 Comm: {name} Not tainted 6.12.117 #1\nRIP: 0010:spins+0x1/0x2\n" + trace("f", "probe_ioctl")
)
ATOMIC = (
    "BUG: scheduling while atomic: {name}/100/0x00000002\nModules linked in:\n"
    "CPU: 0 UID: 0 PID: 100 Comm: {name} Not tainted 6.12.117 #1\n" + trace("__schedule_bug", "schedule", "f", "g")
)


@pytest.mark.parametrize("stamps", [True, False])
@pytest.mark.parametrize("name", ["a\nb", "\nb", "a\n", "Thread\n-1 (wo"])
@pytest.mark.parametrize("body", [HUNG, LOCKUP, ATOMIC])
def test_a_line_feed_in_a_name_changes_nothing(body: str, name: str, stamps: bool) -> None:
    plain, broken = torn(body, "sh", True), torn(body, name, stamps)
    assert (broken.kind, broken.fingerprint) == (plain.kind, plain.fingerprint)
    assert broken.text.count("\n") in (plain.text.count("\n"), plain.text.count("\n") + 1)


def test_a_stuck_task_that_the_kernel_told_of_is_not_told_again() -> None:
    """Its name is shown in other ways by the log and by /proc."""
    told_of = [torn(HUNG, "a\nb", True)]
    words = "INFO: task a b:{0} blocked for more than 16 seconds.\nCall Trace:\n f+0x1/0x2"
    assert hung([("checks", words.format(100))], told_of) == ()
    (other,) = hung([("checks", words.format(101))], told_of)
    assert other.fingerprint and other.former and other.during == "checks"


def test_a_task_as_5_6_shows_it_is_a_part_of_the_report() -> None:
    body = HUNG.replace("{name}", "sh").replace(
        "task:sh         state:D stack:0     pid:100", "sh              D    0   100      1 0x00004000"
    )
    assert told(only(body)).endswith("dma_fence_default_wait < poll")
