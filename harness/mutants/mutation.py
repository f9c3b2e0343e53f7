# SPDX-License-Identifier: GPL-2.0-only
"""A mutant as a value: where a mistake is put into a source file, and which."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class EditKind(enum.Enum):
    """What stands in the edited range, which decides how a choice between two texts is written in C."""

    EXPRESSION = "expression"
    CONDITION = "condition"  # an expression of which only the truth counts
    STATEMENT = "statement"
    INSERTION = "insertion"  # an empty range between two statements; the text is a statement


@dataclass(frozen=True)
class Edit:
    """``text`` instead of the bytes from ``start`` to ``end`` (offsets in the file) of a source."""

    start: int
    end: int
    text: bytes
    kind: EditKind


@dataclass(frozen=True)
class Mutation:
    """One mistake. ``path``: of the file in the tree. ``line``: 1-based, where the mistake begins.

    ``last_line``: of all that it touches. ``operator``: its kind ("unlock-dropped"). ``function``: in which it is.
    ``edits``: ranges that do not overlap.
    """

    path: str
    function: str
    line: int
    last_line: int
    operator: str
    edits: tuple[Edit, ...]

    @property
    def name(self) -> str:
        """For one line: "drivers/dma-buf/dma-buf.c:812 dma_buf_pin: call-dropped"."""
        return f"{self.path}:{self.line} {self.function}: {self.operator}"


def mutated(source: bytes, edits: Iterable[Edit]) -> bytes:
    """``source`` with ``edits`` made. Lines keep their numbers: what is left out leaves its line ends behind."""
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        ends = source.count(b"\n", edit.start, edit.end)
        source = source[: edit.start] + one_line(edit.text) + b"\n" * ends + source[edit.end :]
    return source


def one_line(text: bytes) -> bytes:
    """``text`` without line ends: the lines below it keep their numbers."""
    return b" ".join(line.strip() for line in text.splitlines())
