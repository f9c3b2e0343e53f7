# SPDX-License-Identifier: GPL-2.0-only
"""Mutants of what a patch takes away: the statements that it deletes or replaces are there again, one place at a time.

If nobody notices, no test holds the patch to what it changes there. Only whole statements of a function can be chosen
at run time: a condition that is changed, a label or a declaration is not put back.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.mutants.c_syntax import functions, is_head, mutable, neighbour, parse
from harness.mutants.mutation import Edit, EditKind, Mutation

if TYPE_CHECKING:
    from tree_sitter import Node

_NOT_ALONE = ("declaration", "labeled_statement", "case_statement")
DELETION, CHANGE = "deletion-undone", "change-undone"


class _Source:
    """A text, its syntax tree, and where its lines begin."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.offsets = [0]
        for line in self.lines:
            self.offsets.append(self.offsets[-1] + len(line))
        self.functions = list(functions(parse(text)))

    def function_at(self, start: int, end: int) -> str:
        """The name of the function in whose body the bytes are, empty for none."""
        bodies = ((one.name, one.body) for one in self.functions)
        return next((name for name, body in bodies if body.start_byte < start and end < body.end_byte), "")

    def block_at(self, start: int, end: int) -> Node | None:
        """The innermost block around the bytes."""
        bodies = (one.body for one in self.functions if one.body.start_byte < start and end < one.body.end_byte)
        node = next(bodies, None)
        while node is not None:
            inner = next((one for one in node.named_children if one.start_byte < start and end < one.end_byte), None)
            if inner is None:
                return node if node.type == "compound_statement" else None
            node = inner
        return None

    def statements(self, first: int, last: int) -> tuple[int, int] | None:
        """First byte, and byte after the last, of the statements that the lines ``first`` to ``last`` (from 0, the
        second not included) are; None if they are not whole ones, or nothing that a mutant can be made of."""
        text = b"".join(self.lines[first:last])
        start = self.offsets[first] + len(text) - len(text.lstrip())
        end = self.offsets[first] + len(text.rstrip())
        block = self.block_at(start, end) if text.strip() else None
        inside = [one for one in block.named_children if one.end_byte > start and one.start_byte < end] if block else []
        if not inside or inside[0].start_byte < start or inside[-1].end_byte > end:
            return None
        kept = [one for one in inside if one.type != "comment"]
        if not kept or is_head(kept[-1]) or is_head(neighbour(kept[0], after=False)):
            return None
        if any(one.type in _NOT_ALONE or one.has_error for one in kept) or not any(map(_counts, kept)):
            return None
        return start, end

    def is_between(self, place: int) -> bool:
        """A statement can be put at ``place``, which is the begin of a line."""
        block = self.block_at(place, place)
        if block is None:
            return False
        before = [one for one in block.named_children if one.start_byte < place and one.type != "comment"]
        return not (before and is_head(before[-1]))


def _counts(node: Node) -> bool:
    """It does more than print, or assert something about the caller."""
    return next(iter(mutable(node)), None) is not None


def undone(path: str, before: bytes, after: bytes) -> Iterator[Mutation]:
    """The mutants of what changed in the file ``path``. ``before``: without the patch, ``after``: with it."""
    old, new = _Source(before), _Source(after)
    changes = difflib.SequenceMatcher(None, old.lines, new.lines, autojunk=False).get_opcodes()
    for tag, old_first, old_last, first, last in changes:
        if tag not in ("delete", "replace") or (taken := old.statements(old_first, old_last)) is None:
            continue
        text = before[slice(*taken)]
        if tag == "delete" and new.is_between(new.offsets[first]):
            place = new.offsets[first]
            yield _mutation(new, path, first, DELETION, Edit(place, place, text, EditKind.INSERTION))
        elif tag == "replace" and (given := new.statements(first, last)) is not None:
            yield _mutation(new, path, first, CHANGE, Edit(*given, text, EditKind.STATEMENT))


def _mutation(new: _Source, path: str, first: int, operator: str, edit: Edit) -> Mutation:
    last = 1 + new.text.count(b"\n", 0, edit.end)
    return Mutation(path, new.function_at(edit.start, edit.end), first + 1, last, operator, (edit,))
