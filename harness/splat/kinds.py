# SPDX-License-Identifier: GPL-2.0-only
"""How the kernel begins, goes on with and ends each kind of report.

Wording from the sources of 5.10, 6.1, 6.12 and 7.3, and of 5.6 where it differs: kernel/{panic,fork,hung_task,softirq,
watchdog,watchdog_hld,smp,workqueue}.c, kernel/locking/{lockdep,spinlock_debug}.c,
kernel/rcu/{tree_stall,tree_exp,tasks}.h, kernel/sched/core.c, kernel/irq/spurious.c, kernel/dma/debug.c,
kernel/kcsan/report.c, lib/{bug,ubsan,list_debug,refcount,debugobjects,smp_processor_id,dump_stack,nmi_backtrace}.c,
mm/{slub,slab_common,page_alloc,kmemleak,oom_kill}.c, mm/{kasan,kfence,kmsan}/report.c,
arch/x86/kernel/{dumpstack,dumpstack_64,traps,unwind_frame,unwind_orc}.c, arch/x86/mm/fault.c, fs/{open,super}.c.

Not reports, on purpose: "workqueue: f hogged CPU for ..." (advice, and what emulation is like), "perf: interrupt took
too long", "clocksource: ... unstable", and whatever begins with "WARNING: " as mere text ("WARNING: Spectre ...").
Every pattern matches at the begin of a line and repeats nothing without a bound, so that a line costs the same whatever
is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

STARTS: tuple[tuple[str, str], ...] = (
    ("panic", r"Kernel panic - not syncing"),
    ("kasan", r"BUG: KASAN: "),
    ("kfence", r"BUG: KFENCE: "),
    ("kcsan", r"BUG: KCSAN: "),
    ("kmsan", r"BUG: KMSAN: "),
    ("ubsan", r"UBSAN: "),
    (
        "atomic",
        r"BUG: (?:sleeping function called|scheduling while atomic|scheduling in a non-blocking section"
        r"|assuming (?:atomic|non migratable) context|using .{1,40} in preemptible|workqueue leaked)",
    ),
    ("soft-lockup", r"(?:watchdog: )?BUG: soft lockup"),
    ("hard-lockup", r"(?:NMI )?(?:watchdog: )?(?:CPU\d{1,4}: )?Watchdog detected hard LOCKUP"),
    ("workqueue-lockup", r"BUG: workqueue lockup"),
    ("csd-lock", r"(?:smp: )?csd: (?:Detected|Continued) non-responsive CSD lock"),
    (
        "stack-overflow",
        r"BUG: (?:\w{1,10} )?stack guard page was hit|(?:kernel )?stack overflow|Kernel stack is corrupt",
    ),
    ("lockdep-off", r"BUG: MAX_(?:LOCKDEP|STACK_TRACE|LOCK_DEPTH)\w{0,30} too low"),
    (
        "lockdep",
        r"WARNING: (?:possible (?:circular|recursive|irq lock)|circular locking deadlock|inconsistent lock state"
        r"|bad unlock balance|bad contention|held lock freed|lock held when returning|Nested lock was not taken"
        r"|suspicious RCU usage|chain_key collision|[A-Z_-]{1,40}-safe -> [A-Z_-]{1,40}-unsafe lock order"
        r"|.{1,40} still has locks held)"
        r"|\[ BUG: Invalid wait context \]|INFO: trying to register non-static key|DEBUG_LOCKS_WARN_ON"
        r"|BUG: (?:key .{1,40} has not been registered|looking up invalid subclass)|CPU \d{1,4} left hardirqs enabled",
    ),
    ("spinlock", r"BUG: (?:spinlock|rwlock) "),
    (
        "rcu-stall",
        r"(?:rcu: )?INFO: s?rcu\w{0,30} (?:self-)?detected (?:expedited )?stalls?\b"
        r"|rcu: \w{1,30} kthread (?:starved|timer wakeup didn't happen)",
    ),
    ("hung-task", r"INFO: task .{0,64} blocked.{0,20} for more than \d{1,9} seconds"),
    (
        "unwind",
        r"WARNING: (?:kernel stack (?:regs|frame pointer) at "
        r"|(?:missing \w{2,3} value|can't (?:access|dereference) (?:iret )?registers) at "
        r"|unknown (?:[SB]P base reg|\.orc_unwind entry type|unwind hint type) "
        r"|stack going in the wrong direction\? at |(?:WARNING: )?bad lookup (?:idx|value): )",
    ),
    ("bug", r"[Kk]ernel BUG at "),
    (
        "oops",
        r"Oops: |BUG: unable to handle|BUG: kernel NULL pointer|Unable to handle kernel|Internal error: "
        r"|traps: PANIC|PANIC: double fault|[A-Za-z][^:]{1,80}: [0-9a-f]{4} \[#\d{1,9}\]",
    ),
    ("bad-page", r"BUG: (?:Bad (?:page|rss-counter)|non-zero pgtables_bytes)"),
    ("slub", r"BUG \S{1,64} \(.{1,80}\): |kmem_cache_destroy \S{1,64}: Slab cache still has objects"),
    ("bug", r"BUG: |BUG at "),
    ("irq", r"irq \d{1,9}: nobody cared|irq event \d{1,9}: bogus return value"),
    ("softirq", r"(?:softirq: )?huh, entered softirq "),
    ("vfs", r"VFS: (?:Close: file count is 0|Busy inodes after unmount of )"),
    ("kmemleak", r"kmemleak: \d{1,9} new suspected memory leaks"),
    ("oom", r".{0,16} invoked oom-killer: |Out of memory(?:: Killed process| and no killable processes)"),
    ("page-allocation", r".{0,16}: (?:page allocation failure: |vmalloc (?:error|size)).{1,200}mode:0x"),
    (
        "warn",
        r"WARNING: (?:CPU: \d{1,4} PID: \d{1,9} at "
        r"|(?:\[.{1,200}?\] )?(?:\S{1,200}:\d{1,9} )?at \S{1,200}(?: \[[\w-]{1,64}\])?, CPU#)",
    ),
)
"""(kind, how its telling line begins). The first that matches counts."""

AFTER_CUT: tuple[tuple[str, str], ...] = (
    ("dma-api", r"DMA-API: "),
    ("refcount", r"refcount_t: "),
    ("list-corruption", r"list_(?:add|del)\w{0,20} (?:double add|corruption)"),
    ("odebug", r"ODEBUG: "),
)
"""What may stand below "cut here" only: elsewhere it is no report."""

# In a kernel with BUG_ON_DATA_CORRUPTION this stands before "cut here", and the reason is lost below it.
BEFORE_CUT = re.compile(r"list_(?:add|del)\w{0,20} (?:double add|corruption)")

# A telling line of the second kind in a report of the first is a part of it: an oops has several ("BUG: kernel NULL
# pointer ...", "Oops: ..."), a WARN has its text and "WARNING: ...".
PARTS = {
    "oops": {"oops", "bug", "stack-overflow"},
    "bug": {"oops", "bug"},
    "stack-overflow": {"oops", "bug", "stack-overflow"},
    "list-corruption": {"bug", "oops", "warn"},
}

SEVERAL = frozenset({"rcu-stall", "oom"})
"""Kinds that have more of their telling lines also below the call trace."""

CUT_HERE = re.compile(r"-{4,20}\[ cut here \]-{4,20}")
END = re.compile(r"---\[ end (?:trace|Kernel panic)")
RULE = re.compile(r"={20,200}$")
CALL_TRACE = re.compile(r"\s{0,8}Call [Tt]race:")
PRINTED_BY = re.compile(r"CPU: \d{1,4} (?:UID: \d{1,10} )?PID: \d{1,9} Comm: ")
NMI_TRACE = re.compile(r"NMI backtrace for cpu ")

ONE_LINE = frozenset({"kmemleak", "softirq", "vfs"})
"""Kinds that are one line and no stack, where they are not the text of a WARN."""

RULED = frozenset({"kasan", "kfence", "kcsan", "kmsan", "ubsan"})
"""Kinds that end with a ruled line."""

ENDED = frozenset({"oops", "bug", "stack-overflow"})
"""Kinds that end with an end marker even without "cut here"."""

STALLS = frozenset({"rcu-stall", "soft-lockup", "hard-lockup", "hung-task", "workqueue-lockup", "csd-lock"})
"""Kinds that show what other CPUs do, who print that themselves."""

BY_CHANCE = STALLS | {"oom", "page-allocation"}
"""Kinds that a busy host, or too little memory, brings about in a good kernel too."""

# A stack that somebody asked for, not one that the kernel complains with.
ASKED_FOR = re.compile(r"NMI backtrace for cpu|sysrq: |FAULT_INJECTION: |name \S{1,40}, interval \d")

NMI_WAIT = 12.0
"""Seconds that a stall may say nothing: other CPUs have 10 to show their stacks (lib/nmi_backtrace.c)."""

# What the rest of a report is made of, once its call trace has begun; anything else is ordinary log again.
SHAPE = re.compile(
    r"[ \t]|$|</?[\w ]{1,16}>|Call [Tt]race:|RIP: |Code: |[RE][A-Z0-9]{2}: |[CDEF]S: |CR2|DR\d|PKRU|CPU: |Tainted: "
    r"|Hardware name|Modules linked|Last unloaded|Workqueue: |Stopper: |Sched_ext: |task:|NMI backtrace|Sending NMI"
    r"|(?:hard|soft)irqs last|irq event stamp|---\[ end |INFO: lockdep is turned off|(?:\d{1,4} |no )?locks? held|#\d"
    r"|stack backtrace|other info that might help|Kernel Offset"
)

_MEMORY = (
    r"Mem-Info:|active_anon:|Node \d|DMA|Normal|lowmem_reserve|\d{1,12} (?:total )?page|Free swap|Total swap|Swap cache"
    r"|\d{1,12} in swap|Unreclaimable slab|Tasks state|\[|oom-kill:|Out of memory|COMPACTION|Name "
    r"|\w{1,40} {2,40}\d{1,12}KB"
)
_STALLED = (
    r"rcu: |smp: |INFO: (?:s?rcu|task .{1,200}blocked on|Stall ended)|Task dump for CPU|CPU#\d{1,4} |={20}|pool \d"
    r"|Showing (?:all locks|busy|backtraces)|Future hung task|\"echo 0 >|workqueue |Backtrace of|\(detected by|\(t="
    r"|[(\w]{8,16}\)?: \S{1,2} nvcsw: "
    # what comes of a stall by itself
    r"|INFO: NMI handler |perf: interrupt took too long|hrtimer: interrupt took |clocksource: |sched: RT throttling"
    r"|.{0,15} {1,16}[A-Z] {1,8}(?:running task {1,8})?\d{1,7} {1,8}\d{1,7} "  # a task as 5.6 shows it
)
_SLUB = r"FIX |Slab 0x|Object |Redzone |Padding |Bytes b4 |Allocated in |Freed in |\[.{1,40}overwritten\]|={20}|-{20}"
MORE_SHAPES: dict[str, re.Pattern[str]] = {
    "page-allocation": re.compile(_MEMORY),
    "oom": re.compile(_MEMORY),
    "irq": re.compile(r"handlers:|\[<|Disabling IRQ"),
    "slub": re.compile(_SLUB),
    "bad-page": re.compile(
        r"(?:page|head|raw|flags|aops|addr|file|memcg|anon|ksm|page_type)(?: dumped because)?:|page_"
    ),
    **{kind: re.compile(_STALLED) for kind in STALLS},
}
"""More of it that only one kind has."""

ONLY_SHAPES: dict[str, re.Pattern[str]] = {
    "unwind": re.compile(r"unwind stack type:|(?:[0-9a-f]{8,16}|\(_{0,4}ptrval_{0,4}\)): [0-9a-f]{8,16} "),
}
"""All of it, of kinds that come in the middle of another report's stack, whose lines are none of theirs."""


def _compiled(kinds: Iterable[tuple[str, str]]) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """One pattern with a group for each kind, and the kinds by group number."""
    pairs = tuple(kinds)
    return re.compile("|".join(f"({pattern})" for _, pattern in pairs)), tuple(kind for kind, _ in pairs)


_START, _START_KINDS = _compiled(STARTS)
_CUT, _CUT_KINDS = _compiled(AFTER_CUT)


def kind_of(text: str, after_cut: bool = False) -> str:
    """Kind of the report that begins with the line ``text``, empty if none does."""
    if after_cut and (found := _CUT.match(text)):
        return _CUT_KINDS[(found.lastindex or 1) - 1]
    found = _START.match(text)
    kind = _START_KINDS[(found.lastindex or 1) - 1] if found else ""
    return "" if after_cut and kind in ONE_LINE else kind


def has_shape(kind: str, text: str) -> bool:
    """True if ``text`` looks like a line of a report of that kind, after its first lines."""
    if (own := ONLY_SHAPES.get(kind)) is not None:
        return own.match(text) is not None
    more = MORE_SHAPES.get(kind)
    return SHAPE.match(text) is not None or (more is not None and more.match(text) is not None)
