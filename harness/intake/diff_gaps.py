# SPDX-License-Identifier: GPL-2.0-only
"""What stands above and between the files of a diff: a message, or words for a change that is not shown. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

_STAT = re.compile(rb" ?\d{1,7} files? changed\b")
_ONLY_IN = re.compile(rb"Only in [^\s:]+: \S")
_KIND = re.compile(rb"File \S+ is an? [a-z ]+ while file \S+ is an? ")
_SUBMODULE = re.compile(
    rb"Submodule \S+ (?:[0-9a-f]{7,64}\.{2,3}[0-9a-f]{7,64}|contains (?:untracked|modified) content)"
)
# How pages of list archives and mail programs show where a mail begins, or answers another.
_MAIL = re.compile(
    rb"(?:From|Subject|Date|Message-ID): \S|(?:\* )?(?:Re|RE|Aw|AW): \S|On \S.{4,200} (?:wrote|writes):\s*$"
    rb"|-{5,10} ?Original Message"
)
_ON_PAGE = re.compile(rb".{0,200}\(permalink / raw\)|\^ permalink ")  # of public-inbox
_PAIRS = (b"Binary files ", b"Files ", b"Symbolic links ")
_HEADER = (b"--- ", b"index ", b"old mode ", b"new file ", b"deleted ", b"similarity ", b"dissimilarity ", b"rename ")
_SIGNATURE = b"-- "


def is_separator(line: bytes) -> bool:
    """True for the line that ends the message in a mail of git format-patch."""
    return line.rstrip() == b"---"


def begins_mail(line: bytes, *, sent: bool) -> bool:
    """True for what stands above a mail on a page that shows several. ``sent``: in a mail people write most of it."""
    return bool(_ON_PAGE.match(line) or (not sent and _MAIL.match(line)))


def message_end(lines: Sequence[bytes]) -> int:
    """Where what is surely a message ends: at the last "---" with a diffstat before the first file; else 0."""
    first = next((at for at in range(len(lines)) if _begins_file(lines, at)), 0)
    stat = False
    for at in range(first - 1, -1, -1):
        stat = stat or bool(_STAT.match(lines[at]))
        if stat and is_separator(lines[at]):
            return at
    return 0


def _begins_file(lines: Sequence[bytes], at: int) -> bool:
    """As git-apply(1) sees it."""
    if lines[at].startswith(b"diff --git "):
        return at + 1 < len(lines) and lines[at + 1].startswith(_HEADER)
    below = lines[at + 1 : at + 3] if lines[at].startswith(b"--- ") else []
    return len(below) == 2 and below[0].startswith(b"+++ ") and below[1].startswith(b"@@ -")


def left_out(lines: Sequence[bytes], gap: range, *, below: bool, above: bool) -> int | None:
    """The line in ``gap`` that stands for a change in place of its diff.

    Diff programs leave no blank line around it: elsewhere it is talk. ``below``, ``above``: the gap is below a file
    of the diff, or above one.
    """
    touching = [*(_block(lines, gap) if below else ()), *(_block(lines, reversed(gap)) if above else ())]
    return next((at for at in touching if _stands_for_change(lines[at])), None)


def _block(lines: Sequence[bytes], places: Sequence[int] | Iterator[int]) -> Iterator[int]:
    return itertools.takewhile(lambda at: bool(lines[at].strip()) and lines[at] != _SIGNATURE, places)


def _stands_for_change(line: bytes) -> bool:
    """True for what GNU diff and git write of a change that they do not show."""
    if line.startswith(_PAIRS):
        return b" and " in line and line.rstrip().endswith(b" differ")
    if line.startswith(b"* Unmerged path "):
        return True
    return any(form.match(line) for form in (_ONLY_IN, _KIND, _SUBMODULE))
