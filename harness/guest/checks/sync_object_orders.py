# SPDX-License-Identifier: GPL-2.0-only
"""Sync objects whose fences come late, out of order or with a deadline (drm_syncobj.c)."""

from __future__ import annotations

from errno import EINVAL, ETIME

from harness.guest.kernel import Timeline
from harness.guest.registry import CheckFailed, Group, absent_is_skipped, does_not_apply, expect_equal, expect_errno
from harness.guest.syncobj import WAIT_FOR_SUBMIT, EventFd, SyncNode, need_events
from harness.guest.waiting import soon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.guest.kernel import SyncFile

check = Group("syncobj")

_POINTS = ((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def _transfer_that_waits(node: SyncNode, source: int, target: int, point: int = 0) -> None:
    """The kernel waits for five seconds; a guest that stood still for so long finds the fence the second time."""
    try:
        node.transfer(source, target, source_point=point, flags=WAIT_FOR_SUBMIT)
    except OSError as error:
        if error.errno != ETIME:
            raise
        node.transfer(source, target, source_point=point, flags=WAIT_FOR_SUBMIT)


@check
def transfer_waits_for_a_fence_if_it_is_asked() -> None:
    """DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT: of an object without a fence, and of a point that comes later."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        source, target, points = node.create(), node.create(), node.create()
        with expect_errno(EINVAL):
            node.transfer(source, target)
        with soon(lambda: node.hold(source, fence)):
            _transfer_that_waits(node, source, target)
        node.transfer(source, points, point=1)
        with expect_errno(EINVAL):
            node.transfer(points, target, source_point=2)
        with soon(lambda: node.transfer(source, points, point=2)):
            _transfer_that_waits(node, points, target, 2)
        with expect_errno(ETIME):
            node.wait(target)
        timeline.advance()
        expect_equal("which has signalled", node.wait(target), 0)


@check
def transfer_of_what_is_there_does_not_wait() -> None:
    """The same flag, of points that are pending or have signalled."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        source, points = node.create(), node.create()
        node.hold(source, fence)
        node.transfer(source, points, point=1, flags=WAIT_FOR_SUBMIT)
        timeline.advance()
        for point in (1, 2):
            node.transfer(points, points, source_point=1, point=point + 1, flags=WAIT_FOR_SUBMIT)
        expect_equal("the last point that has signalled", node.query(points), 3)


@check
def earlier_point_that_comes_later_does_not_hide_a_pending_one() -> None:
    """A point below the last begins a chain of its own: who waits for a number waits for all before it."""
    with SyncNode() as node, Timeline() as early, Timeline() as late, early.fence(1) as one, late.fence(1) as two:
        first, second, points = node.create(), node.create(), node.create()
        node.hold(first, one)
        node.hold(second, two)
        node.transfer(first, points, point=5)
        node.transfer(second, points, point=3)
        with expect_errno(ETIME):
            node.wait_points((points, 3))
        late.advance()
        with expect_errno(ETIME):
            node.wait_points((points, 3))
        early.advance()
        expect_equal("which has signalled", node.wait_points((points, 3)), 0)


@check
def point_that_is_long_past_is_transferred_as_signalled() -> None:
    """Its links have left the chain: there is no fence of it any more to hand out."""
    with SyncNode() as node, Timeline() as timeline:
        source, points, target = node.create(), node.create(), node.create()
        for value in (1, 2, 3):
            with timeline.fence(value) as fence:
                node.hold(source, fence)
                node.transfer(source, points, point=value)
        timeline.advance(2)
        expect_equal("the last point that has signalled", node.query(points), 2)
        node.transfer(points, target, source_point=1)
        expect_equal("which has signalled", node.wait(target), 0)
        timeline.advance()


@check
def event_follows_the_fence_that_an_object_gets() -> None:
    """One that was asked for while there was none comes with the signal of the first that is put there."""
    with SyncNode() as node, EventFd() as event, Timeline() as timeline, timeline.fence(1) as fence:
        need_events(node)
        handle = node.create()
        node.tell(handle, 0, event.fileno())
        node.reset(handle)
        expect_equal("events while there is no fence", event.count(), 0)
        node.hold(handle, fence)
        expect_equal("events while the fence is pending", event.count(), 0)
        timeline.advance()
        expect_equal("events when it has signalled", event.count(), 1)


# --- deadlines --------------------------------------------------------------------------------


def _expect_deadline(timeline: Timeline, fence: SyncFile, deadline: int, wait: Callable[[int], object]) -> None:
    """``wait`` with a deadline tells the fence of it, and ends at once."""
    try:
        with expect_errno(ETIME):
            wait(deadline)
    except CheckFailed as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == EINVAL:
            does_not_apply("this kernel's waits have no deadline")
        raise
    with absent_is_skipped("SW_SYNC_GET_DEADLINE"):
        expect_equal("deadline of the fence", timeline.deadline(fence), deadline)


@check
def deadline_of_a_wait_reaches_its_fence() -> None:
    """DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE: of an object, of the last point and of one before it."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
        first, second, points = node.create(), node.create(), node.create()
        node.hold(first, one)
        node.hold(second, two)
        _expect_deadline(timeline, one, 9000, lambda deadline: node.wait_with_deadline(first, deadline))
        node.transfer(first, points, point=1)
        node.transfer(second, points, point=2)
        _expect_deadline(timeline, two, 8000, lambda deadline: node.wait_point_with_deadline(points, 2, deadline))
        expect_equal("deadline of the point before", timeline.deadline(one), 8000)
        _expect_deadline(timeline, one, 7000, lambda deadline: node.wait_point_with_deadline(points, 1, deadline))
        expect_equal("deadline of the point after it", timeline.deadline(two), 8000)
        timeline.advance(2)


# --- numbers ----------------------------------------------------------------------------------


@check
def points_at_their_edges_are_told_as_they_are() -> None:
    """Of timelines of sync objects, in 64 bits: each is there, and the one before it is not the last."""
    with SyncNode() as node:
        for point in _POINTS:
            handle = node.create()
            node.signal_point(handle, point)
            expect_equal(f"the last point, of {point:#x}", node.query(handle), point)
            expect_equal(f"which has signalled, of {point:#x}", node.wait_points((handle, point)), 0)
            if point < (1 << 64) - 1:
                with expect_errno(EINVAL):
                    node.wait_points((handle, point + 1))
            node.destroy(handle)
