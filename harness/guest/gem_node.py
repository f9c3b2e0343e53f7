# SPDX-License-Identifier: GPL-2.0-only
"""What drivers do with GEM objects, on the node of the module dmabuf_probe_drm (dmabuf_probe.h).

A method is one call, and lets the ``OSError`` of the kernel's function through; a kernel that does not have the
function, or has it in another form, ends the check as one that does not apply.
"""

from __future__ import annotations

import array
from errno import EINVAL, ENOTTY

from harness.guest import uapi
from harness.guest.registry import does_not_apply
from harness.guest.syncobj import SyncNode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_gem = uapi.dmabuf_probe_gem


class GemNode(SyncNode):
    """The open node. A module whose calls of its own do not compile on this kernel has a node without them."""

    def __init__(self) -> None:
        super().__init__()
        try:
            self.opened()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError) and error.errno == EINVAL:  # drm_ioctl.c, of numbers that no driver has
                does_not_apply("the node of the module has no calls of its own on this kernel")
            raise

    def lock(self, *handles: int, rounds: int = 1) -> None:
        """``drm_gem_lock_reservations()`` of the objects, and the end of it, so many times."""
        self._listed(uapi.DMABUF_PROBE_GEM_LOCK, handles, rounds)

    def wait_idle(self, handle: int, milliseconds: int = 0, readers: bool = True) -> None:
        """``drm_gem_dma_resv_wait()``: ETIME if the time was up."""
        flags = uapi.DMABUF_PROBE_WAIT_ALL if readers else 0
        self._act(uapi.DMABUF_PROBE_GEM_WAIT, handle=handle, flags=flags, value=milliseconds)

    def read_mapped(self, handle: int, length: int, flags: int = 0) -> bytes:
        """Its first bytes where ``drm_gem_vmap()`` has put it. ``flags``: DMABUF_PROBE_FORGOTTEN closes the handle."""
        room = array.array("B", bytes(length))
        pointer = room.buffer_info()[0]
        self._act(uapi.DMABUF_PROBE_GEM_READ, handle=handle, count=length, flags=flags, pointer=pointer)
        return room.tobytes()

    def write_mapped(self, handle: int, data: bytes) -> None:
        """The other way."""
        room = array.array("B", data)
        self._act(uapi.DMABUF_PROBE_GEM_WRITE, handle=handle, count=len(room), pointer=room.buffer_info()[0])

    def table(self, handle: int, pages: int) -> tuple[int, list[int]]:
        """``drm_gem_shmem_get_pages_sgt()``: bytes that are in one piece for a device, addresses of its ``pages``."""
        room = array.array("Q", bytes(8 * pages))
        argument = self._act(uapi.DMABUF_PROBE_GEM_TABLE, handle=handle, count=pages, pointer=room.buffer_info()[0])
        return _gem.number(argument, "value"), room.tolist()

    def segments(self, pages: int, *segments: tuple[int, int]) -> tuple[int, list[int]]:
        """The same of a table of ``pages`` pages that a device sees in ``segments``: (address, length) in bytes."""
        numbers = [number for segment in segments for number in segment]
        room = array.array("Q", numbers + [0] * max(0, pages - len(numbers)))
        pointer = room.buffer_info()[0]
        argument = self._act(uapi.DMABUF_PROBE_GEM_SEGMENTS, count=len(segments), pointer=pointer, value=pages)
        return _gem.number(argument, "value"), room.tolist()[:pages]

    def pin(self, handle: int) -> None:
        """``drm_gem_shmem_pin()`` and ``drm_gem_shmem_unpin()``."""
        self._act(uapi.DMABUF_PROBE_GEM_PIN, handle=handle)

    def advise(self, handle: int, not_needed: bool) -> bool:
        """``drm_gem_shmem_madvise()``: is its memory still there?"""
        argument = self._act(uapi.DMABUF_PROBE_GEM_ADVISE, handle=handle, value=int(not_needed))
        return _gem.number(argument, "value") != 0

    def purge(self, handle: int) -> None:
        """``drm_gem_shmem_purge()``: EBUSY if it may not be."""
        self._act(uapi.DMABUF_PROBE_GEM_PURGE, handle=handle)

    def evict(self, handle: int) -> None:
        """``drm_gem_evict()``: EBUSY while there is a pending fence."""
        self._act(uapi.DMABUF_PROBE_GEM_EVICT, handle=handle)

    def shrink(self, *handles: int, pages: int) -> tuple[int, int, int]:
        """``drm_gem_lru_scan()`` for ``pages``: pages that it freed, that remained, that are left on the list."""
        room = array.array("I", [*handles, *[0] * (4 - len(handles))])
        argument = self._act(
            uapi.DMABUF_PROBE_GEM_SHRINK, count=len(handles), pointer=room.buffer_info()[0], value=pages
        )
        remained, left = array.array("Q", room.tobytes()[:16])
        return _gem.number(argument, "value"), remained, left

    def bare(self, size: int, flags: int = 0) -> int:
        """A handle of an object of ``size`` bytes whose driver gives it no operations."""
        return _gem.number(self._act(uapi.DMABUF_PROBE_GEM_BARE, flags=flags, value=size), "handle")

    def opened(self) -> int:
        """How many handles of such objects are open."""
        return _gem.number(self._act(uapi.DMABUF_PROBE_GEM_OPENED), "value")

    def _listed(self, act: int, handles: Sequence[int], value: int) -> None:
        room = array.array("I", handles)
        self._act(act, count=len(room), pointer=room.buffer_info()[0], value=value)

    def _act(self, act: int, **values: int) -> bytearray:
        argument = _gem.pack(act=act, **values)
        try:
            self.ioctl(uapi.DMABUF_PROBE_GEM, argument)
        except OSError as error:
            if error.errno == ENOTTY:
                does_not_apply(f"this kernel has no function for act {act} of {uapi.ioctl_name(uapi.DMABUF_PROBE_GEM)}")
            raise
        return argument
