# SPDX-License-Identifier: GPL-2.0-only
"""Changed-line coverage: a diff held against reach maps. Pure: git's diff, maps and sources in, values out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.changed_coverage import (
    MAX_TESTS,
    ChangedFileCoverage,
    DeletedLines,
    HiddenLines,
    LineCoverage,
    ReachingTests,
    VariantCoverage,
)
from harness.model import PlannedTest
from harness.reach.reach_json import spans
from harness.reach.reach_map import ReachMap

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_COMPILED = (".c", ".h")
_IF, _ELSE, _END = "#if", "#el", "#endif"


@dataclass
class FileChange:
    """What a diff does to one file. ``old`` is empty for a new file, ``path`` for one that is gone.

    ``added``: line of the patched file -> its text. ``deleted``: the same of the old file. ``follows``: line that is
    added -> the line of the old file that it comes after, 0 for its top. ``kept``: line of the patched file that the
    diff shows as context -> its number in the old one; ``old_text``, ``text``: all lines of either that it shows.
    """

    path: str = ""
    old: str = ""
    added: dict[int, str] = field(default_factory=dict)
    deleted: dict[int, str] = field(default_factory=dict)
    follows: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    old_text: dict[int, str] = field(default_factory=dict)
    text: dict[int, str] = field(default_factory=dict)


def parse_changes(diff: str) -> tuple[FileChange, ...]:
    """The files of a diff that git made itself (``--src-prefix=a/ --dst-prefix=b/``, names unquoted)."""
    found: list[FileChange] = []
    lines = iter(diff.split("\n"))
    for line in lines:
        if line.startswith("diff --git "):
            found.append(FileChange())
        elif line.startswith("--- ") and found:
            found[-1].old = _name(line, "a/")
        elif line.startswith("+++ ") and found:
            found[-1].path = _name(line, "b/")
        elif (hunk := _HUNK.match(line)) and found:
            _take_hunk(found[-1], hunk, lines)
    return tuple(change for change in found if change.path or change.old)


def _name(line: str, prefix: str) -> str:
    name = line[4:].rstrip("\t")
    return "" if name == "/dev/null" else name.removeprefix(prefix)


def _take_hunk(change: FileChange, hunk: re.Match[str], lines: Iterator[str]) -> None:
    """Read as many lines as the hunk's head says: what they look like means nothing."""
    old, new = int(hunk[1]), int(hunk[3])
    left_old, left_new = int(hunk[2] or 1), int(hunk[4] or 1)
    old += left_old == 0  # then the head names the line before the hunk
    while left_old > 0 or left_new > 0:
        line = next(lines)
        if line.startswith("\\"):
            continue
        if line[:1] not in "+-":
            change.kept[new] = old
        if line[:1] != "+":
            change.old_text[old] = line[1:]
            if line[:1] == "-":
                change.deleted[old] = line[1:]
            old, left_old = old + 1, left_old - 1
        if line[:1] != "-":
            change.text[new] = line[1:]
            if line[:1] == "+":
                change.added[new], change.follows[new] = line[1:], old - 1
            new, left_new = new + 1, left_new - 1


def covered_changes(
    changes: Sequence[FileChange],
    reach: ReachMap,
    source: Callable[[str], str | None],
    why_not: Callable[[str], str],
    base: ReachMap | None = None,
) -> VariantCoverage:
    """What the tests of ``reach`` ran of ``changes``. ``source``: text of a patched file, None if there is none.

    ``why_not``: why no counter is in a file (a path), in words; asked of those that have none. ``base``: the map of the
    same variant without the patch, for what is deleted.
    """
    files = [_covered(change, reach, source, why_not, base) for change in changes if _is_code(change)]
    lost = tuple(f"{test.suite} {test.name}: {why}" for test, why in reach.lost.items())
    return VariantCoverage(reach.variant, tuple(files), lost)


def together(variants: Sequence[VariantCoverage]) -> VariantCoverage:
    """All variants as one: a line ran if it ran in any, and is left out if it is left out in all."""
    paths = dict.fromkeys(file.path for variant in variants for file in variant.files)
    known = [variant for variant in variants if not variant.why_not]
    files = [_joined([file for variant in known for file in variant.files if file.path == path]) for path in paths]
    lost = tuple(dict.fromkeys(line for variant in variants for line in variant.lost))
    why_not = "" if known else "; ".join(f"{one.variant}: {one.why_not}" for one in variants)
    return VariantCoverage("", tuple(files), lost, why_not=why_not)


# --- one file -----------------------------------------------------------------------------------


def _is_code(change: FileChange) -> bool:
    return (change.path or change.old).endswith(_COMPILED)


