# SPDX-License-Identifier: GPL-2.0-only
"""Memory of GEM objects as drivers have it (drm_gem_shmem_helper.c, drm_prime.c): docs/functions.md."""

from __future__ import annotations

from errno import EBUSY, ENOMEM, ERANGE

from harness.guest import uapi
from harness.guest.failing import each_allocation
from harness.guest.gem_node import GemNode
from harness.guest.gem_objects import map_node_bare
from harness.guest.kernel import PAGE, DmaBuf, Heap, vgem
from harness.guest.registry import Group, expect, expect_equal, expect_errno
from harness.guest.slabs import expect_slabs_given_back
from harness.guest.waiting import SIGBUS, in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("gem")

_PATTERN = b"seen by all " * 2
_ROUNDS = 24  # enough to be told from what others allocate meanwhile


class _Fresh:
    """A handle of a buffer that was never used, of three pages, a new one each time."""

    def __init__(self, node: GemNode) -> None:
        self._node = node
        self._make()

    def _make(self) -> None:
        self.handle = self._node.create_dumb(PAGE // 4, 3).handle

    def renew(self) -> None:
        self._node.close_handle(self.handle)
        self._make()


def _without_memory(act: Callable[[GemNode, int], object]) -> None:
    with GemNode() as node:
        fresh = _Fresh(node)
        each_allocation(lambda: act(node, fresh.handle), lambda _: None, (ENOMEM,), fresh.renew)


def _costs_nothing(act: Callable[[GemNode, int], object]) -> None:
    """``act`` with one object after another leaves nothing in a slab."""
    with GemNode() as node:
        fresh = _Fresh(node)

        def act_and_close() -> None:
            act(node, fresh.handle)
            fresh.renew()

        expect_slabs_given_back(act_and_close, _ROUNDS)


# --- mapped for the kernel --------------------------------------------------------------------


@check
def kernel_maps_its_own_object_twice() -> None:
    """drm_gem_vmap(): both see what a program writes, and the first to go takes nothing away."""
    with GemNode() as node:
        handle = node.create_dumb(PAGE // 4, 3).handle
        with node.export(handle) as buffer, buffer.map(3 * PAGE) as memory:
            memory[2 * PAGE : 2 * PAGE + len(_PATTERN)] = _PATTERN
            got = node.read_mapped(handle, 2 * PAGE + len(_PATTERN))
            expect_equal("the third page as the kernel maps it", got[2 * PAGE :], _PATTERN)
            node.write_mapped(handle, _PATTERN)
            expect_equal("what the kernel has written", memory[: len(_PATTERN)], _PATTERN)
        with expect_errno(ERANGE):
            node.read_mapped(handle, 3 * PAGE + 1)


def _expect_mapped_when_forgotten(node: GemNode, buffer: DmaBuf) -> None:
    """A driver that still shows an import whose last handle was closed reads the exporter's memory."""
    with buffer:
        with buffer.map(PAGE) as memory:
            memory[: len(_PATTERN)] = _PATTERN
        handle = node.import_fd(buffer.fileno())
        expect_equal("the import", node.read_mapped(handle, len(_PATTERN)), _PATTERN)
        got = node.read_mapped(handle, len(_PATTERN), uapi.DMABUF_PROBE_FORGOTTEN)
        expect_equal("the import without a handle", got, _PATTERN)


@check
def kernel_maps_an_import_that_has_no_handle_any_more() -> None:
    """drm_gem_vmap() of imports of the heap and of vgem, and of an own buffer that was exported."""
    with GemNode() as node, Heap() as heap, vgem() as other:
        _expect_mapped_when_forgotten(node, heap.allocate(PAGE))
        handle = other.create_dumb(PAGE // 4, 1).handle
        _expect_mapped_when_forgotten(node, other.export(handle))
        handle = node.create_dumb(PAGE // 4, 1).handle
        _expect_mapped_when_forgotten(node, node.export(handle))


@check
def kernel_mapping_without_memory_keeps_nothing() -> None:
    """drm_gem_shmem_vmap() that fails gives its pages back: closing the handle warns of none."""
    _without_memory(lambda node, handle: node.read_mapped(handle, 1))


# --- for a device -----------------------------------------------------------------------------


@check
def table_of_an_object_is_made_once() -> None:
    """drm_gem_shmem_get_pages_sgt(): the same pages each time, which stay while the object does."""
    with GemNode() as node:
        handle = node.create_dumb(PAGE // 4, 3).handle
        whole, addresses = node.table(handle, 3)
        expect_equal("pages at addresses of their own", len(set(addresses)), 3)
        expect(all(address % PAGE == 0 and address for address in addresses), f"addresses {addresses}")
        expect(whole in (PAGE, 2 * PAGE, 3 * PAGE), f"{whole} bytes in one piece")
        expect_equal("the table the second time", node.table(handle, 3), (whole, addresses))
        node.pin(handle)
        expect_equal("the table after a pin", node.table(handle, 3), (whole, addresses))


@check
def table_without_memory_keeps_nothing() -> None:
    _without_memory(lambda node, handle: node.table(handle, 3))


@check
def tables_of_objects_that_are_gone_cost_nothing() -> None:
    _costs_nothing(lambda node, handle: node.table(handle, 3))


@check
def pin_without_memory_keeps_nothing() -> None:
    """drm_gem_shmem_pin(), which brings the pages in."""
    _without_memory(lambda node, handle: node.pin(handle))


@check
def addresses_are_those_of_the_device() -> None:
    """drm_prime_sg_to_dma_addr_array(), drm_prime_get_contiguous_size(): an IOMMU joins what the CPU has apart."""
    base = 1 << 32
    with GemNode() as node:
        for pages, segments, whole, want in (
            (1, [(base, 1)], 1, [0]),
            (3, [(base, 3)], 3, [0, 1, 2]),
            (3, [(base, 1), (base + PAGE, 2)], 3, [0, 1, 2]),
            (3, [(base, 2), (base + 7 * PAGE, 1)], 2, [0, 1, 7]),
            (4, [(base, 1), (base + 5 * PAGE, 2), (base + 9 * PAGE, 1)], 1, [0, 5, 6, 9]),
            (4, [(base, 2), (base + PAGE, 2)], 2, [0, 1, 1, 2]),
        ):
            got = node.segments(pages, *((address, length * PAGE) for address, length in segments))
            expect_equal(f"in one piece, of {segments}", got[0], whole * PAGE)
            expect_equal(f"addresses of {segments}", got[1], [base + page * PAGE for page in want])


# --- given up ---------------------------------------------------------------------------------


@check
def memory_that_is_not_needed_can_be_purged() -> None:
    """drm_gem_shmem_madvise(), drm_gem_shmem_purge(): only if all agree, and once."""
    with GemNode() as node:
        handle = node.create_dumb(PAGE // 4, 3).handle
        for not_needed in (True, False):
            expect(node.advise(handle, not_needed), "the memory is gone")
            with expect_errno(EBUSY):  # there is no table, or it is needed
                node.purge(handle)
            node.table(handle, 3)
        node.advise(handle, True)
        node.purge(handle)
        for not_needed in (True, False):
            expect(not node.advise(handle, not_needed), "the memory is said to be there after it was purged")
            with expect_errno(EBUSY):
                node.purge(handle)


@check
def exported_memory_is_not_purged() -> None:
    with GemNode() as node:
        handle = node.create_dumb(PAGE // 4, 3).handle
        node.table(handle, 3)
        node.advise(handle, True)
        with node.export(handle), expect_errno(EBUSY):
            node.purge(handle)


@check
def purged_memory_cannot_be_seen_any_more() -> None:
    """A mapping that was made before: each access is SIGBUS, in a child that inherits it, too."""
    with GemNode() as node:
        handle = node.create_dumb(PAGE // 4, 3).handle
        view = map_node_bare(node, 3 * PAGE, node.dumb_offset(handle))
        view[PAGE] = 1
        node.table(handle, 3)
        node.advise(handle, True)
        node.purge(handle)
        for page in range(3):
            end = in_child(lambda: view.__setitem__(page * PAGE, 1))  # noqa: B023 - not later
            expect_equal(f"end of a child that writes to page {page}", end, -SIGBUS)
        view.close()


@check
def purged_objects_cost_nothing() -> None:
    def purge(node: GemNode, handle: int) -> None:
        node.table(handle, 3)
        node.advise(handle, True)
        node.purge(handle)

    _costs_nothing(purge)


@check
def mapping_of_the_node_is_inherited() -> None:
    """drm_gem_shmem_vm_open(): a child writes to the same pages, and neither needs the handle or the other."""
    with GemNode() as node:
        handle = node.create_dumb(PAGE // 4, 2).handle
        offset = node.dumb_offset(handle)
        first, second = (map_node_bare(node, 2 * PAGE, offset) for _ in range(2))

        def write() -> None:
            second.close()
            first[PAGE] = 7

        expect_equal("end of the child", in_child(write), 0)
        first.close()
        with node.export(handle) as buffer, buffer.map(2 * PAGE) as memory:
            expect_equal("what the child has written", memory[PAGE], 7)
        node.close_handle(handle)
        expect_equal("end of a second child", in_child(lambda: second.__setitem__(0, 1)), 0)
        second.close()
