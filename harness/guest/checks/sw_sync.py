# SPDX-License-Identifier: GPL-2.0-only
"""sw_sync timelines and the sync_files of their fences (drivers/dma-buf/sw_sync.c, sync_file.c)."""

from __future__ import annotations

import time
from errno import EFAULT, EINVAL, ENOENT, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import READABLE, Timeline
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno
from harness.guest.waiting import soon

check = Group("sw-sync")


# --- signalling -------------------------------------------------------------------------------


@check
def fence_signals_when_the_counter_reaches_it() -> None:
    with Timeline() as timeline, timeline.fence(2) as fence:
        expect_equal("status at 0", fence.status(), 0)
        timeline.advance()
        expect_equal("status at 1", fence.status(), 0)
        timeline.advance()
        expect_equal("status at 2", fence.status(), 1)


@check
def fence_in_the_past_has_signalled() -> None:
    with Timeline() as timeline:
        timeline.advance(5)
        for value in (4, 5):
            with timeline.fence(value) as fence:
                expect_equal(f"status of {value} at 5", fence.status(), 1)
        with timeline.fence(6) as fence:
            expect_equal("status of 6 at 5", fence.status(), 0)


@check
def fences_signal_in_order() -> None:
    """Each step signals what it reaches and nothing beyond, in whatever order they were made."""
    with Timeline() as timeline, timeline.fence(3) as three, timeline.fence(1) as one, timeline.fence(2) as two:
        for step, expected in ((1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1])):
            timeline.advance()
            expect_equal(f"statuses at {step}", [one.status(), two.status(), three.status()], expected)


@check
def one_big_step_signals_all() -> None:
    with Timeline() as timeline, timeline.fence(1) as one, timeline.fence(3) as three:
        timeline.advance(1000)
        expect_equal("statuses", [one.status(), three.status()], [1, 1])


@check
def timelines_do_not_touch_each_other() -> None:
    with Timeline() as one, Timeline() as two, one.fence(1) as first, two.fence(1) as second:
        one.advance()
        expect_equal("statuses", [first.status(), second.status()], [1, 0])


@check
def closing_the_timeline_signals_with_an_error() -> None:
    """Nobody can signal the fence any more, so it ends with ENOENT instead of hanging its waiters."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        timeline.close()
        expect_equal("status", fence.status(), -ENOENT)
        expect_equal("ready events", fence.poll(READABLE), READABLE)


@check
def closing_a_pending_fence_is_harmless() -> None:
    """Its timeline goes on, also with another fence of the same value."""
    with Timeline() as timeline:
        timeline.fence(1).close()
        with timeline.fence(1) as again:
            timeline.advance()
            expect_equal("status", again.status(), 1)


@check
def poll_wakes_when_the_fence_signals() -> None:
    with Timeline() as timeline, timeline.fence(1) as fence:
        expect_equal("ready events while pending", fence.poll(READABLE), 0)
        with soon(timeline.advance):
            expect_equal("ready events", fence.poll(READABLE, 10), READABLE)


# --- what a sync_file tells -------------------------------------------------------------------


@check
def info_names_driver_and_timeline() -> None:
    """The timeline has the name of the process that opened it."""
    with open("/proc/self/comm") as file:  # noqa: PTH123 - pathlib is slow to import
        process = file.read().rstrip("\n")
    with Timeline() as timeline, timeline.fence(7) as fence:
        told = fence.fences()
        expect_equal("drivers and timelines", [(one.driver, one.timeline) for one in told], [("sw_sync", process)])
        expect(fence.name().startswith(f"sw_sync-{process}"), f"name is {fence.name()!r}")
        expect(fence.name().endswith("-7"), f"name is {fence.name()!r}, expected to end in the fence's value, -7")


@check
def info_tells_when_it_signalled() -> None:
    """0 while pending, then a CLOCK_MONOTONIC time."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        expect_equal("timestamp while pending", fence.fences()[0].timestamp, 0)
        before = time.monotonic_ns()
        timeline.advance()
        after = time.monotonic_ns()
        stamp = fence.fences()[0].timestamp
        expect(before <= stamp <= after, f"timestamp is {stamp}, signalled between {before} and {after}")


@check
def info_refuses_bad_arguments() -> None:
    """Flags, padding, too little room for the fences, no memory there."""
    with Timeline() as timeline, Timeline() as other, timeline.fence(1) as one, other.fence(1) as two:
        with expect_errno(EINVAL):
            one.file_info(flags=1)
        with expect_errno(EINVAL):
            one.file_info(pad=1)
        with expect_errno(EFAULT):
            one.file_info(room=1, address=0)
        with one.merge(two.fileno()) as both, expect_errno(EINVAL):
            both.file_info(room=1, address=0)


