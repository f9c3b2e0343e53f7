# SPDX-License-Identifier: GPL-2.0-only
"""What the terminal at hand can show: its width, and whether colour is welcome (https://no-color.org)."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from harness.report.text import one_line

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True)
class Style:
    """``width`` in columns."""

    width: int = 80
    color: bool = False

    def paint(self, text: str, *how: str) -> str:
        """``text`` in the given styles ("bold", "red", ...), or as it is where colour is not welcome."""
        if not self.color or not how or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in how)}m{text}\x1b[0m"


def is_live(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """True if ``stream`` is a terminal whose cursor can be moved."""
    return stream.isatty() and environment.get("TERM", "dumb") not in ("dumb", "unknown")


def style_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Style:
    width = shutil.get_terminal_size((100, 24)).columns
    return Style(max(20, width), is_live(stream, environment) and not environment.get("NO_COLOR"))


def wrapped(text: str, style: Style, indent: int, hanging: int = 0) -> list[str]:
    """``text`` as lines that fit, indented; ``hanging``: of all but the first, if another."""
    return textwrap.wrap(
        text,
        max(style.width, indent + 20),
        initial_indent=" " * indent,
        subsequent_indent=" " * (hanging or indent),
        break_on_hyphens=False,
        break_long_words=False,  # a path or a name that is split cannot be copied
    )


def fact_lines(facts: Sequence[tuple[str, str]], style: Style) -> list[str]:
    """(label, text) in two columns."""
    width = max(len(one_line(label)) for label, _ in facts)
    return [line for label, text in facts for line in _fact(one_line(label).ljust(width), one_line(text), style)]


def _fact(label: str, text: str, style: Style) -> list[str]:
    first, *rest = wrapped(text, style, len(label) + 2) or [""]
    return [f"{style.paint(label, 'dim')}  {first.strip()}", *rest]


def render_facts(facts: Sequence[tuple[str, str]]) -> str:
    """The same for standard output."""
    return "".join(f"{line}\n" for line in fact_lines(facts, style_of(sys.stdout)))
