# SPDX-License-Identifier: GPL-2.0-only
"""Do something while the check sleeps in the kernel, to see that it is woken; and in a process of its own."""

from __future__ import annotations

import _thread
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SIGKILL, SIGTERM, SIGBUS = 9, 15, 7  # the module signal is slow to import

# Long enough for the caller to reach its system call; if it is not, the check still passes, it only proves less.
_HEAD_START = 0.05


class soon:  # lower case: reads as a statement: with soon(timeline.advance): ...
    """Context manager: calls ``action`` in another thread a moment later, and waits for it at the end."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._done = _thread.allocate_lock()

    def __enter__(self) -> None:
        self._done.acquire()
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            time.sleep(_HEAD_START)
            self._action()
        finally:
            self._done.release()

    def __exit__(self, *_error: object) -> None:
        self._done.acquire()
        self._done.release()


def start_child(action: Callable[[], object]) -> int:
    """Call ``action`` in a new process, which ends with status 0, or 1 if it raises. Gives its number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)  # the process must never return into the runner
    return child


def end_of_child(child: int) -> int:
    """Wait for a process: its exit status, or minus the number of the signal that killed it.

    It is killed if the wait is cut short, so that none outlives the check.
    """
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, SIGKILL)
        os.waitpid(child, 0)
        raise


def in_child(action: Callable[[], object]) -> int:
    """Call ``action`` in a new process and wait for its end; see ``end_of_child``."""
    return end_of_child(start_child(action))
