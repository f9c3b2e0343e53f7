# SPDX-License-Identifier: GPL-2.0-only
"""Calls of sync objects that cannot be done: refused in time, without memory, ended by a signal (drm_syncobj.c)."""

from __future__ import annotations

import array
import os
from errno import EFAULT, EINVAL, EMFILE, ENOENT, ENOMEM, EOPNOTSUPP, EOVERFLOW, ETIME

from harness.guest.checks.limits import NoDescriptors
from harness.guest.failing import each_allocation
from harness.guest.kernel import Descriptor, Timeline, vgem
from harness.guest.registry import Group, expect_equal, expect_errno
from harness.guest.syncobj import (
    CALLS,
    FOREVER,
    SIGNALED,
    SYNC_FILE,
    WAIT_FOR_SUBMIT,
    EventFd,
    SyncNode,
    call,
    need_events,
)
from harness.guest.waiting import SIGTERM, await_ioctl, end_of_child, start_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

check = Group("syncobj")

_NOWHERE = 8  # in the first page of the address space, which nobody has
_ARRAYS = ("WAIT", "TIMELINE_WAIT", "RESET", "SIGNAL", "QUERY", "TIMELINE_SIGNAL")


def _unwanted(_made: object) -> None:
    """What the call did needs no undoing."""


# --- refused ----------------------------------------------------------------------------------


@check
def driver_without_sync_objects_has_none_of_the_calls() -> None:
    """vgem: EOPNOTSUPP for each. A kernel that does not know one at all says EINVAL."""
    with vgem() as card:
        for name in CALLS:
            with expect_errno(EOPNOTSUPP, *([EINVAL] if name == "EVENTFD" else [])):
                call(card, name)


@check
def fields_without_a_meaning_are_zero() -> None:
    with SyncNode() as node, EventFd() as event:
        handle = node.create()
        for name, values in (
            ("HANDLE_TO_FD", {"handle": handle, "pad": 1}),
            ("FD_TO_HANDLE", {"fd": event.fileno(), "pad": 1}),
            ("RESET", {"pad": 1}),
            ("SIGNAL", {"pad": 1}),
            ("QUERY", {"flags": 2}),
            ("QUERY", {}),  # of none
            ("TIMELINE_SIGNAL", {"flags": 1}),
            ("TIMELINE_SIGNAL", {}),
            ("TIMELINE_WAIT", {"flags": 0x80}),
            ("TRANSFER", {"src_handle": handle, "dst_handle": handle, "pad": 1}),
            ("EVENTFD", {"handle": handle, "fd": event.fileno(), "pad": 1}),
            ("EVENTFD", {"handle": handle, "fd": event.fileno(), "flags": 1}),
        ):
            with expect_errno(EINVAL):
                call(node, name, **values)
        node.destroy(handle)


@check
def lists_that_cannot_be_read_are_refused() -> None:
    """EFAULT, for handles, points to wait for or to add, and room for points."""
    with SyncNode() as node:
        handle = node.create(SIGNALED)
        room = array.array("I", [handle])
        known = {"handles": room.buffer_info()[0], "count_handles": 1}
        for name in _ARRAYS:
            with expect_errno(EFAULT):
                call(node, name, handles=_NOWHERE, count_handles=1)
        for name in ("TIMELINE_WAIT", "TIMELINE_SIGNAL", "QUERY"):
            with expect_errno(EFAULT):
                call(node, name, points=_NOWHERE, **known)
        node.destroy(handle)


