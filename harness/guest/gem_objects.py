# SPDX-License-Identifier: GPL-2.0-only
"""GEM objects beyond their handles: by name (drm_gem.c, FLINK and OPEN), and mapped through the node."""

from __future__ import annotations

from harness.guest import uapi
from harness.guest.system_calls import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.guest.kernel import DmaBuf, Drm
    from harness.guest.system_calls import View


def flink(card: Drm, handle: int) -> int:
    """The name of an object: every client of the device can open it by that."""
    argument = uapi.drm_gem_flink.pack(handle=handle)
    card.ioctl(uapi.DRM_IOCTL_GEM_FLINK, argument)
    return uapi.drm_gem_flink.number(argument, "name")


def open_by_name(card: Drm, name: int) -> int:
    """A further handle of the object."""
    argument = uapi.drm_gem_open.pack(name=name)
    card.ioctl(uapi.DRM_IOCTL_GEM_OPEN, argument)
    return uapi.drm_gem_open.number(argument, "handle")


def map_node_bare(card: Drm, length: int, offset: int) -> View:
    """Map an object through its node, by one system call that can be seen to fail (failing.py)."""
    return calls().map(card.fileno(), length, offset)


def import_at_a_known_offset(card: Drm, buffer: DmaBuf) -> tuple[int, int]:
    """Import ``buffer`` of four pages: its handle, and where it very likely lies on the node.

    No call tells that of an import. But the node gives an object the place of one of its size that was closed before.
    """
    dumb = card.create_dumb()
    offset = card.dumb_offset(dumb.handle)
    card.close_handle(dumb.handle)
    return card.import_fd(buffer.fileno()), offset
