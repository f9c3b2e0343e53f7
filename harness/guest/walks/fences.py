# SPDX-License-Identifier: GPL-2.0-only
"""The model of fences: points of timelines, and the sync_files that stand for some of them.

What is promised, not how it is done, after Documentation/driver-api/dma-buf.rst, sync_file.rst and the code of 5.10 to
7.3: drivers/dma-buf/sw_sync.c, sync_file.c, dma-fence-unwrap.c (merge), dma-fence-array.c, dma-resv.c (export).
"""

from __future__ import annotations

from errno import ENOENT

from harness.guest.walks.steps import FenceInfo, Info, Mismatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = -1  # a deadline


def later(one: int, other: int) -> bool:
    """True if point ``one`` of a timeline comes after ``other``: they are 32 bits and wrap (include/linux/dma-fence.h,
    ``__dma_fence_is_later``)."""
    return 0 < (one - other) & 0xFFFFFFFF < 1 << 31


class Point:
    """A fence. ``context``: fences of one are ordered by ``value``. ``status``: 0 pending, 1 signalled, negative errno.

    ``window``: between which times it signalled (ns). ``also``: another status that it may tell. ``deadline``: ns, None
    if there is none, ``UNKNOWN`` if nobody knows.
    """

    def __init__(self, context: str, value: int, driver: str, timeline: str) -> None:
        self.context = context
        self.value = value
        self.driver = driver
        self.timeline = timeline
        self.status = 0
        self.also = 0
        self.window = (0, 0)
        self.deadline: int | None = None

    def end(self, status: int, window: tuple[int, int]) -> None:
        """It signals, between these times."""
        self.status, self.window = status, window


class TimelineModel:
    """A sw_sync timeline: its counter and the points that are pending."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value = 0
        self.open = True
        self.pending: dict[int, Point] = {}

    def point(self, value: int, window: tuple[int, int]) -> Point:
        """The fence at ``value``: one that is pending is the same for all; one that was reached signals at once."""
        if value in self.pending:
            return self.pending[value]
        point = Point(self.name, value, "sw_sync", self.name)
        if later(value, self.value):
            self.pending[value] = point
        else:
            point.end(1, window)
        return point

    def advance(self, steps: int, window: tuple[int, int]) -> None:
        self.value = (self.value + steps) & 0xFFFFFFFF
        for value, point in list(self.pending.items()):
            if not later(value, self.value):
                point.end(1, window)
                del self.pending[value]

    def close(self, window: tuple[int, int]) -> None:
        """What nobody can reach any more ends with an error."""
        self.open = False
        for point in self.pending.values():
            point.end(-ENOENT, window)
        self.pending.clear()


def latest(points: Iterable[Point]) -> list[Point]:
    """Of each context the latest of ``points``: what to wait for, to wait for all of them."""
    found: dict[str, Point] = {}
    for point in points:
        known = found.get(point.context)
        if known is None or later(point.value, known.value):
            found[point.context] = point
    return list(found.values())


class SyncFileModel:
    """A sync_file. ``parts``: it lists all of these; ``maybe``: and may list each of these, which signal no later.

    ``name``: that was given to it. ``watched``: it was polled while something was pending, so that its own fence hears
    of every part (dma-fence-array.c takes errors over only then). ``count``: how many it listed, if it was asked.
    """

    def __init__(self, parts: list[Point], maybe: list[Point], name: str = "") -> None:
        self.parts = parts
        self.maybe = maybe
        self.name = name
        self.watched = False
        self.count = 0

    @property
    def pending(self) -> bool:
        return any(point.status == 0 for point in self.parts)

    @property
    def single(self) -> Point | None:
        """The one fence that it stands for; None if there are more, or may be."""
        alone = len(self.parts) == 1 and (not self.maybe or self.count == 1)
        return self.parts[0] if alone else None

    def statuses(self) -> set[int]:
        """What num_fences = 0 may say. A container that nobody watched may have missed the errors of its parts."""
        if self.pending:
            return {0}
        if self.single is not None:
            return {self.single.status, self.single.also or self.single.status}
        errors = {point.status for point in self.parts if point.status < 0}
        if errors and self.watched:
            return errors
        return errors | {point.status for point in self.maybe if point.status < 0} | {1}

    def judge_status(self, info: Info) -> Mismatch | None:
        """What num_fences = 0 told."""
        if info.status not in self.statuses():
            return Mismatch("status", info.status, _either(self.statuses()))
        return self._judge_count(info.count) or self.judge_name(info.name)

    def judge_list(self, info: Info, ended_names: tuple[str, str] | None) -> Mismatch | None:
        """What a full FILE_INFO told. ``ended_names``: driver and timeline of a fence that has signalled, where this
        kernel no longer asks its driver for them."""
        parts = info.parts or []
        found = self._judge_count(len(parts)) or self._judge_parts(parts, ended_names)
        if found is None and info.status not in _summaries(parts):
            found = Mismatch("status", info.status, _either(_summaries(parts)))
        return found or self.judge_name(info.name)

    def judge_name(self, name: str) -> Mismatch | None:
        if self.name and name != self.name:
            return Mismatch("name", name, self.name)
        return None

    def _judge_count(self, count: int) -> Mismatch | None:
        low, high = len(self.parts), len(self.parts) + len(self.maybe)
        if self.count:
            low = high = self.count
        if not low <= count <= high:
            return Mismatch("fences", count, low if low == high else f"{low} to {high}")
        self.count = count
        return None

    def _judge_parts(self, parts: list[FenceInfo], ended_names: tuple[str, str] | None) -> Mismatch | None:
        """Each of ``self.parts`` is among ``parts``, and the rest is of ``self.maybe``."""
        unmet, spare = list(self.parts), list(self.maybe)
        for part in parts:
            fitting = [point for point in (*unmet, *spare) if _fits(part, point, ended_names)]
            if not fitting:
                wanted = sorted({_words(point) for point in (*unmet, *spare)})
                return Mismatch("a fence", f"{part}, {part.driver}, at {part.stamp}", " or ".join(wanted) or "none")
            (unmet if fitting[0] in unmet else spare).remove(fitting[0])
        if unmet:
            return Mismatch("fences", ", ".join(map(str, parts)), f"also {_words(unmet[0])}")
        return None


def _fits(part: FenceInfo, point: Point, ended_names: tuple[str, str] | None) -> bool:
    if part.status not in (point.status, point.also or point.status):
        return False
    names = (part.driver, part.timeline)
    if point.driver and names != (point.driver, point.timeline) and (point.status == 0 or names != ended_names):
        return False
    return point.window[0] <= part.stamp <= point.window[1]


def _summaries(parts: list[FenceInfo]) -> set[int]:
    """The status of the whole: pending and an error at once may be told either way."""
    bad = {part.status for part in parts if part.status <= 0}
    return bad or {1}


def _words(point: Point) -> str:
    window = f" at {point.window[0]} to {point.window[1]}" if point.status else ""
    return f"{point.timeline or 'any'}:{point.status}{window}"


def _either(values: set[int]) -> int | str:
    """The one value, or all in words."""
    return min(values) if len(values) == 1 else " or ".join(map(str, sorted(values)))
