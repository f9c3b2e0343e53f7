# SPDX-License-Identifier: GPL-2.0-only
"""Which patches are the same change, or stand for each other: patch-ids, and rivals. Pure, and linear in their size.

A patch-id is ``git patch-id --stable`` of a diff, as git's builtin/patch-id.c computes it (v2.39), without starting
git. Equal for two diffs that change the same lines in the same files, wherever in the file they are, however files with
hunks are ordered and whatever happened to white space: what the kernel's own tools tell patches apart by.

Rivals are made for the same lines of the same base, a patch sent again or somebody's other way, so they cannot be
applied one after the other as a series can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.series import Patch
from harness.unified_diff import Diff, FileDiff, Hunk

_SIZE = 20  # bytes of a SHA-1
_BLANKS = b" \t\n\r"  # git's isspace(), which knows no form feed


def patch_id(diff: Diff) -> str:
    """40 hexadecimal digits. A plain ``diff -u`` counts as git would have written it: git itself would skip it."""
    total = 0
    for files in _counted_together(diff.files):
        digest = hashlib.sha1(usedforsecurity=False)
        for line in (line for file in files for line in _hashed_lines(file)):
            if not line.startswith((b"index ", b"\\ ")):
                digest.update(line.translate(None, _BLANKS))
        # Sums do not depend on the order of the files. git adds byte by byte, the first the least, and drops the carry.
        total = (total + int.from_bytes(digest.digest(), "little")) % (1 << 8 * _SIZE)
    return total.to_bytes(_SIZE, "little").hex()


def _counted_together(files: Sequence[FileDiff]) -> Iterator[list[FileDiff]]:
    """git goes on with the same sum at a file without hunks (a mode, a pure rename, an empty file)."""
    together: list[FileDiff] = []
    for file in files:
        together.append(file)
        if file.hunks:
            yield together
            together = []
    if together:
        yield together


def _hashed_lines(file: FileDiff) -> Iterator[bytes]:
    yield from _header(file)
    for hunk in file.hunks:
        yield from hunk.body


def _header(file: FileDiff) -> tuple[bytes, ...]:
    if file.header[0].startswith(b"diff --git "):
        return file.header
    old, new = _name(b"a/", file.old), _name(b"b/", file.new)
    path = file.path.encode("utf-8", "surrogateescape")
    made = {(True, False): (b"new file mode 100644",), (False, True): (b"deleted file mode 100644",)}
    kind = made.get((file.old is None, file.new is None), ())
    return (b"diff --git a/" + path + b" b/" + path, *kind, b"--- " + old, b"+++ " + new)


def _name(prefix: bytes, name: str | None) -> bytes:
    return b"/dev/null" if name is None else prefix + name.encode("utf-8", "surrogateescape")


@dataclass
class _Touched:
    """What diffs expect of one file: ``lines`` by number, and which places of it are ``changed``, and by whom.

    A place is twice the number of a line, or the odd number between two.
    """

    made_by: int | None = None  # who creates or deletes it
    lines: dict[int, bytes] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)

    def rival(self, file: FileDiff) -> int | None:
        """Who changes what ``file`` does, and expects it as ``file`` does; None if nobody."""
        if self.made_by is not None and (file.old is None or file.new is None):
            return self.made_by
        return next((who for hunk in file.hunks if (who := self._rival(hunk)) is not None), None)

    def _rival(self, hunk: Hunk) -> int | None:
        expected = dict(enumerate(hunk.before, hunk.old_start))
        common = [number for number in expected if number in self.lines]
        if not common or any(expected[number] != self.lines[number] for number in common):
            return None
        inside = range(2 * common[0], 2 * common[-1] + 1)
        return next((self.changed[place] for place in inside if place in self.changed), None)

    def add(self, file: FileDiff, who: int) -> None:
        if file.old is None or file.new is None:
            self.made_by = who
        for hunk in file.hunks:
            for number, line in enumerate(hunk.before, hunk.old_start):
                self.lines.setdefault(number, line)
            for place in _changes(hunk):
                self.changed.setdefault(place, who)


def rivals(patches: Sequence[Patch]) -> tuple[Patch, Patch] | None:
    """The first two of ``patches`` of which the second changes what the first does, as it was before the first."""
    touched: dict[str, _Touched] = {}
    for number, patch in enumerate(patches):
        files = patch.parsed.files
        for file in files:
            who = touched.setdefault(file.old or file.path, _Touched()).rival(file)
            if who is not None:
                return patches[who], patch
        for file in files:
            touched[file.old or file.path].add(file, number)
    return None


def taken_back(copies: Sequence[Patch], patches: Sequence[Patch]) -> Patch | None:
    """The first of ``copies`` that one of ``patches`` undoes: then it may have been meant to be done again."""
    there = {copy.diff for copy in copies}  # one that moves lines looks like one that moves them back
    undone = {_changed_lines(patch, b"+-") for patch in patches if patch.diff not in there} if copies else set()
    return next((copy for copy in copies if _changed_lines(copy, b"-+") in undone), None)


def _changed_lines(patch: Patch, markers: bytes) -> tuple[tuple[str, tuple[tuple[bytes, ...], ...]], ...]:
    """By file, the lines with the first of ``markers``, and those with the second, without them."""
    return tuple((file.path, tuple(_marked(file, one) for one in markers)) for file in patch.parsed.files)


def _marked(file: FileDiff, marker: int) -> tuple[bytes, ...]:
    return tuple(line[1:] for hunk in file.hunks for line in hunk.body if line[0] == marker)


def changed_twice(files: Sequence[FileDiff]) -> str:
    """The file that a diff changes twice, each time as if the other change were not there; "" if there is none."""
    touched: dict[str, _Touched] = {}
    for file in files:
        seen = touched.setdefault(file.old or file.path, _Touched())
        if seen.rival(file) is not None:
            return file.path
        seen.add(file, 0)
    return ""


def _changes(hunk: Hunk) -> set[int]:
    """The places of the lines that ``hunk`` deletes, and those between two lines where it adds any."""
    changed: set[int] = set()
    number = hunk.old_start
    for marker in (line[:1] for line in hunk.body):
        if marker == b"+":
            changed.add(2 * number - 1)
        elif marker == b"-":
            changed.add(2 * number)
        number += marker in (b" ", b"-")
    return changed
