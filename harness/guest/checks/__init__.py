# SPDX-License-Identifier: GPL-2.0-only
"""The checks, one file for each interface. A new file needs its import in ``load``."""

from __future__ import annotations


def load() -> None:
    """Import every file of checks, which registers them. Importing touches no device."""
    from harness.guest.checks import dmabuf, heap, sw_sync, udmabuf, vgem  # noqa: F401, PLC0415
