# SPDX-License-Identifier: GPL-2.0-only
"""DRM sync objects (drivers/gpu/drm/drm_syncobj.c), on the node of the module dmabuf_probe_drm: vgem has none.

A sync object holds a fence that can be replaced; as a timeline, one for each point. Methods are one call each, and let
its ``OSError`` through.
"""

from __future__ import annotations

import array
import os
import struct
from errno import EINVAL

from harness.guest import kernel, probe
from harness.guest.configured import PROBE_NODE as MODULE
from harness.guest.configured import has
from harness.guest.kernel import Descriptor, Drm, SyncFile
from harness.guest.registry import CheckFailed, CheckSkipped, skip
from harness.guest.uapi import Layout

# include/uapi/drm/drm.h. Later kernels know longer structs: drm_ioctl() goes by the number alone, and takes what is
# not there for zero. So these are not among those whose size is that of every kernel (uapi.py).
CREATE = Layout("struct drm_syncobj_create", "I:handle I:flags")
DESTROY = Layout("struct drm_syncobj_destroy", "I:handle I:pad")
HANDLE = Layout("struct drm_syncobj_handle", "I:handle I:flags i:fd I:pad")
WAIT = Layout("struct drm_syncobj_wait", "Q:handles q:timeout_nsec I:count_handles I:flags I:first_signaled I:pad")
TIMELINE_WAIT = Layout(
    "struct drm_syncobj_timeline_wait",
    "Q:handles Q:points q:timeout_nsec I:count_handles I:flags I:first_signaled I:pad",
)
ARRAY = Layout("struct drm_syncobj_array", "Q:handles I:count_handles I:pad")
TIMELINE_ARRAY = Layout("struct drm_syncobj_timeline_array", "Q:handles Q:points I:count_handles I:flags")
TRANSFER = Layout("struct drm_syncobj_transfer", "I:src_handle I:dst_handle Q:src_point Q:dst_point I:flags I:pad")
EVENTFD = Layout("struct drm_syncobj_eventfd", "I:handle I:flags Q:point i:fd I:pad")
# With the deadline that 6.6 and later know.
DEADLINE_WAIT = Layout(
    "struct drm_syncobj_wait",
    "Q:handles q:timeout_nsec I:count_handles I:flags I:first_signaled I:pad Q:deadline_nsec",
)
DEADLINE_TIMELINE_WAIT = Layout(
    "struct drm_syncobj_timeline_wait",
    "Q:handles Q:points q:timeout_nsec I:count_handles I:flags I:first_signaled I:pad Q:deadline_nsec",
)
CALLS = {
    "CREATE": (0xBF, CREATE),
    "DESTROY": (0xC0, DESTROY),
    "HANDLE_TO_FD": (0xC1, HANDLE),
    "FD_TO_HANDLE": (0xC2, HANDLE),
    "WAIT": (0xC3, WAIT),
    "RESET": (0xC4, ARRAY),
    "SIGNAL": (0xC5, ARRAY),
    "TIMELINE_WAIT": (0xCA, TIMELINE_WAIT),
    "QUERY": (0xCB, TIMELINE_ARRAY),
    "TRANSFER": (0xCC, TRANSFER),
    "TIMELINE_SIGNAL": (0xCD, TIMELINE_ARRAY),
    "EVENTFD": (0xCF, EVENTFD),
}
"""DRM_IOCTL_SYNCOBJ_...: number and struct."""
LAYOUTS = (CREATE, DESTROY, HANDLE, WAIT, TIMELINE_WAIT, ARRAY, TIMELINE_ARRAY, TRANSFER, EVENTFD)

SIGNALED = 1 << 0  # DRM_SYNCOBJ_CREATE_SIGNALED
SYNC_FILE = 1 << 0  # DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE, ..._EXPORT_SYNC_FILE
WAIT_ALL, WAIT_FOR_SUBMIT, WAIT_AVAILABLE = 1 << 0, 1 << 1, 1 << 2  # DRM_SYNCOBJ_WAIT_FLAGS_...
WAIT_DEADLINE = 1 << 3
LAST_SUBMITTED = 1 << 0  # DRM_SYNCOBJ_QUERY_FLAGS_...
FOREVER = (1 << 63) - 1  # ns; as long as a check may take


