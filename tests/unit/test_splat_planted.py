# SPDX-License-Identifier: GPL-2.0-only
"""Real reports of every base: a module (tests/data/planted/planted.c) did each of these wrongs in a guest.

All kernels had lockdep, DEBUG_LIST, DMA_API_DEBUG, SLUB_DEBUG_ON and DEBUG_ATOMIC_SLEEP. The marks around each act
are those that the harness writes around a test.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from harness.model import Splat
from harness.splat.fingerprint import headline
from tests.support.consoles import splats_in

DATA = Path(__file__).parent.parent / "data"
BASES = ("5.10", "6.1", "6.12", "7.3")
SEVERAL = ("planted", "planted-locks", "planted-deaths")

Told = tuple[str, str]

COMMON: dict[str, list[Told]] = {
    "warn": [("warn", "planted: # is not #")],
    "warn_on": [("warn", "WARNING: act_warn_on [planted]")],
    "warn_cpus": [("warn", "planted: on each CPU")] * 2,
    "dump_stack": [("trace", "planted: a driver complains")],
    "ref_add": [("refcount", "refcount_t: addition on #; use-after-free.")],
    "ref_under": [("refcount", "refcount_t: underflow; use-after-free.")],
    "list_add": [("list-corruption", "list_add double add: new=#, prev=#, next=#.")],
    "list_del": [("list-corruption", "list_del corruption, #->next is LIST_POISON1 (#)")],
    "kobject": [("trace", "sysfs: cannot create duplicate filename '/kernel/planted'")],
    "page_alloc": [
        (
            "page-allocation",
            "task: page allocation failure: order:#, mode:#(GFP_KERNEL|__GFP_NORETRY), nodemask=(null)",
        )
    ],
    "dma": [
        (
            "dma-api",
            "DMA-API: platform planted: device driver tries to free DMA memory it has not allocated"
            " [device address=#] [size=# bytes]",
        )
    ],
    "rcu_usage": [("lockdep", "WARNING: suspicious RCU usage")],
    "sleep": [
        ("atomic", "BUG: sleeping function called from invalid context at kernel/locking/mutex.c"),
        ("lockdep", "[ BUG: Invalid wait context ]"),
    ],
    "schedule": [("atomic", "BUG: scheduling while atomic")],
    "hang": [("hung-task", "INFO: task blocked for more than # seconds.")] * 2,
    "circular": [("lockdep", "WARNING: possible circular locking dependency detected")],
    "circular_other": [("lockdep", "WARNING: possible circular locking dependency detected")],
    "recursive": [("lockdep", "WARNING: possible recursive locking detected")],
    "inconsistent": [("lockdep", "WARNING: inconsistent lock state")],
    "inconsistent_other": [("lockdep", "WARNING: inconsistent lock state")],
    "irq_order": [("lockdep", "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected")],
    "irq_inversion": [("lockdep", "WARNING: possible irq lock inversion dependency detected")],
    "unlock": [("lockdep", "WARNING: bad unlock balance detected!")],
    "free_held": [("lockdep", "WARNING: held lock freed!")],
    "keep": [("lockdep", "WARNING: lock held when returning to user space!")],
    "no_key": [("lockdep", "INFO: trying to register non-static key.")],
    "bad_magic": [("spinlock", "BUG: spinlock bad magic on CPU")],
    "nest": [("lockdep", "WARNING: Nested lock was not taken")],
    "magic": [("lockdep", "DEBUG_LOCKS_WARN_ON(lock->magic != lock)")],
    "bug": [("bug", "kernel BUG at act_bug")],
    "null": [("oops", "BUG: kernel NULL pointer dereference, address: #")],
    "panic": [("panic", "Kernel panic - not syncing: planted")],
}
_LEFT = "Slab cache still has objects"
_SOFT = ("soft-lockup", "watchdog: BUG: soft lockup - CPU stuck for #s!")
_STALL = ("rcu-stall", "INFO: rcu_preempt detected a stall")
_LEAK = [
    ("atomic", "BUG: sleeping function called from invalid context at kernel/workqueue.c"),
    ("atomic", "BUG: scheduling while atomic"),
]
_NULL = [("oops", "BUG: kernel NULL pointer dereference, address: #")]
_WILD = "general protection fault, probably for non-canonical address #"
_SWITCH = [("warn", "Voluntary context switch within RCU read-side critical section!")]
_NEW_SLUB: dict[str, list[Told]] = {
    "slub_uaf": [
        ("slub", "BUG planted: Object corrupt"),
        ("slub", f"kmem_cache_destroy planted: {_LEFT} when called from act_slub_uaf [planted]"),
    ],
    "slub_redzone": [("slub", "BUG kmalloc-64: Object corrupt")],
    "slub_double": [("slub", "BUG kmalloc-64: Object already free")],
    "slub_left": [
        ("slub", "BUG planted_left: Objects remaining on __kmem_cache_shutdown()"),
        ("slub", f"kmem_cache_destroy planted_left: {_LEFT} when called from act_slub_left [planted]"),
    ],
}
_OLD_DOUBLE: list[Told] = [
    ("slub", "BUG kmalloc-64: Object already free"),
    ("slub", "BUG kmalloc-64: Wrong object count. Counter is # but counted were #"),
]
_OLD_LEAK: list[Told] = [("atomic", "BUG: workqueue leaked lock or atomic"), *_LEAK]
_NEW_LEAK: list[Told] = [("atomic", "BUG: workqueue leaked atomic, lock or RCU"), *_LEAK]
_OVERFLOW = [
    ("oops", "traps: PANIC: double fault, error_code: #"),
    ("panic", "Kernel panic - not syncing: Fatal exception in interrupt"),
]
OWN: dict[str, dict[str, list[Told]]] = {
    "5.10": {
        "warn_threads": [("warn", "planted: in thread #")] * 2,
        "rcu_sleep": [("warn", "WARNING: rcu_note_context_switch")],
        "slub_uaf": [("slub", "BUG planted: Poison overwritten"), ("slub", f"kmem_cache_destroy planted: {_LEFT}")],
        "slub_redzone": [("slub", "BUG kmalloc-64: Right Redzone overwritten")],
        "slub_double": _OLD_DOUBLE,
        "slub_left": [
            ("slub", "BUG planted_left: Objects remaining in planted_left on __kmem_cache_shutdown()"),
            ("slub", f"kmem_cache_destroy planted_left: {_LEFT}"),
        ],
        "spin": [_SOFT],
        "work_leak": _OLD_LEAK,
        "call_null": [
            *_NULL,
            ("atomic", "BUG: sleeping function called from invalid context at include/linux/cgroup-defs.h"),
        ],
        "wild": [("oops", _WILD)],
    },
    "6.1": {
        "warn_threads": [("warn", "planted: in thread #")],
        "rcu_sleep": _SWITCH,
        "slub_uaf": [
            ("slub", "BUG planted: Poison overwritten"),
            ("slub", f"kmem_cache_destroy planted: {_LEFT} when called from act_slub_uaf [planted]"),
        ],
        "slub_redzone": [("slub", "BUG kmalloc-64: Right Redzone overwritten")],
        "slub_double": _OLD_DOUBLE,
        "slub_left": [
            ("slub", "BUG planted_left: Objects remaining in planted_left on __kmem_cache_shutdown()"),
            ("slub", f"kmem_cache_destroy planted_left: {_LEFT} when called from act_slub_left [planted]"),
        ],
        "spin": [_SOFT],
        "work_leak": _OLD_LEAK,
        "call_null": _NULL,
        "wild": [("oops", _WILD)],
        "overflow": _OVERFLOW,
    },
    "6.12": {
        "warn_threads": [("warn", "planted: in thread #")],
        "rcu_sleep": _SWITCH,
        **_NEW_SLUB,
        "spin": [_SOFT],
        "rcu_stall": [_STALL],
        "work_leak": _NEW_LEAK,
        "call_null": _NULL,
        "wild": [("oops", f"Oops: {_WILD}")],
        "overflow": _OVERFLOW,
    },
    "7.3": {
        "warn_threads": [("warn", "planted: in thread #")],
        "rcu_sleep": _SWITCH,
        **_NEW_SLUB,
        "spin": [_SOFT, _STALL],
        "work_leak": _NEW_LEAK,
        "wait_context": [("lockdep", "[ BUG: Invalid wait context ]")],
        "call_null": _NULL,
        "wild": [("oops", f"Oops: {_WILD}")],
    },
}


@cache
def found(base: str) -> dict[str, list[Splat]]:
    """Reports by the act that made them."""
    acts: dict[str, list[Splat]] = {}
    for part in SEVERAL:
        for splat in splats_in(DATA / f"console-{base}-{part}.log"):
            act = splat.during.rpartition(": ")[2]  # one that the guest did not survive has no end
            acts.setdefault(act, []).append(splat)
    return acts


@pytest.mark.parametrize("base", BASES)
def test_every_planted_report_is_found_named_and_laid_at_the_right_door(base: str) -> None:
    told = {act: [(splat.kind, headline(splat.title)) for splat in splats] for act, splats in found(base).items()}
    assert told == {**COMMON, **OWN[base]}


@pytest.mark.parametrize("base", BASES)
def test_whichever_comes_last_it_is_the_same_deadlock(base: str) -> None:
    for act in ("circular", "inconsistent"):
        (one,), (other,) = found(base)[act], found(base)[f"{act}_other"]
        assert one.fingerprint == other.fingerprint and one.text != other.text


# The task that hung, and the one that let it; a leak that shows in what comes next.
_ALIKE = {"circular_other", "inconsistent_other", "warn_threads", "work_leak", "call_null"}


@pytest.mark.parametrize("base", BASES)
def test_different_wrongs_have_different_fingerprints(base: str) -> None:
    prints = [splat.fingerprint for act, splats in found(base).items() if act not in _ALIKE for splat in splats]
    assert len(set(prints)) == len(prints)


def test_fingerprints_outlast_the_version_where_the_words_do() -> None:
    """Four compilations of four sources, years apart: what the kernel says in the same words, it is."""
    stable = ["warn", "warn_on", "ref_add", "list_add", "list_del", "dma", "sleep", "schedule", "hang", "circular"]
    stable += [
        "inconsistent",
        "recursive",
        "unlock",
        "free_held",
        "keep",
        "no_key",
        "bad_magic",
        "nest",
        "magic",
        "null",
    ]
    for act in stable:
        assert len({tuple(splat.fingerprint for splat in found(base)[act]) for base in BASES}) == 1, act


def test_the_other_variant_in_another_guest_has_the_same_fingerprints() -> None:
    """Kernels with and without DMABUF_MOVE_NOTIFY; other addresses, processes, CPUs and times."""
    log = splats_in(DATA / "console-6.12-planted-in-the-other-variant.log")
    splats = [splat for splat in log if splat.kind != "taint"]  # what else happened there is cut out
    assert {splat.during for splat in splats} >= {"warn_on", "list_del", "dma", "sleep", "spin", "null"}
    for splat in splats:
        same = [other for other in found("6.12")[splat.during] if other.fingerprint == splat.fingerprint]
        assert len(same) == 1 and same[0].text != splat.text, splat.title


@pytest.mark.parametrize("base", BASES)
def test_the_wrong_is_where_the_stack_says(base: str) -> None:
    """The function of the act, or one it calls, is among the first that count."""
    for act in (
        "warn",
        "warn_on",
        "ref_add",
        "list_del",
        "dma",
        "sleep",
        "slub_left",
        "hang",
        "recursive",
        "bug",
        "wild",
    ):
        assert f"act_{act}+" in found(base)[act][0].text


@pytest.mark.parametrize("base", BASES)
def test_reports_are_whole(base: str) -> None:
    for act in ("warn", "ref_add", "list_add", "bug", "null", "dma"):
        (splat,) = found(base)[act]
        assert splat.text.splitlines()[-1].startswith("---[ end trace ")
    (circular,) = found(base)["circular"]
    assert "*** DEADLOCK ***" in circular.text and "entry_SYSCALL_64_after_hwframe" in circular.text


# --- two CPUs at once -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["", "-with-callers"])
def test_two_cpus_that_warn_at_once_are_two_reports(how: str) -> None:
    """Interleaved line by line, as it came; with CONFIG_PRINTK_CALLER each line says whose it is."""
    splats = splats_in(DATA / f"console-6.12-two-cpus-warn-at-once{how}.log")
    assert [(splat.during, splat.title, splat.count) for splat in splats if splat.during == "warn_cpus"] == [
        ("warn_cpus", "planted: on each CPU", 1)
    ] * 2
    for splat in splats:
        assert splat.text.count("WARNING: CPU") == 1
        assert splat.text.splitlines()[-1].startswith("---[ end trace ")


# --- what is none -----------------------------------------------------------------------------


def test_what_somebody_asked_for_or_a_program_wrote_is_no_report() -> None:
    """Stacks that sysrq shows, injected faults, a program's death, and lines that a program wrote to /dev/kmsg."""
    log = DATA / "console-6.12-asked-written-injected.log"
    text = log.read_text()
    for trap in ("NMI backtrace for cpu", "FAULT_INJECTION", "BUG: KASAN", "WARNING: CPU: 0 PID: 1 at", "Call Trace:"):
        assert trap in text
    assert splats_in(log) == ()


def test_out_of_memory_is_one_report_with_its_victim() -> None:
    (splat,) = splats_in(DATA / "console-6.12-oom.log")
    assert splat.kind == "oom" and splat.title.startswith("tail invoked oom-killer: ")
    assert "Mem-Info:" in splat.text and "Out of memory: Killed process 73 (tail)" in splat.text.splitlines()[-1]
