# SPDX-License-Identifier: GPL-2.0-only
"""Time limits: stretched for what makes a guest slow, and it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.vm.command import MachineSpec
from harness.vm.guest import VmGuest
from harness.vm.slowness import slowness
from tests.support.scripted_guest import scripted_kernel


@pytest.mark.parametrize(
    ("accel", "config", "factor", "debug"),
    [
        ("kvm", "CONFIG_PROVE_LOCKING=y\n", 1.0, ()),
        ("tcg", "", 8.0, ()),
        ("kvm", "CONFIG_KASAN=y\n", 3.0, ("KASAN x3",)),
        ("tcg", "CONFIG_KASAN=y\nCONFIG_DEBUG_KMEMLEAK=y\n", 36.0, ("KASAN x3", "DEBUG_KMEMLEAK x1.5")),
        ("kvm", "# CONFIG_KASAN is not set\nCONFIG_KASAN_SHADOW_OFFSET=0xdffffc0000000000\n", 1.0, ()),
    ],
)
def test_limits_are_stretched(tmp_path: Path, accel: str, config: str, factor: float, debug: tuple[str, ...]) -> None:
    found = slowness(accel, scripted_kernel(tmp_path, config))
    assert (found.factor, found.debug) == (factor, debug)


def test_a_job_can_stretch_the_limits_of_its_guests_further(tmp_path: Path) -> None:
    """For what was built into the kernel, which its config does not tell."""
    kernel = scripted_kernel(tmp_path, "CONFIG_KASAN=y\n")
    plain, patient = (VmGuest(kernel, MachineSpec("tcg", time_factor=by), tmp_path, "7.2") for by in (1.0, 2.5))
    assert patient.slowness == 2.5 * plain.slowness
    assert patient.slow_features == plain.slow_features == ("KASAN x3",)
