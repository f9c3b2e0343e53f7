# SPDX-License-Identifier: GPL-2.0-only
"""A reach map as the page that ``coverage --html`` writes."""

from __future__ import annotations

from collections.abc import Callable

from harness.reach import ReachMap, counted
from harness.report import SourceFile, SourceLine, SourcePage

_NAMED = 3  # tests that are named beside a line


def source_page(reach: ReachMap, source: Callable[[str], str | None]) -> SourcePage:
    """``source``: the text of a file of the kernel that was measured, None if there is none."""
    facts = (
        ("base", f"{reach.base} ({reach.version})"),
        ("variant", reach.variant or "all"),
        ("tests", str(len(reach.tests))),
        *(("not known", f"{test.suite} {test.name}: {why}") for test, why in reach.lost.items()),
    )
    files = tuple(_file(reach, path, source(path) or "") for path in sorted(reach.files))
    return SourcePage(f"What the tests reach of {reach.version}", facts, ("lines", "branches", "functions"), files)


def _file(reach: ReachMap, path: str, text: str) -> SourceFile:
    numbers = counted(reach, path)
    counts = tuple(f"{ran} of {whole}" for ran, whole in zip(numbers[::2], numbers[1::2], strict=True))
    by_line: dict[int, list[str]] = {}
    for test, parts in reach.tests.items():
        for line in parts[path].lines if path in parts else ():
            by_line.setdefault(line, []).append(f"{test.suite} {test.name}")
    lines = text.split("\n")
    return SourceFile(
        path,
        counts,
        tuple(_line(reach, path, number, line, by_line.get(number, [])) for number, line in enumerate(lines, 1)),
    )


def _line(reach: ReachMap, path: str, number: int, text: str, tests: list[str]) -> SourceLine:
    file = reach.files[path]
    if number not in file.lines:
        return SourceLine(number, text)
    more = f" and {len(tests) - _NAMED} more" if len(tests) > _NAMED else ""
    taken = sum(line == number for line, _ in reach.reached(path).branches)
    mark = "never" if not tests else "partly" if taken < file.branches.get(number, 0) else "ran"
    return SourceLine(number, text, mark, f"{', '.join(tests[:_NAMED])}{more}")
