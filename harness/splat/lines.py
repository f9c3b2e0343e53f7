# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a console log that the kernel printed, told from what programs wrote.

A line of the kernel has a time stamp. A program can give its line one too, through /dev/kmsg; but not the facility
"kern", which printk() keeps for itself (kernel/printk/printk.c, devkmsg_write()). It is shown where the kernel runs
with ``console_msg_format=syslog`` ("<4>[    1.234567] text"), and in ``dmesg --raw``: there such lines are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.kernel_stamp import stamped

MARK = re.compile(r"dmabuf-harness: (?:\w{1,40} )?(start|end) (.+)")
"""What the harness writes to the log where a suite or a test starts or ends."""


class Line(NamedTuple):
    """A line with a time stamp. ``number``: 1-based, in the log. ``seconds``: by the kernel's clock.

    ``caller``: "T12" (task), "C1" (CPU), "" if unknown. ``by_program``: known to be written through /dev/kmsg.
    """

    number: int
    seconds: float
    caller: str
    text: str
    by_program: bool = False


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines of ``text`` with their numbers."""
    start, number = 0, 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        yield number, text[start:end]
        start = end + 1


# A line that ends inside the name of a task, which may have line feeds in it (prctl(PR_SET_NAME)): kernel/hung_task.c,
# sched_show_task() of kernel/sched/core.c, dump_stack_print_info() of lib/dump_stack.c, kernel/watchdog.c. A name has
# at most 15 characters (TASK_COMM_LEN), and printk() begins each line of a record with the same prefix.
_TORN = re.compile(
    r"(?:INFO: task |task:|CPU: \d{1,4} (?:UID: \d{1,10} )?PID: \d{1,9} Comm: "
    r"|(?:watchdog: )?BUG: soft lockup - CPU#\d{1,4} stuck for \d{1,9}s! \[(?!.{0,31}\]$)).{0,15}$"
)
_REST = re.compile(r".{0,15}(?::\d{1,10} (?:is )?blocked| {1,16}state:\w| (?:Not tainted|Tainted|Kdump)|:\d{1,10}\]$)")
_MAX_NAMES = 15  # lines that one name can be made of


def kernel_lines(lines: Iterable[tuple[int, str]]) -> Iterator[Line]:
    """Those of ``lines`` that have a time stamp, without it; what a task's name has torn is one line again."""
    torn: Line | None = None
    joined = 0
    for read in _stamped(lines):
        line = read
        if torn is not None and joined < _MAX_NAMES and _goes_on(torn, read):
            line, joined = torn._replace(text=f"{torn.text} {read.text}"), joined + 1
        elif torn is not None:
            yield torn
            joined = 0
        torn = line if _TORN.match(line.text) else None
        if torn is None:
            yield line
            joined = 0
    if torn is not None:
        yield torn


def _goes_on(torn: Line, line: Line) -> bool:
    return torn.caller == line.caller and (torn.seconds == line.seconds or _REST.match(line.text) is not None)


def _stamped(lines: Iterable[tuple[int, str]]) -> Iterator[Line]:
    """One ``Line`` for each of ``lines`` with a time stamp."""
    for number, line in lines:
        if "[" in line and (found := stamped(line, anywhere=True)):  # a daemon's text without a newline comes before
            yield Line(number, found.seconds, found.caller, found.text.rstrip("\r"), found.by_program)
