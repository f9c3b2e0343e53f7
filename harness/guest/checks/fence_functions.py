# SPDX-License-Identifier: GPL-2.0-only
"""Functions of fences that no driver in a guest calls (dma-fence-array.c, dma-fence-chain.c, dma-fence.c).

docs/functions.md lists them.
"""

from __future__ import annotations

from errno import EINVAL, ENOMEM

from harness.guest import uapi
from harness.guest.failing import each_allocation
from harness.guest.fence_arrays import need_arrays_that_look
from harness.guest.kernel import READABLE, SyncFile, Timeline
from harness.guest.probe_functions import NONE, KernelFunctions
from harness.guest.registry import Group, expect, expect_equal, expect_errno
from harness.guest.waiting import soon

check = Group("functions")

_ANY = uapi.DMABUF_PROBE_ANY


# --- arrays -----------------------------------------------------------------------------------


@check
def array_signals_with_the_last_of_its_fences() -> None:
    """dma_fence_array_create(): looked at only, and polled."""
    need_arrays_that_look()
    with (
        KernelFunctions() as kernel,
        Timeline() as timeline,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        kernel.fence_array(one, two) as looked_at,
        kernel.fence_array(two, one) as polled,
    ):
        expect_equal("ready events while both are pending", polled.poll(READABLE), 0)
        timeline.advance()
        expect_equal("status while one is pending", looked_at.status(), 0)
        expect_equal("ready events while one is pending", polled.poll(READABLE), 0)
        timeline.advance()
        expect_equal("ready events when both have signalled", polled.poll(READABLE, 5), READABLE)
        expect_equal("status when both have signalled", looked_at.status(), 1)


@check
def array_of_any_signals_with_the_first_of_its_fences() -> None:
    """dma_fence_array_create() with signal_on_any: looked at only, and polled."""
    need_arrays_that_look()
    with (
        KernelFunctions() as kernel,
        Timeline() as timeline,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        kernel.fence_array(two, one, flags=_ANY) as looked_at,
        kernel.fence_array(two, one, flags=_ANY) as polled,
    ):
        expect_equal("status while both are pending", looked_at.status(), 0)
        expect_equal("ready events while both are pending", polled.poll(READABLE), 0)
        timeline.advance()
        expect_equal("ready events when one has signalled", polled.poll(READABLE, 5), READABLE)
        expect_equal("status when one has signalled", looked_at.status(), 1)
        timeline.advance()
        expect_equal("ready events when both have signalled", polled.poll(READABLE), READABLE)


@check
def array_outlives_those_who_gave_its_fences() -> None:
    """It holds its parts, and gives them back: the timeline of a fence that is kept is not freed."""
    need_arrays_that_look()
    with KernelFunctions() as kernel, Timeline() as timeline:
        with timeline.fence(1) as one, timeline.fence(2) as two:
            held = kernel.fence_array(one, two)
        with held:
            expect_equal("fences of the array", len(held.fences()), 2)
            timeline.advance(2)
            expect_equal("status", held.status(), 1)


@check
def array_without_memory_keeps_nothing() -> None:
    """dma_fence_array_create() that fails leaves the fences to its caller."""
    with KernelFunctions() as kernel, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
        each_allocation(lambda: kernel.fence_array(one, two), _closed, (ENOMEM,))
        timeline.advance(2)


def _closed(made: object) -> None:
    if isinstance(made, SyncFile):
        made.close()


# --- contexts ---------------------------------------------------------------------------------