@check
def one_unknown_handle_stops_the_call() -> None:
    """ENOENT; those before it are as they were, and no reference to them is kept."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        handle = node.create()
        node.hold(handle, fence)
        room = array.array("I", [handle, 1000])
        points = array.array("Q", [0, 0])
        for name in _ARRAYS:
            extra = {} if "points" not in CALLS[name][1].offsets else {"points": points.buffer_info()[0]}
            with expect_errno(ENOENT):
                call(node, name, handles=room.buffer_info()[0], count_handles=2, **extra)
        with node.sync_file(handle) as held:
            expect_equal("status of the fence", held.status(), 0)
        with expect_errno(ENOENT):
            node.hold(1000, fence)
        node.destroy(handle)
        timeline.advance()


@check
def no_descriptor_is_left_for_an_object() -> None:
    """EMFILE, for the object and for its fence; both work afterwards."""
    with SyncNode() as node:
        handle = node.create(SIGNALED)
        for flags in (0, SYNC_FILE):
            with NoDescriptors(), expect_errno(EMFILE):
                node.to_fd(handle, flags)
            Descriptor(node.to_fd(handle, flags)).close()
        node.destroy(handle)


@check
def lists_of_sync_objects_have_an_end() -> None:
    """Counts for which there is no memory: ENOMEM, or EFAULT as they cannot be read, and no warning."""
    with SyncNode() as node:
        room = array.array("I", [node.create(SIGNALED)])
        for count in (1 << 20, 1 << 30, 1 << 31, (1 << 32) - 1):
            for name in ("WAIT", "RESET", "SIGNAL", "QUERY"):
                with expect_errno(ENOMEM, EFAULT, EINVAL, EOVERFLOW, ENOENT):
                    call(node, name, handles=room.buffer_info()[0], count_handles=count)


# --- without memory ---------------------------------------------------------------------------


@check
def objects_without_memory_are_not_made() -> None:
    with SyncNode() as node:

        def destroy(handle: object) -> None:
            assert isinstance(handle, int)
            node.destroy(handle)

        each_allocation(node.create, destroy, (ENOMEM,))
        each_allocation(lambda: node.create(SIGNALED), destroy, (ENOMEM,))


@check
def descriptors_without_memory_are_not_made() -> None:
    """EINVAL is what the kernel says if there is no sync file (drm_syncobj_export_sync_file)."""
    with SyncNode() as node:
        handle = node.create(SIGNALED)

        def close(fd: object) -> None:
            assert isinstance(fd, int)
            os.close(fd)

        each_allocation(lambda: node.to_fd(handle), close, (ENOMEM,))
        each_allocation(lambda: node.to_fd(handle, SYNC_FILE), close, (ENOMEM, EINVAL))
        node.destroy(handle)


@check
def signal_without_memory_keeps_nothing() -> None:
    """Of two objects; and of a point of a timeline. What succeeds all the same has signalled both."""
    with SyncNode() as node:
        handles = [node.create(), node.create()]

        def forget() -> None:
            node.reset(*handles)

        def signalled(_made: object) -> None:
            expect_equal("which have signalled", [node.wait(one) for one in handles], [0, 0])

        each_allocation(lambda: node.signal(*handles), signalled, (ENOMEM,), forget)
        room = array.array("I", handles)
        points = array.array("Q", [1, 1])
        values = {"handles": room.buffer_info()[0], "points": points.buffer_info()[0], "count_handles": 2}

        def reached(_made: object) -> None:
            expect_equal("points that have signalled", [node.query(one) for one in handles], [1, 1])

        each_allocation(lambda: call(node, "TIMELINE_SIGNAL", **values), reached, (ENOMEM,), forget)
        each_allocation(lambda: call(node, "QUERY", **values), _unwanted, (ENOMEM,))


@check
def transfer_without_memory_keeps_nothing() -> None:
    """To a point, which takes a link of a chain. What succeeds all the same has put the fence there."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        source, target = node.create(), node.create()
        node.hold(source, fence)

        def forget() -> None:
            node.reset(target)

        def pending(_made: object) -> None:
            with expect_errno(ETIME):
                node.wait_points((target, 1))

        each_allocation(lambda: node.transfer(source, target, point=1), pending, (ENOMEM,), forget)
        timeline.advance()


@check
def event_without_memory_is_not_waited_for() -> None:
    with SyncNode() as node, EventFd() as event:
        need_events(node)
        handle = node.create(SIGNALED)
        each_allocation(lambda: node.tell(handle, 0, event.fileno()), _unwanted, (ENOMEM,))
        node.destroy(handle)


# --- ended by a signal ------------------------------------------------------------------------


def _ends_by_signal(action: Callable[[], object], tries: int = 1) -> None:
    child = start_child(action)
    await_ioctl(child)
    os.kill(child, SIGTERM)
    end = end_of_child(child)
    if end != -SIGTERM and tries > 1:
        _ends_by_signal(action, tries - 1)
    else:
        expect_equal("end of the process that waits", end, -SIGTERM)


@check
def waits_can_be_interrupted() -> None:
    """For a fence, for one to come, for one to take; nothing is left behind."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        held, empty, target = node.create(), node.create(), node.create()
        node.hold(held, fence)
        _ends_by_signal(lambda: node.wait(held, until=FOREVER))
        _ends_by_signal(lambda: node.wait(empty, flags=WAIT_FOR_SUBMIT, until=FOREVER))
        # The kernel gives up after five seconds, which a guest may stand still for.
        _ends_by_signal(lambda: node.transfer(empty, target, flags=WAIT_FOR_SUBMIT), tries=3)
        node.hold(empty, fence)  # whom it would wake is gone
        timeline.advance()
        expect_equal("which has signalled", node.wait(held, empty), 0)
