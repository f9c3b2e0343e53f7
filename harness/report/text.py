# SPDX-License-Identifier: GPL-2.0-only
"""Making text safe and short: kernels, tests and patches print what they like."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

# Control characters (an escape sequence would rewrite the terminal), directional overrides (they would reorder a
# line), and what XML 1.0 and its readers cannot hold: lone surrogates and non-characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)


def visible(text: str) -> str:
    """``text`` with every dangerous character written as an escape; line ends and tabs stay."""
    return _UNSAFE.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """``visible`` text on one line, spaces collapsed."""
    return " ".join(visible(text).split())


def columns(text: str) -> int:
    """Columns that ``text`` takes on a terminal: an East Asian character takes two, a combining one none."""
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """``text`` cut to ``width`` columns, with "..." if anything is gone."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 3:
        text = text[:-1]
    return text + "..."[: max(0, width)]


def cut_middle(text: str, limit: int, pointer: str) -> str:
    """``text`` cut to about ``limit`` characters: begin and end tell most. ``pointer``: where the whole of it is."""
    if len(text) <= limit:
        return text
    half = limit // 2
    gone = len(text) - 2 * half
    where = f"; the whole: {pointer}" if pointer else ""
    return f"{text[:half]}\n... {gone} characters left out{where} ...\n{text[-half:]}"


def duration(seconds: float) -> str:
    """ "9.1 s", "3 min 12 s", "1 h 02 min"."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def plural(count: int, noun: str) -> str:
    """ "1 test", "2 tests"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def relative(path: str | Path, run_dir: Path) -> str:
    """``path`` seen from the run directory if it lies inside it, else as it is."""
    target = Path(path)
    return str(target.relative_to(run_dir)) if target.is_absolute() and target.is_relative_to(run_dir) else str(path)
