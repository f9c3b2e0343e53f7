# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's objects as Python sees them: each a file descriptor that closes at the end of its ``with`` block.

Methods are one system call each and let its ``OSError`` through: errors are what checks look at.
A device that is not there ends the check: as failed where the kernel has its driver built in, else as skipped.
"""

from __future__ import annotations

import array
import fcntl
import mmap
import os
import select
import struct

from harness.guest import uapi
from harness.guest.configured import lacking
from harness.guest.kernel_text import text_of
from harness.guest.system_calls import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from harness.guest.system_calls import View

PAGE = mmap.PAGESIZE
READABLE, WRITABLE, POLLNVAL = select.POLLIN, select.POLLOUT, select.POLLNVAL

UDMABUF_NODE = "/dev/udmabuf"
HEAP_DIRECTORY = "/dev/dma_heap"
SW_SYNC_NODE = "/sys/kernel/debug/sync/sw_sync"
DRI_DIRECTORY = "/dev/dri"
BUFINFO = "/sys/kernel/debug/dma_buf/bufinfo"


class Descriptor:
    """An open file descriptor, closed at the end of the ``with`` block if not before."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        """Close it now; closing again does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def ioctl(self, request: int, argument: bytearray | int) -> int:
        """The plain call. A ``bytearray`` is updated with what the kernel writes; an ``int`` is the address itself.

        An error names the call: which of those in a line of a check it was.
        """
        try:
            return calls().ioctl(self._fd, request, argument)
        except OSError as error:
            error.filename = uapi.ioctl_name(request)
            raise

    def poll(self, events: int, seconds: float = 0) -> int:
        """Those of ``events`` that are ready within ``seconds``, or POLLERR and the like."""
        poller = select.poll()
        poller.register(self._fd, events)
        ready = poller.poll(seconds * 1000)
        return ready[0][1] if ready else 0

    def closes_on_exec(self) -> bool:
        return bool(fcntl.fcntl(self._fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC)


def _open_node(path: str, symbol: str, elsewhere: str = "") -> int:
    """Open a device that Kconfig ``symbol`` brings. ``elsewhere``: a directory in which it may have another name."""
    try:
        return calls().open(path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError) as error:
        renamed = bool(elsewhere) and not os.access(path, os.F_OK) and bool(_names(elsewhere))
        raise lacking(f"{path} cannot be opened ({error.strerror})", symbol, renamed) from error


def _names(directory: str) -> list[str]:
    """What is in ``directory``; any error but its absence is one of the kernel's that a check may look for."""
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - pathlib is slow to import
    except FileNotFoundError:
        return []


# --- dma-buf ----------------------------------------------------------------------------------


class DmaBuf(Descriptor):
    """A file descriptor of a dma-buf (drivers/dma-buf/dma-buf.c, ``dma_buf_fops``)."""

    def size(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_END)

    def map(
        self,
        length: int,
        offset: int = 0,
        flags: int = mmap.MAP_SHARED,
        prot: int = mmap.PROT_READ | mmap.PROT_WRITE,
    ) -> mmap.mmap:
        """Map ``length`` bytes for the CPU. The mapping is a context manager and holds a descriptor of its own."""
        return mmap.mmap(self._fd, length, flags=flags, prot=prot, offset=offset)

    def map_bare(self, length: int) -> View:
        """``map`` that is one system call and no more, to see that fail (failing.py). It holds no descriptor then."""
        return calls().map(self._fd, length)

    def sync(self, flags: int) -> None:
        self.ioctl(uapi.DMA_BUF_IOCTL_SYNC, uapi.dma_buf_sync.pack(flags=flags))

    def set_name(self, name: bytes, request: int = uapi.DMA_BUF_SET_NAME_B) -> None:
        self.ioctl(request, bytearray(name + b"\0"))

    def info(self) -> dict[str, str]:
        """The lines of its /proc/self/fdinfo entry: "size", "count", "exp_name", "name" if it has one."""
        with open(f"/proc/self/fdinfo/{self._fd}") as lines:  # noqa: PTH123 - pathlib is slow to import
            return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def inode(self) -> int:
        """Two descriptors with the same number are the same buffer."""
        return os.fstat(self._fd).st_ino

    def export_sync_file(self, flags: int) -> SyncFile:
        """A sync_file of the fences that an access of kind ``flags`` (DMA_BUF_SYNC_READ, ..._WRITE) must wait for."""
        argument = uapi.dma_buf_export_sync_file.pack(flags=flags, fd=-1)
        self.ioctl(uapi.DMA_BUF_IOCTL_EXPORT_SYNC_FILE, argument)
        return SyncFile(uapi.dma_buf_export_sync_file.number(argument, "fd"))

    def import_sync_file(self, flags: int, fd: int) -> None:
        """Add the fences of sync_file ``fd`` as readers or writers."""
        argument = uapi.dma_buf_import_sync_file.pack(flags=flags, fd=fd)
        self.ioctl(uapi.DMA_BUF_IOCTL_IMPORT_SYNC_FILE, argument)


def bufinfo() -> str | None:
    """The kernel's list of all dma-bufs (debugfs); None if it cannot be read."""
    try:
        return text_of(BUFINFO)
    except OSError:
        return None


# --- memfd and udmabuf ------------------------------------------------------------------------


class Memfd(Descriptor):
    """Anonymous memory of ``size`` bytes with ``seals`` set; F_SEAL_SHRINK is what udmabuf asks for.

    ``flags``: further ones, MFD_HUGETLB.
    """

    def __init__(self, size: int, seals: int = uapi.F_SEAL_SHRINK, flags: int = 0) -> None:
        super().__init__(os.memfd_create("dmabuf-harness", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | flags))
        self.resize(size)
        if seals:
            self.seal(seals)

    def resize(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def seal(self, seals: int) -> None:
        fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, seals)

    def map(self, length: int) -> mmap.mmap:
        return mmap.mmap(self._fd, length)


class Udmabuf(Descriptor):
    """The device that turns memfds into dma-bufs (drivers/dma-buf/udmabuf.c)."""

    def __init__(self) -> None:
        super().__init__(_open_node(UDMABUF_NODE, "UDMABUF"))

    def create(self, memfd: int, size: int, offset: int = 0, flags: int = uapi.UDMABUF_FLAGS_CLOEXEC) -> DmaBuf:
        """A dma-buf of ``size`` bytes of ``memfd`` from ``offset``."""
        argument = uapi.udmabuf_create.pack(memfd=memfd, flags=flags, offset=offset, size=size)
        return DmaBuf(self.ioctl(uapi.UDMABUF_CREATE, argument))

    def create_list(self, items: Sequence[tuple[int, int, int]], flags: int = uapi.UDMABUF_FLAGS_CLOEXEC) -> DmaBuf:
        """A dma-buf of several pieces, each (memfd, offset, size), in this order."""
        argument = uapi.udmabuf_create_list.pack(flags=flags, count=len(items))
        for memfd, offset, size in items:
            argument += uapi.udmabuf_create_item.pack(memfd=memfd, offset=offset, size=size)
        return DmaBuf(self.ioctl(uapi.UDMABUF_CREATE_LIST, argument))


def udmabuf(size: int = PAGE) -> DmaBuf:
    """A buffer to try things on: a udmabuf of ``size`` zeroed bytes."""
    with Udmabuf() as device, Memfd(size) as memory:
        return device.create(memory.fileno(), size)


# --- dma-heap ---------------------------------------------------------------------------------


class Heap(Descriptor):
    """A heap, usually the system heap (drivers/dma-buf/dma-heap.c, heaps/system_heap.c)."""

    def __init__(self, name: str = "system") -> None:
        super().__init__(_open_node(f"{HEAP_DIRECTORY}/{name}", "DMABUF_HEAPS_SYSTEM", HEAP_DIRECTORY))

    def allocate(
        self, length: int, fd_flags: int = os.O_RDWR | os.O_CLOEXEC, heap_flags: int = 0, fd: int = 0
    ) -> DmaBuf:
        """A new dma-buf of ``length`` bytes, rounded up to pages. ``fd`` must be 0 when it goes in."""
        layout = uapi.dma_heap_allocation_data
        argument = layout.pack(len=length, fd=fd, fd_flags=fd_flags, heap_flags=heap_flags)
        self.ioctl(uapi.DMA_HEAP_IOCTL_ALLOC, argument)
        return DmaBuf(layout.number(argument, "fd"))


# --- sync_file and sw_sync --------------------------------------------------------------------


class Fence:
    """One fence of a sync_file. ``status``: 0 pending, 1 signalled, negative errno. ``timestamp``: ns, monotonic."""

    def __init__(self, data: bytes) -> None:
        self.driver = uapi.sync_fence_info.text(data, "driver_name")
        self.timeline = uapi.sync_fence_info.text(data, "obj_name")
        self.status = uapi.sync_fence_info.number(data, "status")
        self.timestamp = uapi.sync_fence_info.number(data, "timestamp_ns")


class SyncFile(Descriptor):
    """A file descriptor that stands for one or more fences (drivers/dma-buf/sync_file.c)."""

    def file_info(self, room: int = 0, address: int = 0, flags: int = 0, pad: int = 0) -> bytearray:
        """A filled ``struct sync_file_info``; up to ``room`` fences are described at ``address``."""
        argument = uapi.sync_file_info.pack(num_fences=room, sync_fence_info=address, flags=flags, pad=pad)
        self.ioctl(uapi.SYNC_IOC_FILE_INFO, argument)
        return argument

    def name(self) -> str:
        return uapi.sync_file_info.text(self.file_info(), "name")

    def status(self) -> int:
        """0 pending, 1 signalled, negative errno."""
        return uapi.sync_file_info.number(self.file_info(), "status")

    def fences(self) -> list[Fence]:
        return self.file_info_with_fences(uapi.sync_file_info.number(self.file_info(), "num_fences"))[1]

    def file_info_with_fences(self, room: int = 64) -> tuple[bytearray, list[Fence]]:
        """A filled ``struct sync_file_info`` and its fences, in one call; there is room for so many."""
        size = uapi.sync_fence_info.size
        memory = array.array("B", bytes(room * size))
        argument = self.file_info(room, memory.buffer_info()[0])
        data = memory.tobytes()[: uapi.sync_file_info.number(argument, "num_fences") * size]
        return argument, [Fence(data[at : at + size]) for at in range(0, len(data), size)]

    def merge(self, other: int, name: bytes = b"merged", flags: int = 0, pad: int = 0) -> SyncFile:
        """A new sync_file with the fences of both."""
        argument = uapi.sync_merge_data.pack(name=name, fd2=other, flags=flags, pad=pad)
        self.ioctl(uapi.SYNC_IOC_MERGE, argument)
        return SyncFile(uapi.sync_merge_data.number(argument, "fence"))

    def set_deadline(self, nanoseconds: int, pad: int = 0) -> None:
        self.ioctl(uapi.SYNC_IOC_SET_DEADLINE, uapi.sync_set_deadline.pack(deadline_ns=nanoseconds, pad=pad))


class Timeline(Descriptor):
    """A software timeline: a counter, and fences that signal when it reaches them (drivers/dma-buf/sw_sync.c)."""

    def __init__(self) -> None:
        super().__init__(_open_node(SW_SYNC_NODE, "SW_SYNC"))

    def fence(self, value: int) -> SyncFile:
        """A fence that signals when the counter reaches ``value``."""
        argument = uapi.sw_sync_create_fence_data.pack(value=value)
        self.ioctl(uapi.SW_SYNC_IOC_CREATE_FENCE, argument)
        return SyncFile(uapi.sw_sync_create_fence_data.number(argument, "fence"))

    def advance(self, steps: int = 1) -> None:
        self.ioctl(uapi.SW_SYNC_IOC_INC, bytearray(struct.pack("I", steps)))

    def deadline(self, fence: SyncFile) -> int:
        """The earliest deadline that was set on ``fence``, in ns."""
        argument = uapi.sw_sync_get_deadline.pack(fence_fd=fence.fileno())
        self.ioctl(uapi.SW_SYNC_GET_DEADLINE, argument)
        return uapi.sw_sync_get_deadline.number(argument, "deadline_ns")


# --- DRM and vgem -----------------------------------------------------------------------------


class Dumb:
    """A dumb buffer as ``DRM_IOCTL_MODE_CREATE_DUMB`` answers; sizes in bytes."""

    def __init__(self, argument: bytearray) -> None:
        self.handle = uapi.drm_mode_create_dumb.number(argument, "handle")
        self.pitch = uapi.drm_mode_create_dumb.number(argument, "pitch")
        self.size = uapi.drm_mode_create_dumb.number(argument, "size")


class Drm(Descriptor):
    """An open DRM node with GEM and PRIME (drivers/gpu/drm/drm_prime.c) and vgem's fences (vgem/vgem_fence.c)."""

    def driver(self) -> str:
        """Name of its driver."""
        room = array.array("B", bytes(32))
        argument = uapi.drm_version.pack(name_len=len(room), name=room.buffer_info()[0])
        self.ioctl(uapi.DRM_IOCTL_VERSION, argument)
        return room.tobytes()[: uapi.drm_version.number(argument, "name_len")].decode()

    def capability(self, number: int) -> int:
        argument = uapi.drm_get_cap.pack(capability=number)
        self.ioctl(uapi.DRM_IOCTL_GET_CAP, argument)
        return uapi.drm_get_cap.number(argument, "value")

    def create_dumb(self, width: int = 64, height: int = 64, bpp: int = 32) -> Dumb:
        argument = uapi.drm_mode_create_dumb.pack(width=width, height=height, bpp=bpp)
        self.ioctl(uapi.DRM_IOCTL_MODE_CREATE_DUMB, argument)
        return Dumb(argument)

    def dumb_offset(self, handle: int) -> int:
        """Where to map the buffer on this node."""
        argument = uapi.drm_mode_map_dumb.pack(handle=handle)
        self.ioctl(uapi.DRM_IOCTL_MODE_MAP_DUMB, argument)
        return uapi.drm_mode_map_dumb.number(argument, "offset")

    def destroy_dumb(self, handle: int) -> None:
        self.ioctl(uapi.DRM_IOCTL_MODE_DESTROY_DUMB, uapi.drm_mode_destroy_dumb.pack(handle=handle))

    def close_handle(self, handle: int) -> None:
        self.ioctl(uapi.DRM_IOCTL_GEM_CLOSE, uapi.drm_gem_close.pack(handle=handle))

    def export(self, handle: int, flags: int = os.O_RDWR | os.O_CLOEXEC) -> DmaBuf:
        """PRIME export: a dma-buf for ``handle``."""
        argument = uapi.drm_prime_handle.pack(handle=handle, flags=flags)
        self.ioctl(uapi.DRM_IOCTL_PRIME_HANDLE_TO_FD, argument)
        return DmaBuf(uapi.drm_prime_handle.number(argument, "fd"))

    def import_fd(self, fd: int) -> int:
        """PRIME import: a handle for the dma-buf ``fd``."""
        argument = uapi.drm_prime_handle.pack(fd=fd)
        self.ioctl(uapi.DRM_IOCTL_PRIME_FD_TO_HANDLE, argument)
        return uapi.drm_prime_handle.number(argument, "handle")

    def attach_fence(self, handle: int, flags: int = 0, pad: int = 0) -> int:
        """A new fence on the buffer's reservation object, as its reader, or with VGEM_FENCE_WRITE as its writer."""
        argument = uapi.drm_vgem_fence_attach.pack(handle=handle, flags=flags, pad=pad)
        self.ioctl(uapi.DRM_IOCTL_VGEM_FENCE_ATTACH, argument)
        return uapi.drm_vgem_fence_attach.number(argument, "out_fence")

    def signal_fence(self, fence: int, flags: int = 0) -> None:
        self.ioctl(uapi.DRM_IOCTL_VGEM_FENCE_SIGNAL, uapi.drm_vgem_fence_signal.pack(fence=fence, flags=flags))


def _open_vgem(prefix: str) -> Drm:
    """The first node in /dev/dri named ``prefix``... that vgem drives: numbers depend on what else there is."""
    found = _driven_by_vgem(name for name in _names(DRI_DIRECTORY) if name.startswith(prefix))
    if found is not None:
        return found
    other = _driven_by_vgem(name for name in _names(DRI_DIRECTORY) if name.startswith(("card", "renderD")))
    if other is not None:
        other.close()
    raise lacking(f"no vgem node {DRI_DIRECTORY}/{prefix}*", "DRM_VGEM", elsewhere=other is not None)


def _driven_by_vgem(names: Iterable[str]) -> Drm | None:
    for name in names:
        node = Drm(_open_node(f"{DRI_DIRECTORY}/{name}", "DRM_VGEM"))
        try:
            driver = node.driver()
        except OSError:
            node.close()
            raise
        if driver == "vgem":
            return node
        node.close()
    return None


def vgem() -> Drm:
    """vgem's primary node."""
    return _open_vgem("card")


def vgem_render() -> Drm:
    """vgem's render node."""
    return _open_vgem("renderD")
