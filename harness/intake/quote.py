# SPDX-License-Identifier: GPL-2.0-only
"""Patches quoted in a reply: the quoted lines as they were, or a clear no.

A reply drops what it does not answer, and puts its own lines in between. What it dropped inside a hunk the hunk's
header tells, what it dropped between hunks their line numbers, and what it dropped of the rest the diffstat. What no
one tells is said in a note. Nothing is ever made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import UserError
from harness.intake.diff import parse_lines
from harness.intake.diff_gaps import is_separator
from harness.intake.message import Stat, diff_start
from harness.intake.quote_damage import damaged
from harness.unified_diff import Diff, FileDiff, Hunk

_HEADER = re.compile(rb"(?m)^((?:> ?){0,40}>)( ?)(?:diff --git \S|--- \S[^\n]*\n(?:> ?){1,41}\+\+\+ \S)[^\n]*")
_SNIPPED = re.compile(
    rb"(?i)[\[<({]?\s*(?:\.{3,}|\xe2\x80\xa6|(?:snip(?:ped)?|cut|trimmed|skip(?:ped)?)\b[^\n]{0,40})\s*[\])}>]?"
)
_MAX_SNIPPED = 80
_TRAILER = re.compile(rb"[A-Z][\w-]{0,40}-by: ")
# Mail programs wrap at 72 columns or more.
_WRAPS = 70
# Such a hunk shifts none of the line numbers below it.
_UNPROVEN = (
    "quoted without its diffstat: nothing tells whether files, hunks at the end of a file, "
    "or hunks that add as many lines as they delete were left out"
)
WHOLE = "give the mail that it answers, or the patch itself"


@dataclass(frozen=True)
class Quote:
    """That ``text`` quotes a patch ``depth`` times. ``blank``: a blank follows the mark.

    There may be as many as there are depths, each as large as the text: the lines are only told apart when asked for.
    """

    depth: int
    blank: bool
    text: bytes

    def read(self) -> Quoted:
        marks = re.compile(rb"(?:> ?){%d}>" % (self.depth - 1))
        inside: list[tuple[int, bytes]] = []
        between: list[tuple[int, bytes]] = []
        for number, line in enumerate(self.text.split(b"\n")):
            found = marks.match(line)
            if found is None:
                between.append((number, line))
                continue
            rest = line[found.end() :]
            inside.append((number, rest[1:] if self.blank and rest.startswith(b" ") else rest))
        return Quoted(self.depth, tuple(line for _, line in inside), tuple(n for n, _ in inside), tuple(between))


@dataclass(frozen=True)
class Quoted:
    """What is quoted ``depth`` times. ``lines``: without the marks; ``numbers``: of each in the text, from 0.

    ``between``: (number, line) of what is less quoted.
    """

    depth: int
    lines: tuple[bytes, ...]
    numbers: tuple[int, ...]
    between: tuple[tuple[int, bytes], ...]

    @property
    def text(self) -> bytes:
        return b"\n".join(self.lines) + b"\n"

    @property
    def own(self) -> bytes:
        """What the one who answered wrote."""
        return b"\n".join(line for _, line in self.between if not line.startswith(b">")) + b"\n"


def quotes(text: bytes) -> list[Quote]:
    """The patches that ``text`` quotes: one for each depth at which there is one, deepest last."""
    found = list(_HEADER.finditer(text))
    if found and found[0][0].endswith(b"\r"):
        text = text.replace(b"\r\n", b"\n")
    kinds = {(one[1].count(b">"), bool(one[2])) for one in found}
    return [Quote(depth, blank, text) for depth, blank in sorted(kinds)]


def parse_quote(quote: Quoted, origin: str, first_line: int, stat: Stat | None) -> tuple[Diff, tuple[str, ...]]:
    """The quoted diff, and what is to be said about it. ``first_line``: of the text in ``origin``.

    Raises ``UserError`` with the place if it is not whole.
    """
    numbers = [first_line + number for number in quote.numbers]
    above = quote.text.count(b"\n", 0, diff_start(quote.text) or 0)
    try:
        diff = parse_lines(quote.lines[above:], numbers[above:], origin)
    except UserError as error:
        raise UserError(f"the quoted patch is not whole: {error.what}", where=error.where, hint=WHOLE) from error
    for line, what in damaged(diff):
        raise UserError(f"the quoted patch is not as it was sent: {what}", where=f"{origin}, line {line}", hint=WHOLE)
    for line, what in _padded(quote, diff, first_line):
        raise UserError(f"the quoted patch is not as it was sent: {what}", where=f"{origin}, line {line}", hint=WHOLE)
    troubles = (*_torn(quote, diff, first_line), *_signed(diff), *_gaps(diff), *_short(diff, stat, numbers))
    for line, what in troubles:
        raise UserError(f"the quoted patch is not whole: {what}", where=f"{origin}, line {line}", hint=WHOLE)
    if stat is not None or not diff.files:
        return diff, ()
    if not _begins(quote, above):
        what = "the quoted patch may not be whole: its diffstat is not quoted, nor the message right above the diff"
        raise UserError(what, where=f"{origin}, line {diff.files[0].line}", hint=WHOLE)
    for number, text in (*quote.between, *zip(quote.numbers, quote.lines, strict=True)):
        if first_line + number > diff.files[0].line and _snipped(text):
            what = "the quoted patch is not whole: something was cut out here, and no diffstat tells what"
            raise UserError(what, where=f"{origin}, line {first_line + number}", hint=WHOLE)
    return diff, (_UNPROVEN,)


def _begins(quote: Quoted, above: int) -> bool:
    """True if the first file quoted, on line ``above``, is surely the first of the patch.

    Then the line "---" that ends the message is quoted, too, or nothing stands between the two. A message that is
    signed ends in its tags.
    """
    message = quote.lines[:above]
    last = max((at for at, line in enumerate(message) if line.strip()), default=None)
    if last is None or any(is_separator(line) for line in message):
        return last is not None
    tags = [bool(_TRAILER.match(line)) for line in message]
    return quote.numbers[above] - quote.numbers[last] == above - last and (tags[last] or not any(tags))


def _snipped(line: bytes) -> bool:
    """True for "[...]", "<snip>" and the like."""
    mark = line.lstrip(b"> \t\r").rstrip()
    return len(mark) <= _MAX_SNIPPED and bool(_SNIPPED.fullmatch(mark))


def _torn(quote: Quoted, diff: Diff, first_line: int) -> Iterator[tuple[int, str]]:
    """Lines without a mark that may be the rest of a quoted line, which a mail program wrapped."""
    place = {number: at for at, number in enumerate(quote.numbers)}
    bodies = _bodies(diff)
    for number, line in quote.between:
        before = place.get(number - 1)
        said = line.lstrip(b"> ")  # what is quoted less often may be the rest, too
        if before is None or not said.strip() or _TRAILER.match(said):
            continue
        # Some programs count a tab as one column, most as they show it.
        quoted = len((b"> " * quote.depth + quote.lines[before]).decode("utf-8", "replace").expandtabs())
        if quoted + 1 + len(said.split()[0]) > _WRAPS and first_line + number - 1 in bodies:
            yield first_line + number, "this may be the end of the quoted line before it, wrapped by a mail program"


def _padded(quote: Quoted, diff: Diff, first_line: int) -> Iterator[tuple[int, str]]:
    """Claws Mail puts two blanks behind a line below which somebody writes; git's own lines have no such ends."""
    bodies, own = _bodies(diff), {number for number, _ in quote.between}
    for number, line in zip(quote.numbers, quote.lines, strict=True):
        if number + 1 in own and line.endswith(b"  ") and line.strip() and first_line + number in bodies:
            yield first_line + number, "it ends in two blanks above a comment, as Claws Mail puts them there"


