# SPDX-License-Identifier: GPL-2.0-only
"""Buffers that the kernel maps for itself, as a display or a camera does: dma_buf_vmap(), dma_buf_vunmap()."""

from __future__ import annotations

from errno import EINVAL, ERANGE

from harness.guest.kernel import PAGE, DmaBuf, Heap, udmabuf, vgem
from harness.guest.probe_functions import KernelFunctions
from harness.guest.registry import Group, expect_equal, expect_errno, skip

check = Group("functions")

_PAGES = 3


def _expect_one_memory(kernel: KernelFunctions, buffer: DmaBuf) -> None:
    """What the CPU of a program writes is there for the kernel, and the other way, on every page."""
    with buffer.map(_PAGES * PAGE) as memory:
        for page in range(_PAGES):
            memory[page * PAGE : (page + 1) * PAGE] = bytes([page + 1]) * PAGE
        for page in range(_PAGES):
            got = kernel.read_mapped(buffer, PAGE, page * PAGE)
            expect_equal(f"page {page} as the kernel maps it", got, bytes([page + 1]) * PAGE)
        kernel.write_mapped(buffer, b"\xa5\x5a", _PAGES * PAGE - 2)
        expect_equal("the last bytes, which the kernel has written", memory[_PAGES * PAGE - 3 :], b"\x03\xa5\x5a")
        expect_equal("the first byte", memory[:1], b"\x01")


@check
def kernel_maps_a_udmabuf() -> None:
    """Where it can; older kernels refuse."""
    with KernelFunctions() as kernel, udmabuf(_PAGES * PAGE) as buffer:
        _expect_mappable(kernel, buffer)
        _expect_one_memory(kernel, buffer)


def _expect_mappable(kernel: KernelFunctions, buffer: DmaBuf) -> None:
    """Skips if the exporter has no such operation: the kernel refuses with EINVAL."""
    try:
        kernel.read_mapped(buffer, 1)
    except OSError as error:
        if error.errno == EINVAL:
            skip("the exporter has no vmap")
        raise


@check
def kernel_maps_a_heap_buffer() -> None:
    with KernelFunctions() as kernel, Heap() as heap, heap.allocate(_PAGES * PAGE) as buffer:
        _expect_one_memory(kernel, buffer)


@check
def kernel_maps_a_buffer_of_vgem() -> None:
    with KernelFunctions() as kernel, vgem() as node:
        handle = node.create_dumb(PAGE // 4, _PAGES).handle
        with node.export(handle) as buffer:
            _expect_one_memory(kernel, buffer)
        node.close_handle(handle)


@check
def kernel_maps_what_its_program_has_closed() -> None:
    """vgem's buffer without a handle, as a display shows it after its program has forgotten it."""
    with KernelFunctions() as kernel, vgem() as node:
        handle = node.create_dumb(PAGE // 4, _PAGES).handle
        with node.export(handle) as buffer:
            node.close_handle(handle)
            _expect_one_memory(kernel, buffer)


@check
def exporter_without_kernel_mapping_refuses() -> None:
    """The module's own: dma_buf_vmap() is EINVAL."""
    with KernelFunctions() as kernel, kernel.export(PAGE) as buffer, expect_errno(EINVAL):
        kernel.read_mapped(buffer, 1)


@check
def kernel_mapping_ends_with_the_buffer() -> None:
    """By the module: ERANGE beyond the end."""
    with KernelFunctions() as kernel, Heap() as heap, heap.allocate(PAGE) as buffer:
        for length, offset in ((1, PAGE), (PAGE + 1, 0), (1, (1 << 64) - 1)):
            with expect_errno(ERANGE):
                kernel.read_mapped(buffer, length, offset)
