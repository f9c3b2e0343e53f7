# SPDX-License-Identifier: GPL-2.0-only
"""sw_sync timelines, and what a sync_file tells of their fences (drivers/dma-buf/sw_sync.c, sync_file.c)."""

from __future__ import annotations

import os
import time
from errno import EFAULT, EINVAL, ENOENT, ENOTTY

from harness.guest import uapi
from harness.guest.kernel import READABLE, Timeline
from harness.guest.memory import Window
from harness.guest.oracle import SYNC_INFO
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno
from harness.guest.waiting import SIGTERM, UNTIL_WOKEN, end_of_child, soon, start_child

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
def timeline_ends_with_its_last_descriptor() -> None:
    """A duplicate keeps it going, also one in another process."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        reader, writer = os.pipe()
        child = start_child(lambda: os.read(reader, 1))
        os.close(reader)
        try:
            timeline.close()
            expect_equal("status while a child has the timeline", fence.status(), 0)
        finally:
            os.close(writer)
            os.kill(child, SIGTERM)
            end_of_child(child)
        expect_equal("status after its end", fence.status(), -ENOENT)


@check
def counter_wraps_around() -> None:
    """Values are compared as distances: 1 comes after 0xffffffff."""
    with Timeline() as timeline, timeline.fence(0x7FFFFFFF) as middle:
        timeline.advance(0xFFFFFFFF)
        expect_equal("status of a fence on the way", middle.status(), 1)
        with timeline.fence(0xFFFFFFFF) as reached, timeline.fence(1) as ahead:
            expect_equal("statuses at 0xffffffff", [reached.status(), ahead.status()], [1, 0])
            timeline.advance()
            expect_equal("status of 1 at 0", ahead.status(), 0)
            timeline.advance()
            expect_equal("status of 1 at 1", ahead.status(), 1)


@check
def step_of_nothing_signals_nothing() -> None:
    with Timeline() as timeline, timeline.fence(1) as fence:
        timeline.advance(0)
        expect_equal("status", fence.status(), 0)


@check
def many_fences_signal_each_at_its_value() -> None:
    """Made in an order that has nothing to do with their values, some closed before their time."""
    values = [7 * step % 61 for step in range(1, 61)]
    fences = {}
    with Timeline() as timeline:
        try:
            for value in values:
                fences[value] = timeline.fence(value)
            for value in range(3, 61, 3):
                fences.pop(value).close()
            for reached in range(1, 61):
                timeline.advance()
                done = sum(fence.status() for fence in fences.values())
                expect_equal(f"signalled fences at {reached}", done, sum(value <= reached for value in fences))
        finally:
            for fence in fences.values():
                fence.close()


@check
def closed_file_is_not_woken_by_its_fence() -> None:
    """What a poll left on the fence goes with the sync_file: the signal reaches the other one alone."""
    with Timeline() as timeline, timeline.fence(1) as other:
        for _ in range(8):
            with timeline.fence(1) as polled:
                expect_equal("ready events while pending", polled.poll(READABLE), 0)
        timeline.advance()
        expect_equal("ready events of the other", other.poll(READABLE, 5), READABLE)


@check
def poll_wakes_when_the_fence_signals() -> None:
    with Timeline() as timeline, timeline.fence(1) as fence:
        expect_equal("ready events while pending", fence.poll(READABLE), 0)
        with soon(timeline.advance):
            expect_equal("ready events", fence.poll(READABLE, UNTIL_WOKEN), READABLE)


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
def info_is_told_with_room_to_spare() -> None:
    """The number of fences is that of the fences, not of the room for them."""
    with Timeline() as timeline, timeline.fence(1) as fence, Window(bytes(4 * uapi.sync_fence_info.size)) as room:
        told = fence.file_info(4, room.address)
        expect_equal("num_fences", uapi.sync_file_info.number(told, "num_fences"), 1)
        expect_equal("status", uapi.sync_file_info.number(told, "status"), 0)


@check
def info_keeps_to_the_room_it_was_given() -> None:
    """For one fence: the kernel writes one description, up to the very end of the memory there is."""
    with Timeline() as timeline, timeline.fence(1) as fence, Window(bytes(uapi.sync_fence_info.size)) as room:
        told = fence.file_info(1, room.address)
        expect_equal("num_fences", uapi.sync_file_info.number(told, "num_fences"), 1)
        with expect_errno(EFAULT):
            fence.file_info(1, room.address + 1)


@check
def debugfs_lists_timeline_and_fence() -> None:
    """sync/info shows the counter of a timeline and the value and state of what is pending on it (sync_debug.c)."""
    with Timeline() as timeline, timeline.fence(4242) as fence:
        timeline.advance(42)
        text = _sync_info()
        expect(": 42\n" in text, "sync/info shows no timeline at 42")
        expect("fence active" in text, "sync/info shows no pending fence")
        timeline.advance(4200)
        expect_equal("status", fence.status(), 1)
        expect(": 4242\n" in _sync_info(), "sync/info shows no timeline at 4242")


def _sync_info() -> str:
    with open(SYNC_INFO) as file:  # noqa: PTH123 - pathlib is slow to import
        return file.read()


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
def deadline_reaches_every_part() -> None:
    """Set on a merged sync_file, each of its fences has it."""
    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        with absent_is_skipped("SYNC_IOC_SET_DEADLINE"):
            both.set_deadline(5000)
        expect_equal("deadlines", [first.deadline(one), second.deadline(two)], [5000, 5000])


@check
def deadline_of_a_signalled_fence_is_no_more() -> None:
    """It is too late to hurry."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        timeline.advance()
        with absent_is_skipped("SYNC_IOC_SET_DEADLINE"):
            fence.set_deadline(5000)
        with expect_errno(ENOENT):
            timeline.deadline(fence)


