# SPDX-License-Identifier: GPL-2.0-only
"""Does KVM run a guest here? Asked by booting one."""

from __future__ import annotations

import shutil

from harness.build import newest_kernel
from harness.errors import HarnessError
from harness.model import BootOutcome
from harness.paths import cache_dir, new_run_id
from harness.vm import accel
from harness.vm.launch import Launcher


def prove_kvm() -> tuple[bool, str]:
    """(works, why): boots the newest kernel in the cache under KVM, forgetting any earlier answer."""
    version = accel.qemu_version()
    accel.forget()
    known = accel.choose("auto", version)
    if known.proved:
        return False, known.reason
    kernel = newest_kernel()
    if kernel is None:
        return False, "not proved: no kernel has been built yet; the first run will try"
    directory = cache_dir("doctor", new_run_id())
    try:
        launcher = Launcher("kvm", lambda text: None)
        guest, report = launcher.boot(kernel, directory)
        guest.shutdown()
    except HarnessError as error:
        return False, accel.remember(False, error.what, version).reason
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if report.outcome is not BootOutcome.UP:
        return False, f"a guest starts but does not come up ({report.ended})"
    return True, f"a guest came up in {report.seconds:.1f} s"
