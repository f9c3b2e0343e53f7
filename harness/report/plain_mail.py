# SPDX-License-Identifier: GPL-2.0-only
"""Plain text for a mail to a list: paragraphs, tables and commands within 72 columns."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from harness.report.text import columns, one_line

WIDTH = 72
"""Columns: what is quoted a few times still fits a terminal."""


def paragraph(text: str, indent: int = 0, hanging: int | None = None) -> list[str]:
    """``text`` wrapped and indented; ``hanging``: of all lines but the first, if another. A long word stays whole."""
    return textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent if hanging is None else hanging),
        break_on_hyphens=False,
        break_long_words=False,
    )


def facts(rows: Sequence[tuple[str, str]]) -> list[str]:
    """(label, text) in two columns."""
    width = max((len(label) for label, _ in rows), default=0) + 2
    return [line for label, text in rows for line in paragraph_after(f"{label:{width}}", text)]


def paragraph_after(label: str, text: str) -> list[str]:
    """``label`` as it is, and ``text`` beside it."""
    first, *rest = paragraph(text, len(label)) or [label]
    return [(label + first[len(label) :]).rstrip(), *rest]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """``rows`` as columns; empty if they are too wide for a mail."""
    widths = [max(columns(cell) for cell in column) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * len(widths) > WIDTH:
        return []
    return ["  " + "  ".join(_padded(*pair) for pair in zip(row, widths, strict=True)).rstrip() for row in rows]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - columns(cell))


def command_lines(command: str, indent: int) -> list[str]:
    """A shell command over several lines, each but the last with a backslash at its end, so that it can be copied."""
    lines: list[list[str]] = [[]]
    for word in _units(shlex.split(command)):
        room = WIDTH - (indent + 2) - len(" \\")
        if lines[-1] and len(" ".join([*lines[-1], word])) > room:
            lines.append([])
        lines[-1].append(word)
    begun = " " * indent + " ".join(lines[0])
    return " \\\n".join([begun, *(" " * (indent + 2) + " ".join(line) for line in lines[1:])]).split("\n")


def _units(words: Sequence[str]) -> list[str]:
    """Quoted words; an option stays beside its first value."""
    units: list[str] = []
    for word in words:
        begins = not units or word.startswith("-") or not units[-1].startswith("-") or " " in units[-1]
        units = [*units, shlex.quote(word)] if begins else [*units[:-1], f"{units[-1]} {shlex.quote(word)}"]
    return units
