# SPDX-License-Identifier: GPL-2.0-only
"""What arrays of fences can do in this kernel."""

from __future__ import annotations

from harness.guest.kernel import Timeline
from harness.guest.registry import CheckSkipped


def need_arrays_that_look() -> None:
    """Skip the running check where an array that nobody listens to does not see that its fences have signalled.

    So before "dma-buf: fix dma_fence_array_signaled v4". That is a loss: a patch must not take it away unseen.
    """
    with (
        Timeline() as first,
        Timeline() as second,
        first.fence(1) as one,
        second.fence(1) as two,
        one.merge(two.fileno()) as both,
    ):
        first.advance()
        second.advance()
        if both.status() == 0:
            raise CheckSkipped("an array of fences signals only for those who listen to it")
