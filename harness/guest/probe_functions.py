# SPDX-License-Identifier: GPL-2.0-only
"""Functions of the kernel that no driver in a guest calls, called through the module dmabuf_probe.

What each means stands in kselftest-wrappers/dmabuf-probe/dmabuf_probe.h. A method is one call; a kernel that does not
have the function, or has it in another form, ends the check as one that does not apply.
"""

from __future__ import annotations

import array
from errno import ENOTTY

from harness.guest import uapi
from harness.guest.kernel import DmaBuf, SyncFile
from harness.guest.probe import Probe
from harness.guest.registry import does_not_apply

KERNEL, WRITE, READ, BOOKKEEP = range(4)
"""enum dma_resv_usage (include/linux/dma-resv.h): each includes those before it."""
NONE = (1 << 64) - 1


class KernelFunctions(Probe):
    """The open device. Functions that can fail give their result: 0, or minus an errno."""

    def fence_array(self, *fences: SyncFile, flags: int = 0) -> SyncFile:
        """``dma_fence_array_create()``; ``flags``: DMABUF_PROBE_ANY for one that signals with the first of them."""
        return SyncFile(_fences.number(self._fences(uapi.DMABUF_PROBE_FENCE_ARRAY, fences, flags=flags), "fd"))

    def link(self, previous: SyncFile | None, fence: SyncFile, point: int) -> SyncFile:
        """``dma_fence_chain_init()``: the link of ``fence`` after ``previous``."""
        fds = (-1 if previous is None else previous.fileno(), fence.fileno())
        argument = _fences.pack(count=2, fences=(*fds, *[0] * 6), value=point)
        return SyncFile(_fences.number(self._call(uapi.DMABUF_PROBE_FENCE_CHAIN, argument), "fd"))

    def find(self, chain: SyncFile, point: int) -> tuple[int, int]:
        """``dma_fence_chain_find_seqno()``: its result, and the point of what it found; 0: no fence is left."""
        argument = self._fences(uapi.DMABUF_PROBE_FENCE_FIND, (chain,), value=point)
        _close(_fences.number(argument, "fd"))
        return _fences.number(argument, "result"), _fences.number(argument, "value")

    def found(self, chain: SyncFile, point: int) -> SyncFile:
        """The same, where it must find a fence: that fence."""
        return SyncFile(_fences.number(self._fences(uapi.DMABUF_PROBE_FENCE_FIND, (chain,), value=point), "fd"))

    def matches(self, fence: SyncFile, other: SyncFile) -> bool:
        """``dma_fence_match_context()`` of ``fence`` and the context of ``other``."""
        return _fences.number(self._fences(uapi.DMABUF_PROBE_FENCE_MATCH, (fence, other)), "result") != 0

    def wait_any(self, *fences: SyncFile, milliseconds: int = 0) -> tuple[int, int]:
        """``dma_fence_wait_any_timeout()``: 1 if one has signalled, 0 if the time was up, and which (else NONE)."""
        argument = self._fences(uapi.DMABUF_PROBE_FENCE_WAIT_ANY, fences, value=milliseconds)
        return _fences.number(argument, "result"), _fences.number(argument, "value")

    def dedup(self, *fences: SyncFile) -> tuple[int, SyncFile | None]:
        """``dma_fence_dedup_array()``: how many are left, and the first of them."""
        argument = self._fences(uapi.DMABUF_PROBE_FENCE_DEDUP, fences)
        fd = _fences.number(argument, "fd")
        return _fences.number(argument, "value"), None if fd < 0 else SyncFile(fd)

    def add(self, buffer: DmaBuf, fence: SyncFile, usage: int) -> int:
        """``dma_resv_add_fence()``, after the slot for it was reserved."""
        return self._resv(uapi.DMABUF_PROBE_RESV_ADD, buffer, other=fence.fileno(), usage=usage)

    def replace(self, buffer: DmaBuf, old: SyncFile, by: SyncFile, usage: int) -> None:
        """``dma_resv_replace_fences()``: those of the context of ``old``."""
        self._resv(uapi.DMABUF_PROBE_RESV_REPLACE, buffer, other=old.fileno(), by=by.fileno(), usage=usage)

    def copy(self, source: DmaBuf, to: DmaBuf) -> int:
        """``dma_resv_copy_fences()``."""
        return self._resv(uapi.DMABUF_PROBE_RESV_COPY, source, other=to.fileno())

    def singleton(self, buffer: DmaBuf, usage: int) -> SyncFile | None:
        """``dma_resv_get_singleton()``: None if it gives no fence. Raises its error."""
        return self._given(uapi.DMABUF_PROBE_RESV_SINGLETON, buffer, usage)[1]

    def fences(self, buffer: DmaBuf, usage: int) -> tuple[int, SyncFile | None]:
        """``dma_resv_get_fences()``: how many it gives, and an array of them. Raises its error."""
        return self._given(uapi.DMABUF_PROBE_RESV_GET, buffer, usage)

    def wait(self, buffer: DmaBuf, usage: int, milliseconds: int = 0) -> int:
        """``dma_resv_wait_timeout()``: 1, or 0 if the time was up."""
        return self._resv(uapi.DMABUF_PROBE_RESV_WAIT, buffer, usage=usage, value=milliseconds)

    def time_left(self, buffer: DmaBuf, usage: int, milliseconds: int) -> int:
        """The same: how many milliseconds it says are left, rounded down or up by a tick; 0 if the time was up."""
        argument = _resv.pack(buffer=buffer.fileno(), usage=usage, value=milliseconds)
        return _resv.number(self._call(uapi.DMABUF_PROBE_RESV_WAIT, argument), "value")

    def signalled(self, buffer: DmaBuf, usage: int) -> bool:
        """``dma_resv_test_signaled()``."""
        return self._resv(uapi.DMABUF_PROBE_RESV_TEST, buffer, usage=usage) != 0

    def set_deadline(self, buffer: DmaBuf, usage: int, nanoseconds: int) -> None:
        """``dma_resv_set_deadline()``."""
        self._resv(uapi.DMABUF_PROBE_RESV_DEADLINE, buffer, usage=usage, value=nanoseconds)

    def read_mapped(self, buffer: DmaBuf, length: int, offset: int = 0) -> bytes:
        """Bytes where ``dma_buf_vmap()`` has put the buffer."""
        room = array.array("B", bytes(length))
        self._vmap(buffer, 0, offset, room)
        return room.tobytes()

    def write_mapped(self, buffer: DmaBuf, data: bytes, offset: int = 0) -> None:
        """The other way."""
        self._vmap(buffer, uapi.DMABUF_PROBE_WRITE, offset, array.array("B", data))

    def _vmap(self, buffer: DmaBuf, flags: int, offset: int, room: array.array[int]) -> None:
        address, length = room.buffer_info()[0], len(room)
        pack = uapi.dmabuf_probe_vmap.pack
        argument = pack(fd=buffer.fileno(), flags=flags, offset=offset, length=length, pointer=address)
        self._call(uapi.DMABUF_PROBE_VMAP, argument)

    def _fences(self, request: int, fences: tuple[SyncFile, ...], flags: int = 0, value: int = 0) -> bytearray:
        fds = [fence.fileno() for fence in fences] + [0] * (uapi.DMABUF_PROBE_MAX_FENCES - len(fences))
        return self._call(request, _fences.pack(count=len(fences), flags=flags, fences=tuple(fds), value=value))

    def _resv(self, request: int, buffer: DmaBuf, **values: int) -> int:
        return _resv.number(self._call(request, _resv.pack(buffer=buffer.fileno(), **values)), "result")

    def _given(self, request: int, buffer: DmaBuf, usage: int) -> tuple[int, SyncFile | None]:
        argument = self._call(request, _resv.pack(buffer=buffer.fileno(), usage=usage))
        if (result := _resv.number(argument, "result")) != 0:
            raise OSError(-result, uapi.ioctl_name(request))
        fd = _resv.number(argument, "fd")
        return _resv.number(argument, "value"), None if fd < 0 else SyncFile(fd)

    def _call(self, request: int, argument: bytearray) -> bytearray:
        try:
            self.ioctl(request, argument)
        except OSError as error:
            if error.errno == ENOTTY:
                does_not_apply(f"this kernel has no function for {uapi.ioctl_name(request)}")
            raise
        return argument


_fences = uapi.dmabuf_probe_fences
_resv = uapi.dmabuf_probe_resv


def _close(fd: int) -> None:
    if fd >= 0:
        SyncFile(fd).close()
