# SPDX-License-Identifier: GPL-2.0-only
"""The patch that a reply quotes: the quoted lines as they were, or a clear no.

A reply drops what it does not answer, and puts its own lines in between. What it dropped inside a hunk the hunk's
header tells, what it dropped between hunks their line numbers, and what it dropped of the rest the diffstat. What no
one tells is said in a note. Nothing is ever made up.

What mail programs and gateways do to the lines that they quote is undone where the quote proves it. All else that they
are known to do is found, so that it can be refused. Measured with tests/measure_replies.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.errors import UserError
from harness.intake import diff_paths
from harness.intake.diff_parser import is_separator, parse_lines
from harness.intake.patch_message import Stat, diff_start
from harness.unified_diff import Diff, FileDiff, Hunk

# What no C file, makefile or Kconfig of the kernel is without, where it is indented (Documentation/process/
# coding-style.rst). Other files may well have blanks only.
_WITH_TABS = (".c", ".h", ".S", ".s", ".dts", ".dtsi", ".dtso", ".lds", ".y", ".l", ".mk")
_WITH_TABS_NAMES = re.compile(r"(?:Makefile|Kbuild|Kconfig|MAINTAINERS|defconfig)(?:[._-].*)?")
# Less than a tab: how wide one is depends on the marks before it. A comment's star may stand further right.
_INDENTED = re.compile(rb" {3,}[^\s*]| {6,}\S")
_ENTRY = re.compile(rb"[A-Z]: +\S")  # of the file MAINTAINERS
_NBSP = b"\xc2\xa0"
_GATEWAY = re.compile(
    rb"https?://(?:[\w.-]*\bfireeye\.com/|(?:[\w-]+\.)*urldefense(?:\.proofpoint)?\.(?:com|us)/"
    rb"|(?:[\w-]+\.)*safelinks\.protection\.outlook\.com/|secure-web\.cisco\.com/|linkprotect\.cudasvc\.com/)"
)
# "Subject: [PATCH] x" in any language, or "On DATE, 10:00, somebody wrote:".
_HEAD = re.compile(
    r"(?m)^[^\s:\uff1a>][^\n:\uff1a>]{0,30}[:\uff1a][^\n]{0,200}\[[^\]\n]{0,80}PATCH"
    r"|^[^>\n][^\n]{0,200}\d[:.]\d\d[^\n]{0,200}[:\uff1a][ \t\r]*$"
)
_MARKED = re.compile(rb"(?m)^>")
_RANGE = re.compile(rb"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_TOTAL = re.compile(rb"( *)\d{1,7} files? changed, ")
_TABS = (
    "{} has lines that begin with blanks, and no tab: a mail program made blanks of its tabs, as do Gmail in a "
    "browser, Outlook, and Thunderbird when it writes HTML"
)


def unstuffed(lines: Sequence[bytes], *, flowed: bool) -> tuple[bytes, ...]:
    """``lines``, quoted, without the blanks that were put before each line that begins with one.

    RFC 3676 (4.4) has a program put a blank there. Thunderbird does so to what it quotes, too, but readers know it only
    of lines that are not quoted: once more for each time that it is quoted by one. The lines of context tell, as all
    begin with so many blanks, and the diffstat. Without a diffstat, only a quote that is said to be ``flowed`` is
    believed: in a file that is indented everywhere all lines may begin so by themselves.
    """
    of_context = _of_context(lines)
    of_stat = next((len(found[1]) - 1 for line in reversed(lines) if (found := _TOTAL.match(line))), None)
    # A new file has no context, and then the diffstat alone is to be put right.
    told = [extra for extra in (of_context, of_stat) if extra is not None]
    extra = min(told, default=0) if of_stat is not None or flowed else 0
    if extra < 1:
        return tuple(lines)
    mark = b" " * (extra + 1)
    return tuple(line[extra:] if line.startswith(mark) else line for line in lines)


def _of_context(lines: Sequence[bytes]) -> int | None:
    """How many blanks more than one all lines of context begin with that are not empty; None if there are none."""
    found = [len(line) - len(line.lstrip(b" ")) - 1 for line in _context(lines) if line.strip()]
    return min(found, default=None)


def _context(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The lines of hunks that are neither added nor deleted, as far as the headers of the hunks count them."""
    left = [0, 0]
    for line in lines:
        if found := _RANGE.match(line):
            left = [int(count or 1) for count in found.groups()]
        elif max(left) > 0:
            marker = line[:1] or b" "
            left = [left[0] - (marker in b" -"), left[1] - (marker in b" +")]
            if marker == b" ":
                yield line


