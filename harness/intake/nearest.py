# SPDX-License-Identifier: GPL-2.0-only
"""Where a hunk that does not apply would have belonged: the nearest lines, the nearest file name. Pure."""

from __future__ import annotations

import difflib
import posixpath
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

# A line as common as this ("}", "break;") says nothing about the place, and makes the search slow.
_COMMON = 1000

_Block = tuple[str, int, int, int, int]  # of difflib: what differs, hunk[a:b], file[c:d]


@dataclass(frozen=True)
class Nearest:
    """The place in a file that looks most like a hunk.

    ``line``: 1-based. ``differing`` of ``total`` lines of the hunk are not there; ``extra`` lines of the file stand
    between those that are. ``expected`` and ``found``: the first difference, None if that side has no such line.
    ``blanks``: nothing but white space differs.
    """

    line: int
    differing: int
    total: int
    extra: int
    expected: bytes | None
    found: bytes | None
    blanks: bool

    @property
    def exact(self) -> bool:
        return not self.differing and not self.extra


def nearest(hunk: Sequence[bytes], lines: Sequence[bytes], start: int) -> Nearest | None:
    """Find the place in ``lines`` most like ``hunk``; of equal ones that nearest to line ``start`` (1-based).

    None if no line of the hunk that means anything is in the file.
    """
    offset = _vote(hunk, lines, start - 1)
    if offset is None:
        return None
    there = lines[max(offset, 0) : offset + len(hunk)]
    blanks = _squeezed(hunk) == _squeezed(there)
    # Lines that only one side has shift the rest: look around the place as well, if anything there holds it fast.
    slack = 0 if blanks or not set(hunk).intersection(there) else len(hunk) // 2 + 3
    first = max(offset - slack, 0)
    window = lines[first : offset + len(hunk) + slack]
    blocks = _trimmed(difflib.SequenceMatcher(None, hunk, window).get_opcodes(), len(hunk))
    differences = [block for block in blocks if block[0] != "equal"]
    expected, found = _sides(differences[0], hunk, window) if differences else (None, None)
    return Nearest(
        line=first + blocks[0][3] + 1,
        differing=sum(end - start for _, start, end, _, _ in differences),
        total=len(hunk),
        extra=sum(end - start for kind, _, _, start, end in differences if kind == "insert"),
        expected=expected,
        found=found,
        blanks=blanks,
    )


def _trimmed(blocks: Sequence[_Block], size: int) -> list[_Block]:
    """The blocks of ``SequenceMatcher`` without the lines around the hunk, which are no difference."""
    trimmed: list[_Block] = []
    for kind, old, old_end, new, new_end in blocks:
        if kind == "insert" and old in (0, size):
            continue
        replaced = kind == "replace"
        begin = max(new, new_end - old_end) if replaced and old == 0 else new
        end = min(new_end, new + size - old) if replaced and old_end == size else new_end
        trimmed.append((kind, old, old_end, begin, end))
    return trimmed


def _vote(hunk: Sequence[bytes], lines: Sequence[bytes], start: int) -> int | None:
    """The offset at which most lines of the hunk are where they should be, white space aside."""
    keys = _squeezed(hunk)
    wanted = set(keys) - {b""}
    where: defaultdict[bytes, list[int]] = defaultdict(list)
    for number, key in enumerate(_squeezed(lines)):
        if key in wanted:
            where[key].append(number)
    votes = Counter(
        place - number for number, key in enumerate(keys) if len(where.get(key, ())) <= _COMMON for place in where[key]
    )
    return max(votes, key=lambda offset: (votes[offset], -abs(offset - start)), default=None)


def _squeezed(lines: Sequence[bytes]) -> list[bytes]:
    return [b" ".join(line.split()) for line in lines]


def _sides(block: _Block, hunk: Sequence[bytes], window: Sequence[bytes]) -> tuple[bytes | None, bytes | None]:
    _, old, old_end, new, new_end = block
    return (hunk[old] if old < old_end else None), (window[new] if new < new_end else None)


def nearest_name(name: str, existing: Sequence[str]) -> str | None:
    """The existing file that ``name`` most likely means: the same name elsewhere, or one like it in its directory."""
    directory, base = posixpath.split(name)
    moved = [other for other in existing if posixpath.basename(other) == base]
    if moved:
        return max(moved, key=lambda other: difflib.SequenceMatcher(None, name, other).ratio())
    beside = [other for other in existing if posixpath.dirname(other) == directory]
    return next(iter(difflib.get_close_matches(name, beside, n=1)), None)
