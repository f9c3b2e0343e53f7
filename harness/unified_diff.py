# SPDX-License-Identifier: GPL-2.0-only
"""A unified diff as values: files, hunks, lines; ``harness/intake/diff_parser.py`` reads it. No I/O, no parsing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Hunk:
    """One hunk. ``line``, ``last_line``: of its header and its end in the input, 1-based.

    ``body``: lines with their marker, without newline.
    """

    line: int
    header: str
    old_start: int
    new_start: int
    body: tuple[bytes, ...]
    last_line: int = 0

    @property
    def section(self) -> bytes:
        """What stands behind the second "@@": the line above the hunk that tells where it is."""
        return self.header.split("@@", 2)[-1].strip().encode("utf-8", "replace")

    @property
    def before(self) -> tuple[bytes, ...]:
        """What the hunk expects in the file."""
        return tuple(line[1:] for line in self.body if line[:1] in b" -")

    @property
    def after(self) -> tuple[bytes, ...]:
        """What the hunk leaves in the file."""
        return tuple(line[1:] for line in self.body if line[:1] in b" +")

    @property
    def added(self) -> frozenset[int]:
        """Line numbers (1-based, in the patched file) of the lines it adds."""
        kept = [line[:1] for line in self.body if line[:1] in b" +"]
        return frozenset(self.new_start + at for at, marker in enumerate(kept) if marker == b"+")


@dataclass(frozen=True)
class FileDiff:
    """What a diff does to one file. ``old`` is None if it is created, ``new`` if it is deleted.

    Paths are relative to the tree. ``mode``: the new mode as git writes it ("100644"), "" if not said.
    ``header``: its lines before the hunks.
    """

    line: int
    old: str | None
    new: str | None
    mode: str
    hunks: tuple[Hunk, ...]
    header: tuple[bytes, ...] = ()

    @property
    def path(self) -> str:
        """The name it has after the patch, or had if it is deleted."""
        return self.new or self.old or ""

    @property
    def length(self) -> int:
        """How many lines of the diff it takes: its header, and each hunk with the line that counts it."""
        return len(self.header) + sum(1 + len(hunk.body) for hunk in self.hunks)


@dataclass(frozen=True)
class Diff:
    """A whole diff. ``strip``: what ``git apply -p`` needs. ``data``: its bytes without the text around it."""

    files: tuple[FileDiff, ...] = ()
    strip: int = 1
    data: bytes = b""

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The files that it touches, each once, in order; of a renamed one both names."""
        both = (name for file in self.files for name in (file.old, file.new) if name is not None)
        return tuple(dict.fromkeys(both))

    @cached_property
    def added(self) -> Mapping[str, frozenset[int]]:
        """Path to the numbers (1-based, in the patched file) of the lines it adds; only of files that gain any."""
        added: dict[str, frozenset[int]] = {}
        for file in self.files:
            lines = frozenset[int]().union(*(hunk.added for hunk in file.hunks))
            if lines and file.new is not None:
                added[file.new] = added.get(file.new, frozenset()) | lines
        return added
