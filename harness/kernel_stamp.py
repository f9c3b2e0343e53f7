# SPDX-License-Identifier: GPL-2.0-only
"""What printk puts before a line: "<4>[   12.345678][  T123] text" (kernel/printk/printk.c, print_prefix()).

The level only with console_msg_format=syslog, and then with the facility above its three bits; the caller only with
CONFIG_PRINTK_CALLER.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BRACKETS = r"\[ {0,8}(\d{1,12}\.\d{6})\](?:\[ {0,8}([TC]\d{1,10})\])?"
_STAMP = re.compile(rf"(?:<(\d{{1,4}})>)?{_BRACKETS} ?")
_FACILITY = 3  # bits of the level below it

OF_KERNEL = rf"(?:(?<!>)|(?<=<[0-7]>)){_BRACKETS.replace('(', '(?:').replace('(?:?:', '(?:')} "
"""Regular expression, without groups, of the stamp of a line that no program wrote: its level has no facility."""


class Stamped(NamedTuple):
    """A line without its stamp. ``seconds``: by the kernel's clock. ``caller``: "T12" (task), "C1" (CPU) or "".

    ``by_program``: known to be written through /dev/kmsg.
    """

    seconds: float
    caller: str
    text: str
    by_program: bool


def stamped(line: str, *, anywhere: bool = False) -> Stamped | None:
    """``line`` without its stamp; None if it has none. ``anywhere``: other text, of a daemon, may stand before it."""
    found = _STAMP.search(line) if anywhere else _STAMP.match(line)
    if found is None:
        return None
    level, seconds, caller = found.groups()
    by_program = level is not None and int(level) >> _FACILITY != 0
    return Stamped(float(seconds), caller or "", line[found.end() :], by_program)
