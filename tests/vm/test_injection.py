# SPDX-License-Identifier: GPL-2.0-only
"""Failed allocations in a real guest: what misses the call under test is seen, and the checks do not do it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest import bundle
from harness.paths import PROJECT_ROOT
from harness.vm.guest import VmGuest
from tests.soak_injection import ARCHIVE, MISSED

pytestmark = pytest.mark.vm


def test_allocation_that_fails_outside_a_call_is_seen_in_the_log(guest: VmGuest) -> None:
    script = PROJECT_ROOT / "tests" / "vm" / "missed_call.py"
    assert guest.run(MISSED, timeout=20 * guest.slowness).stdout == ""
    done = guest.run(f"/usr/bin/python3 -I -S {script} {PROJECT_ROOT}", timeout=30 * guest.slowness)
    assert done.status in (0, 137), done.stderr
    assert guest.run(MISSED, timeout=20 * guest.slowness).stdout != ""


def test_checks_hit_nothing_but_their_calls(guest: VmGuest, tmp_path: Path) -> None:
    (tmp_path / "checks.zip").write_bytes(bundle.contents())
    guest.put(tmp_path / "checks.zip", ARCHIVE)
    for _ in range(3):
        done = guest.run(bundle.command(ARCHIVE, "*out-of-memory"), timeout=60 * guest.slowness)
        assert done.status == 0 or "not ok" in done.stdout, done.stdout + done.stderr
        assert done.stdout.count("allocations failed in turn") > 10
    assert guest.run(MISSED, timeout=20 * guest.slowness).stdout == ""
