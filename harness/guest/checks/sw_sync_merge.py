# SPDX-License-Identifier: GPL-2.0-only
"""Merging sync_files (drivers/dma-buf/sync_file.c; dma-fence-unwrap.c since 6.0 or so)."""

from __future__ import annotations

from errno import EFAULT, EINVAL, ENOENT

from harness.guest import uapi
from harness.guest.kernel import READABLE, Timeline
from harness.guest.memory import Window
from harness.guest.registry import Group, expect, expect_equal, expect_errno
from harness.guest.waiting import UNTIL_WOKEN, soon

check = Group("sw-sync")


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
def polled_merge_tells_the_error() -> None:
    """Once it has signalled, the whole has the error itself: whoever waited for it looks at no part."""
    with (
        Timeline() as timeline,
        Timeline() as other,
        timeline.fence(1) as one,
        other.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        expect_equal("ready events while pending", both.poll(READABLE), 0)
        other.advance()
        timeline.close()
        expect_equal("ready events", both.poll(READABLE, 5), READABLE)
        expect_equal("status", both.status(), -ENOENT)


@check
def merge_that_is_polled_late_tells_the_error() -> None:
    """A part has failed before anybody waited for the whole."""
    with (
        Timeline() as timeline,
        Timeline() as other,
        timeline.fence(1) as one,
        other.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        timeline.close()
        expect_equal("ready events while a part is pending", both.poll(READABLE), 0)
        other.advance()
        expect_equal("ready events", both.poll(READABLE, 5), READABLE)
        expect_equal("status", both.status(), -ENOENT)


@check
def merge_of_signalled_fences_tells_when_the_last_of_them_did() -> None:
    with Timeline() as timeline, Timeline() as other, timeline.fence(1) as one, other.fence(1) as two:
        timeline.advance()
        other.advance()
        with two.merge(one.fileno()) as both:
            expect_equal("timestamps", [fence.timestamp for fence in both.fences()], [two.fences()[0].timestamp])


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


@check
def merge_that_cannot_answer_leaves_nothing() -> None:
    """The descriptor of the new sync_file has nowhere to be written: there is none."""
    with Timeline() as timeline, timeline.fence(1) as fence:
        argument = bytes(uapi.sync_merge_data.pack(name=b"lost", fd2=fence.fileno()))
        with Window(argument, writable=False) as constant, expect_errno(EFAULT):
            fence.ioctl(uapi.SYNC_IOC_MERGE, constant.address)


@check
def merge_of_merges_has_each_timeline_once() -> None:
    """Of two sets that share a timeline: the later fence of that one, and those that only one has."""
    with (
        Timeline() as shared,
        Timeline() as left,
        Timeline() as right,
        shared.fence(1) as early,
        shared.fence(2) as late,
        left.fence(1) as one,
        right.fence(1) as two,
        early.merge(one.fileno()) as first,
        two.merge(late.fileno()) as second,
        first.merge(second.fileno()) as all_,
    ):
        expect_equal("fences", len(all_.fences()), 3)
        for timeline in (left, right, shared):
            timeline.advance()
            expect_equal("status before the later fence", all_.status(), 0)
        shared.advance()
        expect_equal("status after the later fence", all_.status(), 1)


@check
def merge_waits_only_for_what_is_pending() -> None:
    """A part that has signalled before plays no role."""
    with Timeline() as done, Timeline() as open_, done.fence(1) as one, open_.fence(1) as two:
        done.advance()
        for first, second in ((one, two), (two, one)):
            with first.merge(second.fileno()) as both:
                pending = [fence for fence in both.fences() if fence.status == 0]
                expect_equal("pending fences", len(pending), 1)
                expect_equal("status", both.status(), 0)
        with one.merge(two.fileno()) as both:
            open_.advance()
            expect_equal("status", both.status(), 1)


@check
def fences_of_one_value_merge_into_one() -> None:
    """They are the same point of the timeline."""
    with (
        Timeline() as timeline,
        timeline.fence(3) as one,
        timeline.fence(3) as two,
        one.merge(two.fileno()) as both,
    ):
        expect_equal("fences", len(both.fences()), 1)
        timeline.advance(3)
        expect_equal("statuses", [one.status(), two.status(), both.status()], [1, 1, 1])


@check
def merge_of_many_timelines_waits_for_all() -> None:
    """Built up one by one, told in full, signalled from the last to the first."""
    timelines = [Timeline() for _ in range(20)]
    whole = timelines[0].fence(1)
    try:
        for timeline in timelines[1:]:
            with whole as before, timeline.fence(1) as fence:
                whole = before.merge(fence.fileno())
        expect_equal("fences", len(whole.fences()), len(timelines))
        for timeline in reversed(timelines):
            expect_equal("status before the last signal", whole.status(), 0)
            timeline.advance()
        expect_equal("status after the last signal", whole.status(), 1)
        expect_equal("ready events", whole.poll(READABLE, 5), READABLE)
    finally:
        whole.close()
        for timeline in timelines:
            timeline.close()


@check
def poll_of_a_merge_wakes_at_the_last_signal() -> None:
    """The signal of the first part wakes nobody for good."""
    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):

        def signal_both() -> None:
            first.advance()
            second.advance()

        with soon(signal_both):
            expect_equal("ready events", both.poll(READABLE, UNTIL_WOKEN), READABLE)
            expect_equal("status when it woke", [one.status(), two.status(), both.status()], [1, 1, 1])


@check
def merged_name_is_cut_at_its_end() -> None:
    """31 letters and a NUL, also where the caller filled all 32."""
    with Timeline() as timeline, timeline.fence(1) as fence, fence.merge(fence.fileno(), b"n" * 32) as merged:
        expect_equal("name", merged.name(), "n" * 31)


@check
def merging_changes_neither_part() -> None:
    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        expect_equal("fences of the parts", [len(one.fences()), len(two.fences())], [1, 1])
        both.close()
        first.advance()
        expect_equal("statuses", [one.status(), two.status()], [1, 0])
