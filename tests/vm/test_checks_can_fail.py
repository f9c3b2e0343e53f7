# SPDX-License-Identifier: GPL-2.0-only
"""Every check goes red when the kernel's answers are falsified, one at a time, in a real guest."""

from __future__ import annotations

import re

import pytest

from harness.paths import PROJECT_ROOT
from harness.verdict import load_expectations
from harness.vm.guest import VmGuest

pytestmark = pytest.mark.vm


def _known(name: str, release: str) -> bool:
    """True if ``name`` fails on the unpatched kernel, which shows that it can."""
    entries = [entry for entry in load_expectations() if entry.kind == "fail" and entry.holds_for(release, "")]
    return any(entry.match.fullmatch(name) for entry in entries)


def test_no_check_is_blind(guest: VmGuest) -> None:
    script = PROJECT_ROOT / "tests" / "vm" / "sabotaged_checks.py"
    done = guest.run(f"/usr/bin/python3 -I -S {script} {PROJECT_ROOT}", timeout=120 * guest.slowness)
    found = re.findall(r"^(BROKEN|BLIND) ([^:\s]+)", done.stdout, re.MULTILINE)
    bad = [f"{what} {name}" for what, name in found if what == "BLIND" or not _known(name, guest.kernel.release)]
    assert bad == [], done.stdout[-3000:]
    assert done.status in (0, 1), done.stderr[-1000:]
