# SPDX-License-Identifier: GPL-2.0-only
"""Does KVM run a guest here, and faster than TCG? Asked by booting one, as the first boot of a run does it."""

from __future__ import annotations

import shutil

from harness.errors import HarnessError
from harness.model import Kernel
from harness.paths import cache_dir, new_run_id
from harness.vm import accel
from harness.vm.launch import Launcher


def prove_kvm(kernel: Kernel | None) -> tuple[bool, str]:
    """(KVM is taken, why): boots ``kernel``, the newest one at hand, forgetting any earlier answer."""
    accel.forget()
    known = accel.choose("auto", accel.qemu_version())
    if known.proved:
        return False, known.reason
    if kernel is None:
        return False, "not proved: no kernel has been built yet; the first run will try"
    try:
        return _prove(kernel)
    except HarnessError as error:
        return False, f"not proved: {error.what}"


def _prove(kernel: Kernel) -> tuple[bool, str]:
    launcher = Launcher("auto", lambda text: None)
    directory = cache_dir("doctor", new_run_id())
    try:
        guest, report = launcher.boot(kernel, directory / "boot")
        guest.shutdown()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    settled = launcher.accelerator
    if not settled.proved:
        return False, f"not proved: the newest kernel, {kernel.release}, does not come up ({report.ended})"
    return settled.name == "kvm", settled.reason
