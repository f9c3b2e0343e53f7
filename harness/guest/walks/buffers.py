# SPDX-License-Identifier: GPL-2.0-only
"""The model of a reservation: the fences of a buffer, as its readers and writers must wait for them."""

from __future__ import annotations

from harness.guest.walks.fences import Point, latest
from harness.guest.walks.steps import WRITE


class BufferModel:
    """A dma-buf and its reservation object. ``added``: every fence that was added, and if as that of a writer.

    ``attached``: number of attachments. ``handle``: the number of its open GEM handle, if it has one (0: none).
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.added: list[tuple[Point, bool]] = []
        self.name: str | None = None
        self.open = True
        self.attached = 0
        self.handle = 0

    def add(self, point: Point, writes: bool) -> None:
        self.added.append((point, writes))

    def in_the_way(self, access: int) -> list[Point]:
        """What an access must wait for: who reads waits for writers, who writes for all. Once for each adding."""
        return [point for point, writes in self.added if point.status == 0 and (writes or access & WRITE)]

    def exported(self, access: int) -> tuple[list[Point], list[Point]]:
        """(fences that a sync_file of them must have, those that it may have besides).

        Of one context the last must be there. Earlier ones, and one that was added twice, may be kept beside it:
        ``dma_resv_add_fence()`` replaces what it finds first.
        """
        points = self.in_the_way(access)
        needed = latest(points)
        spare = list(points)
        for point in needed:
            spare.remove(point)
        return needed, spare
