# SPDX-License-Identifier: GPL-2.0-only
"""A reach map as gcovr's own JSON, from which gcovr writes lcov and Cobertura (gcovr's guide, "JSON output").

The count of a line, function or branch is the number of tests that reach it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from harness.reach.reach_map import Branch, ProfiledFile, ReachMap


def gcovr_tracefile(reach: ReachMap, source: Callable[[str], str | None], format_version: str) -> dict[str, Any]:
    """``source``: the text of a file. ``format_version``: of the gcovr that is to read it."""
    files = [_file(reach, path, file, source(path) or "") for path, file in sorted(reach.files.items())]
    return {"gcovr/format_version": format_version, "files": files}


def _file(reach: ReachMap, path: str, file: ProfiledFile, text: str) -> dict[str, Any]:
    rows = text.split("\n")
    parts = [parts[path] for parts in reach.tests.values() if path in parts]
    lines = Counter(line for part in parts for line in part.lines)
    ways = Counter(way for part in parts for way in part.branches)
    entered = Counter(name for part in parts for name in part.functions)
    return {
        "file": path,
        "lines": [_line(file, line, lines[line], ways, rows) for line in sorted(file.lines)],
        "functions": [
            {
                "name": span.name,
                "demangled_name": span.name,
                "lineno": span.first,
                "execution_count": entered[span.name],
                "blocks_percent": 100.0 if entered[span.name] else 0.0,
                "pos": [f"{span.first}:1", f"{span.last}:1"],
            }
            for span in file.functions
        ],
    }


def _line(file: ProfiledFile, line: int, count: int, ways: Counter[Branch], rows: Sequence[str]) -> dict[str, Any]:
    function = file.function_at(line)
    branches = [
        {"branchno": way, "count": ways[line, way], "fallthrough": way == 0, "throw": False}
        for way in range(file.branches.get(line, 0))
    ]
    named = {"function_name": function.name} if function is not None else {}
    written = rows[line - 1] if line <= len(rows) else ""
    digest = hashlib.md5(written.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return {"line_number": line, "count": count, "branches": branches, "gcovr/md5": digest, **named}
