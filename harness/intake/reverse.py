# SPDX-License-Identifier: GPL-2.0-only
"""A patch turned round: what it adds is removed, so that a kernel can be tested without something that it has."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from harness.errors import UserError
from harness.intake.diff_parser import parse_diff
from harness.intake.patch_identity import patch_id
from harness.series import Patch
from harness.unified_diff import Diff

_HUNK = re.compile(rb"@@ -(\d+(?:,\d+)?) \+(\d+(?:,\d+)?) @@(.*)", re.DOTALL)
_SWAPPED = {
    b"rename from ": b"rename to ",
    b"new file mode ": b"deleted file mode ",
    b"old mode ": b"new mode ",
}
_PAIRS = (b"old mode ", b"rename from ")
_WORDS = {**_SWAPPED, **{after: before for before, after in _SWAPPED.items()}}


def reversed_patch(patch: Patch) -> Patch:
    """The patch that takes ``patch`` back, named as git-revert(1) does. Raises ``UserError`` if it copies a file."""
    origin = f"{patch.origin}, reversed"
    parsed = parse_diff(reversed_diff(patch.parsed, patch.origin), origin)
    return replace(
        patch,
        origin=origin,
        subject=f'Revert "{patch.subject}"',
        parsed=parsed,
        tags=(),
        message="",
        patch_id=patch_id(parsed),
        known="",
        base_commit="",
        prerequisites=(),
    )


def reversed_diff(diff: Diff, origin: str) -> bytes:
    """``diff`` turned round line by line. ``origin``: for the ``UserError`` if it copies a file."""
    lines, files = iter(diff.data.split(b"\n")), diff.files
    pieces = [list(itertools.islice(lines, file.length)) for file in files]
    for at, (first, second) in enumerate(itertools.pairwise(files)):
        # A file that becomes a link is deleted, then made: in this order the other way round, too.
        if first.new is None and second.old is None and first.path == second.path:
            pieces[at], pieces[at + 1] = pieces[at + 1], pieces[at]
    return b"".join(line + b"\n" for piece in pieces for line in _turned(piece, origin))


def _turned(lines: list[bytes], origin: str) -> Iterator[bytes]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if hunk := _HUNK.match(line):
            end = _end_of_hunk(lines, at + 1, hunk)
            yield b"@@ -%s +%s @@%s" % (hunk[2], hunk[1], hunk[3])
            yield from _body(lines[at + 1 : end])
            at = end
        elif line.startswith(b"--- "):
            yield _renamed(b"--- ", lines[at + 1][4:], b"a/")
            yield _renamed(b"+++ ", line[4:], b"b/")
            at += 2
        elif line.startswith(_PAIRS):
            yield from _pair(line, lines[at + 1])
            at += 2
        else:
            yield _header(line, origin)
            at += 1


def _pair(first: bytes, second: bytes) -> Iterator[bytes]:
    """Two header lines of git that belong together: the values change places, the words stay."""
    for word, value in ((first, second), (second, first)):
        key = next(key for key in _WORDS if word.startswith(key))
        yield key + value[len(next(other for other in _WORDS if value.startswith(other))) :]


def _header(line: bytes, origin: str) -> bytes:
    if line.startswith((b"copy from ", b"copy to ")):
        raise UserError("copies a file, which cannot be taken back", where=origin, hint="make it with --no-renames")
    if index := re.fullmatch(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)(.*)", line):
        return b"index %s..%s%s" % (index[2], index[1], index[3])
    for word in (b"new file mode ", b"deleted file mode "):
        if line.startswith(word):
            return _WORDS[word] + line[len(word) :]
    return line


def _renamed(word: bytes, name: bytes, prefix: bytes) -> bytes:
    """``a/x`` and ``b/x`` keep their sides; other forms of names are as they are."""
    quote = b'"' if name.startswith(b'"') else b""
    bare = name[len(quote) :]
    return word + (quote + prefix + bare[2:] if bare[:2] in (b"a/", b"b/") else name)


def _end_of_hunk(lines: list[bytes], start: int, hunk: re.Match[bytes]) -> int:
    """Index of the first line after the hunk whose body begins at ``start``."""
    left = [int((count.partition(b",")[2]) or 1) for count in (hunk[1], hunk[2])]
    at = start
    while any(left):
        marker = lines[at][:1] or b" "
        left[0] -= marker in b" -"
        left[1] -= marker in b" +"
        at += 1
    return at + (at < len(lines) and lines[at].startswith(b"\\"))


def _body(lines: list[bytes]) -> Iterator[bytes]:
    """Lines with + and - exchanged, removed ones first; a line about a missing newline stays behind its own."""
    removed: list[bytes] = []
    added: list[bytes] = []
    last: list[bytes] | None = None
    for line in lines:
        if line.startswith(b"\\") and last is not None:
            last.append(line)
        elif line[:1] == b"+":
            last = removed
            removed.append(b"-" + line[1:])
        elif line[:1] == b"-":
            last = added
            added.append(b"+" + line[1:])
        else:
            yield from (*removed, *added)
            removed, added, last = [], [], None
            yield line
    yield from (*removed, *added)
