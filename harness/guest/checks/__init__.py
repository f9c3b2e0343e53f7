# SPDX-License-Identifier: GPL-2.0-only
"""The checks, one file for each interface. A new file needs its import in ``load``."""

from __future__ import annotations


def load() -> None:
    """Import every file of checks, which registers them. Importing touches no device."""
    from harness.guest.checks import (  # noqa: PLC0415
        dmabuf,  # noqa: F401
        dmabuf_fences,  # noqa: F401
        dmabuf_names,  # noqa: F401
        dmabuf_sharing,  # noqa: F401
        exporters,  # noqa: F401
        heap,  # noqa: F401
        sw_sync,  # noqa: F401
        sw_sync_merge,  # noqa: F401
        udmabuf,  # noqa: F401
        udmabuf_memory,  # noqa: F401
        vgem,  # noqa: F401
        vgem_fences,  # noqa: F401
        vgem_sharing,  # noqa: F401
    )
