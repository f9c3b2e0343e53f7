# SPDX-License-Identifier: GPL-2.0-only
"""DRM sync objects and their timelines (drivers/gpu/drm/drm_syncobj.c)."""

from __future__ import annotations

from errno import EBADF, EINVAL, ENOENT, ENOMEM, ETIME

from harness.guest.failing import each_allocation
from harness.guest.kernel import Descriptor, SyncFile, Timeline
from harness.guest.registry import Group, expect, expect_equal, expect_errno
from harness.guest.syncobj import (
    FOREVER,
    LAST_SUBMITTED,
    SIGNALED,
    SYNC_FILE,
    WAIT_ALL,
    WAIT_AVAILABLE,
    WAIT_FOR_SUBMIT,
    EventFd,
    SyncNode,
)
from harness.guest.waiting import soon

check = Group("syncobj")


# --- objects ----------------------------------------------------------------------------------


@check
def object_has_no_fence_unless_it_is_asked_for() -> None:
    """Without one there is nothing to wait for, and nothing to export: EINVAL."""
    with SyncNode() as node:
        empty, signalled = node.create(), node.create(SIGNALED)
        with expect_errno(EINVAL):
            node.wait(empty)
        with expect_errno(EINVAL):
            node.to_fd(empty, SYNC_FILE)
        expect_equal("which has signalled", node.wait(signalled), 0)
        with node.sync_file(signalled) as fence:
            expect_equal("status", fence.status(), 1)
        node.destroy(empty)
        node.destroy(signalled)


@check
def unknown_flags_and_handles_are_refused() -> None:
    with SyncNode() as node:
        handle = node.create()
        for call in (
            lambda: node.create(2),
            lambda: node.destroy(handle, pad=1),
            lambda: node.to_fd(handle, 4),
            lambda: node.from_fd(node.fileno(), 0, 4),
            lambda: node.wait(handle, flags=0x80),
            lambda: node.query(handle, 2),
            node.reset,
            node.signal,
        ):
            with expect_errno(EINVAL):
                call()
        node.destroy(handle)
        for call in (
            lambda: node.wait(handle),
            lambda: node.wait_points((handle, 1)),
            lambda: node.signal(handle),
            lambda: node.reset(handle),
            lambda: node.query(handle),
            lambda: node.transfer(handle, handle),
        ):
            with expect_errno(ENOENT):
                call()
        for gone in (lambda: node.destroy(handle), lambda: node.to_fd(handle)):
            with expect_errno(EINVAL, ENOENT):
                gone()


@check
def descriptor_is_the_same_object() -> None:
    """HANDLE_TO_FD and FD_TO_HANDLE, with another client, and after the first handle is gone."""
    with SyncNode() as node, SyncNode() as other:
        handle = node.create()
        with Descriptor(node.to_fd(handle)) as shared:
            expect(shared.closes_on_exec(), "the descriptor lacks FD_CLOEXEC")
            imported = other.from_fd(shared.fileno())
        node.signal(handle)
        expect_equal("which has signalled, by its other handle", other.wait(imported), 0)
        node.destroy(handle)
        expect_equal("which has signalled, after the first handle is gone", other.wait(imported), 0)
        other.destroy(imported)


@check
def other_descriptors_are_no_objects() -> None:
    """EINVAL for another file; a closed descriptor likewise (EBADF on kernels that look first)."""
    with SyncNode() as node, EventFd() as event:
        handle = node.create()
        with expect_errno(EINVAL):
            node.from_fd(event.fileno())
        for flags in (0, SYNC_FILE):
            with expect_errno(EINVAL, EBADF):
                node.from_fd(-1, handle, flags)
        with expect_errno(EINVAL):
            node.from_fd(event.fileno(), handle, SYNC_FILE)
        node.destroy(handle)


