# SPDX-License-Identifier: GPL-2.0-only
"""Do something while the check sleeps in the kernel, to see that it is woken; and in a process of its own."""

from __future__ import annotations

import _thread
import os
import time

from harness.guest.registry import CheckFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_IOCTL, _FCNTL = "16 ", "72 "  # of x86-64, as /proc shows them
SIGKILL, SIGTERM, SIGBUS = 9, 15, 7  # the module signal is slow to import

# Long enough for the caller to reach its system call; if it is not, the check still passes, it only proves less.
_HEAD_START = 0.05


# Seconds, for a poll(): more than any check may take, which so ends it. One whose time is up looks once more, and finds
# ready what nobody woke it for.
UNTIL_WOKEN = 3600.0


class soon:  # lower case: reads as a statement: with soon(timeline.advance): ...
    """Context manager: calls ``action`` in another thread a moment later, waits for it at the end, raises its error."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._done = _thread.allocate_lock()
        self._raised: BaseException | None = None

    def __enter__(self) -> None:
        self._done.acquire()
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            time.sleep(_HEAD_START)
            self._action()
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it again
            self._raised = error
        finally:
            self._done.release()

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._done.acquire()
        self._done.release()
        if error is None and self._raised is not None:
            raise self._raised


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


def has_ended(child: int) -> bool:
    """True if ``child`` has ended; it can still be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def await_ioctl(child: int) -> None:
    """Return when ``child`` sleeps in ioctl(), for which there is no event. Fails the check if it ends instead."""
    while not has_ended(child):
        if _sleeps_in(f"/proc/{child}", _IOCTL):
            return
        time.sleep(0.001)
    raise CheckFailed("the process ended, and never slept in ioctl()")


def _sleeps_in(task: str, call: str) -> bool:
    """If ``task``, a directory of /proc, sleeps in system call ``call``; "running" stands there if it does not sleep.

    Documentation/filesystems/proc.rst.
    """
    with open(f"{task}/syscall") as file:  # noqa: PTH123 - pathlib is slow to import
        return file.read().startswith(call)


def await_fcntl(thread: int, ended: Callable[[], bool]) -> bool:
    """Return when a thread of this process sleeps in fcntl(), for which there is no event; False if it has ``ended``.

    ``thread``: its number (``_thread.get_native_id``).
    """
    return _await_thread(thread, _FCNTL, ended)


def await_thread_in_ioctl(thread: int, ended: Callable[[], bool]) -> bool:
    """The same of ioctl()."""
    return _await_thread(thread, _IOCTL, ended)


def _await_thread(thread: int, call: str, ended: Callable[[], bool]) -> bool:
    while not ended():
        try:
            if _sleeps_in(f"/proc/self/task/{thread}", call):
                return True
        except OSError:  # it is gone
            return False
        time.sleep(0.001)
    return False


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
