# SPDX-License-Identifier: GPL-2.0-only
"""What the tools say about a file, and what of it is new. Pure text in, values out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# "drivers/x.c:12: warning: ..." of the Perl script, "Warning: drivers/x.c:12 ..." of the Python one (6.17 and later).
_DOC = re.compile(r"(?P<path>[^\s:]+):(?P<line>\d+): (?:warning|error): (?P<text>.+)", re.IGNORECASE)
_DOC_PYTHON = re.compile(r"(?:warning|error): (?P<path>[^\s:]+):(?P<line>\d+):? (?P<text>.+)", re.IGNORECASE)
_SPARSE = re.compile(r"(?P<path>[^\s:]+):(?P<line>\d+):\d+: (?P<text>(?:warning|error): .+)")
_COCCI = re.compile(r"(?P<path>[^\s:]+):(?P<line>\d+):\d+(?:-\d+)?: (?P<text>.+)")
_CHECKPATCH = re.compile(
    r"(?P<path>[^\s:]*):(?P<line>\d*):? ?(?P<level>ERROR|WARNING|CHECK):(?P<type>[A-Z0-9_]+): (?P<text>.+)"
)
# Where something else is: "preceded by free on line 10", "(originally declared at include/linux/x.h:10)".
_ELSEWHERE = re.compile(r"(\blines? |\.[chS]:)\d+\b")


@dataclass(frozen=True)
class Finding:
    """A complaint of a tool. ``path``: relative to the tree, empty if it is about no file. ``line``: 0: none."""

    path: str
    line: int
    text: str

    @property
    def kind(self) -> tuple[str, str]:
        """A finding without its line numbers, by which it is recognised after lines have moved."""
        return self.path, _ELSEWHERE.sub(r"\1#", self.text)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return ": ".join(filter(None, [place, self.text]))


@dataclass(frozen=True)
class Remark:
    """A line of checkpatch. ``type``: its name for the rule ("TRAILING_WHITESPACE")."""

    level: str  # "ERROR" | "WARNING" | "CHECK"
    type: str
    finding: Finding


def fresh(
    found: Iterable[Finding], before: Iterable[Finding], added: Mapping[str, frozenset[int]]
) -> tuple[Finding, ...]:
    """The new findings: those of ``found`` that the base (``before``) does not have; in order of place, each once.

    Lines move, so what is said counts, and how often. Of equal ones those on lines in ``added`` are the new ones.
    """
    left = Counter(one.kind for one in set(before))
    new = []
    for one in sorted(set(found), key=lambda one: (one.line in added.get(one.path, ()), one.line)):
        if left[one.kind] > 0:
            left[one.kind] -= 1
        else:
            new.append(one)
    return tuple(sorted(new, key=lambda one: (one.path, one.line, one.text)))


def kernel_doc(output: str) -> Iterator[Finding]:
    """What ``scripts/kernel-doc -none`` complains about."""
    for line in output.splitlines():
        if match := _DOC_PYTHON.match(line) or _DOC.match(line):
            yield Finding(match["path"], int(match["line"]), match["text"].strip())


def sparse(output: str, root: str) -> Iterator[Finding]:
    """Warnings and errors of sparse in files below ``root``; what follows one, indented further, is left out."""
    return _at_columns(_SPARSE, output, root)


def coccicheck(output: str, root: str) -> Iterator[Finding]:
    """Matches of semantic patches in report mode."""
    return _at_columns(_COCCI, output, root)


def _at_columns(pattern: re.Pattern[str], output: str, root: str) -> Iterator[Finding]:
    for line in output.splitlines():
        match = pattern.match(line)
        if match and not match["text"].startswith(" "):
            path = match["path"].removeprefix(f"{root}/").removeprefix("./")
            yield Finding(path, int(match["line"]), match["text"].strip())


def checkpatch(output: str) -> Iterator[Remark]:
    """Lines of ``checkpatch.pl --terse --showfile --show-types``.

    Of a fault in the message it prints the number of a line that it read last in a file: that one is left out.
    """
    for line in output.splitlines():
        if match := _CHECKPATCH.fullmatch(line.strip()):
            number = int(match["line"] or 0) if match["path"] else 0
            yield Remark(
                match["level"], match["type"], Finding(match["path"], number, f"{match['text']} ({match['type']})")
            )
