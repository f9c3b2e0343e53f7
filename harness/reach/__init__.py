# SPDX-License-Identifier: GPL-2.0-only
"""Reach: which test runs which line of the kernel. Values, readers of gcov's output and queries; no I/O.

The map is measured on a coverage kernel, from which no verdict comes.
"""

from harness.reach.affected_tests import AffectedTests, affected_tests
from harness.reach.bundled_map import BundledMap, dump_bundled, functions_only, load_bundled
from harness.reach.changed_lines import FileChange, covered_changes, parse_changes, together
from harness.reach.gcov_json import GcovCounts, GcovError
from harness.reach.reach_json import MapError, dump_reach, load_reach
from harness.reach.reach_map import FunctionSpan, ProfiledFile, ReachedPart, ReachMap, TestReach, merged
from harness.reach.reach_text import counted, line_text, reach_markdown, reach_table, test_text
from harness.reach.tracefile import gcovr_tracefile

__all__ = [
    "AffectedTests",
    "BundledMap",
    "FileChange",
    "FunctionSpan",
    "GcovCounts",
    "GcovError",
    "MapError",
    "ProfiledFile",
    "ReachMap",
    "ReachedPart",
    "TestReach",
    "affected_tests",
    "counted",
    "covered_changes",
    "dump_bundled",
    "dump_reach",
    "functions_only",
    "gcovr_tracefile",
    "line_text",
    "load_bundled",
    "load_reach",
    "merged",
    "parse_changes",
    "reach_markdown",
    "reach_table",
    "test_text",
    "together",
]