def quotes_unmarked(above: bytes) -> bool:
    """True if what stands above a diff in a reply is the head that mail programs put above what they quote.

    Outlook and programs on telephones give no line a mark: there is a line with the subject, named in any language, or
    one with a time of day that ends in a colon, and no line with a mark.
    """
    return not _MARKED.search(above) and bool(_HEAD.search(above.decode("utf-8", "replace")))


def damaged(diff: Diff) -> Iterator[tuple[int, str]]:
    """(line, what) for all in ``diff`` that was not quoted as it was sent."""
    for file in diff.files:
        yield from _header(file)
        if _has_lost_tabs(file):
            yield file.line, _TABS.format(file.path)
        for hunk in file.hunks:
            # Comments may stand between its lines: only its own place is known.
            yield from ((hunk.line, f"{what} ({hunk.header})") for line in hunk.body if (what := _not_as_sent(line)))


def has_lost_tabs(diff: Diff) -> str | None:
    """The first file of ``diff`` whose tabs a mail program has surely made blanks of; None if there is none."""
    return next((file.path for file in diff.files if _has_lost_tabs(file)), None)


def _header(file: FileDiff) -> Iterator[tuple[int, str]]:
    """A name that was wrapped is another name: each is there twice or three times in the header of a file."""
    line = file.header[0]
    if not line.startswith(b"diff --git "):
        return
    header = diff_paths.of_header(line.removeprefix(b"diff --git "))
    named = [diff_paths.of_file_line(one[4:].rstrip()) for one in file.header if one.startswith((b"--- ", b"+++ "))]
    renamed = [one for one in file.header if one.startswith((b"rename ", b"copy "))]
    bare = {name.split("/", 1)[-1] for name in header if name is not None}
    if len(bare) != (2 if renamed else 1) or None in header:
        yield file.line, "the line diff --git does not name one file twice: a mail program wrapped it"
    elif any(one is not None and one not in header for one in named):
        yield file.line, f"the names of {file.path} in its header differ: a mail program wrapped one"


def _has_lost_tabs(file: FileDiff) -> bool:
    name = PurePosixPath(file.path)
    if name.suffix not in _WITH_TABS and not _WITH_TABS_NAMES.fullmatch(name.name):
        return False
    lines = [line[1:] for hunk in file.hunks for line in hunk.body]
    if any(b"\t" in line for line in lines):
        return False
    return any((_ENTRY if name.name == "MAINTAINERS" else _INDENTED).match(line) for line in lines)


def _not_as_sent(line: bytes) -> str:
    blanks = line[1:].removesuffix(line[1:].lstrip(b" \t\xc2\xa0"))
    if _NBSP in blanks or line.startswith(_NBSP):
        return "a no-break space stands for a blank: a mail program put it there"
    if _GATEWAY.search(line):
        return "a mail gateway put an address of its own in place of the one that was here"
    return ""


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
    has = diff_size(diff)
    if has[0] < stat.files or has[1] < stat.inserted or has[2] < stat.deleted:
        said = diffstat(stat.files, stat.inserted, stat.deleted)
        yield numbers[stat.line], f"its diffstat says {said}, quoted are {diffstat(*has)}"


def diff_size(diff: Diff) -> tuple[int, int, int]:
    """Files, lines inserted and lines deleted."""
    return len(diff.files), _marked(diff.files, b"+"), _marked(diff.files, b"-")


def _marked(files: Sequence[FileDiff], marker: bytes) -> int:
    return sum(line.startswith(marker) for file in files for hunk in file.hunks for line in hunk.body)


def diffstat(files: int, inserted: int, deleted: int) -> str:
    """ "4 files, +188 -20"."""
    return f"{files} file{'s' if files != 1 else ''}, +{inserted} -{deleted}"
