# SPDX-License-Identifier: GPL-2.0-only
"""What mail programs and gateways do to the lines of a patch that they quote: undone where the quote proves it.

All else that they are known to do is found, so that it can be refused. Measured with tests/measure_replies.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from harness.intake import diff_paths
from harness.unified_diff import Diff, FileDiff

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
