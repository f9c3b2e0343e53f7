# SPDX-License-Identifier: GPL-2.0-only
"""Reach: which test runs which line of the kernel. Values, readers of gcov's output and queries; no I/O.

The map is measured on a coverage kernel, from which no verdict comes.
"""

from harness.reach.reach_json import MapError, dump_reach, load_reach
from harness.reach.reach_map import FunctionSpan, ProfiledFile, ReachedPart, ReachMap, TestReach

__all__ = [
    "FunctionSpan",
    "MapError",
    "ProfiledFile",
    "ReachMap",
    "ReachedPart",
    "TestReach",
    "dump_reach",
    "load_reach",
]
