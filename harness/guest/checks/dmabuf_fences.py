# SPDX-License-Identifier: GPL-2.0-only
"""Fences of a dma-buf: polling it, and fences as sync_files (drivers/dma-buf/dma-buf.c, dma-resv.c); on udmabufs."""

from __future__ import annotations

import select
from errno import EFAULT, EINVAL

from harness.guest import uapi
from harness.guest.kernel import READABLE, WRITABLE, DmaBuf, Timeline, udmabuf
from harness.guest.memory import Window
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno
from harness.guest.waiting import UNTIL_WOKEN, soon

check = Group("dmabuf")

_READ, _WRITE, _BOTH = uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE, uapi.DMA_BUF_SYNC_RW


# --- polling ----------------------------------------------------------------------------------


def _imported(buffer: DmaBuf, access: int, fd: int) -> None:
    with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
        buffer.import_sync_file(access, fd)


@check
def idle_buffer_is_ready() -> None:
    """No fence: readable and writable at once, and only what was asked about is answered."""
    with udmabuf() as buffer:
        for events in (READABLE, WRITABLE, READABLE | WRITABLE):
            expect_equal("ready events", buffer.poll(events), events)


@check
def imported_write_fence_blocks_readers_and_writers() -> None:
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _WRITE, fence.fileno())
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def imported_read_fence_blocks_writers_only() -> None:
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE), READABLE)
        timeline.advance()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def poll_answers_only_what_was_asked() -> None:
    """With a reader at work: asked for reading alone it is ready, for writing alone it is not, for nothing never."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        expect_equal("ready events of POLLIN", buffer.poll(READABLE), READABLE)
        expect_equal("ready events of POLLOUT", buffer.poll(WRITABLE), 0)
        expect_equal("ready events of none", buffer.poll(0), 0)
        timeline.advance()


@check
def poll_for_writing_sleeps_until_the_last_fence() -> None:
    """The first fence that signals wakes it too early: it must look again."""
    with (
        udmabuf() as buffer,
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as reader,
        second.fence(1) as writer,
    ):
        _imported(buffer, _READ, reader.fileno())
        _imported(buffer, _WRITE, writer.fileno())
        statuses = []

        def signal_both() -> None:
            first.advance()
            second.advance()

        with soon(signal_both):
            expect_equal("ready events", buffer.poll(WRITABLE, UNTIL_WOKEN), WRITABLE)
            statuses = [reader.status(), writer.status()]
        expect_equal("statuses when it woke", statuses, [1, 1])


@check
def pollers_for_reading_and_writing_both_wake() -> None:
    """One thread waits to read, another to write: neither takes the other's event."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _WRITE, fence.fileno())
        woken = [0, 0]

        def read() -> None:
            woken[0] = buffer.poll(READABLE, 10)

        def write() -> None:
            woken[1] = buffer.poll(WRITABLE, 10)

        with soon(read), soon(write), soon(timeline.advance):
            pass
        expect_equal("ready events of both", woken, [READABLE, WRITABLE])


@check
def poll_that_timed_out_can_be_repeated() -> None:
    """The callback that it left does not answer for the next one."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence, timeline.fence(2) as later:
        _imported(buffer, _WRITE, fence.fileno())
        for _ in range(3):
            expect_equal("ready events while pending", buffer.poll(READABLE | WRITABLE), 0)
        _imported(buffer, _WRITE, later.fileno())
        timeline.advance()
        expect_equal("ready events while the later is pending", buffer.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def epoll_tells_when_the_fence_signals() -> None:
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence, select.epoll() as epoll:
        _imported(buffer, _WRITE, fence.fileno())
        epoll.register(buffer.fileno(), READABLE)
        expect_equal("events while pending", epoll.poll(0), [])
        with soon(timeline.advance):
            expect_equal("events", epoll.poll(10), [(buffer.fileno(), READABLE)])


@check
def poll_wakes_when_the_fence_signals() -> None:
    """A sleeping poll is woken by the fence's callback."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _WRITE, fence.fileno())
        with soon(timeline.advance):
            expect_equal("ready events", buffer.poll(WRITABLE, UNTIL_WOKEN), WRITABLE)


@check
def buffer_closed_while_polled_fence_is_pending() -> None:
    """The callback that poll left behind holds the file: nothing may be freed under it, nothing may stay."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        with udmabuf() as buffer:
            _imported(buffer, _WRITE, fence.fileno())
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("status", fence.status(), 1)


# --- fences as sync_files ---------------------------------------------------------------------


@check
def exported_fence_of_an_idle_buffer_has_signalled() -> None:
    with udmabuf() as buffer:
        for access in (_READ, _WRITE, _BOTH):
            with absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"), buffer.export_sync_file(access) as fence:
                expect_equal("status", fence.status(), 1)
                expect(fence.closes_on_exec(), "the exported sync_file lacks FD_CLOEXEC")


@check
def exported_fence_holds_what_the_access_must_wait_for() -> None:
    """A reader need not wait for readers, a writer must."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        with buffer.export_sync_file(_READ) as reader, buffer.export_sync_file(_WRITE) as writer:
            expect_equal("what a reader waits for", reader.status(), 1)
            expect_equal("what a writer waits for", writer.status(), 0)
            timeline.advance()
            expect_equal("what a writer waits for, after the signal", writer.status(), 1)


