# SPDX-License-Identifier: GPL-2.0-only
"""What the terminal at hand can show: its width, and whether colour is welcome (https://no-color.org)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

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
    return stream.isatty() and environment.get("TERM", "dumb") != "dumb"


def style_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Style:
    width = shutil.get_terminal_size((100, 24)).columns
    return Style(max(20, width), is_live(stream, environment) and not environment.get("NO_COLOR"))
