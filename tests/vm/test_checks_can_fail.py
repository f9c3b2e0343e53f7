# SPDX-License-Identifier: GPL-2.0-only
"""Every check goes red when the kernel's answers are falsified, one at a time, in a real guest."""

from __future__ import annotations

import pytest

from harness.paths import PROJECT_ROOT
from harness.vm.guest import VmGuest

pytestmark = pytest.mark.vm


def test_no_check_is_blind(guest: VmGuest) -> None:
    script = PROJECT_ROOT / "tests" / "vm" / "sabotaged_checks.py"
    done = guest.run(f"/usr/bin/python3 -I -S {script} {PROJECT_ROOT}", timeout=120 * guest.slowness)
    assert done.ok, done.stdout[-3000:] + done.stderr[-1000:]
