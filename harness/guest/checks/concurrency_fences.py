# SPDX-License-Identifier: GPL-2.0-only
"""Fences that are signalled, merged and closed while several threads wait for them: every waiter wakes."""

from __future__ import annotations

from errno import EBADF, ENOENT

from harness.guest import uapi
from harness.guest.kernel import (
    POLLNVAL,
    READABLE,
    WRITABLE,
    Descriptor,
    DmaBuf,
    Drm,
    SyncFile,
    Timeline,
    udmabuf,
    vgem,
)
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, measurement
from harness.guest.threads import ROUNDS, THREADS, Chance, in_threads, may_fail, together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("concurrency")

_ANY = READABLE | WRITABLE
_BEGIN = uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_RW
_END = uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_RW


# --- closing while others wait ----------------------------------------------------------------


def _polled(descriptor: Descriptor, events: int, woken: list[int]) -> Callable[[], None]:
    """An action that sleeps until ``events`` and notes what it was woken with; 0 if nothing came."""

    def poll() -> None:
        woken.append(descriptor.poll(events, 8))

    return poll


def _signalled(card: Drm, fence: int) -> Callable[[], None]:
    return lambda: card.signal_fence(fence)


@check
def signal_wakes_every_poller() -> None:
    """Readers and writers that wait for one fence: none is forgotten."""
    with vgem() as card, udmabuf() as buffer:
        handle = card.import_fd(buffer.fileno())
        for _ in range(ROUNDS):
            fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            woken: list[int] = []
            waiters = [_polled(buffer, events, woken) for events in (READABLE, WRITABLE, READABLE, WRITABLE)]
            together(*waiters, _signalled(card, fence))
            expect_equal("events that woke them", sorted(woken), [READABLE, READABLE, WRITABLE, WRITABLE])
    measurement(f"4 pollers, {ROUNDS} rounds")


@check
def buffer_is_closed_under_a_poller() -> None:
    """The descriptor is closed while a thread sleeps on it and the fence signals: it wakes, and the buffer goes."""
    with vgem() as card:
        for _ in range(ROUNDS):
            with udmabuf() as buffer:
                handle = card.import_fd(buffer.fileno())
                fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
                card.close_handle(handle)
                woken: list[int] = []
                # By number, which is not used again before they are done: it finds the file, or that it was closed.
                number = Descriptor(buffer.fileno())
                together(_polled(number, READABLE, woken), buffer.close, _signalled(card, fence))
            expect(woken[0] in (READABLE, POLLNVAL), f"events that woke it: {woken}")
    measurement(f"{ROUNDS} rounds")


def _written(buffer: DmaBuf) -> Callable[[], None]:
    def write() -> None:
        buffer.sync(_BEGIN)
        buffer.sync(_END)

    return write


@check
def card_is_closed_while_its_fence_is_awaited() -> None:
    """The client that wrote goes away: whoever waits for it, in poll or for CPU access, goes on."""
    with udmabuf() as buffer, vgem():
        for _ in range(ROUNDS):
            with vgem() as card:
                card.attach_fence(card.import_fd(buffer.fileno()), uapi.VGEM_FENCE_WRITE)
                woken: list[int] = []
                together(_polled(buffer, WRITABLE, woken), _written(buffer), card.close)
            expect_equal("events that woke it", woken, [WRITABLE])
    measurement(f"{ROUNDS} rounds")


# --- fences -----------------------------------------------------------------------------------


def _merged(one: SyncFile, two: SyncFile, made: list[SyncFile]) -> Callable[[], None]:
    def merge() -> None:
        made.append(one.merge(two.fileno()))
        made.append(two.merge(one.fileno()))

    return merge


@check
def merges_race_with_signals() -> None:
    """Whatever was merged before or after its parts signalled has signalled in the end."""
    with Timeline() as first, Timeline() as second:
        for step in range(1, ROUNDS + 1):
            made: list[SyncFile] = []
            with first.fence(step) as one, second.fence(step) as two:
                merge = _merged(one, two, made)
                together(merge, merge, first.advance, second.advance)
            statuses = [sync_file.status() for sync_file in made]
            for sync_file in made:
                sync_file.close()
            expect_equal("statuses", statuses, [1] * 4)
    measurement(f"2 mergers, 2 timelines, {ROUNDS} rounds")


@check
def fences_are_made_while_the_timeline_advances() -> None:
    """Each fence has signalled when the counter is at or past its value, whenever it was made."""
    last = 3 * ROUNDS
    with Timeline() as timeline:

        def work(number: int, chance: Chance) -> None:
            if number == 0:
                timeline.advance(1 + chance.below(3))
                return
            with timeline.fence(1 + chance.below(last)) as fence, timeline.fence(1 << 30) as far:
                fence.poll(READABLE)
                expect_equal("status of a fence far ahead", far.status(), 0)

        in_threads(work)
        timeline.advance(last)
        with timeline.fence(last) as fence:
            expect_equal("status of a fence in the past", fence.status(), 1)


def _advanced_or_closed(timeline: Timeline) -> Callable[[], None]:
    """By number: it finds the timeline, or that it was closed."""
    number = Descriptor(timeline.fileno())

    def advance() -> None:
        with may_fail(EBADF):
            number.ioctl(uapi.SW_SYNC_IOC_INC, bytearray(b"\1\0\0\0"))

    return advance


@check
def timeline_is_closed_while_its_fences_are_awaited() -> None:
    """All waiters wake; the first fence has signalled or ended with ENOENT, the second has ended."""
    for _ in range(ROUNDS):
        with Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
            woken: list[int] = []
            waiters = [_polled(fence, READABLE, woken) for fence in (one, two)]
            together(*waiters, _advanced_or_closed(timeline), timeline.close)
            expect_equal("events that woke them", woken, [READABLE, READABLE])
            expect(one.status() in (1, -ENOENT), f"the status of the first fence is {one.status()}")
            expect_equal("status of the second fence", two.status(), -ENOENT)
    measurement(f"2 pollers, {ROUNDS} rounds")


@check
def sync_files_are_exported_and_imported_at_once() -> None:
    """The list of fences grows and shrinks while it is read: what is exported holds what was just imported."""
    with udmabuf() as buffer:
        timelines = [Timeline() for _ in range(THREADS)]
        steps = [0] * THREADS

        def work(number: int, chance: Chance) -> None:
            steps[number] += 1
            access = (uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE)[chance.below(2)]
            with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"), timelines[number].fence(steps[number]) as fence:
                buffer.import_sync_file(access, fence.fileno())
                with buffer.export_sync_file(uapi.DMA_BUF_SYNC_WRITE) as exported:
                    expect_equal("status of what is exported", exported.status(), 0)
                timelines[number].advance()

        try:
            in_threads(work)
            expect_equal("ready events", buffer.poll(_ANY, 5), _ANY)
        finally:
            for timeline in timelines:
                timeline.close()
