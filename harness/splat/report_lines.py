# SPDX-License-Identifier: GPL-2.0-only
"""One report while it is being read: which lines are its, and where it ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.model import Splat
from harness.splat import kinds
from harness.splat.fingerprint import fingerprinted
from harness.splat.lines import Line

MAX_LINES = 400
"""Lines that are kept of one report; one that has no end must not swallow the log."""

MAX_LINE = 2048
"""Characters that are kept of a line."""

PAUSE = 3.0
"""Seconds of silence after which one without an end of its own has ended; 100 lines take an emulated console one."""

_HEAD = 60  # lines before the call trace, where the report is known to have an end and so must come to it
_FOREIGN = 16  # lines in a row that are none of a report's: it was torn, or has ended
_RIP = re.compile(r"RIP: 0010:([\w.+/]{1,300}(?: \[[\w-]{1,64}\])?)")
_STACK = ("<TASK>", "<IRQ>")
_STACK_END = ("</TASK>", "</IRQ>")


@dataclass
class Report:
    """``line``: number of its first. ``outer``: the report in the middle of which this one began.

    ``caller``: who prints it; others only show their stacks in it. ``marked``: a mark of the harness came in the middle
    of it; another stack is another report from then on. ``unsure``: in a log that does not tell who prints what, so
    that only what looks like it goes on with it is its own.
    """

    kind: str
    line: int
    during: str
    caller: str = ""
    cut_here: bool = False
    title: str = ""
    outer: Report | None = None
    traced: bool = False  # its call trace has begun
    ended: bool = False  # its end marker was seen; only kinds that add something afterwards go on
    marked: bool = False
    unsure: bool = False
    _blocks: list[list[str]] = field(default_factory=list)  # its lines; those of another processor stay together
    _others: dict[str, list[str]] = field(default_factory=dict)  # the block of each that shows its stack here
    _count: int = 0
    _in_stack: set[str] = field(default_factory=set)  # callers between <TASK> and </TASK>
    _head: int = 0
    _foreign: int = 0
    _foreign_in: list[list[str]] = field(default_factory=list)  # the blocks that hold those lines
    _seconds: float = 0.0

    @property
    def lines(self) -> list[str]:
        """What was read of it."""
        return [line for block in self._blocks for line in block]

    # --- whose is a line? -----------------------------------------------------------------------

    @property
    def has_end(self) -> bool:
        """True if it ends with a line of its own, so that other lines in between do not end it."""
        return self.cut_here or self.kind in kinds.RULED or self.kind in kinds.ENDED

    @property
    def goes_on(self) -> bool:
        """True if it is in the middle of something, whatever else is printed meanwhile."""
        return not self.ended and (bool(self._in_stack) or (self.has_end and bool(self.title)))

    @property
    def must_go_on(self) -> bool:
        """True if it cannot have ended here: whoever printed this much of it prints more."""
        return self.goes_on or (self.cut_here and not self.ended)

    @property
    def done(self) -> bool:
        """True if nothing more can come."""
        return (self.ended and self.kind not in kinds.MORE_SHAPES) or self.kind in kinds.ONE_LINE

    @property
    def is_one(self) -> bool:
        """False for what turns out to be nothing: a stack dump without a stack, the reason of a BUG without a BUG."""
        if self.kind == "list-corruption":
            return self.cut_here
        return self.kind != "trace" or self.traced

    def awaits_cut(self) -> bool:
        """True if a WARN or BUG that comes now is its own."""
        slub = self.kind == "slub" and not self.traced
        return slub or (self._count == 1 and kinds.BEFORE_CUT.match(self.title) is not None)

    def has_part(self, kind: str) -> bool:
        """True if a telling line of ``kind`` belongs to it."""
        if self.kind in kinds.SEVERAL:
            return kind == self.kind
        if self.traced:
            return False
        return not self.title or (self.cut_here and kind == "warn") or kind in kinds.PARTS.get(self.kind, ())

    def takes(self, line: Line) -> bool:
        """True if ``line``, which begins no other report, is one of it."""
        text = line.text
        late = line.seconds > self._seconds + (kinds.NMI_WAIT if self.kind in kinds.STALLS else PAUSE)
        if self.ended:
            more = bool(text.strip()) and not text.startswith(" ") and kinds.has_shape(self.kind, text)
            return more and not late
        if self._foreign >= (_FOREIGN if self.traced else _HEAD):
            return False
        if self.has_end:
            return self.traced or self._head < _HEAD or self.kind in kinds.RULED
        if late:
            return False
        if self.traced or self.kind in kinds.STALLS or self.kind in kinds.ONLY_SHAPES:
            empty = self.unsure and not text.strip()
            goes_on = empty or (self._looks_like_it(text) and not self._is_another(text))
            return line.caller in self._in_stack or goes_on
        return self._head < MAX_LINES

    def _looks_like_it(self, text: str) -> bool:
        """True for a line of its shape. Below a mark an empty line, and all that is no part of a stack once that has
        begun, may belong to the next report."""
        if not self.unsure or self.kind in kinds.STALLS | kinds.SEVERAL:
            return kinds.has_shape(self.kind, text)
        if not self.traced:
            return bool(text.strip()) and kinds.has_shape(self.kind, text)
        return bool(text.strip()) and kinds.SHAPE.match(text) is not None and not self._is_another(text)

    def _is_another(self, text: str) -> bool:
        """True for the head of a stack that is none of its own: most reports have one."""
        one = self.kind not in kinds.STALLS | kinds.SEVERAL | {"lockdep"}
        return self.marked and self.traced and one and kinds.PRINTED_BY.match(text) is not None

    # --- taking it ------------------------------------------------------------------------------

    def begin_cut(self) -> None:
        """The WARN or BUG that it awaited comes: a head of its own."""
        self.cut_here = True
        self._head = 0

    def add(self, line: Line) -> None:
        """Take a line; ``done`` tells whether it was the last."""
        text = line.text[:MAX_LINE]
        block = self._block(line.caller)
        kept = self._count < MAX_LINES
        if kept:
            block.append(text)
            self._count += 1
        if not self.title and self._may_be_title(text):
            self.title = text.strip()
            if self.kind == "warn":
                self.kind = kinds.kind_of(self.title, after_cut=True) or self.kind
        self._seconds = max(self._seconds, line.seconds)
        if self._follow(line.caller, text):
            self._foreign, self._foreign_in = 0, []
        else:
            self._foreign += 1
            self._foreign_in += [block] if kept else []

    def _block(self, caller: str) -> list[str]:
        """Where a line of ``caller`` goes."""
        own = caller == self.caller
        if not own and caller in self._others:
            return self._others[caller]
        if not own or not self._blocks or any(self._blocks[-1] is other for other in self._others.values()):
            self._blocks.append([])
        if not own:
            self._others[caller] = self._blocks[-1]
        return self._blocks[-1]

    def _may_be_title(self, text: str) -> bool:
        """False for what stands further below: the title was lost, or is printed later."""
        return not (self.cut_here and (kinds.CUT_HERE.match(text) or kinds.SHAPE.match(text)))

    def _follow(self, caller: str, text: str) -> bool:
        """Where it is now. False for a line that does not look like one of it."""
        self.ended = self.ended or kinds.END.match(text) is not None or self._ends_with_rule(text)
        self.traced = self.traced or kinds.CALL_TRACE.match(text) is not None
        if not self.traced:
            self._head += 1
            return not self.unsure or self._looks_like_it(text)
        if text.strip() in _STACK:
            self._in_stack.add(caller)
        elif text.strip() in _STACK_END:
            self._in_stack.discard(caller)
        return self.ended or self._looks_like_it(text)

    def _ends_with_rule(self, text: str) -> bool:
        return self.kind in kinds.RULED and self._count > 1 and kinds.RULE.match(text) is not None

    def _title_from_registers(self) -> str:
        """What a WARN would have said whose own line was lost among those of another CPU."""
        found = next(filter(None, map(_RIP.match, self.lines)), None)
        return f"WARNING: at {found[1]}" if found is not None else ""

    def finish(self) -> Splat:
        """What was read. Foreign lines at its end, which it only waited in, are left out."""
        title = self.title or self._title_from_registers() or self.lines[0].strip()
        for block in self._foreign_in:
            block.pop()
        text = "\n".join(self.lines)
        return fingerprinted(Splat(self.kind, title, text, self.line, self.during))
