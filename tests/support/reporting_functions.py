# SPDX-License-Identifier: GPL-2.0-only
"""The functions of a kernel's own checkers that can stand above a report's cause on a stack, read from their sources.

A function counts if it prints a report (WARN(), pr_err(), dump_stack(), ...), or calls one of these files that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

FILES = (
    "arch/x86/kernel/apic/hw_nmi.c",
    "arch/x86/kernel/dumpstack*.c",
    "arch/x86/kernel/nmi.c",
    "arch/x86/kernel/traps.c",
    "arch/x86/mm/fault.c",
    "kernel/dma/debug.c",
    "kernel/dma/mapping.c",
    "kernel/hung_task.c",
    "kernel/irq/spurious.c",
    "kernel/kcsan/*.c",
    "kernel/locking/*.[ch]",
    "kernel/panic.c",
    "kernel/rcu/*.[ch]",
    "kernel/smp.c",
    "kernel/softirq.c",
    "kernel/watchdog*.c",
    "lib/bug.c",
    "lib/debug_locks.c",
    "lib/debugobjects.c",
    "lib/dump_stack.c",
    "lib/fault-inject.c",
    "lib/list_debug.c",
    "lib/nmi_backtrace.c",
    "lib/percpu-refcount.c",
    "lib/rcuref.c",
    "lib/ref_tracker.c",
    "lib/refcount.c",
    "lib/smp_processor_id.c",
    "lib/string_helpers.c",
    "lib/ubsan.c",
    "lib/usercopy.c",
    "mm/debug.c",
    "mm/dmapool.c",
    "mm/kasan/*.c",
    "mm/kfence/*.c",
    "mm/kmsan/*.c",
    "mm/mempool.c",
    "mm/oom_kill.c",
    "mm/page_alloc.c",
    "mm/page_frag_cache.c",
    "mm/page_poison.c",
    "mm/page_table_check.c",
    "mm/show_mem.c",
    "mm/slab_common.c",
    "mm/slub.c",
    "mm/usercopy.c",
    "mm/util.c",
    "mm/vmalloc.c",
)
"""Where the checkers are, and what they check calls of: the caller is at fault."""

_TESTS = re.compile(r"test|torture|rcuscale|refscale|rcuperf|lockdep_proc|lock_events")  # of the checkers themselves
# Begun by who reads a file of sysfs or debugfs, sets a parameter, plugs a processor or boots: never by a driver's call.
_BEGINS_ITSELF = re.compile(
    r".*_(?:show|store|debugfs|init|kthread|initcall|sysctl_handler|notifier_register)|(?:show|proc|param_set|early)_.*"
    r"|(?:init|parse|rcutorture|slab_mem|slab_debug_trace)_.*|.*_debugfs_.*|.*_torture_.*|.*(?:slab|s)_(?:start|stop)|trace"
    r"|.*_cpu_(?:dead|online|offline|setup)|watchdog"
)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
_FUNCTION = re.compile(
    r"^(?P<head>(?:[A-Za-z_][^\n;{}=#]*?\b)?[a-z_]\w*\s*\([^;{}#]*?\)[^;{}()=#]*?(?:\([^()]*\)[^;{}()=#]*)?)\n\{(?P<body>.*?)\n\}",
    re.MULTILINE | re.DOTALL,
)
_CALL = re.compile(r"\b([a-z_]\w*)\s*\(")
_ANNOTATION = re.compile(r"__(?:attribute|must_hold|acquires|releases|printf|cond_acquires|no_sanitize|context)")
_PRINTS = re.compile(
    r"\b(?:WARN\w*|(?:VM_)?BUG\w*|VM_WARN\w*|DEBUG_LOCKS_\w+|RCU_LOCKDEP_WARN|pr_(?:err|warn|alert|crit|emerg|cont)\w*"
    r"|printk\w*|dump_stack\w*|dump_page\w*|(?:nmi_)?panic|err_printk|print_\w+|warn_\w+|\w+_warn|SPIN_BUG_ON"
    r"|RWLOCK_BUG_ON|check_bug|\w+_bug|CHECK_DATA_CORRUPTION|report_\w+|\w+_report\w*|slab_err|object_err"
    r"|might_(?:sleep|lock|fault)\w*|(?:lock_map|rwsem|mutex|spin|rwlock|rwbase|seqcount|rt_mutex|lock)_acquire\w*)\s*\("
)


def reporting_files(paths: Iterable[str]) -> Iterator[str]:
    """Those of ``paths`` (in a kernel tree) that hold such functions."""
    for path in paths:
        if not _TESTS.search(path) and any(_fits(path, pattern) for pattern in FILES):
            yield path


def _fits(path: str, pattern: str) -> bool:
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def reporting_functions(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Names of the functions that print a report, or call one that does, by file. ``sources``: text by path."""
    bodies = {path: dict(_functions(text)) for path, text in sources.items()}
    calls: dict[str, set[str]] = {}
    found: set[str] = set()
    for own in bodies.values():
        found |= {name for name, body in own.items() if _PRINTS.search(body)}
        for name, body in own.items():
            calls.setdefault(name, set()).update(_CALL.findall(body))
    while more := {name for name in calls.keys() - found if calls[name] & found}:
        found |= more
    found = {name for name in found if not _BEGINS_ITSELF.fullmatch(name)}
    return {path: own.keys() & found for path, own in bodies.items()}


def _functions(source: str) -> Iterator[tuple[str, str]]:
    """(name, body) of each, without comments and strings, and without those that are only there at boot."""
    plain = _STRING.sub('""', _COMMENT.sub(" ", source))
    for found in _FUNCTION.finditer(plain):
        names = [name for name in _CALL.findall(found["head"]) if not _ANNOTATION.match(name)]
        if names and "__init" not in found["head"]:
            yield names[0], found["body"]