def _request(number: int, layout: Layout) -> int:
    """DRM_IOWR()."""
    return 3 << 30 | layout.size << 16 | ord("d") << 8 | number


def _numbers(code: str, values: tuple[int, ...]) -> array.array[int]:
    return array.array(code, values)


def call(node: Drm, name: str, **values: int) -> bytearray:
    """The plain call of CALLS, with whatever values; nodes of drivers without sync objects take it, too."""
    number, layout = CALLS[name]
    argument = layout.pack(**values)
    node.ioctl(_request(number, layout), argument)
    return argument


def need_events(node: SyncNode) -> None:
    """End the check as skipped on kernels before 6.6, which do not know EVENTFD: EINVAL of drm_ioctl()."""
    try:
        call(node, "EVENTFD", handle=0)
    except OSError as error:
        if error.errno == EINVAL:
            skip("DRM_IOCTL_SYNCOBJ_EVENTFD is not in this kernel")


class SyncNode(Drm):
    """A DRM node whose driver has sync objects and timelines."""

    def __init__(self) -> None:
        super().__init__(_open_node())

    def create(self, flags: int = 0) -> int:
        """A handle of a new sync object."""
        argument = CREATE.pack(flags=flags)
        self.ioctl(_request(0xBF, CREATE), argument)
        return CREATE.number(argument, "handle")

    def destroy(self, handle: int, pad: int = 0) -> None:
        self.ioctl(_request(0xC0, DESTROY), DESTROY.pack(handle=handle, pad=pad))

    def to_fd(self, handle: int, flags: int = 0) -> int:
        """A descriptor of the sync object."""
        argument = HANDLE.pack(handle=handle, flags=flags, fd=-1)
        self.ioctl(_request(0xC1, HANDLE), argument)
        return HANDLE.number(argument, "fd")

    def sync_file(self, handle: int) -> SyncFile:
        """Its present fence."""
        return SyncFile(self.to_fd(handle, SYNC_FILE))

    def from_fd(self, fd: int, handle: int = 0, flags: int = 0) -> int:
        """A handle of the sync object ``fd``; with SYNC_FILE: the fence of ``fd`` becomes that of ``handle``."""
        argument = HANDLE.pack(handle=handle, flags=flags, fd=fd)
        self.ioctl(_request(0xC2, HANDLE), argument)
        return HANDLE.number(argument, "handle")

    def hold(self, handle: int, fence: SyncFile) -> None:
        """The fence of ``fence`` becomes that of the sync object."""
        self.from_fd(fence.fileno(), handle, SYNC_FILE)

    def wait(self, *handles: int, flags: int = 0, until: int = 0) -> int:
        """Wait to the time ``until`` (ns, CLOCK_MONOTONIC; 0: look): which has signalled. ETIME if none has."""
        room = _numbers("I", handles)
        argument = WAIT.pack(handles=room.buffer_info()[0], count_handles=len(room), flags=flags, timeout_nsec=until)
        self.ioctl(_request(0xC3, WAIT), argument)
        return WAIT.number(argument, "first_signaled")

    def wait_points(self, *points: tuple[int, int], flags: int = 0, until: int = 0) -> int:
        """The same of points, each (handle, point)."""
        handles, numbers = (
            _numbers("I", tuple(one for one, _ in points)),
            _numbers("Q", tuple(one for _, one in points)),
        )
        argument = TIMELINE_WAIT.pack(
            handles=handles.buffer_info()[0],
            points=numbers.buffer_info()[0],
            count_handles=len(points),
            flags=flags,
            timeout_nsec=until,
        )
        self.ioctl(_request(0xCA, TIMELINE_WAIT), argument)
        return TIMELINE_WAIT.number(argument, "first_signaled")

    def wait_with_deadline(self, handle: int, deadline: int, until: int = 0) -> None:
        """``wait`` of one; its fence is told to signal by ``deadline`` (ns). EINVAL before 6.6."""
        room = _numbers("I", (handle,))
        argument = DEADLINE_WAIT.pack(
            handles=room.buffer_info()[0],
            count_handles=1,
            flags=WAIT_DEADLINE,
            timeout_nsec=until,
            deadline_nsec=deadline,
        )
        self.ioctl(_request(0xC3, DEADLINE_WAIT), argument)

    def wait_point_with_deadline(self, handle: int, point: int, deadline: int, until: int = 0) -> None:
        """The same of a point."""
        handles, points = _numbers("I", (handle,)), _numbers("Q", (point,))
        argument = DEADLINE_TIMELINE_WAIT.pack(
            handles=handles.buffer_info()[0],
            points=points.buffer_info()[0],
            count_handles=1,
            flags=WAIT_DEADLINE,
            timeout_nsec=until,
            deadline_nsec=deadline,
        )
        self.ioctl(_request(0xCA, DEADLINE_TIMELINE_WAIT), argument)

    def reset(self, *handles: int) -> None:
        """Take the fences from the sync objects."""
        self._array(0xC4, handles)

    def signal(self, *handles: int) -> None:
        """Give each a fence that has signalled."""
        self._array(0xC5, handles)

    def _array(self, number: int, handles: tuple[int, ...]) -> None:
        room = _numbers("I", handles)
        self.ioctl(_request(number, ARRAY), ARRAY.pack(handles=room.buffer_info()[0], count_handles=len(room)))

    def signal_point(self, handle: int, point: int) -> None:
        """Add a point that has signalled, as soon as those before it have."""
        self._timeline(0xCD, handle, point, 0)

    def query(self, handle: int, flags: int = 0) -> int:
        """The last point that has signalled; with LAST_SUBMITTED: the last one there is."""
        return self._timeline(0xCB, handle, 0, flags)

    def _timeline(self, number: int, handle: int, point: int, flags: int) -> int:
        handles, points = _numbers("I", (handle,)), _numbers("Q", (point,))
        argument = TIMELINE_ARRAY.pack(
            handles=handles.buffer_info()[0], points=points.buffer_info()[0], count_handles=1, flags=flags
        )
        self.ioctl(_request(number, TIMELINE_ARRAY), argument)
        return points[0]

    def transfer(self, source: int, to: int, source_point: int = 0, point: int = 0, flags: int = 0) -> None:
        """The fence of a sync object, or of a point of it, becomes that of another, or a point of it."""
        argument = TRANSFER.pack(src_handle=source, dst_handle=to, src_point=source_point, dst_point=point, flags=flags)
        self.ioctl(_request(0xCC, TRANSFER), argument)

    def tell(self, handle: int, point: int, event: int, flags: int = 0) -> None:
        """Count up the eventfd ``event`` once the point has signalled, or with WAIT_AVAILABLE: once it is there."""
        argument = EVENTFD.pack(handle=handle, point=point, fd=event, flags=flags)
        self.ioctl(_request(0xCF, EVENTFD), argument)