# --- merging ----------------------------------------------------------------------------------


@check
def merged_fence_waits_for_both() -> None:
    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        expect_equal("fences", len(both.fences()), 2)
        expect_equal("status", both.status(), 0)
        first.advance()
        expect_equal("status after the first", both.status(), 0)
        expect_equal("ready events after the first", both.poll(READABLE), 0)
        second.advance()
        expect_equal("status after both", both.status(), 1)
        expect_equal("ready events after both", both.poll(READABLE, 5), READABLE)


@check
def merge_on_one_timeline_keeps_the_later() -> None:
    """The earlier fence is implied; a fence merged with itself stays one."""
    with (
        Timeline() as timeline,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        one.merge(two.fileno()) as later,
        one.merge(one.fileno()) as same,
    ):
        expect_equal("fences", [len(later.fences()), len(same.fences())], [1, 1])
        timeline.advance()
        expect_equal("statuses at 1", [later.status(), same.status()], [0, 1])
        timeline.advance()
        expect_equal("status at 2", later.status(), 1)


@check
def merge_of_signalled_fences_has_signalled() -> None:
    with Timeline() as timeline, Timeline() as other, timeline.fence(1) as one, other.fence(1) as two:
        timeline.advance()
        other.advance()
        with one.merge(two.fileno()) as both:
            expect_equal("status", both.status(), 1)


@check
def merged_fence_outlives_its_parts() -> None:
    """And has the name that was given, in a descriptor that closes on exec."""
    with Timeline() as timeline, Timeline() as other:
        with timeline.fence(1) as one, other.fence(1) as two:
            both = one.merge(two.fileno(), b"both of them")
        with both:
            expect_equal("name", both.name(), "both of them")
            expect(both.closes_on_exec(), "the merged sync_file lacks FD_CLOEXEC")
            timeline.advance()
            other.advance()
            expect_equal("status", both.status(), 1)


@check
def merge_carries_the_error() -> None:
    """A part that ended with an error makes the whole end with an error."""
    with (
        Timeline() as timeline,
        Timeline() as other,
        timeline.fence(1) as one,
        other.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        other.advance()
        timeline.close()
        expect_equal("statuses", sorted(fence.status for fence in both.fences()), [-ENOENT, 1])


@check
def merge_refuses_bad_arguments() -> None:
    """Flags, padding, no sync_file, no memory there."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        with expect_errno(EINVAL):
            fence.merge(fence.fileno(), flags=1)
        with expect_errno(EINVAL):
            fence.merge(fence.fileno(), pad=1)
        for fd in (-1, timeline.fileno()):
            with expect_errno(ENOENT):
                fence.merge(fd)
        with expect_errno(EFAULT):
            fence.ioctl(uapi.SYNC_IOC_MERGE, 0)


# --- the rest ---------------------------------------------------------------------------------


@check
def deadline_keeps_the_earliest() -> None:
    """None at first; a later one does not displace an earlier one."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        with expect_errno(ENOENT), absent_is_skipped("SYNC_IOC_SET_DEADLINE"):
            timeline.deadline(fence)
        for deadline, kept in ((2000, 2000), (1000, 1000), (3000, 1000)):
            fence.set_deadline(deadline)
            expect_equal(f"deadline after setting {deadline}", timeline.deadline(fence), kept)


@check
def deadline_refuses_padding() -> None:
    with (
        Timeline() as timeline,
        timeline.fence(1) as fence,
        expect_errno(EINVAL),
        absent_is_skipped("SYNC_IOC_SET_DEADLINE"),
    ):
        fence.set_deadline(1000, pad=1)


@check
def unknown_ioctl_is_refused() -> None:
    with Timeline() as timeline, timeline.fence(1) as fence:
        for descriptor in (timeline, fence):
            with expect_errno(ENOTTY):
                descriptor.ioctl(uapi.DMA_BUF_IOCTL_SYNC, bytearray(8))


@check
def bad_address_is_refused() -> None:
    with Timeline() as timeline:
        for request in (uapi.SW_SYNC_IOC_CREATE_FENCE, uapi.SW_SYNC_IOC_INC):
            with expect_errno(EFAULT):
                timeline.ioctl(request, 0)