def _covered(
    change: FileChange,
    reach: ReachMap,
    source: Callable[[str], str | None],
    why_not: Callable[[str], str],
    base: ReachMap | None,
) -> ChangedFileCoverage:
    path = change.path or change.old
    deleted = tuple(_deleted(change, base)) if base is not None else ()
    if path not in reach.files:
        return ChangedFileCoverage(path, deleted=deleted, why_not=why_not(path) if change.added else "")
    lines = tuple(
        _line(reach, path, line, text) for line, text in sorted(change.added.items()) if _can_run(reach, path, line)
    )
    return ChangedFileCoverage(path, lines, tuple(_hidden(change, reach, source(path) or "")), deleted)


def _can_run(reach: ReachMap, path: str, line: int) -> bool:
    return line in reach.files[path].lines


def _line(reach: ReachMap, path: str, line: int, text: str) -> LineCoverage:
    file, reached = reach.files[path], reach.reached(path)
    function = file.function_at(line)
    return LineCoverage(
        line,
        line in reached.lines,
        function.name if function is not None else "",
        text.strip(),
        file.branches.get(line, 0),
        tuple(sorted(way for number, way in reached.branches if number == line)),
        reaching(reach.tests_reaching(path, line)),
    )


def reaching(tests: Sequence[PlannedTest]) -> ReachingTests:
    """The names of ``tests`` in a report."""
    names = (f"{test.suite} {test.name}" for test in tests[:MAX_TESTS])
    return ReachingTests(tuple(names), len(tests))


def _deleted(change: FileChange, base: ReachMap) -> Iterator[DeletedLines]:
    for first, last in spans(change.deleted):
        tests = [test for test, parts in base.tests.items() if _touches(parts.get(change.old), first, last)]
        yield DeletedLines(first, last, reaching(tests))


def _touches(part: object, first: int, last: int) -> bool:
    lines: frozenset[int] = getattr(part, "lines", frozenset())
    return any(first <= line <= last for line in lines)


# --- what is not compiled ---------------------------------------------------------------------------


def _hidden(change: FileChange, reach: ReachMap, text: str) -> Iterator[HiddenLines]:
    """Runs of added lines in a conditional of which no line has a counter, though it looks like code."""
    lines = reach.files[change.path].lines
    for first, last, condition in conditionals(text):
        inside = [line for line in change.added if first < line < last and _looks_like_code(change.added[line])]
        if inside and not any(first < line < last for line in lines):
            for start, end in spans(inside):
                yield HiddenLines(start, end, condition)


def _looks_like_code(text: str) -> bool:
    plain = text.strip()
    return plain.endswith((";", "{", ",", ")")) and not plain.startswith(("#", "*", "/*", "//"))


def conditionals(text: str) -> Iterator[tuple[int, int, str]]:
    """Parts of a C file that its preprocessor may leave out: line of their #if or #else, of what ends them, and the
    condition, "#ifdef CONFIG_FOO" or "#else of #ifdef CONFIG_FOO"."""
    open_parts: list[tuple[int, str, str]] = []  # line, condition, the #if itself
    for number, raw in enumerate(text.split("\n"), 1):
        line = re.sub(r"^\s*#\s*", "#", raw).rstrip()
        if line.startswith(_IF):
            open_parts.append((number, line, line))
        elif line.startswith((_ELSE, _END)) and open_parts:
            first, condition, start = open_parts.pop()
            yield first, number, condition
            if line.startswith(_ELSE):
                open_parts.append((number, f"{line} of {start}", start))


# --- several variants ---------------------------------------------------------------------------------


def _joined(files: Sequence[ChangedFileCoverage]) -> ChangedFileCoverage:
    lines: dict[int, LineCoverage] = {}
    for file in files:
        for line in file.lines:
            lines[line.line] = _either(lines[line.line], line) if line.line in lines else line
    hidden = [part for part in files[0].hidden if all(part in file.hidden for file in files)]
    deleted = max((file.deleted for file in files), key=lambda parts: sum(part.tests.count for part in parts))
    why_not = next((file.why_not for file in files), "") if all(file.why_not for file in files) else ""
    return ChangedFileCoverage(
        files[0].path, tuple(lines[line] for line in sorted(lines)), tuple(hidden), deleted, why_not
    )


def _either(one: LineCoverage, other: LineCoverage) -> LineCoverage:
    """Its ways out have the same numbers in both, unless a constant of the config takes some away."""
    better = max(one, other, key=lambda line: (line.ran, line.tests.count))
    ways = max(one.ways, other.ways)
    return replace(better, ways=ways, taken=tuple(sorted({*one.taken, *other.taken})))
