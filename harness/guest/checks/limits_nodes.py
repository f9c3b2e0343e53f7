# SPDX-License-Identifier: GPL-2.0-only
"""Calls of a DRM node about names and mappings, when memory runs out: each of their allocations fails once."""

from __future__ import annotations

from errno import ENOMEM, ENOSPC

from harness.guest.armed_calls import BareMapping
from harness.guest.checks.limits_memory import survives
from harness.guest.gem_objects import flink, map_node_bare, open_by_name
from harness.guest.kernel import PAGE, Drm, vgem
from harness.guest.registry import Group, expect_equal

check = Group("limits")


class _FreshDumb:
    """A buffer that was never mapped: a new one each time. ``offset``: where it lies on the node."""

    def __init__(self, card: Drm) -> None:
        self._card = card
        self._make()

    def _make(self) -> None:
        self.handle = self._card.create_dumb().handle
        self.offset = self._card.dumb_offset(self.handle)

    def renew(self) -> None:
        self._card.close_handle(self.handle)
        self._make()


@check
def mapping_of_the_node_out_of_memory() -> None:
    """The first mapping brings the pages in; whether it can or not, the handle can be closed afterwards."""
    with vgem() as card:
        dumb = _FreshDumb(card)

        def touch_and_close(view: object) -> None:
            assert isinstance(view, BareMapping)
            view[3 * PAGE] = 1
            view.close()

        survives(lambda: map_node_bare(card, 4 * PAGE, dumb.offset), touch_and_close, dumb.renew)


@check
def naming_out_of_memory() -> None:
    """The object has no name then, and gets one the next time."""
    with vgem() as card:
        dumb = _FreshDumb(card)

        def look() -> None:
            expect_equal("second name", flink(card, dumb.handle), flink(card, dumb.handle))
            dumb.renew()

        survives(lambda: flink(card, dumb.handle), lambda _: None, look, (ENOMEM, ENOSPC))


@check
def opening_by_name_out_of_memory() -> None:
    """By another client, which gets no handle then."""
    with vgem() as card, vgem() as other:
        name = flink(card, card.create_dumb().handle)

        def close(handle: object) -> None:
            assert isinstance(handle, int)
            other.close_handle(handle)

        survives(lambda: open_by_name(other, name), close, allowed=(ENOMEM, ENOSPC))
