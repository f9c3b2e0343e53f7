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
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from harness.model import Splat
from harness.splat.fingerprint_rules import CURRENT, Rules
from harness.splat.former_rules import FORMER
from harness.splat.kinds import BY_CHANCE, CUT_HERE, STALLS
from harness.splat.stack import RawFrame, plain_name, stacks

FRAMES = 3
"""Functions of the stack that count."""

AFTER = "panic-after-"
"""Before the fingerprint of the report that a panic only ends, in that of the panic."""

Called = Callable[[RawFrame], Sequence[str]]
"""The functions that a frame stands for, innermost first: those inlined, then its own."""

_SYMBOL = re.compile(r"([A-Za-z_$.][\w$.]{0,255})\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})")
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


def fingerprinted(splat: Splat, site: str = "", called: Called | None = None) -> Splat:
    """``splat`` with its fingerprint, and with the one that it had by the rules before."""
    about = (splat.kind, splat.title, splat.text, site, called or _alone)
    return replace(splat, fingerprint=fingerprint(*about), former=former_fingerprint(*about))


def is_called(splat: Splat, name: str) -> bool:
    """True if ``name`` is the fingerprint of ``splat``, or was before the rules changed."""
    return bool(name) and name in (identity(splat), splat.former)


def is_among(splat: Splat, names: Collection[str]) -> bool:
    """True if one of ``names`` is the fingerprint of ``splat``, or was before the rules changed."""
    return identity(splat) in names or splat.former in names


class Known:
    """``splats`` of one side of a comparison, by what they are."""

    def __init__(self, splats: Iterable[Splat]) -> None:
        self.by_identity: dict[str, list[Splat]] = {}
        self._by_former: dict[str, list[Splat]] = {}
        for splat in splats:
            self.by_identity.setdefault(identity(splat), []).append(splat)
            if splat.former:
                self._by_former.setdefault(splat.former, []).append(splat)

    def like(self, splat: Splat) -> list[Splat]:
        """Those that are the same trouble as ``splat``.

        Of two by the rules of today that is told by their fingerprints. One that was stored before is compared by the
        rules of then, which cannot tell some of them apart: nothing is new because the rules are.
        """
        same = self.by_identity.get(identity(splat), [])
        if splat.former:
            stored = self.by_identity.get(splat.former, [])
            return [*same, *(other for other in stored if not other.former and other not in same)]
        return [*same, *(other for other in self._by_former.get(identity(splat), []) if other not in same)]


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
    return CURRENT.only_reports(function)


def headline(title: str) -> str:
    """The first telling line of a report without what differs: a name for it."""
    return _headline(title, CURRENT)


def _headline(title: str, rules: Rules) -> str:
    title = _SYMBOL.sub(lambda found: plain_name(found[1]), title)
    for pattern, by in rules.replacements:
        title = pattern.sub(by, title)
    return title.strip()


def _alone(frame: RawFrame) -> Sequence[str]:
    return (frame.function,)


def signature(kind: str, title: str, text: str, site: str = "", called: Called = _alone) -> str:
    """All that counts of a report, in words. ``site``: the source line that it names, if that is at hand."""
    return _Words(CURRENT, called).of(kind, title, text, site)


def fingerprint(kind: str, title: str, text: str, site: str = "", called: Called = _alone) -> str:
    """The signature, short enough to compare and to show: "warn-0a1b2c3d4e5f"."""
    return _short(kind, signature(kind, title, text, site, called))


def former_fingerprint(kind: str, title: str, text: str, site: str = "", called: Called = _alone) -> str:
    """What ``fingerprint`` gave for the same report before its rules changed: that of results stored then."""
    return _short(kind, _Words(FORMER, called).of(kind, title, text, site))


def _short(kind: str, words: str) -> str:
    return f"{kind}-{hashlib.sha256(words.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


@dataclass(frozen=True)
class _Words:
    """Makes signatures by ``rules``. ``called``: what stands behind a frame."""

    rules: Rules
    called: Called

    def of(self, kind: str, title: str, text: str, site: str) -> str:
        frames = self.rules.main_stack(kind, text)
        where = self._where(kind, text, frames)
        told = _headline(self._about(title, frames), self.rules)
        return " | ".join(part for part in (kind, told, *where, " ".join(site.split())) if part)

    def _about(self, title: str, frames: Iterable[RawFrame]) -> str:
        """``title`` with the function that the fault is in, where it names the one into which that is inlined."""
        holders = {(frame.function, frame.offset, frame.size): frame for frame in frames}
        reports = self.rules.only_reports

        def name(found: re.Match[str]) -> str:
            holder = holders.get((found[1], int(found[2], 16), int(found[3], 16)))
            names = () if holder is None or reports(found[1]) else self.called(holder)
            return plain_name(next((inner for inner in names if not reports(inner)), found[1]))

        return _SYMBOL.sub(name, title)

    def _where(self, kind: str, text: str, frames: tuple[RawFrame, ...]) -> tuple[str, ...]:
        if kind == "ubsan":
            return (*_TYPE.findall(text)[:1], " < ".join(self._innermost(frames)))
        if kind in STALLS - {"hung-task"}:
            return (" < ".join(self._outermost(frames)),)
        if kind in self.rules.races:
            return (", ".join(self._tops(text)),)
        if kind != "lockdep" or CUT_HERE.match(text):
            return (" < ".join(self._innermost(frames)),)
        tops = self._tops(text)
        places = ", ".join(tops) if len(tops) > 1 else " < ".join(self._innermost(frames))
        return (", ".join(_locks(text)), places or ", ".join(_HELD_AT.findall(text)))

    def _names(self, frames: Iterable[RawFrame], called: Called, only_sure: bool = True) -> list[str]:
        """A part that the compiler split off a function may stand below the rest of it: both are one."""
        names = [plain_name(name) for frame in frames if frame.sure or not only_sure for name in called(frame)]
        return [name for name, _ in groupby(names)]

    def _innermost(self, frames: tuple[RawFrame, ...]) -> list[str]:
        """What is inlined into a function that only reports does so, too."""
        sure = [frame for frame in frames if frame.sure]
        while sure and self.rules.only_reports(sure[0].function):
            del sure[0]
        names = self._names(sure, self.called)
        while names and self.rules.only_reports(names[0]):
            del names[0]
        return (names or self._names(frames, _alone))[:FRAMES]

    def _outermost(self, frames: tuple[RawFrame, ...]) -> list[str]:
        """Of a task that was running the frames are often doubtful, most of them."""
        sure = self._own(self._names(frames, self.called))
        return (sure if len(sure) > 1 else self._own(self._names(frames, self.called, only_sure=False)))[-2:]

    def _own(self, names: list[str]) -> list[str]:
        return [name for name in names if not self.rules.only_reports(name) and not _ENTRY.fullmatch(name)]

    def _tops(self, text: str) -> list[str]:
        """The function that went wrong, of each stack."""
        return sorted({names[0] for stack in stacks(text) if (names := self._innermost(stack.frames))})


def _locks(text: str) -> list[str]:
    """Names of the locks that a report is about; not of all that are held."""
    about = [line for line in text.split("\n") if not _HELD.match(line)]
    return sorted({_VERSION.sub("", name) for line in about for name in _LOCK.findall(line)})


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
