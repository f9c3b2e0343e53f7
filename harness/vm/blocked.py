# SPDX-License-Identifier: GPL-2.0-only
"""Tasks that a suite left asleep where no signal wakes them: a guest ends before the kernel would tell of them.

The kernel's own limit is two minutes (CONFIG_DEFAULT_HUNG_TASK_TIMEOUT), the life of most guests is shorter. A task
counts if it did not run once while it was watched; one that waits for the disk or a file of the host does in
milliseconds. Where none sleeps like that, one ``grep`` is all that this costs.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator

PAUSES = (0.1, 0.4, 0.5, 1.0)  # seconds under KVM between two looks

_LIST = "grep -l '^State:.D' /proc/[0-9]*/task/[0-9]*/status 2> /dev/null; true"
_Seen = frozenset[tuple[str, str]]  # (status file of a task, what it says)


def blocked(
    ask: Callable[[str], str], pause: Callable[[float], None], slowness: float, known: Collection[str]
) -> dict[str, str]:
    """What the kernel would say of each task that is stuck, by its status file; of those that are not ``known``.

    ``ask``: runs a shell command in the guest and returns what it prints. ``pause``: sleeps.
    """
    files = [file for file in ask(_LIST).split() if file not in known]
    still = _looked_at(ask, files)
    for seconds in PAUSES:
        if not still:
            return {}
        pause(seconds * slowness)
        still &= _looked_at(ask, [file for file, _ in still])
    return dict(_told(ask, sorted(file for file, _ in still), sum(PAUSES) * slowness))


def _looked_at(ask: Callable[[str], str], files: Collection[str]) -> _Seen:
    """Those that sleep so that no signal wakes them, and how often they have run."""
    if not files:
        return frozenset()
    lines = ask(f"grep -H -e ^State: -e ctxt_switches {shlex.join(files)} 2> /dev/null; true").splitlines()
    said: dict[str, str] = {}
    for file, _, words in (line.partition(":") for line in lines):
        said[file] = f"{said.get(file, '')} {words}"
    return frozenset((file, words) for file, words in said.items() if "State:\tD" in words)


def _told(ask: Callable[[str], str], files: Collection[str], seconds: float) -> Iterator[tuple[str, str]]:
    """As kernel/hung_task.c does."""
    for file in files:
        directory = file.removesuffix("status")
        lines = ask(f"cat {directory}comm {directory}stack 2> /dev/null; true").splitlines()
        stack = [line for line in lines if line.startswith("[<")]
        name = " ".join(lines[: lines.index(stack[0])] if stack else lines)  # it may have line feeds in it
        frames = "".join(f"\n {line.partition('] ')[2]}" for line in stack if "+0x" in line)
        thread = directory.rstrip("/").rpartition("/")[2]
        yield file, f"INFO: task {name}:{thread} blocked for more than {seconds:.0f} seconds.\nCall Trace:{frames}"
