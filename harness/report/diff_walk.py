# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a diff, each with its place in the changed file."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class DiffKind(enum.Enum):
    HEAD = "head"  # no line of a file
    KEPT = "kept"
    ADDED = "added"
    GONE = "gone"


@dataclass(frozen=True)
class WalkedLine:
    """``number``: in the changed file ``path``, 0 for what is not in it. ``text``: with its marker."""

    kind: DiffKind
    text: str
    path: str = ""
    number: int = 0


def walked(diff: str) -> Iterator[WalkedLine]:
    """All lines of ``diff``, which may be of several files. Headers of hunks tell where a line of text can be one."""
    path = ""
    number = old_left = new_left = 0
    for text in diff.removesuffix("\n").split("\n"):
        if old_left <= 0 and new_left <= 0:
            if text.startswith("+++ "):
                path = text[4:].rstrip("\t").removeprefix("b/")
            if hunk := _HUNK.match(text):
                old_left, number, new_left = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            yield WalkedLine(DiffKind.HEAD, text)
            continue
        kind = {"+": DiffKind.ADDED, "-": DiffKind.GONE, "\\": DiffKind.HEAD}.get(text[:1], DiffKind.KEPT)
        there = kind in (DiffKind.ADDED, DiffKind.KEPT)
        yield WalkedLine(kind, text, path if there else "", number if there else 0)
        old_left -= kind in (DiffKind.GONE, DiffKind.KEPT)
        new_left -= there
        number += there