@check
def objects_end_with_their_client() -> None:
    """What is left open is given back: the fence keeps no timeline."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        with SyncNode() as node:
            node.hold(node.create(), fence)
        timeline.advance()


# --- one fence --------------------------------------------------------------------------------


@check
def object_follows_the_fence_that_it_holds() -> None:
    """Imported from a sync file and exported to one; RESET takes it away, SIGNAL replaces it."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        handle = node.create()
        node.hold(handle, fence)
        with expect_errno(ETIME):
            node.wait(handle)
        with node.sync_file(handle) as exported:
            expect_equal("status while it is pending", exported.status(), 0)
            node.reset(handle)
            with expect_errno(EINVAL):
                node.wait(handle)
            node.signal(handle)
            expect_equal("which has signalled", node.wait(handle), 0)
            expect_equal("status of the fence that it held before", exported.status(), 0)
            timeline.advance()
            expect_equal("status after it has signalled", exported.status(), 1)
        node.destroy(handle)


@check
def wait_ends_when_the_fence_signals() -> None:
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        handle = node.create()
        node.hold(handle, fence)
        with soon(timeline.advance):
            expect_equal("which has signalled", node.wait(handle, until=FOREVER), 0)
        expect_equal("status", fence.status(), 1)
        node.destroy(handle)


@check
def wait_is_for_one_or_for_all() -> None:
    """The first that has signalled is told; WAIT_ALL waits for each."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
        first, second = node.create(), node.create()
        node.hold(first, two)
        node.hold(second, one)
        with expect_errno(ETIME):
            node.wait(first, second)
        timeline.advance()
        expect_equal("which has signalled", node.wait(first, second), 1)
        with expect_errno(ETIME):
            node.wait(first, second, flags=WAIT_ALL)
        with soon(timeline.advance):
            node.wait(first, second, flags=WAIT_ALL, until=FOREVER)
        expect_equal("status of both", (one.status(), two.status()), (1, 1))
        node.destroy(first)
        node.destroy(second)


@check
def wait_for_submit_waits_for_a_fence_and_for_its_signal() -> None:
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        handle = node.create()
        with expect_errno(ETIME):
            node.wait(handle, flags=WAIT_FOR_SUBMIT)
        with soon(lambda: node.signal(handle)):
            expect_equal("which was signalled", node.wait(handle, flags=WAIT_FOR_SUBMIT, until=FOREVER), 0)
        node.hold(handle, fence)
        with expect_errno(ETIME):
            node.wait(handle, flags=WAIT_FOR_SUBMIT)
        timeline.advance()
        node.destroy(handle)


@check
def wait_without_memory_keeps_nothing() -> None:
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        handle = node.create(SIGNALED)
        each_allocation(lambda: node.wait(handle), lambda _: None, (ENOMEM,))
        node.hold(handle, fence)
        # EINVAL: what drm_syncobj_export_sync_file() says if there is no memory for the file.
        each_allocation(lambda: node.sync_file(handle), _closed, (ENOMEM, EINVAL))
        timeline.advance()
        node.destroy(handle)


def _closed(made: object) -> None:
    if isinstance(made, SyncFile):
        made.close()


@check
def transfer_with_unknown_flags_keeps_nothing() -> None:
    """The object ends with its handle: the fence keeps no timeline. Kernels before 6.8 do not look at the flags."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        handle = node.create()
        node.hold(handle, fence)
        try:
            node.transfer(handle, handle, flags=0x80)
        except OSError as error:
            expect_equal("errno", error.errno, EINVAL)
        node.destroy(handle)
        timeline.advance()


# --- timelines --------------------------------------------------------------------------------


