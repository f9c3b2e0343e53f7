# SPDX-License-Identifier: GPL-2.0-only
"""What differs from run to run in the words of a report, and which functions never are the place of a fault.

Fingerprints are made by these rules. Whoever changes what comes out of them moves what is here now to ``former_rules``,
in place of what is there: results of the harness before must stay comparable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.splat.reporting_names import REPORTING
from harness.splat.stack import RawFrame, main_stack, plain_name


@dataclass(frozen=True)
class Rules:
    """``replacements``: (what is left out of a first line, what stands in its place), in order. ``only_reports``: true
    for a function, by its name as printed, that is never the place of a fault. ``main_stack``: from kind and text of a
    report. ``races``: kinds of which the top of each stack counts, in no order."""

    replacements: tuple[tuple[re.Pattern[str], str], ...]
    only_reports: Callable[[str], bool]
    main_stack: Callable[[str, str], tuple[RawFrame, ...]]
    races: frozenset[str]


_REPLACEMENTS = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        # WARN and BUG are printed with and without file and line (DEBUG_BUGVERBOSE), in two orders (7.x).
        (
            r"^WARNING: (?:CPU: \d+ PID: \d+ )?(?:\[.{1,200}?\] )?(?:at )?(?:\S+:\d+ )?(?:at )?"
            r"([\w.$]+(?: \[[\w-]+\])?)(?:, CPU#.*)?$",
            r"WARNING: \1",
        ),
        (r"^[Kk]ernel BUG at (\S+?)(?::\d+!|( \[[\w-]+\])? \[verbose.*)$", r"kernel BUG at \1"),
        (r"^(?:rcu: )?INFO: (\w+) (?:self-)?detected .*", r"INFO: \1 detected a stall"),
        (r"^INFO: task .{0,64}:\d{1,10}( blocked)", r"INFO: task\1"),
        # Names of tasks: up to 15 characters, any of them, blanks, colons, slashes, brackets and line feeds too.
        (r"^(BUG: scheduling while atomic):.*$", r"\1"),
        (r"^(BUG: using .{1,40} in preemptible \[)\w{0,16}\](?: code)?:.*$", r"\1#]"),
        (r"^(BUG: workqueue leaked [^:]{1,40}):.*$", r"\1"),
        (r"^(BUG: (?:spinlock|rwlock) .{1,60}? on CPU)#\d.*$", r"\1"),
        (r"^((?:watchdog: )?BUG: soft lockup - CPU)#\d{1,4}( stuck for) \d{1,9}s!.*$", r"\1\2 #s!"),
        (r"^(BUG: Bad rss-counter state .{1,80}?) Comm:.*$", r"\1"),
        (r"^(BUG: Bad page \w{3,5} in process) .{0,31}  (?=p\w\w:)", r"\1 "),
        (r"^WARNING: .{0,31}/\d{1,10}( still has locks held)", r"WARNING: task\1"),
        (r"( in ).{0,31}:\d{1,10}( has bad )", r"\1task\2"),
        (r"^(?:rcu: )?(\w{1,30} kthread (?:starved|timer wakeup didn't happen)) for .*$", r"\1"),
        (r": [0-9a-f]{4} \[#\d+\].*$", ""),
        (r"^.{0,31}?(: page allocation failure|: vmalloc )", r"task\1"),
        (r"^(?:.{0,31} )?(invoked oom-killer)", r"task \1"),
        (r"^(Out of memory: Killed process) .*$", r"\1"),
        (r" \((?:Not tainted|Tainted: [A-Z ]+)\)", ""),
        (r" \[[^\]]{1,24}:\d+\]$", ""),
        (r"kworker/[\w:-]+", "kworker"),
        (r"(?: code)?[:,] [^ ,:]{1,24}?(?:/0x[0-9a-f]+|/\d+|\[\d+\])+$", ""),
        (r"pfn:[0-9a-f]+", "pfn"),
        (r"^(BUG: Bad page (?:state|cache) in process) (?!pfn$).{0,15}$", r"\1 pfn"),  # the name has a line feed
        (r"(\.[chS])(?::\d+){1,2}", r"\1"),
        (r"\bCPU#?\d+", "CPU"),
        (r"\(_{0,4}ptrval_{0,4}\)", "#"),
        (r"0x[0-9a-f]+|\b(?=[a-f]*\d)[0-9a-f]{8,}\b", "#"),
        # A number below zero that is a count is chance like any other; that of an error (from -1 to -4095) is a cause.
        (r"(?:(?<=\w:)|(?<=count=)|(?<=count: )|(?<=count = )|(?<=nice=)|(?<=<= 0 \())-\d+", "#"),
        (r"(?<!\w)-(?:\d{5,}|[5-9]\d{3}|4[1-9]\d\d|409[6-9])\b", "#"),
        (r"(?<![\w\-.])#?\d+", "#"),
        (r"\s+", " "),
    )
)

# Functions that report, or that stand for a primitive on which the caller went wrong: never the place of a fault.
# Those in ``REPORTING`` are told from the sources; these also match what compilers and macros make of them.
_MACHINERY = re.compile(
    # printing
    r"(?:__)?dump_stack(?:_lvl)?|show_stack|__warn(?:_\w+)?|warn_slowpath_\w+|__WARN_trap|report_bug|handle_bug"
    r"|die(?:_addr)?|__die(?:_body)?|oops_end|(?:asm_)?exc_\w+|page_fault_oops|kernelmode_fixup_or_oops|no_context"
    r"|_{0,4}bad_area\w*|do_user_addr_fault"
    r"|print_(?:\w{1,40}_bug|trailer|report|address_description|bad_irq_dependency|collision)"
    r"|print_lock_(?:invalid_wait_context|nested_lock_not_held)|warn_alloc|dump_header|oom_kill_process|out_of_memory"
    r"|bad_page|dump_page|sysfs_warn_dup"
    # sanitizers
    r"|(?:__)?k(?:as|ms|cs)an_\w+|__[amt]san_\w+|kfence_\w+|(?:__)?ubsan_\w+|check_region_inline|memcpy|memset|memmove"
    # what else complains of its caller: kernel/dma/{direct,swiotlb}.c, mm/mempolicy.c, kernel/workqueue.c,
    # kernel/sched/core.c, lib/usercopy.c
    r"|dma_direct_(?:map|unmap|sync|alloc|free)\w*|swiotlb_(?:map|tbl)\w*"
    r"|(?:vma_|__)?(?:folio_alloc|alloc_folio)\w*|(?:__)?get_free_pages\w*|get_zeroed_page\w*"
    r"|_{0,2}(?:flush|cancel|drain|destroy|disable|enable|queue)_(?:delayed_)?work(?:queue)?(?:_sync|_timer|_on)?"
    r"|start_flush_work|check_flush_dependency|preempt_count_(?:add|sub)|_(?:inline_)?copy_(?:to|from)_user"
    # lockdep and the locks
    r"|lockdep_\w+|trace_(?:hard|soft)irqs_\w+|(?:__)?lock_(?:acquire|release|contended|acquired)\w*|validate_chain"
    r"|check_noncircular|check_prev\w+|check_irq_usage|check_deadlock|check_wait_context|valid_state"
    r"|register_lock_class|mark_(?:lock|usage)\w*|debug_check_no_\w+|_{0,2}mutex_\w+"
    r"|(?:__)?ww_mutex_\w+|(?:__)?(?:down|up)_(?:read|write)\w*|rwsem_\w+"
    r"|percpu_(?:down|up)_\w+|__percpu_down_read|cpus_(?:read|write)_\w+"
    r"|dma_fence_(?:begin|end)_signalling|__dma_fence_might_wait"
    r"|(?:_|do)_?raw_(?:spin|read|write)_\w+|(?:native_)?queued_\w+|spin_(?:bug|dump)|rwlock_bug"
    # sleeping
    r"|_{0,3}might_(?:sleep|resched|fault)|__cant_\w+|(?:debug_)?smp_processor_id|check_preemption_disabled|msleep\w*"
    r"|__schedule(?:_bug)?|(?:io_)?schedule(?:_timeout\w*|_preempt_disabled)?|preempt_schedule\w*|__cond_resched"
    r"|(?:__)?wait_for_com\w+|rcu_note_context_switch"
    # data structures and memory
    r"|refcount_\w+|__list_\w+|debug_print_object|(?:__)?debug_object_\w+|(?:slab|object)_err|slab_(?:bug|pad_check)"
    r"|check_(?:object|slab|bytes_and_report)|(?:free|alloc)_(?:debug_processing|consistency_checks)"
    r"|free_to_partial_list|on_freelist"
    r"|_{0,3}slab_(?:free|alloc)\w*|kmem_cache_(?:alloc|free|destroy)\w*|(?:__)?kmalloc\w*|kfree|__kmem_cache_\w+"
    r"|free_(?:page_is_bad|pages_prepare|unref_page)\w*|(?:__)?alloc_(?:frozen_)?pages\w*|(?:__)?vmalloc\w*"
    r"|debug_dma_\w+|check_(?:unmap|sync|sg_segment)|err_printk|(?:__)?dma_(?:map|unmap|sync)_\w+"
)


def _only_reports(function: str) -> bool:
    name = plain_name(function)
    return name in REPORTING or _MACHINERY.fullmatch(name) is not None


CURRENT = Rules(_REPLACEMENTS, _only_reports, main_stack, races=frozenset({"kcsan"}))
