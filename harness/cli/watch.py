# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness watch``: the quick answer on each save, the whole verdict on each commit."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.option_origins import add_project_option, run_options, typed_words
from harness.cli.project_file import find_project, value_of
from harness.cli.report_files import written_files
from harness.cli.run import add_test_options
from harness.errors import ExitCode
from harness.report.text import duration
from harness.scratch import scratch
from harness.watch import ChildRun, FileEvents, WatchedTree, WatchKind, WatchOrder, WatchSchedule, watch_teller

_LOOK = 0.5  # seconds after which a run that ended is noticed


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "watch",
        description="Watch a kernel tree: after each save test its uncommitted changes by the tests that reach them "
        "(run --worktree --quick), after each commit the commits since the watch began, by all tests. One run at a "
        "time; one that is out of date is ended. Ctrl-C ends all.",
    )
    parser.set_defaults(handler=watch)
    parser.add_argument(
        "tree", nargs="?", type=Path, default=Path(), metavar="TREE", help="default: the one that you are in"
    )
    parser.add_argument("--since", metavar="REF", help="commit after which the series begins (default: HEAD, as it is)")
    add_test_options(parser)
    add_project_option(parser)


def watch(arguments: argparse.Namespace) -> int:
    start = arguments.tree.absolute()
    watched = WatchedTree(start, () if arguments.no_project else _reports(start))
    since = watched.tree.commit(arguments.since or "HEAD")
    machine_check.require(machine_check.check_all(None))
    with scratch("watch") as place:
        child = ChildRun(watched.tree.path, start, since, typed_words(arguments), place)
        try:
            _follow(watched, since, child)
        finally:
            child.close()
    return ExitCode.OK


def _reports(start: Path) -> tuple[Path, ...]:
    """Where the runs that begin in ``start`` write reports because a project file says so. Raises ``UserError``."""
    project = find_project(start.resolve())
    if project is None:
        return ()
    options = run_options()
    said = {key: value_of(project, key, options[key]) for key in ("report", "junit") if key in project.values}
    return written_files(argparse.Namespace(**said))


def _follow(watched: WatchedTree, since: str, child: ChildRun) -> None:
    """Until Ctrl-C."""
    teller = watch_teller(sys.stdout)
    began: dict[WatchKind, float] = {}

    def tell(order: WatchOrder, text: str) -> None:
        began[order.kind] = time.monotonic()
        what = "uncommitted changes on" if order.kind is WatchKind.QUICK else "commits up to"
        teller.say(order.kind.value, f"{what} {watched.tree.short(order.state.head)}: {text}")

    schedule = WatchSchedule(since, child, tell)
    try:
        with FileEvents(watched.places) as events:
            teller.say("watch", f"{watched.tree.path} at {watched.tree.short(since)}; Ctrl-C ends it")
            changed = True
            while True:
                if changed:
                    schedule.saw(state := watched.look())
                    if state.trouble:
                        teller.say("watch", state.trouble)
                schedule.step()
                teller.show(_facts(schedule, child, began))
                changed = watched.concerns(events.wait(_LOOK))
    finally:
        teller.close()


def _facts(schedule: WatchSchedule, child: ChildRun, began: dict[WatchKind, float]) -> list[tuple[str, str]]:
    facts = []
    for kind in WatchKind:
        if schedule.running is not None and schedule.running.kind is kind:
            facts.append((kind.value, f"for {duration(time.monotonic() - began[kind])}: {child.last_line()}"))
        else:
            facts.append((kind.value, "waits" if schedule.waiting(kind) else "nothing to do"))
    return facts
