# SPDX-License-Identifier: GPL-2.0-only
"""vgem's fences on reservation objects, its own and others' (drivers/gpu/drm/vgem/vgem_fence.c)."""

from __future__ import annotations

from errno import EBUSY, EINVAL, ENOENT

from harness.guest import uapi
from harness.guest.kernel import READABLE, WRITABLE, DmaBuf, Timeline, udmabuf, vgem
from harness.guest.registry import Group, absent_is_skipped, expect_equal, expect_errno
from harness.guest.waiting import soon

check = Group("vgem")

_NO_HANDLE = 0x7FFF


def _busy_events(buffer: DmaBuf) -> int:
    """What of reading and writing must wait."""
    return (READABLE | WRITABLE) & ~buffer.poll(READABLE | WRITABLE)


@check
def write_fence_blocks_readers_and_writers() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            expect_equal("waiting events", _busy_events(buffer), READABLE | WRITABLE)
            card.signal_fence(fence)
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def read_fence_blocks_writers_only() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            fence = card.attach_fence(handle)
            expect_equal("waiting events", _busy_events(buffer), WRITABLE)
            card.signal_fence(fence)
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def conflicting_fences_are_refused() -> None:
    """Readers go together; a writer waits for everybody, everybody for a writer."""
    write = uapi.VGEM_FENCE_WRITE
    with vgem() as card:
        handle = card.create_dumb().handle
        readers = [card.attach_fence(handle), card.attach_fence(handle)]
        with expect_errno(EBUSY):
            card.attach_fence(handle, write)
        for reader in readers:
            card.signal_fence(reader)
        writer = card.attach_fence(handle, write)
        for flags in (0, write):
            with expect_errno(EBUSY):
                card.attach_fence(handle, flags)
        card.signal_fence(writer)
        card.signal_fence(card.attach_fence(handle, write))


@check
def poll_wakes_when_the_fence_signals() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            expect_equal("ready events while pending", buffer.poll(READABLE), 0)
            with soon(lambda: card.signal_fence(fence)):
                expect_equal("ready events", buffer.poll(READABLE, 8), READABLE)


@check
def closing_the_device_signals_its_fences() -> None:
    """A client that dies must not block the others."""
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            expect_equal("ready events while pending", buffer.poll(READABLE | WRITABLE), 0)
            card.close()
            expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def fence_on_an_import_blocks_the_exporters_buffer() -> None:
    """Importer and exporter share one reservation object."""
    with udmabuf() as buffer, vgem() as card:
        handle = card.import_fd(buffer.fileno())
        fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
        expect_equal("ready events of the udmabuf while pending", buffer.poll(READABLE | WRITABLE), 0)
        card.signal_fence(fence)
        expect_equal("ready events of the udmabuf", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def attach_fence_refuses_bad_arguments() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with expect_errno(EINVAL):
            card.attach_fence(handle, flags=uapi.VGEM_FENCE_WRITE << 1)
        with expect_errno(EINVAL):
            card.attach_fence(handle, pad=1)
        with expect_errno(ENOENT):
            card.attach_fence(_NO_HANDLE)


@check
def signal_fence_refuses_bad_arguments() -> None:
    """Flags, a fence that never was, one that was signalled before."""
    with vgem() as card:
        fence = card.attach_fence(card.create_dumb().handle)
        with expect_errno(EINVAL):
            card.signal_fence(fence, flags=1)
        with expect_errno(ENOENT):
            card.signal_fence(fence + 1)
        card.signal_fence(fence)
        with expect_errno(ENOENT):
            card.signal_fence(fence)


# --- with fences of others --------------------------------------------------------------------


@check
def writers_wait_for_every_reader() -> None:
    """Three readers signal one after the other; until the last one, whoever wants to write waits."""
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            readers = [card.attach_fence(handle) for _ in range(3)]
            for reader in readers:
                expect_equal("waiting events", _busy_events(buffer), WRITABLE)
                card.signal_fence(reader)
            expect_equal("ready events", buffer.poll(WRITABLE, 5), WRITABLE)


@check
def fences_of_two_clients_meet_on_one_buffer() -> None:
    """Each client has numbers of its own for its fences, and cannot signal the other's."""
    with vgem() as one, vgem() as two, udmabuf() as buffer:
        first = one.attach_fence(one.import_fd(buffer.fileno()))
        handle = two.import_fd(buffer.fileno())
        with expect_errno(EBUSY):
            two.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
        with expect_errno(ENOENT):
            two.signal_fence(first)
        expect_equal("waiting events", _busy_events(buffer), WRITABLE)
        one.signal_fence(first)
        two.signal_fence(two.attach_fence(handle, uapi.VGEM_FENCE_WRITE))


@check
def closing_the_handle_leaves_the_fence() -> None:
    """The buffer stays busy until the fence is signalled, which needs no handle."""
    with vgem() as card, udmabuf() as buffer:
        handle = card.import_fd(buffer.fileno())
        fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
        card.close_handle(handle)
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE), 0)
        card.signal_fence(fence)
        expect_equal("ready events", buffer.poll(READABLE | WRITABLE, 5), READABLE | WRITABLE)


@check
def exported_fence_tells_where_it_comes_from() -> None:
    """As a sync_file it names its driver, and signals when the client says so."""
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            with absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"):
                exported = buffer.export_sync_file(uapi.DMA_BUF_SYNC_READ)
            with exported:
                told = [(part.driver, part.timeline, part.status) for part in exported.fences()]
                expect_equal("driver, timeline and status", told, [("vgem", "unbound", 0)])
                with soon(lambda: card.signal_fence(fence)):
                    expect_equal("ready events", exported.poll(READABLE, 8), READABLE)
                expect_equal("status", exported.status(), 1)


@check
def imported_sync_file_conflicts_too() -> None:
    """Where the fence comes from does not matter: a reader from elsewhere keeps vgem from writing."""
    with vgem() as card, Timeline() as timeline, timeline.fence(1) as fence:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
                buffer.import_sync_file(uapi.DMA_BUF_SYNC_READ, fence.fileno())
            with expect_errno(EBUSY):
                card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            reader = card.attach_fence(handle)
            timeline.advance()
            with expect_errno(EBUSY):
                card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            card.signal_fence(reader)
            card.signal_fence(card.attach_fence(handle, uapi.VGEM_FENCE_WRITE))


@check
def numbers_of_fences_are_used_again() -> None:
    """Signalling takes the fence out: many in turn leave nothing, and an old number means no new fence."""
    with vgem() as card:
        handle = card.create_dumb().handle
        for _ in range(50):
            fence = card.attach_fence(handle, uapi.VGEM_FENCE_WRITE)
            card.signal_fence(fence)
            with expect_errno(ENOENT):
                card.signal_fence(fence)
