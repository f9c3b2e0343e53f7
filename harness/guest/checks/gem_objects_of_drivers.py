# SPDX-License-Identifier: GPL-2.0-only
"""GEM objects in the hands of drivers (drivers/gpu/drm/drm_gem.c): locked, waited for, evicted: docs/functions.md."""

from __future__ import annotations

from errno import EACCES, EALREADY, EBUSY, EINVAL, ENOENT, ENOMEM, ENOSYS, EOPNOTSUPP, ETIME

from harness.guest import uapi
from harness.guest.failing import each_allocation
from harness.guest.gem_node import GemNode
from harness.guest.gem_objects import map_node_bare
from harness.guest.kernel import PAGE, DmaBuf, Timeline
from harness.guest.probe_functions import KernelFunctions
from harness.guest.registry import Group, absent_is_skipped, expect_equal, expect_errno
from harness.guest.threads import together
from harness.guest.waiting import SIGBUS, in_child, soon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.guest.kernel import SyncFile

check = Group("gem")

_READ, _WRITE = uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE
_ROUNDS = 16


def _pages(node: GemNode, count: int = 1) -> int:
    """A handle of a new buffer of so many pages."""
    return node.create_dumb(PAGE // 4, count).handle


def _use(buffer: DmaBuf, kind: int, fence: SyncFile) -> None:
    with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
        buffer.import_sync_file(kind, fence.fileno())


# --- locks ------------------------------------------------------------------------------------


@check
def many_objects_are_locked_in_any_order() -> None:
    """drm_gem_lock_reservations() backs off where two have locked in opposite orders, and leaves nothing locked."""
    with GemNode() as node:
        handles = [_pages(node) for _ in range(4)]
        together(lambda: node.lock(*handles, rounds=_ROUNDS), lambda: node.lock(*handles[::-1], rounds=_ROUNDS))
        for handle in handles:
            node.lock(handle)
            node.close_handle(handle)


@check
def object_that_is_named_twice_is_not_locked_twice() -> None:
    """EALREADY, and what was locked before it is not locked any more."""
    with GemNode() as node:
        first, second = _pages(node), _pages(node)
        for handles in ((first, second, first), (first, first), (second, first, first)):
            with expect_errno(EALREADY):
                node.lock(*handles)
            node.lock(first, second)
            node.lock(second, first)


@check
def objects_are_looked_up_all_or_none() -> None:
    """drm_gem_objects_lookup() of a handle that is none: ENOENT; no reference is kept to those before it."""
    with GemNode() as node:
        node.lock()
        handle = node.bare(PAGE)
        for handles in ((handle, 1000), (1000, handle), (0,)):
            with expect_errno(ENOENT):
                node.lock(*handles)
        node.close_handle(handle)


@check
def objects_are_looked_up_without_memory() -> None:
    """drm_gem_objects_lookup(): ENOMEM, and it works again afterwards."""
    with GemNode() as node:
        handles = [_pages(node) for _ in range(3)]
        each_allocation(lambda: node.lock(*handles), lambda _: None, (ENOMEM,))


# --- waiting and giving up --------------------------------------------------------------------


@check
def driver_waits_for_writers_or_for_all() -> None:
    """drm_gem_dma_resv_wait()."""
    for kind, both in ((_WRITE, True), (_READ, False)):
        with GemNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
            handle = _pages(node)
            with node.export(handle) as buffer:
                _use(buffer, kind, fence)
            with expect_errno(ETIME):
                node.wait_idle(handle)
            with expect_errno(ETIME):
                node.wait_idle(handle, 20)
            if both:
                with expect_errno(ETIME):
                    node.wait_idle(handle, readers=False)
            else:
                node.wait_idle(handle, readers=False)
            with soon(timeline.advance):
                node.wait_idle(handle, uapi.DMABUF_PROBE_MAX_WAIT)
            expect_equal("status of the fence when the wait is over", fence.status(), 1)
            node.wait_idle(handle)


@check
def driver_waits_for_no_unknown_object() -> None:
    with GemNode() as node, expect_errno(EINVAL):
        node.wait_idle(1000)


@check
def busy_objects_are_not_evicted() -> None:
    """drm_gem_evict(): readers count, too."""
    for kind in (_WRITE, _READ):
        with GemNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
            handle = _pages(node)
            node.evict(handle)
            with node.export(handle) as buffer:
                _use(buffer, kind, fence)
            with expect_errno(EBUSY):
                node.evict(handle)
            timeline.advance()
            node.evict(handle)


@check
def least_recently_used_objects_shrink_first() -> None:
    """drm_gem_lru_scan() frees as much as it is asked for, passes over what is busy, and keeps that on the list."""
    with GemNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        one, busy, four = _pages(node, 1), _pages(node, 2), _pages(node, 4)
        expect_equal("freed, remained and left: of none", node.shrink(pages=8), (0, 0, 0))
        with node.export(busy) as buffer:
            _use(buffer, _READ, fence)
        for pages, handles, want in (
            (1, (one, busy, four), (1, 0, 6)),
            (8, (one, busy, four), (5, 2, 2)),
            (1, (busy, one, four), (1, 2, 6)),
            (0, (one, busy), (0, 0, 3)),
            (8, (busy,), (0, 2, 2)),
            (8, (one, one), (1, 0, 0)),
        ):
            got = node.shrink(*handles, pages=pages)
            expect_equal(f"freed, remained and left: {pages} pages of {len(handles)}", got, want)
        timeline.advance()
        expect_equal("freed, remained and left: when it is idle", node.shrink(busy, pages=8), (2, 0, 0))


# --- objects without operations ---------------------------------------------------------------


@check
def object_without_a_table_is_not_attached_to() -> None:
    """drm_gem_map_attach() refuses it: its map would follow nothing."""
    with (
        GemNode() as node,
        KernelFunctions() as kernel,
        node.export(node.bare(PAGE)) as buffer,
        expect_errno(ENOSYS),
    ):
        kernel.attach(buffer.fileno(), uapi.DMABUF_PROBE_IMPORT_STATIC)


@check
def object_without_kernel_mapping_is_not_mapped() -> None:
    """drm_gem_vmap(), by its driver. By dma_buf_vmap() it is the same, and a WARN() on purpose."""
    with GemNode() as node:
        handle = node.bare(PAGE)
        with expect_errno(EOPNOTSUPP):
            node.read_mapped(handle, 1)


@check
def object_with_a_fault_handler_alone_is_mapped() -> None:
    """drm_gem_mmap_obj() and drm_gem_prime_mmap() without an operation: the driver's faults decide, in a child, too."""
    with GemNode() as node:
        handle = node.bare(2 * PAGE)
        with node.export(handle) as buffer:
            views = [map_node_bare(node, 2 * PAGE, node.dumb_offset(handle)), buffer.map(2 * PAGE)]
        node.close_handle(handle)
        for view in views:
            expect_equal("end of a child that writes", in_child(lambda: view.__setitem__(PAGE, 1)), -SIGBUS)  # noqa: B023
            view.close()


@check
def object_without_mapping_operations_is_not_mapped() -> None:
    with GemNode() as node:
        handle = node.bare(PAGE, uapi.DMABUF_PROBE_UNMAPPABLE)
        with expect_errno(EINVAL):
            map_node_bare(node, PAGE, node.dumb_offset(handle))
        with node.export(handle) as buffer, expect_errno(EINVAL):
            buffer.map(PAGE)


@check
def mapping_without_an_operation_out_of_memory() -> None:
    """drm_gem_prime_mmap() makes a file for the driver to see: without memory for it nothing is mapped."""
    with GemNode() as node, node.export(node.bare(PAGE)) as buffer:
        each_allocation(lambda: buffer.map_bare(PAGE), lambda view: view.close(), (ENOMEM,))  # type: ignore[attr-defined]


@check
def driver_hears_of_each_handle_and_of_its_end() -> None:
    """Its open and close operations: by create, import, close, and the end of the client."""
    with GemNode() as watcher:
        before = watcher.opened()
        with GemNode() as node, GemNode() as other:
            handle = node.bare(PAGE)
            with node.export(handle) as buffer:
                imported = other.import_fd(buffer.fileno())
            expect_equal("handles that are open", watcher.opened() - before, 2)
            node.close_handle(handle)
            expect_equal("handles that are open when one is closed", watcher.opened() - before, 1)
            other.close_handle(imported)
            other.bare(PAGE)
        expect_equal("handles that are open when their clients are gone", watcher.opened() - before, 0)


@check
def driver_that_refuses_a_handle_is_obeyed() -> None:
    """drm_gem_handle_create(): the error is the driver's, the handle is free again, and the object goes."""
    with GemNode() as node:
        before = node.opened()
        for _ in range(3):
            with expect_errno(EACCES):
                node.bare(PAGE, uapi.DMABUF_PROBE_LOCKED_OUT)
        expect_equal("handles that are open", node.opened() - before, 0)
        first = node.bare(PAGE)
        with expect_errno(EACCES):
            node.bare(PAGE, uapi.DMABUF_PROBE_LOCKED_OUT)
        expect_equal("the next handle", node.bare(PAGE), first + 1)


@check
def object_without_operations_out_of_memory() -> None:
    """drm_gem_handle_create() that fails leaves no handle, and no place for a mapping."""
    with GemNode() as node:
        before = node.opened()

        def close(handle: object) -> None:
            assert isinstance(handle, int)
            node.close_handle(handle)

        def look() -> None:
            expect_equal("handles that are open", node.opened() - before, 0)

        each_allocation(lambda: node.bare(PAGE), close, (ENOMEM,), look)
