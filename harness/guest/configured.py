# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel under test was built with, as far as the host tells: HARNESS_HAS, names between commas.

A device that such a kernel lacks is a failure of the kernel: were it a skip, a patch that breaks a driver's start would
leave nothing but skips. Without a word of the host (a guest of your own) and on other kernels it is a skip.
"""

from __future__ import annotations

import os

from harness.guest.registry import CheckFailed, CheckSkipped

SYMBOLS = ("UDMABUF", "DMABUF_HEAPS_SYSTEM", "SW_SYNC", "DRM_VGEM")
"""Kconfig symbols that bring a device which the checks open; told if they are built in."""
QUARANTINE = "KASAN_GENERIC"
"""Told if it is there: it keeps what was freed for a while, and memory cannot be counted."""
PROBE = "dmabuf_probe"
PROBE_NODE = "dmabuf_probe_drm"
"""The modules; told if they were built for this kernel."""


def has(name: str) -> bool:
    """True if the host told that the kernel has ``name``."""
    return name in os.environ.get("HARNESS_HAS", "").split(",")


def lacking(what: str, name: str, elsewhere: bool = False) -> Exception:
    """What ends a check for which a device is not there, or cannot be opened: ``what``, in words.

    ``name``: what brings it. ``elsewhere``: it has another name in this kernel.
    """
    brings = f"the module {PROBE}" if name == PROBE else f"CONFIG_{name}"
    if has(name) and not elsewhere:
        return CheckFailed(f"{what}, though this kernel has {brings}")
    return CheckSkipped(f"{what}: needs root and {brings}")