@check
def points_of_a_timeline_signal_in_order() -> None:
    """QUERY, TIMELINE_WAIT and TRANSFER of fences to points."""
    with SyncNode() as node, Timeline() as early, Timeline() as late, early.fence(1) as one, late.fence(1) as two:
        binary, line = node.create(), node.create()
        expect_equal("point of a timeline without points", node.query(line), 0)
        for fence, point in ((one, 5), (two, 9)):
            node.hold(binary, fence)
            node.transfer(binary, line, 0, point)
        expect_equal("last point that has signalled", node.query(line), 0)
        expect_equal("last point", node.query(line, LAST_SUBMITTED), 9)
        late.advance()
        expect_equal("last point that has signalled, before an earlier one", node.query(line), 0)
        with expect_errno(ETIME):
            node.wait_points((line, 9))
        early.advance()
        expect_equal("last point that has signalled", node.query(line), 9)
        for point in (1, 5, 7, 9):
            expect_equal(f"which has signalled for point {point}", node.wait_points((line, point)), 0)
        node.destroy(binary)
        node.destroy(line)


@check
def point_that_is_not_there_is_waited_for_if_asked() -> None:
    """EINVAL without a flag; WAIT_FOR_SUBMIT waits for its signal, WAIT_AVAILABLE for itself alone."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as fence:
        binary, line = node.create(), node.create()
        node.hold(binary, fence)
        node.transfer(binary, line, 0, 3)
        with expect_errno(EINVAL):
            node.wait_points((line, 4))
        for flags in (WAIT_FOR_SUBMIT, WAIT_AVAILABLE):
            with expect_errno(ETIME):
                node.wait_points((line, 4), flags=flags)
        expect_equal("which is there", node.wait_points((line, 3), flags=WAIT_AVAILABLE), 0)
        with expect_errno(ETIME):
            node.wait_points((line, 3), flags=WAIT_FOR_SUBMIT)
        timeline.advance()
        expect_equal("which has signalled", node.wait_points((line, 3), flags=WAIT_FOR_SUBMIT), 0)
        node.destroy(binary)
        node.destroy(line)


@check
def wait_for_a_point_ends_when_it_is_there() -> None:
    """WAIT_AVAILABLE and WAIT_FOR_SUBMIT of a point that comes meanwhile."""
    with SyncNode() as node:
        for flags in (WAIT_AVAILABLE, WAIT_FOR_SUBMIT, WAIT_AVAILABLE | WAIT_FOR_SUBMIT):
            line = node.create()
            with soon(lambda: node.signal_point(line, 2)):  # noqa: B023 - called within the loop
                expect_equal("which is there", node.wait_points((line, 2), flags=flags, until=FOREVER), 0)
            expect_equal("last point that has signalled", node.query(line), 2)
            node.destroy(line)


@check
def fence_of_a_point_can_be_taken() -> None:
    """TRANSFER of a point to an object without a timeline, and to another timeline."""
    with SyncNode() as node, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
        binary, line, other = node.create(), node.create(), node.create()
        for fence, point in ((one, 1), (two, 2)):
            node.hold(binary, fence)
            node.transfer(binary, line, 0, point)
        node.transfer(line, binary, 1, 0)
        node.transfer(line, other, 2, 7)
        timeline.advance()
        expect_equal("which has signalled, of the first point", node.wait(binary), 0)
        expect_equal("last point that has signalled, of the other timeline", node.query(other), 0)
        timeline.advance()
        expect_equal("last point that has signalled, of the other timeline", node.query(other), 7)
        with expect_errno(EINVAL):
            node.transfer(line, binary, 3, 0)
        for handle in (binary, line, other):
            node.destroy(handle)


@check
def timeline_of_many_points_is_given_back() -> None:
    """Of a long timeline whose points are all pending: query, and the end of it."""
    points = 100
    with SyncNode() as node, Timeline() as timeline:
        binary, line = node.create(), node.create()
        for point in range(1, points + 1):
            with timeline.fence(point) as fence:
                node.hold(binary, fence)
            node.transfer(binary, line, 0, point)
        expect_equal("last point", node.query(line, LAST_SUBMITTED), points)
        timeline.advance(points // 2)
        expect_equal("last point that has signalled", node.query(line), points // 2)
        node.destroy(line)
        node.destroy(binary)
        timeline.advance(points)
