# SPDX-License-Identifier: GPL-2.0-only
"""Finding what the kernel says against itself in a console log: warnings, oopses, lockdep reports and their like.

Only lines with a kernel time stamp are believed, and only if a report begins there: a test that prints "WARNING: ..."
to its output, or a daemon that logs such a word, is no report. Pure: text in, values out, in linear time.

Sources of the wording: kernel/panic.c, kernel/locking/lockdep.c, lib/bug.c, lib/ubsan.c, lib/list_debug.c,
lib/refcount.c, mm/kasan/report.c, mm/kfence/report.c, mm/slub.c, mm/oom_kill.c, kernel/dma/debug.c,
kernel/hung_task.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/sched/core.c,
arch/x86/kernel/{dumpstack,traps}.c, arch/x86/mm/fault.c (5.6 to 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.model import Splat

MAX_LINES = 400  # of one report; a report that has no end must not swallow the log

# Also in the middle of a line: a daemon's text without a newline may stand before it.
_STAMP = re.compile(r"\[ {0,8}\d{1,12}\.\d{6}\](?:\[ {0,8}([TC]\d{1,10})\])? ?")
_CUT_HERE = re.compile(r"-{4,}\[ cut here \]-{4,}")
_OURS = "dmabuf-harness: "
_MARK = re.compile(r"dmabuf-harness: (?:\w+ )?(start|end) (.+)")
_PANIC = re.compile(r"Kernel panic - not syncing")

# (kind, how its telling line begins). The first that matches counts.
_KINDS: tuple[tuple[str, str], ...] = (
    ("panic", r"Kernel panic - not syncing"),
    ("kasan", r"BUG: KASAN: "),
    ("kfence", r"BUG: KFENCE: "),
    ("kcsan", r"BUG: KCSAN: "),
    ("ubsan", r"UBSAN: "),
    ("atomic", r"BUG: sleeping function called|BUG: scheduling while atomic|BUG: using \w+\(\) in preemptible"),
    ("lockup", r"(?:NMI )?(?:watchdog: )?(?:BUG: (?:soft|workqueue) lockup|Watchdog detected hard LOCKUP)"),
    ("stack-overflow", r"BUG: (?:\w+ )?stack guard page was hit|(?:kernel )?stack overflow|Kernel stack is corrupted"),
    ("lockdep-off", r"BUG: MAX_(?:LOCKDEP|STACK_TRACE|LOCK_DEPTH)\w* too low"),
    (
        "lockdep",
        r"WARNING: (?:possible (?:circular|recursive|irq lock)|inconsistent lock state|bad unlock balance"
        r"|bad contention|held lock freed|lock held when returning|Nested lock was not taken|suspicious RCU usage"
        r"|\S+-safe -> \S+-unsafe lock order|.* still has locks held)"
        r"|\[ BUG: Invalid wait context \]|INFO: trying to register non-static key|DEBUG_LOCKS_WARN_ON",
    ),
    ("rcu-stall", r"(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?\b|rcu: rcu_\w+ kthread starved"),
    ("hung-task", r"INFO: task .{1,64} blocked for more than \d+ seconds"),
    ("bug", r"kernel BUG at "),
    (
        "oops",
        r"Oops:|BUG: unable to handle|BUG: kernel NULL pointer|Unable to handle kernel|Internal error: "
        r"|general protection fault|stack segment|divide error|invalid opcode|traps: PANIC|PANIC: double fault",
    ),
    ("slub", r"BUG \S+ \(.{1,80}\): "),
    ("bug", r"BUG: "),
    ("irq", r"irq \d+: nobody cared"),
    ("kmemleak", r"kmemleak: \d+ new suspected memory leaks"),
    ("oom", r"Out of memory: Killed process"),
    ("warn", r"WARNING: (?:CPU: \d+ PID: \d+ at |\S+:\d+ at )"),
)
# What may stand after "cut here" only: elsewhere it is no report.
_CUT_KINDS: tuple[tuple[str, str], ...] = (
    ("dma-api", r"DMA-API: "),
    ("refcount", r"refcount_t: "),
    ("list-corruption", r"list_(?:add|del)\w* (?:double add|corruption)"),
)


def _compile(kinds: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """One pattern with a group for each kind, and the kinds by group number."""
    return re.compile("|".join(f"({pattern})" for _, pattern in kinds)), tuple(kind for kind, _ in kinds)


_START, _START_KINDS = _compile(_KINDS)
_CUT, _CUT_KIND_NAMES = _compile(_CUT_KINDS)

_BRIEF = frozenset({"kmemleak", "oom"})  # one line each
_RULED = frozenset({"kasan", "kfence", "kcsan", "ubsan", "slub"})  # end with a ruled line
_RULE = re.compile(r"={20,}$")
_END = re.compile(r"---\[ end (?:trace|Kernel panic)")
_CALL_TRACE = re.compile(r"\s*Call [Tt]race:")
# What a report goes on with after its call trace; anything else is ordinary log again.
_TAIL = re.compile(
    r"[ \t]|$|</?\w+>|Call [Tt]race:|RIP: |Code: |[RE][A-Z0-9]{2}: |[CDEF]S: |CR2|DR\d|PKRU|CPU: |Hardware name"
    r"|Modules linked|task:|NMI backtrace|Sending NMI|(?:hard|soft)irqs last|irq event stamp"
    r"|---\[ end |INFO: lockdep is turned off|\d+ locks? held|#\d|stack backtrace"
)


@dataclass
class _Report:
    """A report that is being read."""

    kind: str
    line: int
    during: str
    cut_here: bool = False
    title: str = ""
    lines: list[str] = field(default_factory=list)
    traced: bool = False  # its call trace has begun

    def finish(self) -> Splat:
        title = self.title or "------------[ cut here ]------------"
        return Splat(self.kind, title, "\n".join(self.lines), self.line, self.during)


def _kind(text: str, after_cut: bool = False) -> str:
    """Kind of the report that begins with ``text``, empty if none does."""
    if after_cut and (found := _CUT.match(text)):
        return _CUT_KIND_NAMES[(found.lastindex or 1) - 1]
    found = _START.match(text)
    return _START_KINDS[(found.lastindex or 1) - 1] if found else ""


class _Finder:
    """Reads a log line by line. Reports of several CPUs may be interleaved if the kernel prints who speaks."""

    def __init__(self) -> None:
        self.found: list[Splat] = []
        self._open: dict[str, _Report] = {}
        self._running: list[str] = []
        self._marked = False

    def feed(self, number: int, caller: str, text: str) -> None:
        if text.startswith(_OURS):
            if mark := _MARK.match(text):
                self._mark(mark.group(1), mark.group(2).strip())
            return
        report = self._open.get(caller)
        if _CUT_HERE.match(text):
            self._begin(caller, _Report("warn", number, self._during, cut_here=True), text)
        elif report is not None and not self._interrupts(report, text):
            self._continue(caller, report, text)
        elif kind := _kind(text):
            self._begin(caller, _Report(kind, number, self._during, title=text.strip()), text)
        elif report is not None:
            self._end(caller)

    @property
    def _during(self) -> str:
        return ": ".join(self._running) if self._marked else "boot"

    def _mark(self, verb: str, what: str) -> None:
        self.end_all()
        self._marked = True
        if what in self._running:
            del self._running[self._running.index(what) :]
        if verb == "start":
            self._running.append(what)

    # --- one report ---------------------------------------------------------------------------

    def _interrupts(self, report: _Report, text: str) -> bool:
        """True if ``text`` is no part of ``report``."""
        if len(report.lines) >= MAX_LINES or _PANIC.match(text):
            return True
        kind = _kind(text)
        if report.traced:
            return bool(kind) or not (report.cut_here or report.kind in _RULED or _TAIL.match(text))
        # An oops has several telling lines ("BUG: kernel NULL pointer ...", "Oops: ..."), a WARN may have two.
        same = kind in ("oops", "bug", "warn") and (report.cut_here or report.kind in ("oops", "bug", "stack-overflow"))
        return bool(kind) and bool(report.title) and not same

    def _begin(self, caller: str, report: _Report, text: str) -> None:
        self._end(caller)
        self._open[caller] = report
        report.lines.append(text)
        if report.kind in _BRIEF:
            self._end(caller)

    def _continue(self, caller: str, report: _Report, text: str) -> None:
        report.lines.append(text)
        if not report.title and text.strip():
            report.title = text.strip()
            report.kind = _kind(report.title, after_cut=True) or report.kind
        report.traced = report.traced or bool(_CALL_TRACE.match(text))
        if _END.match(text) or (report.kind in _RULED and _RULE.match(text)):
            self._end(caller)

    def _end(self, caller: str) -> None:
        if (report := self._open.pop(caller, None)) is not None:
            self.found.append(report.finish())

    def end_all(self) -> None:
        for caller in tuple(self._open):
            self._end(caller)


def _kernel_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, who speaks or "", text) of the lines that the kernel printed."""
    for number, line in enumerate(text.split("\n"), 1):
        if stamp := _STAMP.search(line):
            yield number, stamp.group(1) or "", line[stamp.end() :].rstrip("\r")


def find_splats(text: str) -> tuple[Splat, ...]:
    """All reports in a console log or ``dmesg`` output, in order.

    ``during`` is taken from the lines ``dmabuf-harness: start WHAT`` and ``end WHAT``: "suite: test", "boot" before
    the first of them, empty between two.
    """
    finder = _Finder()
    for number, caller, line in _kernel_lines(text):
        finder.feed(number, caller, line)
    finder.end_all()
    return tuple(sorted(finder.found, key=lambda splat: splat.line))


def find_panic(text: str) -> str | None:
    """First line of the first kernel panic in a console log, without its time stamp."""
    return next((line.strip() for _, _, line in _kernel_lines(text) if _PANIC.match(line)), None)
