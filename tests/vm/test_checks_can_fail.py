# SPDX-License-Identifier: GPL-2.0-only
"""Every check goes red when the kernel's answers are falsified, one at a time, in a real guest."""

from __future__ import annotations

import sys

import pytest

from harness.guest.checks import all_checks
from harness.paths import PROJECT_ROOT
from harness.verdict import load_expectations
from harness.vm.guest import VmGuest
from tests.support.sabotage import trouble

pytestmark = pytest.mark.vm


def _known(release: str) -> set[str]:
    """The checks that fail on the unpatched kernel, which shows that they can."""
    entries = [entry for entry in load_expectations() if entry.kind == "fail" and entry.holds_for(release, "")]
    return {name for name in all_checks() if any(entry.match.fullmatch(name) for entry in entries)}


@pytest.mark.full  # longer than all other tests together: each check is told a lie
def test_no_check_is_blind(guest: VmGuest) -> None:
    script = PROJECT_ROOT / "tests" / "vm" / "sabotaged_checks.py"
    done = guest.run(f"/usr/bin/python3 -I -S {script} {PROJECT_ROOT}", timeout=240 * guest.slowness)
    sys.stdout.write(done.stdout)  # with pytest -s: what caught_lies.txt is made of
    found = trouble(done.stdout, done.status, all_checks(), _known(guest.kernel.release))
    assert found == [], done.stdout[-3000:] + done.stderr[-1000:]