def _signed(diff: Diff) -> Iterator[tuple[int, str]]:
    """A mail's signature looks like a deleted line: where a line of the last hunk is missing, it takes its place."""
    last = diff.files[-1].hunks[-1] if diff.files and diff.files[-1].hunks else None
    if last is not None and last.body[-1] == b"-- ":
        yield last.last_line, f"its last hunk ends in the line that begins a signature ({last.header})"


def _bodies(diff: Diff) -> set[int]:
    """Numbers of the lines between the first and the last of each hunk."""
    lines: set[int] = set()
    for file in diff.files:
        for hunk in file.hunks:
            lines.update(range(hunk.line + 1, hunk.last_line + 1))
    return lines


def _gaps(diff: Diff) -> Iterator[tuple[int, str]]:
    """A hunk that was left out and did not leave as many lines as there were shifts all that follow."""
    by_git = diff.files and diff.files[0].header[0].startswith(b"diff --git ")
    for file in diff.files:
        drift = 0
        if file.header[0].startswith(b"diff --git ") != by_git:
            yield file.line, f"the first lines of {file.path} are missing"
        for hunk in file.hunks:
            if _drift(hunk) != drift:
                yield hunk.line, f"a hunk of {file.path} before this one is missing ({hunk.header})"
            drift += len(hunk.after) - len(hunk.before)


def _drift(hunk: Hunk) -> int:
    """How far its place moves. A side without lines names the line before the place (git's diff.c)."""
    return (hunk.new_start + (not hunk.after)) - (hunk.old_start + (not hunk.before))


def _short(diff: Diff, stat: Stat | None, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Less than the diffstat says."""
    if stat is None:
        return
    has = counted(diff)
    if has[0] < stat.files or has[1] < stat.inserted or has[2] < stat.deleted:
        said = told(stat.files, stat.inserted, stat.deleted)
        yield numbers[stat.line], f"its diffstat says {said}, quoted are {told(*has)}"


def counted(diff: Diff) -> tuple[int, int, int]:
    """Files, lines inserted and lines deleted."""
    return len(diff.files), _marked(diff.files, b"+"), _marked(diff.files, b"-")


def _marked(files: Sequence[FileDiff], marker: bytes) -> int:
    return sum(line.startswith(marker) for file in files for hunk in file.hunks for line in hunk.body)


def told(files: int, inserted: int, deleted: int) -> str:
    """ "4 files, +188 -20"."""
    return f"{files} file{'s' if files != 1 else ''}, +{inserted} -{deleted}"