@check
def context_matches_if_all_parts_are_of_it() -> None:
    """dma_fence_match_context()."""
    with (
        KernelFunctions() as kernel,
        Timeline() as timeline,
        Timeline() as elsewhere,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        elsewhere.fence(1) as other,
        kernel.fence_array(one, two) as same,
        kernel.fence_array(one, other) as first_is,
        kernel.fence_array(other, two) as last_is,
    ):
        for what, fence, want in (
            ("a fence of the timeline", two, True),
            ("a fence of another one", other, False),
            ("an array of the timeline's fences", same, True),
            ("an array whose first fence alone is of the timeline", first_is, False),
            ("an array whose last fence alone is of the timeline", last_is, False),
        ):
            expect(kernel.matches(fence, one) is want, f"{what} {'does not match' if want else 'matches'}")
        timeline.advance(2)
        elsewhere.advance()


@check
def latest_fence_of_each_context_is_left() -> None:
    """dma_fence_dedup_array(), in any order, and of none."""
    with (
        KernelFunctions() as kernel,
        Timeline() as timeline,
        Timeline() as elsewhere,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        elsewhere.fence(1) as other,
    ):
        expect_equal("left of no fences", kernel.dedup(), (0, None))
        for fences, want in (
            ((one,), 1),
            ((one, one), 1),
            ((one, two), 1),
            ((two, one), 1),
            ((one, other), 2),
            ((one, other, two), 2),
            ((two, other, one, other, two), 2),
        ):
            left, first = kernel.dedup(*fences)
            if first is not None:
                first.close()
            expect_equal(f"left of {len(fences)} fences", left, want)
        timeline.advance()
        for fences in ((one, two), (two, one)):
            left, first = kernel.dedup(*fences)
            if first is not None:
                with first:
                    expect_equal("status of what is left", first.status(), 0)
        timeline.advance()
        elsewhere.advance()


# --- waiting for one of many ------------------------------------------------------------------


@check
def wait_for_any_tells_which_has_signalled() -> None:
    """dma_fence_wait_any_timeout(), without a time and with one that need not pass."""
    with KernelFunctions() as kernel, Timeline() as timeline, Timeline() as other:
        with timeline.fence(1) as one, other.fence(1) as two, other.fence(2) as three:
            expect_equal("a look at pending fences", kernel.wait_any(one, two, three), (0, NONE))
            other.advance()
            for milliseconds in (0, uapi.DMABUF_PROBE_MAX_WAIT):
                got = kernel.wait_any(one, two, three, milliseconds=milliseconds)
                expect_equal(f"the second has signalled, {milliseconds} ms", got, (1, 1))
                got = kernel.wait_any(two, one, milliseconds=milliseconds)
                expect_equal(f"the first has signalled, {milliseconds} ms", got, (1, 0))
        timeline.advance()


@check
def wait_for_any_ends_with_its_time() -> None:
    """dma_fence_wait_any_timeout() of fences that stay pending; it forgets its callbacks."""
    with KernelFunctions() as kernel, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:
        expect_equal("a wait of 20 ms", kernel.wait_any(one, two, milliseconds=20), (0, NONE))
        timeline.advance(2)


@check
def wait_for_any_without_memory_is_an_error() -> None:
    """dma_fence_wait_any_timeout(), which takes memory for its callbacks."""
    with KernelFunctions() as kernel, Timeline() as timeline, timeline.fence(1) as one, timeline.fence(2) as two:

        def wait() -> tuple[int, int]:
            result, which = kernel.wait_any(one, two, milliseconds=20)
            if result < 0:
                raise OSError(-result, "what the function returned")
            return result, which

        def time_is_up(got: object) -> None:
            expect_equal("a wait of 20 ms", got, (0, NONE))

        each_allocation(wait, time_is_up, (ENOMEM,))
        timeline.advance(2)


@check
def wait_for_any_is_woken_by_each_of_them() -> None:
    """dma_fence_wait_any_timeout(): the last in the list, and the first."""
    for position in (0, 1):
        with (
            KernelFunctions() as kernel,
            Timeline() as one,
            Timeline() as two,
            one.fence(1) as first,
            two.fence(1) as second,
            soon((one, two)[position].advance),
        ):
            got = kernel.wait_any(first, second, milliseconds=uapi.DMABUF_PROBE_MAX_WAIT)
            expect_equal(f"number {position} signals meanwhile", got, (1, position))