class EventFd(Descriptor):
    """An eventfd: how often something happened."""

    def __init__(self) -> None:
        super().__init__(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))

    def count(self) -> int:
        """How often since it was last asked."""
        try:
            return int(struct.unpack("Q", os.read(self.fileno(), 8))[0])
        except BlockingIOError:
            return 0


def _open_node() -> int:
    """The first node that the module drives; it is loaded if there is none."""
    for attempt in (1, 2):
        found = _find_node()
        if found >= 0:
            return found
        if attempt == 1:
            probe.load(MODULE)
    if has(MODULE):
        raise CheckFailed(f"no node in {kernel.DRI_DIRECTORY} though this kernel has the module {MODULE}")
    why = f"does not apply: no DRM node with sync objects: needs root and the module {MODULE}"
    raise CheckSkipped(why, not_applicable=True)


def _find_node() -> int:
    try:
        names = sorted(os.listdir(kernel.DRI_DIRECTORY))  # noqa: PTH208 - pathlib is slow to import
    except FileNotFoundError:
        return -1
    for name in names:
        if not name.startswith("card"):
            continue
        with Drm(os.open(f"{kernel.DRI_DIRECTORY}/{name}", os.O_RDWR | os.O_CLOEXEC)) as node:
            if node.driver() == "dmabuf-probe":
                return os.dup(node.fileno())
    return -1
