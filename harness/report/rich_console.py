# SPDX-License-Identifier: GPL-2.0-only
"""Writing to a terminal with rich. Nothing but commands that have a terminal before them loads this module.

Text of others goes through ``one_line`` into ``rich.text.Text``: no character of it moves the cursor, and none is read
as markup.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import Console, ConsoleDimensions
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from harness.report.style import Style, style_of
from harness.report.text import columns, one_line, shorten

LEAST_WIDTH = 20
_UNLIMITED = 10_000  # columns
_USUAL = os.terminal_size((80, 24))  # of a terminal that does not know its size


class TerminalConsole(Console):
    """A console on ``stream``. Its size is asked for each time it counts: windows are resized.

    The cursor stays visible: whoever is killed cannot show it again. The last column stays free: some terminals wrap
    a line that fills it.
    """

    def __init__(self, stream: TextIO, style: Style | None = None) -> None:
        self._stream = stream
        color = (style or style_of(stream)).color
        super().__init__(
            file=stream,
            force_terminal=True,
            color_system="standard" if color else None,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    @property
    def size(self) -> ConsoleDimensions:
        found = terminal_size(self._stream)
        return ConsoleDimensions(max(LEAST_WIDTH, found.columns) - 1, found.lines)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        raise AttributeError("the terminal has the size that it has")

    def show_cursor(self, show: bool = True) -> bool:
        return False


def terminal_size(stream: TextIO) -> os.terminal_size:
    """Columns and lines of the terminal that ``stream`` is."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # none, or closed
        return _USUAL
    return found if found.columns and found.lines else _USUAL


def cut(parts: Sequence[tuple[str, str]], width: int, indent: int = 0) -> Text:
    """(text, style) one after the other with a space between, with "..." if they take more than ``width``.

    ``indent``: columns within which the first part stands to the right.
    """
    line = Text()
    for text, style in parts:
        gap = " " if line.plain and text else ""
        line.append(gap + shorten(one_line(text), max(0, width - line.cell_len - len(gap))), style)
        line.pad_left(max(0, indent - line.cell_len))
    return line


def whole(parts: Sequence[tuple[str, str]], indent: int = 0) -> Text:
    """The same on as many lines as it takes."""
    line = Text(" ", overflow="fold").join([Text(one_line(text), style) for text, style in parts if text])
    line.pad_left(max(0, indent - columns(one_line(parts[0][0]))))
    return line


def as_block(lines: Sequence[Text]) -> Text:
    """``lines`` below each other, each cut where the terminal ends."""
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)


def table_lines(cells: Mapping[str, Mapping[str, Text]], width: int) -> list[Text]:
    """``cells``: title -> name of the row -> cell, as lines of a table; empty if there are none, or too wide a table.

    A title that has no row of another one stands below the table: as a column it would be empty but for that.
    """
    counts = Counter(row for column in cells.values() for row in column)
    beside = {title: column for title, column in cells.items() if any(counts[row] > 1 for row in column)} or cells
    table = _table(beside)
    drawn = Console(file=io.StringIO(), width=_UNLIMITED, color_system=None)
    if not cells or drawn.measure(table).maximum > width:
        return []
    alone = [_alone(title, *cell) for title, column in cells.items() if title not in beside for cell in column.items()]
    return [*map(_line, drawn.render_lines(table, pad=False)), *alone]


def _table(cells: Mapping[str, Mapping[str, Text]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True)
    for title in cells:
        table.add_column(_heading(title), no_wrap=True, vertical="bottom")
    for row in dict.fromkeys(row for column in cells.values() for row in column):
        table.add_row(Text(one_line(row)), *(column.get(row, Text()) for column in cells.values()))
    return table


def _alone(title: str, row: str, cell: Text) -> Text:
    return Text.assemble((one_line(title), "bold"), " ", one_line(row), ": ", cell)


def _heading(title: str) -> Text:
    """ "base move-notify-on" on two lines: names of variants are long."""
    side, _, name = one_line(title).rpartition(" ")
    return Text(f"{side}\n{name}" if side else name)


def _line(parts: Sequence[Segment]) -> Text:
    line = Text.assemble(*((part.text, part.style or "") for part in parts))
    line.rstrip()
    return line
