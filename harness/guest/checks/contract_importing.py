# SPDX-License-Identifier: GPL-2.0-only
"""Rows 22 and 23 of the contract: how long a buffer lives, and that a mapping is the buffer, whoever exports it."""

from __future__ import annotations

import os

from harness.guest import uapi
from harness.guest.checks.contract import DYNAMIC, SIZE, STATIC, D, Expected, S, calls, check, expect_balance
from harness.guest.kernel import PAGE, DmaBuf, Heap, Memfd, Udmabuf, vgem
from harness.guest.probe import Mapping, Probe
from harness.guest.registry import expect, expect_equal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _pattern(seed: int, size: int = SIZE) -> bytes:
    """Bytes in which no page is like another."""
    return b"".join(bytes([seed, page & 0xFF]) * (PAGE // 2) for page in range(size // PAGE))


# --- row 22: lifetime -------------------------------------------------------------------------


@check
def row_22_buffer_lives_as_long_as_an_importer_is_attached() -> None:
    """Without a descriptor it can be mapped and read; it is released by the detach of the last importer, once."""
    with Probe() as probe:
        expected = Expected(probe)
        for kind, exporter in expected.pairs():
            with probe.export(SIZE, exporter) as buffer, buffer.attach(kind) as importer:
                buffer.write(_pattern(0x41))
                with calls(buffer, exporter):
                    buffer.close()
                with importer.map() as mapping:
                    expect_equal("mapping", mapping.read(SIZE), _pattern(0x41))
                expect(not buffer.state().released, "the buffer was released under its importer")
                with calls(buffer, exporter, *expected.detach(kind, exporter), "release"):
                    importer.detach()
                expect(buffer.state().released, "the buffer was not released with its last importer")
                expect_balance(buffer)


@check
def row_22_first_importer_that_detaches_releases_nothing() -> None:
    with Probe() as probe, probe.export(SIZE) as buffer, buffer.attach(D) as first, buffer.attach(D) as last:
        buffer.close()
        with calls(buffer, DYNAMIC, "detach"):
            first.detach()
        with calls(buffer, DYNAMIC, "detach", "release"):
            last.detach()


@check
def row_22_detach_leaves_other_importers_alone() -> None:
    """Of three, each leaves once: the mappings of the other two show the buffer as before."""
    for exporter, kinds in ((DYNAMIC, (D, S, D)), (STATIC, (S, D, S)), (DYNAMIC, (S, D, S))):
        for leaver in range(3):
            with Probe() as probe, probe.export(SIZE, exporter) as buffer:
                buffer.write(_pattern(0x42))
                importers = [buffer.attach(kind) for kind in kinds]
                mappings = [importer.map() for importer in importers]
                mappings.pop(leaver).unmap()
                with calls(buffer, exporter, *Expected(probe).detach(kinds[leaver], exporter)):
                    importers.pop(leaver).detach()
                _leave(mappings)
                for importer in importers:
                    importer.detach()
                expect_balance(buffer)


def _leave(mappings: list[Mapping]) -> None:
    for mapping in mappings:
        expect_equal("mapping of an importer that stayed", mapping.read(SIZE), _pattern(0x42))
        mapping.unmap()


# --- row 23: contents -------------------------------------------------------------------------


@check
def row_23_mapping_is_the_buffers_memory() -> None:
    """Both ways, all of it, for each kind of importer and exporter."""
    with Probe() as probe:
        for kind, exporter in Expected(probe).pairs():
            with probe.export(SIZE, exporter) as buffer, buffer.attach(kind) as importer:
                buffer.write(_pattern(0x43))
                with importer.map() as mapping:
                    expect_equal("mapped bytes", mapping.size, SIZE)
                    expect_equal("mapping", mapping.read(SIZE), _pattern(0x43))
                    mapping.write(_pattern(0x44))
                    expect_equal("buffer", buffer.read(SIZE), _pattern(0x44))


@check
def row_23_all_importers_share_one_memory() -> None:
    """What one writes the others read."""
    with (
        Probe() as probe,
        probe.export(SIZE) as buffer,
        buffer.attach(D) as one,
        buffer.attach(S) as other,
        one.map() as written,
        other.map() as read,
    ):
        written.write(_pattern(0x45))
        expect_equal("the other importer's mapping", read.read(SIZE), _pattern(0x45))


def _check_foreign(buffer: DmaBuf, write: Callable[[bytes], object], read: Callable[[], bytes]) -> None:
    """Static and dynamic importers see what was written to the memory, and what they write is read there."""
    with Probe() as probe:
        for kind in (S, D):
            write(_pattern(0x50 + kind))
            with probe.attach(buffer.fileno(), kind) as importer, importer.map() as mapping:
                expect_equal("mapped bytes", mapping.size, SIZE)
                expect_equal("mapping", mapping.read(SIZE), _pattern(0x50 + kind))
                mapping.write(_pattern(0x60 + kind))
            expect_equal("buffer", read(), _pattern(0x60 + kind))


def _check_foreign_by_cpu(buffer: DmaBuf) -> None:
    """Written and read through the buffer's own mapping for the CPU."""
    with buffer.map(SIZE) as view:

        def write(data: bytes) -> None:
            buffer.sync(uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_WRITE)
            view[:] = data
            buffer.sync(uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_WRITE)

        def read() -> bytes:
            buffer.sync(uapi.DMA_BUF_SYNC_START | uapi.DMA_BUF_SYNC_READ)
            data = view[:]
            buffer.sync(uapi.DMA_BUF_SYNC_END | uapi.DMA_BUF_SYNC_READ)
            return data

        _check_foreign(buffer, write, read)


@check
def row_23_importers_of_udmabuf_see_its_memory() -> None:
    """The memfd itself; not by DMA_BUF_IOCTL_SYNC, in which udmabuf of 5.6 breaks (begin_cpu_udmabuf())."""
    with Udmabuf() as device, Memfd(SIZE) as memory, device.create(memory.fileno(), SIZE) as buffer:
        _check_foreign(
            buffer,
            lambda data: os.pwrite(memory.fileno(), data, 0),
            lambda: os.pread(memory.fileno(), SIZE, 0),
        )


@check
def row_23_importers_of_the_system_heap_see_its_memory() -> None:
    with Heap() as heap, heap.allocate(SIZE) as buffer:
        _check_foreign_by_cpu(buffer)


@check
def row_23_importers_of_vgem_see_its_memory() -> None:
    with vgem() as card, card.export(card.create_dumb(PAGE // 4, SIZE // PAGE).handle) as buffer:
        _check_foreign_by_cpu(buffer)
