# SPDX-License-Identifier: GPL-2.0-only
"""What a report is about, without what differs from run to run, variant to variant and build to build.

Left out: addresses, offsets, sizes, numbers of processes and CPUs, times, names of tasks, line numbers (a patch shifts
them), suffixes that the compiler adds, and the functions that only report. Kept: the kind, the words, the innermost
functions; those too that the compiler has made a part of another, where line numbers tell of them (``Called``), for it
may do so with the patch and not without it. A deadlock is the same whichever of its tasks comes last: of lockdep's
reports the locks and the function at the top of each stack count, in no order. Where a stall is caught is chance: of
those the outermost functions count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from harness.model import Splat
from harness.splat.kinds import BY_CHANCE, CUT_HERE, STALLS
from harness.splat.stack import RawFrame, main_stack, plain_name, stacks

FRAMES = 3
"""Functions of the stack that count."""

AFTER = "panic-after-"
"""Before the fingerprint of the report that a panic only ends, in that of the panic."""

Called = Callable[[RawFrame], Sequence[str]]
"""The functions that a frame stands for, innermost first: those inlined, then its own."""

_SYMBOL = re.compile(r"([A-Za-z_$.][\w$.]{0,255})\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})")
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

# Functions that report, or that stand for a primitive on which the caller went wrong: never the place of a fault.
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
# Functions between user space (or the start of a thread) and the code that matters.
_ENTRY = re.compile(
    r"entry_\w+|do_syscall_64|x64_sys_call|__(?:x64|do|se)_sys_\w+|ksys_\w+|vfs_\w+|ret_from_fork\w*|kthread"
    r"|worker_thread|process_one_work|asm_\w+|common_startup_64|secondary_startup\w*|start_secondary|cpu_startup_entry"
    r"|do_idle|rest_init|start_kernel|kernel_init\w*|do_one_initcall|proc_reg_\w+|kernfs_\w+|sysfs_\w+"
)
_TYPE = re.compile(r"\btype '([^'\n]{1,120})'")  # of what UBSAN complains of: not its value, which is chance
_LOCK = re.compile(r"\((\S.{0,120}?)\)\{[^}]{1,24}\}")
_VERSION = re.compile(r"#\d{1,9}")  # of several locks with one name: counted as they are first taken
_HELD = re.compile(r"\s{0,8}#\d{1,4}: ")
_HELD_AT = re.compile(r" at: ([A-Za-z_][\w.]{0,255})\+0x")


def identity(splat: Splat) -> str:
    """Equal for the same trouble in another run; one that was stored without a fingerprint gets it now."""
    return splat.fingerprint or fingerprint(splat.kind, splat.title, splat.text)


def case_name(splat: Splat) -> str:
    """What a splat is called in the reports: the same in every run. Two splats may share it."""
    return f"{splat.kind}: {headline(splat.title) or splat.title}"


def is_proof(case: str) -> bool:
    """True if one splat of that ``case_name`` is enough: the kernel found itself in a state that it must never be in.

    A race that is lost once in a hundred runs is none the less one. Stalls may be the host's.
    """
    return case.partition(": ")[0] not in BY_CHANCE


def only_reports(function: str) -> bool:
    """True for a function that reports or stands for a primitive (a lock, a list): never the place of a fault."""
    return _MACHINERY.fullmatch(plain_name(function)) is not None


def headline(title: str) -> str:
    """The first telling line of a report without what differs: a name for it."""
    title = _SYMBOL.sub(lambda found: plain_name(found[1]), title)
    for pattern, by in _REPLACEMENTS:
        title = pattern.sub(by, title)
    return title.strip()


def _alone(frame: RawFrame) -> Sequence[str]:
    return (frame.function,)


def signature(kind: str, title: str, text: str, site: str = "", called: Called = _alone) -> str:
    """All that counts of a report, in words. ``site``: the source line that it names, if that is at hand."""
    frames = main_stack(kind, text)
    where = _where(kind, text, frames, called)
    told = headline(_about(title, frames, called))
    return " | ".join(part for part in (kind, told, *where, " ".join(site.split())) if part)


def fingerprint(kind: str, title: str, text: str, site: str = "", called: Called = _alone) -> str:
    """The signature, short enough to compare and to show: "warn-0a1b2c3d4e5f"."""
    words = signature(kind, title, text, site, called)
    return f"{kind}-{hashlib.sha256(words.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def _about(title: str, frames: Iterable[RawFrame], called: Called) -> str:
    """``title`` with the function that the fault is in, where it names the one into which that is inlined."""
    holders = {(frame.function, frame.offset, frame.size): frame for frame in frames}

    def name(found: re.Match[str]) -> str:
        holder = holders.get((found[1], int(found[2], 16), int(found[3], 16)))
        names = () if holder is None or only_reports(found[1]) else called(holder)
        return plain_name(next((inner for inner in names if not only_reports(inner)), found[1]))

    return _SYMBOL.sub(name, title)


def _where(kind: str, text: str, frames: tuple[RawFrame, ...], called: Called) -> tuple[str, ...]:
    if kind == "ubsan":
        return (*_TYPE.findall(text)[:1], " < ".join(_innermost(frames, called)))
    if kind in STALLS - {"hung-task"}:
        return (" < ".join(_outermost(frames, called)),)
    if kind != "lockdep" or CUT_HERE.match(text):
        return (" < ".join(_innermost(frames, called)),)
    tops = _tops(text, called)
    places = ", ".join(tops) if len(tops) > 1 else " < ".join(_innermost(frames, called))
    return (", ".join(_locks(text)), places or ", ".join(_HELD_AT.findall(text)))


def _names(frames: Iterable[RawFrame], called: Called, only_sure: bool = True) -> list[str]:
    """A part that the compiler split off a function may stand below the rest of it: both are one."""
    names = [plain_name(name) for frame in frames if frame.sure or not only_sure for name in called(frame)]
    return [name for name, _ in groupby(names)]


def _innermost(frames: tuple[RawFrame, ...], called: Called) -> list[str]:
    """What is inlined into a function that only reports does so, too."""
    sure = [frame for frame in frames if frame.sure]
    while sure and only_reports(sure[0].function):
        del sure[0]
    names = _names(sure, called)
    while names and only_reports(names[0]):
        del names[0]
    return (names or _names(frames, _alone))[:FRAMES]


def _outermost(frames: tuple[RawFrame, ...], called: Called) -> list[str]:
    """Of a task that was running the frames are often doubtful, most of them."""
    sure = _own(_names(frames, called))
    return (sure if len(sure) > 1 else _own(_names(frames, called, only_sure=False)))[-2:]


def _own(names: list[str]) -> list[str]:
    return [name for name in names if not only_reports(name) and not _ENTRY.fullmatch(name)]


def _locks(text: str) -> list[str]:
    """Names of the locks that a report is about; not of all that are held."""
    about = [line for line in text.split("\n") if not _HELD.match(line)]
    return sorted({_VERSION.sub("", name) for line in about for name in _LOCK.findall(line)})


def _tops(text: str, called: Called) -> list[str]:
    """The function that went wrong, of each stack."""
    return sorted({names[0] for stack in stacks(text) if (names := _innermost(stack.frames, called))})


_SITE = re.compile(
    r"WARNING: (?:CPU: \d{1,4} PID: \d{1,9} at )?(?:\[.{1,200}?\] )?([\w./+-]{1,200}\.[chS]):(\d{1,9}) "
    r"|kernel BUG at ([\w./+-]{1,200}):(\d{1,9})!"
    r"|([\w./+-]{1,200}\.[chS]):(\d{1,9}) suspicious rcu_"
    r"|UBSAN: [\w -]{1,60} in ([\w./+-]{1,200}):(\d{1,9}):\d"
)


def site_of(text: str) -> str:
    """ "path:line" that a report names as the place of the check that failed, empty if it names none."""
    for line in text.split("\n"):
        if found := _SITE.match(line):
            path, number = [group for group in found.groups() if group]
            return f"{path}:{number}"
    return ""
