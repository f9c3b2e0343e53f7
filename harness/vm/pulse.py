# SPDX-License-Identifier: GPL-2.0-only
"""How long a guest needs for a command that does nothing: under a KVM that works, next to no time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.vm.ssh import Connection

# What is so many times slower than after the login is no busy host.
_CRAWL_FACTOR, _CRAWL_LEAST = 20, 1.0  # the second: seconds
_FIRST_LIMIT = 10.0  # seconds


class Pulse:
    """Of one guest. ``clock``: seconds that the host gave it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._usual = 0.0

    def learn(self, connection: Connection) -> None:
        """Take what a command needs now as usual. Raises ``GuestLost``."""
        self._usual = self._measure(connection, _FIRST_LIMIT)

    def crawls(self, connection: Connection) -> bool:
        """True if the guest has become far slower than usual. Raises ``GuestLost``."""
        limit = max(_CRAWL_LEAST, _CRAWL_FACTOR * self._usual)
        return self._measure(connection, limit) >= limit

    def _measure(self, connection: Connection, limit: float) -> float:
        """Of two commands, as the first may have to read its file."""
        return min(self._command(connection, limit) for _ in range(2))

    def _command(self, connection: Connection, limit: float) -> float:
        begun = self._clock()
        connection.execute("true", timeout=limit)
        return self._clock() - begun
