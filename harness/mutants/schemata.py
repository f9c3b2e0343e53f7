# SPDX-License-Identifier: GPL-2.0-only
"""Mutant schemata: one source text that holds many mutants, each behind a guard that chooses it at run time.

The technique is that of Untch, Offutt and Harrold, "Mutation analysis using mutant schemata" (1993). A guard is
``DMABUF_MUTANT(number)`` of ``kernel/dmabuf_mutant.h``. Lines keep their numbers, so that the compiler's messages, and
the kernel's, name those of the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.mutants.mutation import Edit, EditKind, Mutation, one_line

HEADER = b"#include <linux/dmabuf_mutant.h>\n#line 1\n"
"""Above the first line of a file with mutants."""


@dataclass
class _Span:
    """All edits of one range, with the ranges inside it. ``choices``: (number of the mutant, edit)."""

    start: int
    end: int
    choices: list[tuple[int, Edit]] = field(default_factory=list)
    inside: list[_Span] = field(default_factory=list)

    @property
    def is_insertion(self) -> bool:
        return self.start == self.end

    def holds(self, other: _Span) -> bool:
        """An insertion at its very edge is beside it."""
        if other.is_insertion:
            return self.start < other.start < self.end
        return self.start <= other.start and other.end <= self.end


def with_mutants(source: bytes, numbered: Mapping[int, Mutation]) -> bytes:
    """``source``, in which the mutants of ``numbered`` can be chosen by their number (above 0)."""
    return HEADER + _rendered(source, 0, len(source), _nested(numbered))


def _nested(numbered: Mapping[int, Mutation]) -> list[_Span]:
    spans: dict[tuple[int, int], _Span] = {}
    for number, mutation in numbered.items():
        for edit in mutation.edits:
            span = spans.setdefault((edit.start, edit.end), _Span(edit.start, edit.end))
            span.choices.append((number, edit))
    outermost: list[_Span] = []
    stack: list[_Span] = []
    # An insertion comes before what begins where it stands: an unlock that is moved before a statement.
    for span in sorted(spans.values(), key=lambda one: (one.start, not one.is_insertion, -one.end)):
        while stack and not stack[-1].holds(span):
            stack.pop()
        (stack[-1].inside if stack else outermost).append(span)
        if not span.is_insertion:
            stack.append(span)
    return outermost


def _rendered(source: bytes, start: int, end: int, spans: list[_Span]) -> bytes:
    parts, at = [], start
    for span in spans:
        parts += [source[at : span.start], _choice(source, span)]
        at = span.end
    return b"".join([*parts, source[at:end]])


def _choice(source: bytes, span: _Span) -> bytes:
    original = _rendered(source, span.start, span.end, span.inside)
    kinds = {edit.kind for _, edit in span.choices}
    if EditKind.INSERTION in kinds:
        return b"".join(b" if (%b) { %b } " % (_guard(number), one_line(edit.text)) for number, edit in span.choices)
    if EditKind.STATEMENT in kinds:
        return b"{ %b{ %b } }" % (b"".join(_branches(span)), original)
    whole = b"!!(%b)" if EditKind.CONDITION in kinds else b"(%b)"
    return b"(%b%b)" % (b"".join(_alternatives(span, whole)), whole % original)


def _branches(span: _Span) -> Iterator[bytes]:
    for number, edit in span.choices:
        yield b"if (%b) { %b } else " % (_guard(number), one_line(edit.text))


def _alternatives(span: _Span, whole: bytes) -> Iterator[bytes]:
    for number, edit in span.choices:
        yield b"%b ? %b : " % (_guard(number), whole % one_line(edit.text))


def _guard(number: int) -> bytes:
    return b"DMABUF_MUTANT(%d)" % number
