# SPDX-License-Identifier: GPL-2.0-only
"""Unified diffs, read strictly: every line of every hunk is accounted for, or it is an error with a line number.

The format is what git-apply(1) takes: git's extended headers (git's Documentation/diff-generate-patch.txt) and the
plain ``diff -u`` of GNU diffutils. What stands above and between the files is a message, or words for a change that is
not shown, which is refused. Pure, and linear in the size of the input.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import UserError
from harness.intake import diff_paths
from harness.unified_diff import Diff, FileDiff, Hunk

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


_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_FILE_LINE = re.compile(rb"(?m)^(?:diff --git |\+\+\+ )[^\n]*")
_MERGE = (b"diff --cc ", b"diff --combined ")
_MAKE_AGAIN = "get it again as it was sent (the raw mail), or made anew with git format-patch"
_NEW = (b"new mode ", b"new file mode ")


@dataclass
class _Section:
    """One file of the diff while it is read: names still carry their prefix ("a/", "b/")."""

    line: int  # index into the lines
    named: diff_paths.Pair
    bare: diff_paths.Pair = (None, None)  # "rename from", "rename to": without a prefix
    header: diff_paths.Pair = (None, None)  # of the line "diff --git"
    created: bool = False
    deleted: bool = False
    mode: str = ""
    said: bool = False  # the extended header alone says something
    body: int = 0  # index of the line after the header
    hunks: tuple[Hunk, ...] = ()


def parse_diff(text: bytes, origin: str, first_line: int = 1) -> Diff:
    """Read the diff in ``text``; what stands before, between and after its files is skipped.

    ``origin`` and ``first_line`` (of ``text`` in it) are for messages. A text without a diff has no ``files``.
    An empty context line whose blank was stripped on the way gets it back: ``git patch-id`` counts on it.
    Raises ``UserError`` for a diff that is truncated, corrupt, binary or of a merge.
    """
    lines = _without_transport_cr(text).split(b"\n")
    return _Reader(lines, origin, range(first_line, first_line + len(lines) + 1)).read()


def parse_lines(lines: Sequence[bytes], numbers: Sequence[int], origin: str) -> Diff:
    """The same for lines that were picked out of a text; ``numbers``: where each stood in it, 1-based."""
    return _Reader(list(lines), origin, [*numbers, numbers[-1] + 1 if numbers else 1]).read()


class _Reader:
    def __init__(self, lines: list[bytes], origin: str, numbers: Sequence[int]) -> None:
        """``numbers``: of each line in the input, and one more for its end."""
        self._lines = lines
        if self._lines and not self._lines[-1]:
            self._lines.pop()
        self._at = 0
        self._origin = origin
        self._numbers = numbers

    def read(self) -> Diff:
        sections: list[_Section] = []
        pieces: list[bytes] = []
        self._at = end = message_end(self._lines)  # of the section before
        while self._at < len(self._lines):
            start = self._at
            section = self._section()
            if section is None:
                self._at += 1
                continue
            self._check_gap(range(end, start), below=bool(sections), above=True)
            sections.append(section)
            end = self._at
            pieces += self._lines[start:end]
        self._check_gap(range(end, len(self._lines)), below=bool(sections), above=False)
        strip = 0 if sections and all(diff_paths.unprefixed(s.header, s.named, s.bare) for s in sections) else 1
        files = tuple(self._resolve(section, strip) for section in sections)
        return Diff(files, strip, b"".join(piece + b"\n" for piece in pieces))

    def _check_gap(self, gap: range, *, below: bool, above: bool) -> None:
        """Refuse what would fall out, or could be read in two ways, without anybody noticing."""
        at = left_out(self._lines, gap, below=below, above=above)
        if at is not None:
            shown = ascii(self._lines[at][:100].decode("utf-8", "replace"))
            raise self._error(f"{shown} stands for a change that is not in the patch", _MAKE_AGAIN, at)
        if below and above and (at := next(filter(self._separates, gap), None)) is not None:
            what = "a line --- between two diffs: the first is in the message, or these are two patches"
            raise self._error(what, "take it out of the message, or give the commit itself as A..B", at)

    def _separates(self, at: int) -> bool:
        return is_separator(self._lines[at])

    def _resolve(self, section: _Section, strip: int) -> FileDiff:
        old, new = diff_paths.resolve(section.named, section.bare, strip)
        return FileDiff(
            line=self._numbers[section.line],
            old=None if section.created else old,
            new=None if section.deleted else new,
            mode=section.mode,
            hunks=section.hunks,
            header=tuple(self._lines[section.line : section.body]),
        )

    def _section(self) -> _Section | None:
        """Read the file that begins at the current line, or None if none does."""
        line = self._peek()
        if line.startswith(b"diff --git "):
            return self._git_section()
        if line.startswith(b"--- ") and self._peek(1).startswith(b"+++ "):
            return self._plain_section()
        if line.startswith(_MERGE):
            raise self._error("a merge (combined diff) cannot be applied", "give the commits it merges as patches")
        if _HUNK.match(line):
            raise self._error("hunk without the file it belongs to", _MAKE_AGAIN)
        return None

    def _git_section(self) -> _Section:
        header = diff_paths.of_header(self._peek().removeprefix(b"diff --git "))
        section = _Section(self._at, header, header=header)
        self._at += 1
        while self._extended(section, self._peek()):
            self._at += 1
        line = self._peek()
        if line.startswith((b"GIT binary patch", b"Binary files ")):
            raise self._error("binary patches are not supported", "leave the binary file out of the patch")
        if line.startswith(b"--- "):
            if not self._peek(1).startswith(b"+++ "):
                raise self._error("the patch is cut off in the header of a file", _MAKE_AGAIN)
            section.named = self._names()
            section.body = self._at
            section.hunks = self._hunks()
        elif not section.said:
            raise self._error("the patch is cut off in the header of a file", _MAKE_AGAIN)
        if section.named == (None, None):
            raise self._error("cannot tell which file this is about", _MAKE_AGAIN, section.line)
        section.body = section.body or self._at
        return section

    def _extended(self, section: _Section, line: bytes) -> bool:
        """Take in one line of git's extended header; False if it is none."""
        key, _, value = line.rpartition(b" ")
        if line.startswith((b"rename from ", b"copy from ")):
            section.bare = (diff_paths.unquote(line.split(b" ", 2)[2]), section.bare[1])
        elif line.startswith((b"rename to ", b"copy to ")):
            section.bare = (section.bare[0], diff_paths.unquote(line.split(b" ", 2)[2]))
        elif line.startswith(b"index "):
            section.mode = value.decode("latin-1") if key.startswith(b"index ") else section.mode
            return True
        elif line.startswith((b"similarity index ", b"dissimilarity index ", b"old mode ")):
            return True
        elif line.startswith((*_NEW, b"deleted file mode ")):
            section.created |= line.startswith(b"new file")
            section.deleted |= line.startswith(b"deleted")
            section.mode = value.decode("latin-1")
        else:
            return False
        section.said = True
        return True

    def _plain_section(self) -> _Section:
        start = self._at
        section = _Section(start, self._names())
        section.body = self._at
        section.hunks = self._hunks()
        # GNU diff -N names a file that is not there and dates it to the epoch.
        whole = section.hunks[0]
        section.created = whole.old_start == 0 and not whole.before
        section.deleted = whole.new_start == 0 and not whole.after
        return section

    def _names(self) -> diff_paths.Pair:
        old, new = (diff_paths.of_file_line(self._peek(at)[4:]) for at in (0, 1))
        self._at += 2
        return old, new

    def _hunks(self) -> tuple[Hunk, ...]:
        hunks: list[Hunk] = []
        while found := _HUNK.match(self._peek()):
            hunks.append(self._hunk(found))
        if not hunks:
            raise self._error("a file without hunks: the patch is cut off or damaged", _MAKE_AGAIN)
        self._nothing_left_over(hunks[-1])
        return tuple(hunks)

    def _hunk(self, found: re.Match[bytes]) -> Hunk:
        start = self._at
        old, new = _counts(found)
        left = [old, new]
        self._at += 1
        while (left[0] or left[1]) and self._at < len(self._lines):
            line = self._peek()
            marker = line[:1] or b" "
            # "-- " alone is the signature of a mail, unless a removed line is still due.
            if marker not in b" +-\\" or (line == b"-- " and not left[0]):
                break
            left[0] -= marker in b" -"
            left[1] -= marker in b" +"
            if min(left) < 0:
                break
            self._at += 1
        if any(left):
            raise self._error(_miscounted((old, new), (old - left[0], new - left[1])), _MAKE_AGAIN, start)
        if self._peek().startswith(b"\\"):
            self._at += 1
        # Mail programs and editors strip the blank of an empty context line; git takes both.
        self._lines[start + 1 : self._at] = [line or b" " for line in self._lines[start + 1 : self._at]]
        body = tuple(self._lines[start + 1 : self._at])
        header = self._lines[start].decode("utf-8", "replace").rstrip()
        return Hunk(self._numbers[start], header, int(found[1]), int(found[3]), body, self._numbers[self._at - 1])

    def _nothing_left_over(self, hunk: Hunk) -> None:
        """git would silently drop lines that somebody added by hand below what the hunk header counts."""
        line = self._peek()
        if (line[:1] in (b"+", b"-") and not line.startswith(b"--")) or (line[:1] == b" " and line.strip()):
            what = f"hunk has more lines than its header says ({hunk.header})"
            raise self._error(what, _MAKE_AGAIN)

    def _peek(self, ahead: int = 0) -> bytes:
        at = self._at + ahead
        return self._lines[at] if at < len(self._lines) else b""

    def _error(self, what: str, hint: str, at: int | None = None) -> UserError:
        line = self._numbers[min(self._at if at is None else at, len(self._lines))]
        return UserError(what, where=f"{self._origin}, line {line}", hint=hint)


def _without_transport_cr(text: bytes) -> bytes:
    """Undo CRLF line ends that mail or an editor put on every line.

    The line with a file's name never ends in CR by itself (git quotes such a name), so it tells them apart from the
    CRs of a file that has CRLF line ends, which must stay.
    """
    found = _FILE_LINE.search(text)
    return text.replace(b"\r\n", b"\n") if found and found[0].endswith(b"\r") else text


def _counts(found: re.Match[bytes]) -> tuple[int, int]:
    return (1 if found[2] is None else int(found[2])), (1 if found[4] is None else int(found[4]))


def _miscounted(said: tuple[int, int], has: tuple[int, int]) -> str:
    return f"hunk header says {said[0]} old and {said[1]} new lines, has {has[0]} and {has[1]}"
