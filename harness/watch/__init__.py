# SPDX-License-Identifier: GPL-2.0-only
"""Watching a kernel tree: what changed, what is to be tested for it, and one run at a time that tests it."""

from harness.watch.child_run import ChildRun
from harness.watch.file_events import FileEvents
from harness.watch.tree_state import TreeState, WatchedTree
from harness.watch.watch_schedule import WatchKind, WatchOrder, WatchSchedule
from harness.watch.watch_screen import watch_teller

__all__ = [
    "ChildRun",
    "FileEvents",
    "TreeState",
    "WatchKind",
    "WatchOrder",
    "WatchSchedule",
    "WatchedTree",
    "watch_teller",
]
