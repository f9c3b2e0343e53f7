# SPDX-License-Identifier: GPL-2.0-only
"""``KINDS``: all that is known of each kind of report that the kernel makes of itself. A new kind is a value there.

The finder on the host, the oracle in the guest, what explains a taint flag, what ends lock checking and the table in
docs/splats.md are made from it.

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


class SplatKind:
    """One kind of report. Regular expressions match at the begin of a line, without its time stamp.

    No dataclass: this module is in the guest's archive, and those cost an import of inspect there.
    """

    def __init__(  # noqa: PLR0913 - a record, filled by name
        self,
        name: str,
        meaning: str,
        starts: str = "",
        *,
        otherwise: str = "",
        below_cut: str = "",
        parts: str = "",
        more: str = "",
        only: str = "",
        taints: str = "",
        one_line: bool = False,
        ruled: bool = False,
        ended: bool = False,
        stall: bool = False,
        several: bool = False,
        by_chance: bool = False,
        unlabelled: bool = False,
        ends_lock_checking: bool = False,
    ) -> None:
        """
        ``meaning``: what the kernel complains of, for docs/splats.md.
        ``starts``: how its telling line begins; of ``KINDS`` the first that matches counts.
        ``otherwise``: the same, if no kind's ``starts`` matches.
        ``below_cut``: how it begins below "cut here"; elsewhere that is no report.
        ``parts``: kinds whose telling lines, in a report of this one, are parts of it: an oops has several ("BUG:
        kernel NULL pointer ...", "Oops: ..."), a WARN has its text and "WARNING: ...".
        ``more``: lines of it, after its call trace has begun, that only this kind has. ``only``: all of those lines, of
        a kind that comes in the middle of another report's stack, whose lines are none of its own.
        ``taints``: letters of the taint flags that it explains.
        ``one_line``: it is one line and no stack, where it is not the text of a WARN.
        ``ruled``: it ends with a ruled line. ``ended``: it ends with an end marker even without "cut here".
        ``stall``: it shows what other CPUs do, who print that themselves. ``several``: it has more of its telling lines
        also below the call trace.
        ``by_chance``: a busy host, or too little memory, brings it about in a good kernel, too.
        ``unlabelled``: it shows a stack without "Call Trace:" above it (stack_trace_print()).
        ``ends_lock_checking``: the kernel checks no locks after it (debug_locks_off() of lib/debug_locks.c).
        """
        self.name, self.meaning = name, meaning
        self.starts, self.otherwise, self.below_cut = starts, otherwise, below_cut
        self.parts = frozenset(parts.split())
        self.more, self.only, self.taints = more, only, taints
        self.one_line, self.ruled, self.ended = one_line, ruled, ended
        self.stall, self.several, self.by_chance = stall, several, by_chance or stall
        self.unlabelled, self.ends_lock_checking = unlabelled, ends_lock_checking


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
_LIST_CORRUPTION = r"list_(?:add|del)\w{0,20} (?:double add|corruption)"


def _stall(name: str, meaning: str, starts: str, *, several: bool = False) -> SplatKind:
    return SplatKind(name, meaning, starts, more=_STALLED, stall=True, several=several)


KINDS: tuple[SplatKind, ...] = (
    SplatKind("panic", "the kernel ends itself", r"Kernel panic - not syncing", taints="D"),
    SplatKind("kasan", "memory used after free, or outside its object", r"BUG: KASAN: ", ruled=True, taints="B"),
    SplatKind("kfence", "the same, found by sampling", r"BUG: KFENCE: ", ruled=True, taints="B", unlabelled=True),
    SplatKind("kcsan", "two CPUs race for one word", r"BUG: KCSAN: ", ruled=True, unlabelled=True),
    SplatKind("kmsan", "memory used before it was written", r"BUG: KMSAN: ", ruled=True, taints="B", unlabelled=True),
    SplatKind("ubsan", "undefined behaviour: a shift, an index, an overflow", r"UBSAN: ", ruled=True),
    SplatKind(
        "atomic",
        "sleeping, or scheduling, where that is not allowed",
        r"BUG: (?:sleeping function called|scheduling while atomic|scheduling in a non-blocking section"
        r"|assuming (?:atomic|non migratable) context|using .{1,40} in preemptible|workqueue leaked)",
        taints="W",  # kernel/sched/core.c counts its complaints as warnings
    ),
    _stall("soft-lockup", "a CPU that runs no other task", r"(?:watchdog: )?BUG: soft lockup"),
    _stall(
        "hard-lockup",
        "a CPU that takes no interrupt",
        r"(?:NMI )?(?:watchdog: )?(?:CPU\d{1,4}: )?Watchdog detected hard LOCKUP",
    ),
    _stall("workqueue-lockup", "a pool of workers that does no work", r"BUG: workqueue lockup"),
    _stall(
        "csd-lock",
        "a CPU that does not answer a call of another",
        r"(?:smp: )?csd: (?:Detected|Continued) non-responsive CSD lock",
    ),
    SplatKind(
        "stack-overflow",
        "a kernel stack is full, or damaged",
        r"BUG: (?:\w{1,10} )?stack guard page was hit|(?:kernel )?stack overflow|Kernel stack is corrupt",
        parts="oops bug stack-overflow",
        ended=True,
        taints="D",
    ),
    SplatKind(
        "lockdep-off",
        "lockdep has no more room for locks",
        r"BUG: MAX_(?:LOCKDEP|STACK_TRACE|LOCK_DEPTH)\w{0,30} too low",
        ends_lock_checking=True,
    ),
    SplatKind(
        "lockdep",
        "locks in an order that can deadlock, not held where they must be, or held where they must not",
        r"WARNING: (?:possible (?:circular|recursive|irq lock)|circular locking deadlock|inconsistent lock state"
        r"|bad unlock balance|bad contention|held lock freed|lock held when returning|Nested lock was not taken"
        r"|suspicious RCU usage|chain_key collision|[A-Z_-]{1,40}-safe -> [A-Z_-]{1,40}-unsafe lock order"
        r"|.{1,40} still has locks held)"
        r"|\[ BUG: Invalid wait context \]|INFO: trying to register non-static key|DEBUG_LOCKS_WARN_ON"
        r"|BUG: (?:key .{1,40} has not been registered|looking up invalid subclass)|CPU \d{1,4} left hardirqs enabled",
        ends_lock_checking=True,
    ),
    SplatKind(
        "spinlock",
        "a spin lock that is damaged, or taken twice",
        r"BUG: (?:spinlock|rwlock) ",
        ends_lock_checking=True,
    ),
    _stall(
        "rcu-stall",
        "a CPU or a task that holds up RCU",
        r"(?:rcu: )?INFO: s?rcu\w{0,30} (?:self-)?detected (?:expedited )?stalls?\b"
        r"|rcu: \w{1,30} kthread (?:starved|timer wakeup didn't happen)",
        several=True,
    ),
    _stall(
        "hung-task",
        "a task that waits, and that no signal wakes",
        r"INFO: task .{0,64} blocked.{0,20} for more than \d{1,9} seconds",
    ),
    SplatKind(
        "unwind",
        "a stack that the kernel cannot read",
        r"WARNING: (?:kernel stack (?:regs|frame pointer) at "
        r"|(?:missing \w{2,3} value|can't (?:access|dereference) (?:iret )?registers) at "
        r"|unknown (?:[SB]P base reg|\.orc_unwind entry type|unwind hint type) "
        r"|stack going in the wrong direction\? at |(?:WARNING: )?bad lookup (?:idx|value): )",
        only=r"unwind stack type:|(?:[0-9a-f]{8,16}|\(_{0,4}ptrval_{0,4}\)): [0-9a-f]{8,16} ",
    ),
    SplatKind(
        "bug",
        "BUG(), or a fault without a kind of its own",
        r"[Kk]ernel BUG at ",
        otherwise=r"BUG: |BUG at ",
        parts="oops bug",
        ended=True,
        taints="DB",
    ),
    SplatKind(
        "oops",
        "the kernel touched memory that is not there, or ran what is no code",
        r"Oops: |BUG: unable to handle|BUG: kernel NULL pointer|Unable to handle kernel|Internal error: "
        r"|traps: PANIC|PANIC: double fault|[A-Za-z][^:]{1,80}: [0-9a-f]{4} \[#\d{1,9}\]",
        parts="oops bug stack-overflow",
        ended=True,
        taints="D",
    ),
    SplatKind(
        "bad-page",
        "a page, or a count of pages, in a state that cannot be",
        r"BUG: (?:Bad (?:page|rss-counter)|non-zero pgtables_bytes)",
        more=r"(?:page|head|raw|flags|aops|addr|file|memcg|anon|ksm|page_type)(?: dumped because)?:|page_",
        taints="B",
    ),
    SplatKind(
        "slub",
        "an object of the allocator that was overwritten, freed twice or left behind",
        r"BUG \S{1,64} \(.{1,80}\): |kmem_cache_destroy \S{1,64}: Slab cache still has objects",
        more=_SLUB,
        taints="B",
    ),
    SplatKind(
        "irq",
        "an interrupt that nobody handles",
        r"irq \d{1,9}: nobody cared|irq event \d{1,9}: bogus return value",
        more=r"handlers:|\[<|Disabling IRQ",
    ),
    SplatKind(
        "softirq", "a soft interrupt that keeps preemption off", r"(?:softirq: )?huh, entered softirq ", one_line=True
    ),
    SplatKind(
        "vfs",
        "a file closed twice, or a mount left with inodes",
        r"VFS: (?:Close: file count is 0|Busy inodes after unmount of )",
        one_line=True,
    ),
    SplatKind(
        "kmemleak", "memory that nothing refers to", r"kmemleak: \d{1,9} new suspected memory leaks", one_line=True
    ),
    SplatKind(
        "oom",
        "no memory is left, and a process was killed",
        r".{0,16} invoked oom-killer: |Out of memory(?:: Killed process| and no killable processes)",
        more=_MEMORY,
        several=True,
        by_chance=True,
    ),
    SplatKind(
        "page-allocation",
        "no page was left for the kernel itself",
        r".{0,16}: (?:page allocation failure: |vmalloc (?:error|size)).{1,200}mode:0x",
        more=_MEMORY,
        by_chance=True,
    ),
    SplatKind(
        "warn",
        "WARN(): a condition that should not be",
        r"WARNING: (?:CPU: \d{1,4} PID: \d{1,9} at "
        r"|(?:\[.{1,200}?\] )?(?:\S{1,200}:\d{1,9} )?at \S{1,200}(?: \[[\w-]{1,64}\])?, CPU#)",
        taints="W",
    ),
    SplatKind("dma-api", "a DMA mapping that is used wrongly, or left behind", below_cut=r"DMA-API: "),
    SplatKind(
        "refcount", "a count of references that is too low, too high, or used at zero", below_cut=r"refcount_t: "
    ),
    # With BUG_ON_DATA_CORRUPTION its line stands before "cut here", and the reason is lost below it.
    SplatKind("list-corruption", "a list that was changed twice", below_cut=_LIST_CORRUPTION, parts="bug oops warn"),
    SplatKind("odebug", "an object used, or freed, while it is active", below_cut=r"ODEBUG: "),
    SplatKind("trace", "a stack with words that are not known"),
    SplatKind("taint", "a taint flag that nothing in the log explains"),
)
"""The order counts: see ``SplatKind.starts``. The last two are made by the harness (``finder``, ``taint``)."""

_OTHERWISE = tuple((kind.otherwise, kind.name) for kind in KINDS if kind.otherwise)
STARTS = (*((kind.starts, kind.name) for kind in KINDS if kind.starts), *_OTHERWISE)
"""(how a telling line begins, kind)."""

BELOW_CUT = tuple((kind.below_cut, kind.name) for kind in KINDS if kind.below_cut)
"""(how it begins below "cut here", kind)."""

BEFORE_CUT = re.compile(_LIST_CORRUPTION)
PARTS = {kind.name: kind.parts for kind in KINDS if kind.parts}
SEVERAL = frozenset(kind.name for kind in KINDS if kind.several)
ONE_LINE = frozenset(kind.name for kind in KINDS if kind.one_line)
RULED = frozenset(kind.name for kind in KINDS if kind.ruled)
ENDED = frozenset(kind.name for kind in KINDS if kind.ended)
STALLS = frozenset(kind.name for kind in KINDS if kind.stall)
BY_CHANCE = frozenset(kind.name for kind in KINDS if kind.by_chance)
UNLABELLED = frozenset(kind.name for kind in KINDS if kind.unlabelled)
ENDS_LOCK_CHECKING = frozenset(kind.name for kind in KINDS if kind.ends_lock_checking)
MORE_SHAPES = {kind.name: re.compile(kind.more) for kind in KINDS if kind.more}
ONLY_SHAPES = {kind.name: re.compile(kind.only) for kind in KINDS if kind.only}

CUT_HERE = re.compile(r"-{4,20}\[ cut here \]-{4,20}")
END = re.compile(r"---\[ end (?:trace|Kernel panic)")
RULE = re.compile(r"={20,200}$")
CALL_TRACE = re.compile(r"\s{0,8}Call [Tt]race:")
PRINTED_BY = re.compile(r"CPU: \d{1,4} (?:UID: \d{1,10} )?PID: \d{1,9} Comm: ")
NMI_TRACE = re.compile(r"NMI backtrace for cpu ")

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


def _compiled(pairs: Iterable[tuple[str, str]]) -> re.Pattern[str]:
    """One pattern with a group for each."""
    return re.compile("|".join(f"({pattern})" for pattern, _ in pairs))


_START = _compiled(STARTS)
_CUT = _compiled(BELOW_CUT)


def kind_of(text: str, after_cut: bool = False) -> str:
    """Kind of the report that begins with the line ``text``, empty if none does."""
    if after_cut and (found := _CUT.match(text)):
        return BELOW_CUT[(found.lastindex or 1) - 1][1]
    found = _START.match(text)
    kind = STARTS[(found.lastindex or 1) - 1][1] if found else ""
    return "" if after_cut and kind in ONE_LINE else kind


def has_shape(kind: str, text: str) -> bool:
    """True if ``text`` looks like a line of a report of that kind, after its first lines."""
    if (own := ONLY_SHAPES.get(kind)) is not None:
        return own.match(text) is not None
    more = MORE_SHAPES.get(kind)
    return SHAPE.match(text) is not None or (more is not None and more.match(text) is not None)
