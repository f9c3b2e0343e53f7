# SPDX-License-Identifier: GPL-2.0-only
"""Which Kconfig symbols a series brings, changes and takes away, read off its diffs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from harness.series import Patch
from harness.unified_diff import Hunk

# Indented with tabs or with blanks alone: a help text is indented with both, and a hunk may begin in one.
_CONFIG = re.compile(rb"(?:\t*| *)(?:menu)?config[ \t]+(\w+)[ \t]*(?:#.*)?$")
_OTHER = re.compile(rb"(?:\t*| *)(?:(?:main|end)?menu|(?:end)?choice|(?:end)?if|source|comment)\b")
_HELP = re.compile(rb"[ \t]*(?:help|---help---)[ \t]*$")


@dataclass(frozen=True)
class Entry:
    """A line in the entry of ``symbol``. ``marker``: of the diff. ``defines``: it is the first."""

    marker: bytes
    symbol: str
    defines: bool


def entries(hunk: Hunk) -> Iterator[Entry]:
    """The lines of ``hunk`` in entries of symbols, without blank ones."""
    begun = _CONFIG.match(hunk.section)
    current = begun[1].decode() if begun else ""
    help_at: int | None = None  # how far the word is indented below which this is the text
    for line in hunk.body:
        marker, text = line[:1], line[1:].expandtabs().rstrip()
        if not text or marker == b"\\":
            continue
        indent = len(text) - len(text.lstrip())
        if help_at is None or indent <= help_at:
            help_at = indent if _HELP.match(text) else None
            if name := _CONFIG.match(line[1:]):
                current = name[1].decode()
                yield Entry(marker, current, True)
                continue
            if _OTHER.match(line[1:]):
                current = ""
        if current:
            yield Entry(marker, current, False)


def added_symbols(patches: Sequence[Patch]) -> tuple[str, ...]:
    """Symbols that ``patches`` define and did not take from elsewhere, in order."""
    return _only_in(_defined(patches, b"+"), _defined(patches, b"-"))


def removed_symbols(patches: Sequence[Patch]) -> tuple[str, ...]:
    """Symbols of which ``patches`` drop the definition, in order."""
    return _only_in(_defined(patches, b"-"), _defined(patches, b"+"))


def _only_in(here: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(symbol for symbol in here if symbol not in there))


def _defined(patches: Sequence[Patch], marker: bytes) -> list[str]:
    files = (file for patch in patches for file in patch.parsed.files)
    kconfig = (file for file in files if PurePath(file.path).name.startswith("Kconfig"))
    found = (entry for file in kconfig for hunk in file.hunks for entry in entries(hunk))
    return [entry.symbol for entry in found if entry.defines and entry.marker == marker]
