# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel no longer checks once it has reported something: lockdep ends with its first report.

debug_locks_off() of lib/debug_locks.c, which lockdep and the spinlocks call, and add_taint() of kernel/panic.c after
what leaves memory in doubt (KASAN, SLUB, a bad page), which says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Splat
from harness.splat.kinds import ENDS_LOCK_CHECKING
from harness.splat.lines import MARK, kernel_lines, numbered

_GOES_ON = "WARNING: suspicious RCU usage"  # lockdep_rcu_suspicious() leaves it on
_TAINTED = "Disabling lock debugging due to kernel taint"


def lock_checking_ended(log: str, splats: Sequence[Splat]) -> Splat | None:
    """The one of ``splats`` (all of ``log``) with which it ended; None if it did not, or nothing ran later."""
    begun = {splat.line: splat for splat in splats}
    last: Splat | None = None
    ended: Splat | None = None
    for line in kernel_lines(numbered(log)):
        last = begun.get(line.number, last)
        if ended is None and (_ends(begun.get(line.number)) or (line.text == _TAINTED and not line.by_program)):
            ended = last
        elif ended is not None and (mark := MARK.match(line.text)) and mark[1] == "start":
            return ended
    return None


def _ends(splat: Splat | None) -> bool:
    return splat is not None and splat.kind in ENDS_LOCK_CHECKING and splat.title != _GOES_ON
