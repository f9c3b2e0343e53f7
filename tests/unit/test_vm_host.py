# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose programs were replaced on the host is not lost by its kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.interfaces import GuestLost
from harness.vm.host import blamed, installed

LOST = "the ssh connection was lost, while the guest's kernel lived"


@pytest.mark.parametrize(
    ("reason", "changed", "machine"),
    [
        (LOST, 101, True),
        ("sshd was ended in the guest, while its kernel lived", 101, True),
        (LOST, 99, False),
        ("panic: Fatal exception", 101, False),
        ("no answer for 80 s: the guest hangs", 101, False),
    ],
)
def test_packages_that_change_meanwhile(tmp_path: Path, reason: str, changed: int, machine: bool) -> None:
    (tmp_path / "status").touch()
    os.utime(tmp_path / "status", (changed, changed))
    found = blamed(GuestLost(reason), 100.0, [tmp_path / "nowhere", tmp_path / "status"])
    assert found.machine is machine and found.reason.startswith(reason)


def test_what_is_installed_is_told_by_content_so_that_jobs_in_fresh_containers_agree(tmp_path: Path) -> None:
    status, local = tmp_path / "status", tmp_path / "local"
    places = [status, local, tmp_path / "nowhere"]
    local.mkdir()
    status.write_text("Package: kmod\nVersion: 30\n")
    before = installed(places)
    os.utime(status, (1, 1))
    assert installed(places) == before
    status.write_text("Package: kmod\nVersion: 31\n")
    newer = installed(places)
    (local / "kmod-31-1").mkdir()
    assert len({before, newer, installed(places)}) == 3
