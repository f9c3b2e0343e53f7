# SPDX-License-Identifier: GPL-2.0-only
"""Reading what ``gcov --json-format --branch-probabilities`` says of one object (GCC manual, "Invoking gcov").

{"format_version": "1" (or "2"), "current_working_directory": ..., "data_file": ..., "files": [
    {"file": PATH, "lines": [{"line_number", "count", "branches": [{"count", ...}], ...}],
     "functions": [{"name", "start_line", "end_line", "execution_count", ...}]}]}
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.reach.reach_map import Branch, FunctionSpan, ProfiledFile, ReachedPart


class GcovError(ValueError):
    """The text is not what gcov writes."""


@dataclass
class GcovCounts:
    """What gcov said of some objects: path -> what can run there, and what ran. Only paths that are ``wanted``.

    ``source``: the tree that paths are relative to.
    """

    source: str
    wanted: Callable[[str], bool]
    profiled: dict[str, ProfiledFile] = field(default_factory=dict)
    reached: dict[str, ReachedPart] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Take in the output for one object. Raises ``GcovError``."""
        try:
            table = json.loads(text)
            for file in table["files"]:
                path = self._relative(posixpath.join(table["current_working_directory"], file["file"]))
                if path and self.wanted(path):
                    self._add_file(path, file)
        except (KeyError, TypeError, ValueError) as error:
            raise GcovError(f"not the output of gcov --json-format: {type(error).__name__}: {error}") from error

    def _relative(self, path: str) -> str:
        path, inside = posixpath.normpath(path), posixpath.join(self.source, "")
        return path.removeprefix(inside) if path.startswith(inside) else ""

    def _add_file(self, path: str, file: Mapping[str, Any]) -> None:
        profiled, reached = _read_file(file["lines"], file["functions"])
        self.profiled[path] = profiled.joined(self.profiled.get(path, ProfiledFile()))
        if reached:
            self.reached[path] = reached.joined(self.reached.get(path, ReachedPart()))


def _read_file(
    lines: Sequence[Mapping[str, Any]], functions: Sequence[Mapping[str, Any]]
) -> tuple[ProfiledFile, ReachedPart]:
    """A line that belongs to two functions (a macro that makes some) comes twice: it ran if it ran in any."""
    branches: dict[int, int] = {}
    taken: set[Branch] = set()
    for line in lines:
        number, ways = int(line["line_number"]), line["branches"]
        if len(ways) > 1:
            branches[number] = max(len(ways), branches.get(number, 0))
            taken.update((number, way) for way, branch in enumerate(ways) if branch["count"])
    spans = {FunctionSpan(int(f["start_line"]), int(f["end_line"]), str(f["name"])) for f in functions}
    profiled = ProfiledFile(frozenset(int(line["line_number"]) for line in lines), tuple(sorted(spans)), branches)
    ran = frozenset(int(line["line_number"]) for line in lines if line["count"])
    entered = frozenset(str(function["name"]) for function in functions if function["execution_count"])
    return profiled, ReachedPart(ran, entered, frozenset(taken))
