# SPDX-License-Identifier: GPL-2.0-only
"""vgem: objects with several handles, and imports that are mapped through the node (drm_gem.c, drm_prime.c)."""

from __future__ import annotations

import mmap
from errno import EINVAL, ENOENT

from harness.guest.gem_objects import flink, import_at_a_known_offset, open_by_name
from harness.guest.kernel import PAGE, DmaBuf, Heap, udmabuf, vgem
from harness.guest.registry import Group, expect, expect_equal, expect_errno, skip
from harness.guest.waiting import in_child

check = Group("vgem")

_MANY = 12
_SIZE = 4 * PAGE  # what create_dumb() makes unless it is asked for another


# --- names, and a second handle ---------------------------------------------------------------


@check
def named_object_is_opened_as_itself() -> None:
    """Each OPEN gives a handle of its own, here and in another client; the name ends with the last of them."""
    with vgem() as card, vgem() as other:
        handle = card.create_dumb().handle
        name = flink(card, handle)
        expect_equal("second name", flink(card, handle), name)
        handles = [handle, open_by_name(card, name), open_by_name(card, name)]
        expect_equal("different handles", len(set(handles)), 3)
        foreign = open_by_name(other, name)
        with card.export(handle) as buffer, other.export(foreign) as same:
            expect_equal("buffer of the other client", same.inode(), buffer.inode())
        for each in handles:
            card.close_handle(each)
        other.close_handle(foreign)
        with expect_errno(ENOENT):
            open_by_name(card, name)


@check
def closing_a_second_handle_leaves_the_first_in_place() -> None:
    """What was exported by one handle is imported as that one, whatever other handle of it was closed."""
    with vgem() as card:
        first = card.create_dumb().handle
        second = open_by_name(card, flink(card, first))
        with card.export(first) as buffer:
            card.close_handle(second)
            expect_equal("handle of the import", card.import_fd(buffer.fileno()), first)


@check
def closing_the_exported_handle_leaves_the_second() -> None:
    """It exports the same buffer, and the import finds the buffer, by whatever handle."""
    with vgem() as card:
        first = card.create_dumb().handle
        second = open_by_name(card, flink(card, first))
        with card.export(first) as buffer:
            card.close_handle(first)
            for handle in (second, card.import_fd(buffer.fileno())):
                with card.export(handle) as again:
                    expect_equal("exported buffer", again.inode(), buffer.inode())


@check
def import_with_two_handles_keeps_both_apart() -> None:
    """The same for a buffer of somebody else."""
    with vgem() as card, udmabuf() as buffer:
        first = card.import_fd(buffer.fileno())
        second = open_by_name(card, flink(card, first))
        card.close_handle(second)
        expect_equal("handle of the import", card.import_fd(buffer.fileno()), first)


@check
def many_imports_are_found_again() -> None:
    """By the buffer and by the handle, which the kernel keeps in trees: whatever came first, and whatever went."""
    buffers = [udmabuf() for _ in range(_MANY)]
    try:
        with vgem() as card:
            mixed = buffers[::2] + buffers[::-2]  # neither up nor down, if their addresses go up
            handles = [card.import_fd(one.fileno()) for one in mixed]
            expect_equal("different handles", len(set(handles)), _MANY)
            expect_equal("handles of the same imports", [card.import_fd(one.fileno()) for one in mixed], handles)
            for handle in handles[::2]:
                card.close_handle(handle)
            left = mixed[1::2]
            expect_equal("handles that are left", [card.import_fd(one.fileno()) for one in left], handles[1::2])
            for buffer, handle in zip(left, handles[1::2], strict=True):
                with card.export(handle) as again:
                    expect_equal("exported buffer", again.inode(), buffer.inode())
    finally:
        for buffer in buffers:
            buffer.close()


# --- imports on the node ----------------------------------------------------------------------


def _mapped(fd: int, offset: int, flags: int = mmap.MAP_SHARED) -> mmap.mmap:
    return mmap.mmap(fd, _SIZE, flags=flags, offset=offset)


def _shown_by_the_node(buffer: DmaBuf) -> None:
    """The import's mapping shows the buffer, is copied by fork(), and outlives handle and card."""
    with vgem() as card:
        handle, offset = import_at_a_known_offset(card, buffer)
        try:
            view = _mapped(card.fileno(), offset)
        except OSError as error:
            expect_equal("errno", error.errno, EINVAL)
            skip("the import is not on the node, or elsewhere: needs CONFIG_DRM_GEM_SHMEM_HELPER")
        with view, buffer.map(_SIZE) as own:
            own[:4] = b"here"
            expect_equal("first bytes through the node", view[:4], b"here")

            def read() -> None:
                expect_equal("first bytes in another process", view[:4], b"here")

            expect_equal("end of the process", in_child(read), 0)
            _mapped(card.fileno(), offset).close()
            card.close_handle(handle)
            card.close()
            view[-4:] = b"last"
            expect_equal("last bytes", own[-4:], b"last")


@check
def import_of_a_udmabuf_is_mapped_through_the_node() -> None:
    with udmabuf(_SIZE) as buffer:
        _shown_by_the_node(buffer)


@check
def import_of_a_heap_buffer_is_mapped_through_the_node() -> None:
    """The heap's mappings need no operations, and so must not have those of the importer."""
    with Heap() as heap, heap.allocate(_SIZE) as buffer:
        _shown_by_the_node(buffer)


@check
def import_that_cannot_be_mapped_through_the_node_stays_as_it_is() -> None:
    """udmabuf refuses private mappings; the importer must not give up its reference for that."""
    with udmabuf(_SIZE) as buffer, vgem() as card:
        handle, offset = import_at_a_known_offset(card, buffer)
        references = buffer.info()["count"]
        for _ in range(3):
            with expect_errno(EINVAL):
                _mapped(card.fileno(), offset, mmap.MAP_PRIVATE)
        expect_equal("count in fdinfo", buffer.info()["count"], references)
        with card.export(handle) as again:
            expect(again.inode() == buffer.inode(), "the handle leads to another buffer")
        card.close_handle(handle)
