# SPDX-License-Identifier: GPL-2.0-only
"""Which files of some directories change, as it happens (inotify, through watchfiles).

The library waits in a thread of its own: in the main one it would take any signal for Ctrl-C.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from pathlib import Path

from harness.errors import InfrastructureError

_QUIET = 400  # milliseconds without another change, after which a save is taken for whole
_HINT = "raise fs.inotify.max_user_watches (sysctl): a kernel tree has about 6,000 directories"


class FileEvents:
    """Changes below ``places``, as a context manager. Whoever enters it is told of all that change afterwards."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = places
        self._changes: queue.Queue[set[str] | Exception] = queue.Queue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="files", daemon=True)

    def _follow(self) -> None:
        from watchfiles import watch  # noqa: PLC0415 - 0.1 s that no other command pays for

        begun = False
        try:
            for found in watch(
                *self._places,
                watch_filter=None,
                debounce=4 * _QUIET,
                step=_QUIET,
                rust_timeout=200,
                stop_event=self._stop,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                if found or not begun:
                    self._changes.put({path for _, path in found})
                begun = True
        except Exception as error:  # noqa: BLE001 - whatever it is, the main thread tells it
            self._changes.put(error)

    def wait(self, seconds: float) -> set[str]:
        """Paths that changed; none after so many seconds without any. Raises ``InfrastructureError``."""
        try:
            found = self._changes.get(timeout=seconds)
        except queue.Empty:
            return set()
        if isinstance(found, Exception):
            raise InfrastructureError(f"cannot be watched: {found}", where=str(self._places[0]), hint=_HINT) from found
        return found

    def __enter__(self) -> FileEvents:
        """Returns once changes are noticed: the library's first sign of life comes after it began to look."""
        self._thread.start()
        self.wait(60.0)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