@check
def exported_fence_is_of_that_moment() -> None:
    """What is added to the buffer afterwards does not concern it."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence, timeline.fence(2) as later:
        _imported(buffer, _WRITE, fence.fileno())
        with buffer.export_sync_file(_READ) as exported:
            _imported(buffer, _WRITE, later.fileno())
            timeline.advance()
            expect_equal("status", exported.status(), 1)
            expect_equal("ready events of the buffer", buffer.poll(READABLE), 0)
        timeline.advance()


@check
def merged_fence_is_imported_with_all_its_parts() -> None:
    with (
        udmabuf() as buffer,
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        _imported(buffer, _WRITE, both.fileno())
        with buffer.export_sync_file(_WRITE) as exported:
            expect_equal("fences", len(exported.fences()), 2)
        for timeline, ready in ((first, 0), (second, READABLE | WRITABLE)):
            timeline.advance()
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5 if ready else 0), ready)


@check
def later_fence_of_a_timeline_takes_the_place_of_the_earlier() -> None:
    """One that implies the other is enough: the list does not grow."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
        for fence in (one, two):
            _imported(buffer, _WRITE, fence.fileno())
        with buffer.export_sync_file(_WRITE) as exported:
            expect_equal("fences", len(exported.fences()), 1)
            timeline.advance()
            expect_equal("status at 1", exported.status(), 0)
            timeline.advance()
            expect_equal("status at 2", exported.status(), 1)


@check
def holds_many_fences() -> None:
    """Forty readers of forty timelines: a writer waits for each of them, in whatever order they signal."""
    with udmabuf() as buffer:
        timelines = []
        try:
            for _ in range(40):
                timelines.append(Timeline())
                with timelines[-1].fence(1) as fence:
                    _imported(buffer, _READ, fence.fileno())
            with buffer.export_sync_file(_WRITE) as exported:
                expect_equal("fences", len(exported.fences()), len(timelines))
                for timeline in timelines[1::2] + timelines[-2::-2]:
                    expect_equal("status before the last signal", exported.status(), 0)
                    timeline.advance()
                expect_equal("status after the last signal", exported.status(), 1)
            expect_equal("ready events", buffer.poll(WRITABLE, 5), WRITABLE)
        finally:
            for timeline in timelines:
                timeline.close()


@check
def imported_fence_outlives_its_descriptor() -> None:
    """The sync_file is closed; what it stood for still counts, and still ends."""
    with udmabuf() as buffer, Timeline() as timeline:
        with timeline.fence(1) as fence:
            _imported(buffer, _WRITE, fence.fileno())
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def fence_that_ended_with_an_error_blocks_nobody() -> None:
    """Its timeline is gone: the buffer is ready, and what is exported afterwards has signalled."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _WRITE, fence.fileno())
        timeline.close()
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)
        with buffer.export_sync_file(_WRITE) as exported:
            expect(exported.status() != 0, "the exported fence is pending, but nobody can signal it")


@check
def exported_fence_can_be_imported_elsewhere() -> None:
    """What one buffer waits for another waits for too."""
    with udmabuf() as one, udmabuf() as two, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(one, _WRITE, fence.fileno())
        with one.export_sync_file(_READ) as exported:
            _imported(two, _WRITE, exported.fileno())
        expect_equal("ready events", two.poll(READABLE | WRITABLE), 0)
        timeline.advance()
        expect_equal("ready events", two.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def sync_file_calls_refuse_bad_flags() -> None:
    """Neither no direction nor unknown bits."""
    with udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        _imported(buffer, _READ, fence.fileno())
        for flags in (0, 1 << 2, _READ | 1 << 31):
            with expect_errno(EINVAL):
                buffer.export_sync_file(flags)
            with expect_errno(EINVAL):
                buffer.import_sync_file(flags, fence.fileno())
        timeline.advance()


@check
def import_sync_file_wants_a_sync_file() -> None:
    """Neither no descriptor nor one of something else."""
    with udmabuf() as buffer:
        for fd in (-1, buffer.fileno()):
            with expect_errno(EINVAL), absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
                buffer.import_sync_file(_READ, fd)


@check
def sync_file_calls_refuse_bad_addresses() -> None:
    """Nothing there; and an answer that cannot be written leaves no descriptor behind."""
    argument = bytes(uapi.dma_buf_export_sync_file.pack(flags=_READ, fd=-1))
    with udmabuf() as buffer, Window(argument, writable=False) as constant:
        for request, address in (
            (uapi.DMA_BUF_IOCTL_EXPORT_SYNC_FILE, 0),
            (uapi.DMA_BUF_IOCTL_EXPORT_SYNC_FILE, constant.address),
            (uapi.DMA_BUF_IOCTL_IMPORT_SYNC_FILE, 0),
        ):
            with expect_errno(EFAULT), absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"):
                buffer.ioctl(request, address)
