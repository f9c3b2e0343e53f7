# SPDX-License-Identifier: GPL-2.0-only
"""A stand-in for the kernel under random walks: fences, containers and reservations as 6.12 keeps them, in Python.

It follows the code (drivers/dma-buf of 6.12), not the model that it is to be compared with: containers listen to their
parts, reservations have slots. Each of ``BUGS`` is one that shipped, or is of such a kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from errno import EBUSY, EINTR, EINVAL, ENOENT
from typing import Self, cast

from harness.guest.walks.steps import FenceInfo, Info, Seen, Step

BUGS = (
    "an earlier fence replaces a later one",
    "a wait skips the writer beside readers",
    "a test skips the writer beside readers",
    "a container hides errors",
    "a merge of unsorted parts keeps duplicates",
    "a reader replaces the writer of its context",
    "poll of a container wakes at its first part",
    "poll for reading waits for readers",
    "a closed timeline tells no error",
    "a fence that was reached stays pending",
    "a merge keeps the earlier fence of a timeline",
    "a timestamp is kept from the creation",
    "an export for reading has the readers",
    "a deadline goes to the first part alone",
    "a deadline replaces a sooner one",
    "a name is cut at its first dash",
    "a merge of what has signalled is pending",
    "a counter is compared as a signed number",
)


@dataclass(eq=False)
class Fence:
    """``error`` counts once it signalled; ``listeners`` are told when it does."""

    driver: str
    timeline: str
    context: int
    seqno: int
    flagged: bool = False
    error: int = 0
    stamp: int = 0
    deadline: int | None = None
    polled: bool = False  # a poll of a buffer holds it
    listeners: list[Callable[[Fence], None]] = field(default_factory=list)

    def signal(self, now: int) -> None:
        if not self.flagged:
            self.flagged, self.stamp = True, self.stamp or now
            for listener in self.listeners:
                listener(self)

    def signalled(self, now: int) -> bool:
        return self.flagged

    def status(self, now: int) -> int:
        return (self.error or 1) if self.signalled(now) else 0

    def enable(self, now: int) -> None:
        pass

    def leaves(self) -> list[Fence]:
        return [self]


@dataclass(eq=False)
class Container(Fence):
    parts: list[Fence] = field(default_factory=list)
    enabled: bool = False
    left: int = 0
    bugs: frozenset[str] = frozenset()

    def enable(self, now: int) -> None:
        if self.enabled:
            return
        self.enabled, self.left = True, len(self.parts)
        for part in self.parts:
            if part.signalled(now):
                self._heard(part)
            else:
                part.listeners.append(self._heard)

    def _heard(self, part: Fence) -> None:
        if "a container hides errors" not in self.bugs:
            self.error = self.error or part.error
        self.left -= 1
        if self.left == 0 or "poll of a container wakes at its first part" in self.bugs:
            self.signal(part.stamp)

    def signalled(self, now: int) -> bool:
        if not self.flagged and not self.enabled and all(part.signalled(now) for part in self.parts):
            self.signal(now)
        return self.flagged

    def leaves(self) -> list[Fence]:
        return self.parts


@dataclass
class File:
    fence: Fence
    name: str


@dataclass
class Line:
    name: str
    context: int
    value: int = 0
    pending: list[Fence] = field(default_factory=list)


@dataclass
class Buffer:
    slots: list[tuple[Fence, bool]] = field(default_factory=list)  # (fence, writes)
    room: int = 4
    name: str = ""
    handle: int = 0


class FenceKernel:
    def __init__(self, *bugs: str) -> None:
        assert set(bugs) <= set(BUGS)
        self.bugs = frozenset(bugs)
        self._has = self.bugs.__contains__
        self._clock = itertools.count(1000, 10)
        self._contexts = itertools.count(1)
        self._handles = itertools.count(1)
        self.objects: dict[str, Line | File | Buffer | Fence | int] = {}
        self.now = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.objects.clear()

    def take(self, step: Step) -> Seen:
        before, self.now, after = next(self._clock), next(self._clock), next(self._clock)
        operands = (*step.operands, *([step.makes] if step.makes else []))
        try:
            answer, error = getattr(self, "_" + step.call.replace("-", "_"))(*operands), 0
        except OSError as raised:
            answer, error = None, raised.errno or 0
        return Seen(error, answer, before, after)

    def _line(self, name: str) -> Line:
        return cast("Line", self.objects[name])

    def _file(self, name: str) -> File:
        return cast("File", self.objects[name])

    def _buffer_of(self, name: str) -> Buffer:
        return cast("Buffer", self.objects[name])

    # --- timelines ----------------------------------------------------------------------------

    def _timeline(self, makes: str) -> None:
        self.objects[makes] = Line(makes, next(self._contexts))

    def _reached(self, line: Line, seqno: int) -> bool:
        if self._has("a counter is compared as a signed number"):
            return _signed(seqno) <= _signed(line.value)
        return not _later(seqno, line.value)

    def _fence(self, name: str, value: int, makes: str) -> None:
        line = self._line(name)
        line.pending = [
            one for one in line.pending if one.polled or self._is_held(one)
        ]  # its last reference takes it off the list
        fence = next((one for one in line.pending if one.seqno == value), None)
        if fence is None:
            fence = Fence("sw_sync", line.name, line.context, value)
            if self._has("a timestamp is kept from the creation"):
                fence.stamp = self.now
            if self._reached(line, value) and not self._has("a fence that was reached stays pending"):
                fence.signal(self.now)
            else:
                line.pending.append(fence)
        self.objects[makes] = File(fence, "")

    def _is_held(self, fence: Fence) -> bool:
        """By a file, a reservation, or a container that listens to it and so holds itself."""
        files = (one.fence.leaves() for one in self.objects.values() if isinstance(one, File))
        slots = (one.slots for one in self.objects.values() if isinstance(one, Buffer))
        listed = any(fence in leaves for leaves in files)
        return listed or bool(fence.listeners) or any(fence is held for each in slots for held, _ in each)

    def _advance(self, name: str, steps: int) -> None:
        line = self._line(name)
        line.value = (line.value + steps) & 0xFFFFFFFF
        for fence in list(line.pending):
            if self._reached(line, fence.seqno):
                line.pending.remove(fence)
                fence.signal(self.now)

    def _close_timeline(self, name: str) -> None:
        for fence in self._line(name).pending:
            if fence.polled and not self._is_held(fence):
                raise AssertionError("the kernel hangs: the last reference goes under the lock that its release takes")
            fence.error = 0 if self._has("a closed timeline tells no error") else -ENOENT
            fence.signal(self.now)
        del self.objects[name]

    # --- sync_files ---------------------------------------------------------------------------

    def _close(self, name: str) -> None:
        del self.objects[name]

    _close_buffer = _detach = _close

    def _stub(self, stamp: int) -> Fence:
        return Fence("stub", "stub", 0, 0, flagged=True, stamp=stamp)

    def _container(self, parts: list[Fence]) -> Fence:
        if len(parts) == 1:
            return parts[0]
        context = next(self._contexts)
        return Container("dma_fence_array", "unbound", context, 1, parts=parts, bugs=self.bugs)

    def _merge(self, one: str, other: str, name: str, makes: str) -> None:
        leaves = [self._file(one).fence.leaves(), self._file(other).fence.leaves()]
        pending = [[fence for fence in each if not fence.signalled(self.now)] for each in leaves]
        ended = [fence.stamp for each in leaves for fence in each if fence.signalled(self.now)]
        if any(pending):
            keeper = self._merged_in_turn if self._has("a merge of unsorted parts keeps duplicates") else self._merged
            fence = self._container(keeper(pending))
        else:
            fence = self._stub(max(ended))
            if self._has("a merge of what has signalled is pending"):
                fence = Fence("stub", "stub", 0, 0)
        kept = name.partition("-")[0] if self._has("a name is cut at its first dash") else name
        self.objects[makes] = File(fence, kept)

    def _merged(self, pending: list[list[Fence]]) -> list[Fence]:
        """Sorted by context, the latest first; of each context the first."""
        earliest = -1 if self._has("a merge keeps the earlier fence of a timeline") else 1
        found: dict[int, Fence] = {}
        for fence in itertools.chain(*pending):
            known = found.setdefault(fence.context, fence)
            if _later(fence.seqno, known.seqno) if earliest == 1 else _later(known.seqno, fence.seqno):
                found[fence.context] = fence
        return [found[context] for context in sorted(found)]

    def _merged_in_turn(self, pending: list[list[Fence]]) -> list[Fence]:
        """As one merges two sorted lists, which they need not be."""
        found, rest = [], [list(each) for each in pending]
        while heads := [each[0] for each in rest if each]:
            lowest = min(fence.context for fence in heads)
            best = heads[0]
            for fence in heads:
                if fence.context == lowest and (best.context != lowest or _later(fence.seqno, best.seqno)):
                    best = fence
            found.append(best)
            for each in rest:
                if each and each[0].context == lowest:
                    each.pop(0)
        return found

    def _info(self, file: File, status: int, count: int, parts: list[FenceInfo] | None = None) -> Info:
        return Info(file.name or f"{file.fence.driver}-{file.fence.context}", status, count, parts)

    def _status(self, name: str) -> Info:
        file = self._file(name)
        count = len(file.fence.leaves())
        return self._info(file, file.fence.status(self.now), count)

    def _list(self, name: str) -> Info:
        file = self._file(name)
        parts, status = [], 1
        for leaf in file.fence.leaves():
            told = leaf.status(self.now)
            parts.append(FenceInfo(leaf.driver, leaf.timeline, told, leaf.stamp if told else 0))
            status = status if status <= 0 else told
        return self._info(file, status, len(parts), parts)

    def _poll(self, name: str) -> int:
        fence = self._file(name).fence
        fence.enable(self.now)
        return 1 if fence.signalled(self.now) else 0

    def _set_deadline(self, name: str, deadline: int) -> None:
        leaves = self._file(name).fence.leaves()
        for leaf in leaves[:1] if self._has("a deadline goes to the first part alone") else leaves:
            if not leaf.signalled(self.now):
                sooner = leaf.deadline is None or deadline < leaf.deadline
                leaf.deadline = deadline if sooner or self._has("a deadline replaces a sooner one") else leaf.deadline

    def _get_deadline(self, _timeline: str, name: str) -> int:
        fence = self._file(name).fence
        if fence.driver != "sw_sync":
            raise OSError(EINVAL, "not a point of a timeline")
        if fence.deadline is None:
            raise OSError(ENOENT, "none was set")
        return fence.deadline

    # --- reservations -------------------------------------------------------------------------

    def _buffer(self, _kind: str, makes: str) -> None:
        self.objects[makes] = Buffer()

    def _add(self, buffer: Buffer, fence: Fence, writes: bool) -> None:
        for at, (old, old_writes) in enumerate(buffer.slots):
            later = fence is old or _later(fence.seqno, old.seqno) or self._has("an earlier fence replaces a later one")
            weaker = writes or not old_writes or self._has("a reader replaces the writer of its context")
            if (old.context == fence.context and weaker and later) or old.signalled(self.now):
                buffer.slots[at] = (fence, writes)
                return
        buffer.slots.append((fence, writes))

    def _import(self, name: str, file: str, access: int) -> None:
        buffer = self._buffer_of(name)
        leaves = self._file(file).fence.leaves()
        self._reserve(buffer, len(leaves))
        for fence in leaves:
            self._add(buffer, fence, bool(access & 2))

    def _reserve(self, buffer: Buffer, count: int) -> None:
        """A list that grows leaves behind what has signalled."""
        if len(buffer.slots) + count > buffer.room:
            buffer.room = max(len(buffer.slots) + count, 2 * buffer.room)
            buffer.slots = [slot for slot in buffer.slots if not slot[0].signalled(self.now)]

    def _pending(self, buffer: Buffer, access: int) -> Iterator[Fence]:
        for fence, writes in buffer.slots:
            if not fence.signalled(self.now) and (writes or access & 2):
                yield fence

    def _export(self, name: str, access: int, makes: str) -> None:
        wanted = 2 if self._has("an export for reading has the readers") else access
        found = list(self._pending(self._buffer_of(name), wanted))
        self.objects[makes] = File(self._container(found) if found else self._stub(1), "")

    def _poll_buffer(self, name: str, events: int) -> int:
        buffer = self._buffer_of(name)
        reading = 2 if self._has("poll for reading waits for readers") else 0
        for fence in list(self._pending(buffer, 2))[:1]:
            fence.polled = True
        ready = (0 if any(self._pending(buffer, reading)) else 1) | (0 if any(self._pending(buffer, 2)) else 4)
        return events & ready

    def _skipping(self, buffer: Buffer, access: int, bug: str) -> list[Fence]:
        if self._has(bug) and access & 2 and any(not writes for _, writes in buffer.slots):
            return [f for f, writes in buffer.slots if not writes and not f.signalled(self.now)]
        return list(self._pending(buffer, access))

    def _sync(self, name: str, access: int) -> None:
        if self._skipping(self._buffer_of(name), access, "a wait skips the writer beside readers"):
            raise OSError(EINTR, "interrupted")

    def _sync_end(self, _name: str, _access: int) -> None: ...

    def _rename(self, name: str, text: str) -> None:
        self._buffer_of(name).name = text

    def _ask_name(self, name: str) -> str:
        return self._buffer_of(name).name

    # --- importers ----------------------------------------------------------------------------

    def _open_handle(self, name: str, makes: str) -> int:
        buffer = self._buffer_of(name)
        buffer.handle = buffer.handle or next(self._handles)
        self.objects[makes] = buffer
        return buffer.handle

    def _close_handle(self, handle: str) -> None:
        self._buffer_of(handle).handle = 0

    def _attach_fence(self, handle: str, access: int, makes: str) -> None:
        buffer = self._buffer_of(handle)
        if self._skipping(buffer, access, "a test skips the writer beside readers"):
            raise OSError(EBUSY, "a fence is in the way")
        self.objects[makes] = fence = Fence("vgem", "unbound", next(self._contexts), 1)
        self._reserve(buffer, 1)
        self._add(buffer, fence, bool(access & 2))

    def _signal_fence(self, name: str) -> None:
        fence = self.objects.pop(name)
        assert isinstance(fence, Fence)
        fence.signal(self.now)

    def _attach(self, buffer: str, makes: str) -> None:
        self.objects[makes] = self._buffer_of(buffer)


def _signed(number: int) -> int:
    return (number & 0xFFFFFFFF) - ((number & 0x80000000) << 1)


def _later(one: int, other: int) -> bool:
    return _signed(one - other) > 0
