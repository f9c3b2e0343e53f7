# SPDX-License-Identifier: GPL-2.0-only
"""Patches of one thread that stand for each other: a patch sent again, or somebody's other way. Pure.

Both are made for the same lines of the same base, so they cannot be applied one after the other as a series can.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from harness.intake.diff import FileDiff, Hunk, parse_diff
from harness.series import Patch

_Lines = dict[int, bytes]


def rivals(patches: Sequence[Patch]) -> tuple[Patch, Patch] | None:
    """The first two of ``patches`` of which the second changes what the first does, as it was before the first."""
    read = [(patch, parse_diff(patch.diff, patch.origin).files) for patch in patches]
    for (one, first), (two, second) in itertools.combinations(read, 2):
        if any(_same_lines(old, new) for old, new in _of_one_file(first, second)):
            return one, two
    return None


def _of_one_file(first: Sequence[FileDiff], second: Sequence[FileDiff]) -> Iterator[tuple[FileDiff, FileDiff]]:
    of_name = {file.old or file.new: file for file in first}
    return ((of_name[name], file) for file in second if (name := file.old or file.new) in of_name)


def _same_lines(first: FileDiff, second: FileDiff) -> bool:
    if first.old is None or first.new is None:  # created or deleted by both
        return (first.old, first.new) == (second.old, second.new)
    return any(_made_for_same(one, two) for one, two in itertools.product(first.hunks, second.hunks))


def _made_for_same(first: Hunk, second: Hunk) -> bool:
    """True if both expect the same lines at the same place, and both change something there."""
    one, two = _expected(first), _expected(second)
    common = sorted(one.keys() & two.keys())
    if not common or any(one[line] != two[line] for line in common):
        return False
    return all(_changes(hunk) & set(range(common[0], common[-1] + 1)) for hunk in (first, second))


def _expected(hunk: Hunk) -> _Lines:
    return dict(enumerate(hunk.before, hunk.old_start))


def _changes(hunk: Hunk) -> set[int]:
    """Numbers of the old lines that ``hunk`` deletes, or puts something below."""
    changed: set[int] = set()
    line = hunk.old_start
    for marker in (text[:1] for text in hunk.body):
        if marker == b"+":
            changed.add(line - 1)
        elif marker == b"-":
            changed.add(line)
        line += marker in (b" ", b"-")
    return changed
