# SPDX-License-Identifier: GPL-2.0-only
"""Do something while the check sleeps in the kernel, to see that it is woken."""

from __future__ import annotations

import _thread
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

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
