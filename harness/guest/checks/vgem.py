# SPDX-License-Identifier: GPL-2.0-only
"""vgem: dumb buffers, and PRIME export and import (drivers/gpu/drm/drm_prime.c, drm_gem.c, vgem/vgem_drv.c)."""

from __future__ import annotations

import mmap
import os
from errno import EACCES, EBADF, EINVAL, ENOENT

from harness.guest import uapi
from harness.guest.kernel import PAGE, Memfd, udmabuf, vgem, vgem_render
from harness.guest.registry import Group, expect, expect_equal, expect_errno

check = Group("vgem")

_NO_HANDLE = 0x7FFF


# --- dumb buffers -----------------------------------------------------------------------------


@check
def dumb_buffer_is_large_enough() -> None:
    """The pitch holds a line, the size all lines, in whole pages; the dma-buf has that size."""
    with vgem() as card:
        for width, height, bpp in ((1, 1, 32), (1023, 3, 32), (100, 100, 8)):
            dumb = card.create_dumb(width, height, bpp)
            shape = f"{width}x{height}x{bpp}: pitch {dumb.pitch}, size {dumb.size}"
            expect(dumb.pitch >= width * bpp // 8 and dumb.size >= dumb.pitch * height, f"too small for {shape}")
            expect_equal(f"bytes beyond a page of {shape}", dumb.size % PAGE, 0)
            with card.export(dumb.handle) as buffer:
                expect_equal("size of the dma-buf", buffer.size(), dumb.size)


@check
def impossible_dumb_buffers_are_refused() -> None:
    """Nothing to hold, or more than fits the arithmetic."""
    huge = (1 << 32) - 1
    with vgem() as card:
        for width, height, bpp in ((0, 1, 32), (1, 0, 32), (1, 1, 0), (huge, huge, 32), (huge, 1, 32), (1, 1, huge)):
            with expect_errno(EINVAL):
                card.create_dumb(width, height, bpp)


@check
def node_and_dma_buf_map_the_same_memory() -> None:
    with vgem() as card:
        dumb = card.create_dumb()
        offset = card.dumb_offset(dumb.handle)
        with (
            card.export(dumb.handle) as buffer,
            buffer.map(dumb.size) as exported,
            mmap.mmap(card.fileno(), dumb.size, offset=offset) as own,
        ):
            own[:4], exported[-4:] = b"node", b"dmab"
            expect_equal("first bytes through the dma-buf", exported[:4], b"node")
            expect_equal("last bytes through the node", own[-4:], b"dmab")


@check
def private_mapping_of_the_node_is_refused_or_private() -> None:
    """Pages without a struct page cannot be copied when they are written; older vgem maps others."""
    with vgem() as card:
        dumb = card.create_dumb()
        offset = card.dumb_offset(dumb.handle)
        with mmap.mmap(card.fileno(), dumb.size, offset=offset) as shared:
            try:
                with mmap.mmap(card.fileno(), dumb.size, flags=mmap.MAP_PRIVATE, offset=offset) as private:
                    private[:4] = b"mine"
            except OSError as error:
                expect_equal("errno", error.errno, EINVAL)
            expect_equal("first bytes of the buffer", shared[:4], bytes(4))


@check
def dumb_buffer_is_zeroed() -> None:
    with vgem() as card:
        dumb = card.create_dumb()
        with card.export(dumb.handle) as buffer, buffer.map(dumb.size) as view:
            expect_equal("fresh buffer", view[:], bytes(dumb.size))


@check
def unknown_handles_are_refused() -> None:
    with vgem() as card:
        with expect_errno(ENOENT):
            card.dumb_offset(_NO_HANDLE)
        with expect_errno(ENOENT):
            card.export(_NO_HANDLE)
        with expect_errno(EINVAL):
            card.close_handle(_NO_HANDLE)
        with expect_errno(EINVAL):
            card.destroy_dumb(_NO_HANDLE)


@check
def closed_handle_is_gone() -> None:
    """Twice is an error, whichever call closed it."""
    with vgem() as card:
        first, second = card.create_dumb().handle, card.create_dumb().handle
        card.close_handle(first)
        card.destroy_dumb(second)
        for handle in (first, second):
            with expect_errno(EINVAL):
                card.close_handle(handle)
            with expect_errno(ENOENT):
                card.export(handle)


@check
def render_node_makes_no_dumb_buffers() -> None:
    with vgem_render() as node, expect_errno(EACCES):
        node.create_dumb()


@check
def render_node_imports_and_exports() -> None:
    """PRIME and fences are allowed there."""
    with udmabuf() as buffer, vgem_render() as node:
        handle = node.import_fd(buffer.fileno())
        with node.export(handle) as again:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())
        node.signal_fence(node.attach_fence(handle))


@check
def prime_is_advertised() -> None:
    with vgem() as card:
        wanted = uapi.DRM_PRIME_CAP_IMPORT | uapi.DRM_PRIME_CAP_EXPORT
        expect_equal("DRM_CAP_PRIME", card.capability(uapi.DRM_CAP_PRIME), wanted)


# --- PRIME ------------------------------------------------------------------------------------


@check
def export_twice_gives_one_dma_buf() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as one, card.export(handle) as two:
            expect_equal("second export", two.inode(), one.inode())