@check
def reading_the_deadline_of_a_merge_is_refused() -> None:
    """It is no fence of a timeline; and nothing is kept of it, which the timelines would show."""
    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
        expect_errno(EINVAL),
        absent_is_skipped("SW_SYNC_GET_DEADLINE"),
    ):
        first.deadline(both)


@check
def reading_a_deadline_refuses_bad_arguments() -> None:
    """What the kernel is to fill in must be zero, and the descriptor a sync_file of a timeline."""
    layout = uapi.sw_sync_get_deadline
    with Timeline() as timeline, timeline.fence(1) as fence:
        with absent_is_skipped("SW_SYNC_GET_DEADLINE"):
            fence.set_deadline(5000)
        for argument in (
            layout.pack(fence_fd=fence.fileno(), deadline_ns=1),
            layout.pack(fence_fd=fence.fileno(), pad=1),
            layout.pack(fence_fd=-1),
            layout.pack(fence_fd=timeline.fileno()),
        ):
            with expect_errno(EINVAL):
                timeline.ioctl(uapi.SW_SYNC_GET_DEADLINE, argument)


@check
def unknown_ioctl_is_refused() -> None:
    with Timeline() as timeline, timeline.fence(1) as fence:
        for descriptor in (timeline, fence):
            with expect_errno(ENOTTY):
                descriptor.ioctl(uapi.DMA_BUF_IOCTL_SYNC, bytearray(8))


@check
def bad_address_is_refused() -> None:
    """Nothing there; and an answer that cannot be written leaves no fence behind."""
    with Timeline() as timeline:
        for request in (uapi.SW_SYNC_IOC_CREATE_FENCE, uapi.SW_SYNC_IOC_INC):
            with expect_errno(EFAULT):
                timeline.ioctl(request, 0)
        argument = bytes(uapi.sw_sync_create_fence_data.pack(value=1))
        with Window(argument, writable=False) as constant, expect_errno(EFAULT):
            timeline.ioctl(uapi.SW_SYNC_IOC_CREATE_FENCE, constant.address)
