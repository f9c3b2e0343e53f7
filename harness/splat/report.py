# SPDX-License-Identifier: GPL-2.0-only
"""One report while it is being read: which lines are its, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model import Splat
from harness.splat import kinds
from harness.splat.fingerprint import fingerprint

MAX_LINES = 400
"""Lines that are kept of one report; one that has no end must not swallow the log."""

MAX_LINE = 2048
"""Characters that are kept of a line."""

_HEAD = 60  # lines before the call trace, where the report is known to have an end and so must come to it
_FOREIGN = 16  # lines in a row that are none of a report's: it was torn, or has ended


@dataclass
class Report:
    """``outer``: the report in the middle of which this one began, if that one goes on afterwards."""

    kind: str
    line: int
    during: str
    cut_here: bool = False
    title: str = ""
    outer: Report | None = None
    lines: list[str] = field(default_factory=list)
    traced: bool = False  # its call trace has begun
    in_stack: bool = False  # between <TASK> and </TASK>
    ended: bool = False  # its end marker was seen; only kinds that add something afterwards go on
    _seen: int = 0
    _foreign: int = 0

    @property
    def has_end(self) -> bool:
        """True if it ends with a line of its own, so that other lines in between do not end it."""
        return self.cut_here or self.kind in kinds.RULED or self.kind in kinds.ENDED

    @property
    def goes_on(self) -> bool:
        """True if it is in the middle of something, whatever else is printed meanwhile."""
        return not self.ended and (self.in_stack or (self.has_end and bool(self.title)))

    def awaits_cut(self) -> bool:
        """True if a WARN or BUG that comes now is its own."""
        slub = self.kind == "slub" and not self.traced
        return slub or (len(self.lines) == 1 and kinds.BEFORE_CUT.match(self.title) is not None)

    def begin_cut(self) -> None:
        """The WARN or BUG that it awaited comes: a head of its own."""
        self.cut_here = True
        self._seen = 0

    def has_part(self, kind: str) -> bool:
        """True if a telling line of ``kind`` belongs to it."""
        if self.kind in kinds.SEVERAL:
            return kind == self.kind
        if self.traced:
            return False
        first = self.cut_here and kind == "warn"
        return not self.title or first or kind in kinds.PARTS.get(self.kind, ()) or (self.cut_here and kind == "oops")

    def takes(self, text: str) -> bool:
        """True if ``text``, which begins no other report, is a line of it."""
        if self.ended:
            return bool(text.strip()) and kinds.has_shape(self.kind, text) and not text.startswith(" ")
        if self.has_end:
            return self._foreign < _FOREIGN and (self.traced or self._seen < _HEAD or self.kind in kinds.RULED)
        if self.traced:
            return self.in_stack or kinds.has_shape(self.kind, text)
        return self._seen < MAX_LINES

    def add(self, text: str) -> None:
        """Take a line; ``done`` tells whether it was the last."""
        self._seen += 1
        if len(self.lines) < MAX_LINES:
            self.lines.append(text[:MAX_LINE])
        if not self.title and text.strip():
            self.title = text.strip()[:MAX_LINE]
            self.kind = (kinds.kind_of(self.title, after_cut=True) or self.kind) if self.kind == "warn" else self.kind
        self._follow(text)

    def _follow(self, text: str) -> None:
        self.ended = self.ended or kinds.END.match(text) is not None or self._ends_with_rule(text)
        if kinds.CALL_TRACE.match(text):
            self.traced = True
        if self.traced:
            stripped = text.strip()
            self.in_stack = (self.in_stack or stripped in ("<TASK>", "<IRQ>")) and stripped not in ("</TASK>", "</IRQ>")
            self._foreign = 0 if self.ended or kinds.has_shape(self.kind, text) else self._foreign + 1

    def _ends_with_rule(self, text: str) -> bool:
        return self.kind in kinds.RULED and len(self.lines) > 1 and kinds.RULE.match(text) is not None

    @property
    def done(self) -> bool:
        return (self.ended and self.kind not in kinds.MORE_SHAPES) or self.kind in kinds.ONE_LINE

    @property
    def is_one(self) -> bool:
        """False for a stack dump without a stack, which is nothing."""
        return self.kind != "trace" or self.traced

    def finish(self) -> Splat:
        text = "\n".join(self.lines[: len(self.lines) - self._foreign] or self.lines)
        title = self.title or "------------[ cut here ]------------"
        return Splat(self.kind, title, text, self.line, self.during, fingerprint=fingerprint(self.kind, title, text))
