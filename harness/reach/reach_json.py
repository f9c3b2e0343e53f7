# SPDX-License-Identifier: GPL-2.0-only
"""A reach map as JSON, and back. Lines are written as ranges ("12-15,20"): a map of 417 tests has 1.5 MB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.model import PlannedTest
from harness.reach.reach_map import Branch, FunctionSpan, ProfiledFile, ReachedPart, ReachMap

FORMAT = 1


class MapError(ValueError):
    """The text is no reach map of this format."""


def dump_reach(reach: ReachMap) -> str:
    """``reach`` as text: equal maps, equal text."""
    table = {
        "format": FORMAT,
        "kernel": reach.kernel,
        "base": reach.base,
        "version": reach.version,
        "variant": reach.variant,
        "files": {path: _file_out(reach.files[path]) for path in sorted(reach.files)},
        "tests": [_test_out(test, parts) for test, parts in reach.tests.items()],
        "lost": [{"suite": test.suite, "name": test.name, "why": why} for test, why in reach.lost.items()],
        "partial": [{"suite": test.suite, "name": test.name} for test in reach.tests if test in reach.partial],
    }
    return json.dumps(table, separators=(",", ":")) + "\n"


def load_reach(text: str) -> ReachMap:
    """What ``dump_reach`` wrote. Raises ``MapError``."""
    try:
        table = json.loads(text)
        if table["format"] != FORMAT:
            raise MapError(f"a reach map of format {table['format']!r}, and this is format {FORMAT}")
        return ReachMap(
            kernel=table["kernel"],
            files={path: _file_in(entry) for path, entry in table["files"].items()},
            tests={_test_id(entry): _test_in(entry["reached"]) for entry in table["tests"]},
            lost={_test_id(entry): entry["why"] for entry in table["lost"]},
            base=table["base"],
            version=table["version"],
            variant=table["variant"],
            partial=frozenset(_test_id(entry) for entry in table.get("partial", ())),  # older maps say nothing of it
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, MapError):
            raise
        raise MapError(f"no reach map: {type(error).__name__}: {error}") from error


def ranges(lines: Iterable[int]) -> str:
    """ "12-15,20" for 12, 13, 14, 15 and 20."""
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans(lines))


def spans(lines: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of numbers without a gap."""
    first = last = 0
    for line in sorted(lines):
        if first and line == last + 1:
            last = line
            continue
        if first:
            yield first, last
        first = last = line
    if first:
        yield first, last


def _numbers(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _file_out(file: ProfiledFile) -> dict[str, Any]:
    return {
        "lines": ranges(file.lines),
        "functions": [[span.first, span.last, span.name] for span in file.functions],
        "branches": {str(line): file.branches[line] for line in sorted(file.branches)},
    }


def _file_in(entry: Mapping[str, Any]) -> ProfiledFile:
    functions = tuple(FunctionSpan(int(first), int(last), str(name)) for first, last, name in entry["functions"])
    branches = {int(line): int(ways) for line, ways in entry["branches"].items()}
    return ProfiledFile(_numbers(entry["lines"]), functions, branches)


def _test_out(test: PlannedTest, parts: Mapping[str, ReachedPart]) -> dict[str, Any]:
    reached = {path: _part_out(parts[path]) for path in sorted(parts)}
    return {"suite": test.suite, "name": test.name, "reached": reached}


def _test_in(reached: Mapping[str, Any]) -> dict[str, ReachedPart]:
    return {path: _part_in(entry) for path, entry in reached.items()}


def _part_out(part: ReachedPart) -> dict[str, Any]:
    return {
        "lines": ranges(part.lines),
        "functions": sorted(part.functions),
        "branches": _branches_out(part.branches),
    }


def _part_in(entry: Mapping[str, Any]) -> ReachedPart:
    branches = ((int(line), way) for line, ways in entry["branches"].items() for way in ways)
    return ReachedPart(_numbers(entry["lines"]), frozenset(entry["functions"]), frozenset(branches))


def _branches_out(branches: frozenset[Branch]) -> dict[str, list[int]]:
    table: dict[str, list[int]] = {}
    for line, way in sorted(branches):
        table.setdefault(str(line), []).append(way)
    return table


def _test_id(entry: Mapping[str, Any]) -> PlannedTest:
    return PlannedTest(str(entry["suite"]), str(entry["name"]))
