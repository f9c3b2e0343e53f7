# SPDX-License-Identifier: GPL-2.0-only
"""Eventfds that are told of points of DRM sync objects (drm_syncobj.c, ``drm_syncobj_eventfd_ioctl``)."""

from __future__ import annotations

from errno import EBADF, EINVAL, ENOENT

from harness.guest.kernel import READABLE, Timeline
from harness.guest.registry import Group, absent_is_skipped, expect_equal, expect_errno
from harness.guest.slabs import expect_slabs_given_back
from harness.guest.syncobj import WAIT_AVAILABLE, EventFd, SyncNode

check = Group("syncobj")


@check
def event_comes_when_the_point_signals() -> None:
    """EVENTFD, of a point that is there: once, and not before."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence, EventFd() as event, EventFd() as there:
        binary, line = node.create(), node.create()
        node.hold(binary, fence)
        node.transfer(binary, line, 0, 4)
        with absent_is_skipped("DRM_IOCTL_SYNCOBJ_EVENTFD"):
            _tell(node, line, 4, event)
        node.tell(line, 4, there.fileno(), WAIT_AVAILABLE)
        expect_equal("events that it is there", there.count(), 1)
        expect_equal("events while it is pending", event.count(), 0)
        timeline.advance()
        expect_equal("ready events", event.poll(READABLE, 5), READABLE)
        expect_equal("events", (event.count(), there.count()), (1, 0))
        node.destroy(binary)
        node.destroy(line)


def _tell(node: SyncNode, handle: int, point: int, event: EventFd) -> None:
    """Kernels before 6.6 do not know the call: EINVAL of drm_ioctl()."""
    try:
        node.tell(handle, point, event.fileno())
    except OSError as error:
        if error.errno == EINVAL:
            error.errno = 25  # ENOTTY: it is not there
        raise


@check
def event_comes_for_a_point_that_comes_later_or_has_passed() -> None:
    """EVENTFD, of a point that is not there yet, and of one that was forgotten as a later one is there."""
    with SyncNode() as node, EventFd() as event:
        line = node.create()
        with absent_is_skipped("DRM_IOCTL_SYNCOBJ_EVENTFD"):
            _tell(node, line, 2, event)
        expect_equal("events before there is a point", event.count(), 0)
        node.signal_point(line, 1)
        expect_equal("events with an earlier point", event.count(), 0)
        node.signal_point(line, 3)
        expect_equal("ready events with a later point", event.poll(READABLE, 5), READABLE)
        expect_equal("events with a later point", event.count(), 1)
        for point in (1, 2, 3):
            for flags in (0, WAIT_AVAILABLE):
                node.tell(line, point, event.fileno(), flags)
                expect_equal(f"events of the passed point {point}", event.count(), 1)
        node.destroy(line)


@check
def event_outlives_neither_object_nor_its_descriptor() -> None:
    """EVENTFD of a point that never comes: closed in both orders, and no memory is left behind."""
    with SyncNode() as node:
        _events_that_never_come(node)
        expect_slabs_given_back(lambda: _events_that_never_come(node), 16)


def _events_that_never_come(node: SyncNode) -> None:
    for first_event in (True, False):
        line, event = node.create(), EventFd()
        with absent_is_skipped("DRM_IOCTL_SYNCOBJ_EVENTFD"), event:
            _tell(node, line, 1, event)
            if not first_event:
                node.destroy(line)
        if first_event:
            node.destroy(line)


@check
def event_needs_an_eventfd() -> None:
    with SyncNode() as node, EventFd() as event:
        line = node.create()
        with absent_is_skipped("DRM_IOCTL_SYNCOBJ_EVENTFD"):
            _tell(node, line, 1, event)
        with expect_errno(EINVAL):
            node.tell(line, 1, node.fileno())
        with expect_errno(EBADF):
            node.tell(line, 1, -1)
        with expect_errno(ENOENT):
            node.tell(line + 100, 1, event.fileno())
        with expect_errno(EINVAL):
            node.tell(line, 1, event.fileno(), 1)
        node.destroy(line)
