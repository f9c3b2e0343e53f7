# SPDX-License-Identifier: GPL-2.0-only
"""Where an operator looks, and how it writes down what it would change there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.mutants.c_syntax import Function
from harness.mutants.mutation import Edit, EditKind, Mutation

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class Site:
    """A node of a function in a file. ``source``: the whole file."""

    path: str
    source: bytes
    function: Function
    node: Node

    def condition(self, operator: str, node: Node, text: str | bytes) -> Mutation:
        """``text`` instead of ``node``, of which only the truth counts."""
        return self._replaced(operator, node, text, EditKind.CONDITION)

    def expression(self, operator: str, node: Node, text: str | bytes) -> Mutation:
        return self._replaced(operator, node, text, EditKind.EXPRESSION)

    def statement(self, operator: str, node: Node, text: str | bytes = b"") -> Mutation:
        """``text`` instead of the statement ``node``, with its semicolon; none leaves the statement out."""
        return self._replaced(operator, node, text, EditKind.STATEMENT)

    def insertion(self, operator: str, place: int, text: str) -> Mutation:
        """The statement ``text`` at the offset ``place``, which is between two."""
        return self._mutation(operator, self.node, Edit(place, place, text.encode(), EditKind.INSERTION))

    def moved(self, operator: str, statement: Node, place: int) -> Mutation:
        """``statement`` at ``place`` instead."""
        taken = Edit(statement.start_byte, statement.end_byte, b";", EditKind.STATEMENT)
        given = Edit(place, place, statement.text or b"", EditKind.INSERTION)
        return self._mutation(operator, statement, taken, given)

    def without(self, node: Node, left_out: Node, instead: str) -> bytes:
        """The text of ``node`` with ``instead`` in place of ``left_out``, which is below it."""
        text, start = node.text or b"", node.start_byte
        return text[: left_out.start_byte - start] + instead.encode() + text[left_out.end_byte - start :]

    def _replaced(self, operator: str, node: Node, text: str | bytes, kind: EditKind) -> Mutation:
        data = text.encode() if isinstance(text, str) else text
        return self._mutation(operator, node, Edit(node.start_byte, node.end_byte, data or b";", kind))

    def _mutation(self, operator: str, node: Node, *edits: Edit) -> Mutation:
        last = 1 + self.source.count(b"\n", 0, max(edit.end for edit in edits))
        return Mutation(self.path, self.function.name, node.start_point[0] + 1, last, operator, edits)
