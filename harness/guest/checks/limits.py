# SPDX-License-Identifier: GPL-2.0-only
"""Calls that make something, when there is no descriptor left to give: refused, and nothing stays behind."""

from __future__ import annotations

import os
from errno import EMFILE, ENOMEM

from harness.guest import uapi
from harness.guest.kernel import PAGE, Descriptor, Heap, Memfd, Timeline, Udmabuf, udmabuf, vgem
from harness.guest.registry import Group, absent_is_skipped, expect_equal, expect_errno
from harness.guest.waiting import in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("limits")


class NoDescriptors:
    """Context manager: this process has all the descriptors that it may have (RLIMIT_NOFILE)."""

    def __enter__(self) -> None:
        import resource  # noqa: PLC0415 - only what runs these checks pays for it

        self._resource = resource
        self._before = resource.getrlimit(resource.RLIMIT_NOFILE)
        with Descriptor(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)) as lowest:
            free = lowest.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, self._before[1]))

    def __exit__(self, *_error: object) -> None:
        self._resource.setrlimit(self._resource.RLIMIT_NOFILE, self._before)


def _refused_then_done(make: Callable[[], Descriptor]) -> None:
    """``make`` ends with EMFILE, every time it is tried; with a descriptor to give it works as if nothing had been."""
    with NoDescriptors():
        for _ in range(3):
            with expect_errno(EMFILE):
                make()
    make().close()


@check
def udmabuf_without_a_descriptor() -> None:
    """The pages of the memfd are let go: it can be write-sealed afterwards."""
    with Udmabuf() as device, Memfd(3 * PAGE) as memfd:
        _refused_then_done(lambda: device.create(memfd.fileno(), 3 * PAGE))
        _refused_then_done(lambda: device.create_list([(memfd.fileno(), 0, PAGE)] * 2))
        memfd.seal(uapi.F_SEAL_WRITE)


@check
def heap_buffer_without_a_descriptor() -> None:
    with Heap() as heap:
        _refused_then_done(lambda: heap.allocate(3 * PAGE))


@check
def prime_export_without_a_descriptor() -> None:
    """The handle stays as it was."""
    with vgem() as card:
        handle = card.create_dumb().handle
        _refused_then_done(lambda: card.export(handle))
        card.close_handle(handle)


@check
def export_of_an_import_without_a_descriptor() -> None:
    """A foreign buffer that is given on: no reference to it is lost, as its count shows."""
    with udmabuf() as buffer, vgem() as card:
        handle = card.import_fd(buffer.fileno())
        before = buffer.info()["count"]
        _refused_then_done(lambda: card.export(handle))
        expect_equal("count in fdinfo", buffer.info()["count"], before)


@check
def software_fence_without_a_descriptor() -> None:
    with Timeline() as timeline:
        _refused_then_done(lambda: timeline.fence(1))


@check
def merge_without_a_descriptor() -> None:
    """The parts stay as they were."""
    with Timeline() as first, Timeline() as second, first.fence(1) as one, second.fence(1) as two:
        _refused_then_done(lambda: one.merge(two.fileno()))
        first.advance()
        expect_equal("statuses", [one.status(), two.status()], [1, 0])


@check
def export_of_a_fence_without_a_descriptor() -> None:
    with udmabuf() as buffer:
        with absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"):
            buffer.export_sync_file(uapi.DMA_BUF_SYNC_READ).close()
        _refused_then_done(lambda: buffer.export_sync_file(uapi.DMA_BUF_SYNC_READ))


@check
def import_without_a_descriptor() -> None:
    """Handles are no descriptors: an import needs none."""
    with udmabuf() as buffer, vgem() as card:
        with NoDescriptors():
            handle = card.import_fd(buffer.fileno())
        with card.export(handle) as again:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())


@check
def mapping_without_address_space() -> None:
    """RLIMIT_AS refuses it before the exporter is asked: the pages of a large buffer, never used, are never made."""
    size = 64 << 20
    with vgem() as card, card.export(card.create_dumb(4096, size >> 14, 32).handle) as buffer:

        def map_it() -> None:
            import resource  # noqa: PLC0415

            with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is slow to import
                used = int(file.read().split()[0]) * PAGE
            resource.setrlimit(resource.RLIMIT_AS, (used + size // 2, resource.RLIM_INFINITY))
            with expect_errno(ENOMEM):
                buffer.map(size)

        expect_equal("end of the process that has no room for it", in_child(map_it), 0)