# --- chains -----------------------------------------------------------------------------------


@check
def point_of_a_chain_is_found() -> None:
    """dma_fence_chain_find_seqno(): the link that has the point, or the next one after it."""
    with KernelFunctions() as kernel, Timeline() as timeline:
        with (
            timeline.fence(1) as one,
            timeline.fence(2) as two,
            timeline.fence(3) as three,
            kernel.link(None, one, 10) as first,
            kernel.link(first, two, 20) as second,
            kernel.link(second, three, 30) as third,
        ):
            for point, want in ((10, 10), (5, 10), (11, 20), (20, 20), (30, 30)):
                expect_equal(f"found for point {point}", kernel.find(third, point), (0, want))
            expect_equal("found for point 0", kernel.find(third, 0), (0, 30))
            expect_equal("result for a point to come", kernel.find(third, 31)[0], -EINVAL)
            expect_equal("result for what is no chain", kernel.find(three, 1)[0], -EINVAL)
        timeline.advance(3)


@check
def link_of_a_chain_waits_for_those_before_it() -> None:
    """A point has signalled when its fence and all earlier ones have: looked at only, and polled."""
    with (
        KernelFunctions() as kernel,
        Timeline() as early,
        Timeline() as late,
        early.fence(1) as one,
        late.fence(1) as two,
        kernel.link(None, one, 1) as first,
        kernel.link(first, two, 2) as second,
    ):
        late.advance()
        expect_equal("status while the point before is pending", second.status(), 0)
        expect_equal("ready events while the point before is pending", second.poll(READABLE), 0)
        early.advance()
        expect_equal("ready events", second.poll(READABLE, 5), READABLE)
        expect_equal("status", second.status(), 1)


@check
def chain_forgets_points_that_have_signalled() -> None:
    """dma_fence_chain_find_seqno() of a point that has signalled gives no fence that is pending."""
    with (
        KernelFunctions() as kernel,
        Timeline() as timeline,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        kernel.link(None, one, 1) as first,
        kernel.link(first, two, 2) as second,
    ):
        timeline.advance()
        with kernel.found(second, 2) as found:
            expect_equal("status of the pending point", found.status(), 0)
        result, point = kernel.find(second, 1)
        expect_equal("result for the point that has signalled", result, 0)
        expect(point in (0, 1), f"found point {point}, which is pending")
        timeline.advance()
        expect_equal("status of the chain", second.status(), 1)


@check
def number_of_a_link_does_not_go_back() -> None:
    """dma_fence_chain_init() with an earlier point than the last makes a chain of its own, which is not earlier."""
    with (
        KernelFunctions() as kernel,
        Timeline() as timeline,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
        kernel.link(None, one, 7) as first,
        kernel.link(first, two, 3) as second,
    ):
        expect_equal("found for point 7", kernel.find(second, 7), (0, 7))
        expect(not kernel.matches(second, first), "the link is of the context of the one before")
        timeline.advance()
        expect_equal("status while its own fence is pending", second.status(), 0)
        timeline.advance()
        expect_equal("status", second.status(), 1)


# --- what the module refuses ------------------------------------------------------------------


@check
def what_the_kernel_would_warn_of_is_refused() -> None:
    """By the module: no fence, a container in an array, a chain as the fence of a link."""
    with KernelFunctions() as kernel, Timeline() as timeline, timeline.fence(1) as one:
        with kernel.fence_array(one, one) as both, kernel.link(None, one, 1) as link:
            for call in (
                kernel.fence_array,
                lambda: kernel.fence_array(one, both),
                lambda: kernel.fence_array(link, one),
                lambda: kernel.link(None, link, 2),
                kernel.wait_any,
                lambda: kernel.fence_array(one, flags=2),
            ):
                with expect_errno(EINVAL):
                    call()
        timeline.advance()
