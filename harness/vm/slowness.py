# SPDX-License-Identifier: GPL-2.0-only
"""By how much time limits are stretched: emulation is slow, and so are kernels that check every access.

The factors of the debug features are those of their documentation (Documentation/dev-tools/), rounded up: a limit is
there to end a hang, not to measure.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import Kernel

_ACCELERATORS = {"kvm": 1.0, "tcg": 8.0}  # TCG with lockdep is about that much slower
_FEATURES = {"KASAN": 3.0, "KCSAN": 5.0, "KMSAN": 3.0, "DEBUG_KMEMLEAK": 1.5}


@dataclass(frozen=True)
class Slowness:
    """``factor`` on every time limit. ``debug``: the features of the kernel that are part of it, "KASAN x3"."""

    factor: float
    debug: tuple[str, ...] = ()


def slowness(accel: str, kernel: Kernel) -> Slowness:
    """For guests with ``kernel`` under ``accel`` ("kvm" or "tcg")."""
    features = {name: factor for name, factor in _FEATURES.items() if kernel.config_value(name) == "y"}
    factor = _ACCELERATORS[accel]
    for one in features.values():
        factor *= one
    return Slowness(factor, tuple(f"{name} x{one:g}" for name, one in features.items()))