@check
def export_after_the_last_close_gives_the_same_dma_buf() -> None:
    """The handle remembers its dma-buf as long as it lives: closing every descriptor does not end it."""
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer, buffer.map(PAGE) as view:
            view[:4] = b"kept"
            inode = buffer.inode()
        with card.export(handle) as again, again.map(PAGE) as view:
            expect_equal("second export", again.inode(), inode)
            expect_equal("first bytes", view[:4], b"kept")


@check
def import_of_an_own_buffer_gives_its_handle() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer:
            expect_equal("handle of the import", card.import_fd(buffer.fileno()), handle)


@check
def import_twice_gives_one_handle() -> None:
    with udmabuf() as buffer, vgem() as card:
        handle = card.import_fd(buffer.fileno())
        expect_equal("handle of the second import", card.import_fd(buffer.fileno()), handle)
        with card.export(handle) as again:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())


@check
def import_twice_is_closed_once() -> None:
    """Handles are not counted: one close ends it, and the next import makes a new one."""
    with udmabuf() as buffer, vgem() as card:
        handle = card.import_fd(buffer.fileno())
        card.import_fd(buffer.fileno())
        card.close_handle(handle)
        with expect_errno(ENOENT):
            card.export(handle)
        with card.export(card.import_fd(buffer.fileno())) as again:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())


@check
def handles_belong_to_their_client() -> None:
    """Another open file of the same device knows none of them."""
    with vgem() as one, vgem() as two:
        handle = one.create_dumb().handle
        with expect_errno(ENOENT):
            two.export(handle)
        with expect_errno(EINVAL):
            two.close_handle(handle)
        one.close_handle(handle)


@check
def buffer_of_the_same_device_is_no_foreign_one() -> None:
    """Whichever client made it, the import is the buffer itself, with an offset on the node that no other has."""
    with vgem() as one, vgem() as two, vgem_render() as node, one.export(one.create_dumb().handle) as buffer:
        expect(two.dumb_offset(two.import_fd(buffer.fileno())) > 0, "the import has no offset on the node")
        with node.export(node.import_fd(buffer.fileno())) as again:
            expect_equal("buffer that the render node exports", again.inode(), buffer.inode())


@check
def import_by_another_client_shares_the_memory() -> None:
    """Another open file of the same device gets a handle of its own for the same buffer."""
    with vgem() as one, vgem() as two:
        dumb = one.create_dumb()
        with one.export(dumb.handle) as buffer:
            handle = two.import_fd(buffer.fileno())
            with two.export(handle) as again, buffer.map(PAGE) as here, again.map(PAGE) as there:
                here[:4] = b"here"
                expect_equal("first bytes", there[:4], b"here")


@check
def exported_buffer_outlives_handle_and_device() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle) as buffer, buffer.map(PAGE) as view:
            view[:4] = b"kept"
            card.close_handle(handle)
            card.close()
            with buffer.map(PAGE) as again:
                expect_equal("first bytes", again[:4], b"kept")


@check
def imported_buffer_outlives_its_descriptor() -> None:
    """The importer's reference keeps the udmabuf."""
    with udmabuf() as buffer, vgem() as card:
        with buffer.map(PAGE) as view:
            view[:4] = b"kept"
        handle = card.import_fd(buffer.fileno())
        buffer.close()
        with card.export(handle) as again, again.map(PAGE) as view:
            expect_equal("first bytes", view[:4], b"kept")


@check
def imported_buffer_has_no_offset_on_the_node() -> None:
    """It is mapped through its own dma-buf, not through the importer."""
    with udmabuf() as buffer, vgem() as card:
        handle = card.import_fd(buffer.fileno())
        with expect_errno(EINVAL):
            card.dumb_offset(handle)


@check
def import_wants_a_dma_buf() -> None:
    """EBADF for a closed descriptor, EINVAL for one of something else."""
    with vgem() as card:
        with Memfd(PAGE) as memory, expect_errno(EINVAL):
            card.import_fd(memory.fileno())
        with expect_errno(EBADF):
            card.import_fd(-1)


@check
def export_flags_are_checked() -> None:
    """Only DRM_RDWR and DRM_CLOEXEC, which do as they say."""
    with vgem() as card:
        handle = card.create_dumb().handle
        with expect_errno(EINVAL):
            card.export(handle, os.O_RDWR | os.O_NONBLOCK)
        with card.export(handle, os.O_RDWR) as buffer:
            expect(not buffer.closes_on_exec(), "DRM_CLOEXEC was not given, FD_CLOEXEC is set")
        with card.export(handle, os.O_RDWR | os.O_CLOEXEC) as buffer:
            expect(buffer.closes_on_exec(), "DRM_CLOEXEC was given, FD_CLOEXEC is clear")


@check
def export_without_rdwr_cannot_be_mapped_for_writing() -> None:
    with vgem() as card:
        handle = card.create_dumb().handle
        with card.export(handle, os.O_CLOEXEC) as buffer:
            with expect_errno(EACCES):
                buffer.map(PAGE)
            with buffer.map(PAGE, prot=mmap.PROT_READ) as view:
                expect_equal("first byte", view[0], 0)
