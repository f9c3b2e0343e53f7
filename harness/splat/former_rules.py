# SPDX-License-Identifier: GPL-2.0-only
"""The rules by which fingerprints were made before those of ``fingerprint_rules``. They are kept as they were.

Stored results have such fingerprints (results.json, the state of a bisect, what a user gives with --splat): a splat of
today is found among them by the one that it would have had. Nothing here may change, but go as a whole.
"""

from __future__ import annotations

import re

from harness.splat.fingerprint_rules import Rules
from harness.splat.stack import RawFrame, plain_name, stacks

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
        (r"^INFO: task .{1,64}?( blocked)", r"INFO: task\1"),
        (r": [0-9a-f]{4} \[#\d+\].*$", ""),
        (r"^.{1,16}(: page allocation failure|: vmalloc | invoked oom-killer)", r"task\1"),
        (r" \((?:Not tainted|Tainted: [A-Z ]+)\)", ""),
        (r" \[[^\]]{1,24}:\d+\]$", ""),
        (r"kworker/[\w:-]+", "kworker"),
        (r"(?: code)?[:,] [^ ,:]{1,24}?(?:/0x[0-9a-f]+|/\d+|\[\d+\])+$", ""),
        (r"pfn:[0-9a-f]+", "pfn"),
        (r" in process .{1,16}  ", " in process "),
        (r"(\.[chS])(?::\d+){1,2}", r"\1"),
        (r"\bCPU#?\d+", "CPU"),
        (r"0x[0-9a-f]+|\b(?=[a-f]*\d)[0-9a-f]{8,}\b", "#"),
        (r"(?<![\w\-.])#?\d+", "#"),
        (r"\s+", " "),
    )
)

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
    # lockdep and the locks
    r"|lockdep_\w+|trace_(?:hard|soft)irqs_\w+|(?:__)?lock_(?:acquire|release|contended|acquired)\w*|validate_chain"
    r"|check_noncircular|check_prev\w+|check_irq_usage|check_deadlock|check_wait_context|valid_state"
    r"|register_lock_class|mark_(?:lock|usage)\w*|debug_check_no_\w+|_{0,2}mutex_\w+"
    r"|(?:__)?ww_mutex_\w+|(?:__)?(?:down|up)_(?:read|write)\w*|rwsem_\w+"
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
    return _MACHINERY.fullmatch(plain_name(function)) is not None


def _main_stack(kind: str, text: str) -> tuple[RawFrame, ...]:
    found = stacks(text)
    traces = [stack for stack in found if stack.is_trace] or [stack for stack in found if stack.frames[0].exact]
    return traces[-1 if kind == "lockdep" else 0].frames if traces else ()


FORMER = Rules(_REPLACEMENTS, _only_reports, _main_stack, races=frozenset())
