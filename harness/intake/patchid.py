# SPDX-License-Identifier: GPL-2.0-only
"""``git patch-id --stable`` of a diff, as git's builtin/patch-id.c computes it (v2.39), without starting git.

Equal for two diffs that change the same lines in the same files, wherever in the file they are, however files with
hunks are ordered and whatever happened to white space: what the kernel's own tools tell patches apart by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from harness.unified_diff import Diff, FileDiff

_SIZE = 20  # bytes of a SHA-1
_BLANKS = b" \t\n\r"  # git's isspace(), which knows no form feed


def patch_id(diff: Diff) -> str:
    """40 hexadecimal digits. A plain ``diff -u`` counts as git would have written it: git itself would skip it."""
    total = 0
    for files in _counted_together(diff.files):
        digest = hashlib.sha1(usedforsecurity=False)
        for line in (line for file in files for line in _lines(file)):
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


def _lines(file: FileDiff) -> Iterator[bytes]:
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
