# SPDX-License-Identifier: GPL-2.0-only
"""What makes a round of ci/soak-injection red, on a guest that is played."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness.suites.pytest_plugin import GuestFixture
from tests import soak_injection
from tests.support.oom_reports import IN_USER_SPACE
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

GOOD = "KTAP version 1\n1..3\nok 1 limits.a\nok 2 limits.b\nok 3 limits.c\n"
RETRIED = "[   33.0] Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF\n"


NAMES = ["limits.a", "limits.b", "limits.c"]


def do_round(root: Path, stdout: str, status: int, says: str = "") -> None:
    replies = {"harness.guest.runner": Answer(stdout, status), "^dmesg": Answer(says)}
    guest = ScriptedGuest(scripted_kernel(root), dict(replies))
    played = SimpleNamespace(run=lambda command, timeout=60.0: guest.run(command, timeout=timeout))
    soak_injection.test_round(cast(GuestFixture, played), soak_injection.ARCHIVE, NAMES, 7)


def test_good_round(tmp_path: Path) -> None:
    do_round(tmp_path, GOOD, 0)
    do_round(tmp_path, GOOD.replace("limits.b", "limits.b # SKIP not there"), 0)


@pytest.mark.parametrize(
    ("stdout", "status", "says"),
    [
        (GOOD.replace("ok 2", "not ok 2"), 1, ""),
        (GOOD.partition("ok 2")[0], 137, ""),
        (GOOD, 139, ""),
        (GOOD.replace("ok 3 limits.c\n", ""), 0, ""),
        ("", 0, ""),
        ("".join(f"ok {number} {name} # SKIP no\n" for number, name in enumerate(NAMES, 1)), 0, ""),
        (GOOD, 0, RETRIED),
    ],
)
def test_red_round(tmp_path: Path, stdout: str, status: int, says: str) -> None:
    with pytest.raises(AssertionError):
        do_round(tmp_path, stdout, status, says)


def test_what_missed_the_call_is_found_in_a_log(tmp_path: Path) -> None:
    for log, found in ((IN_USER_SPACE, True), (RETRIED, True), ("[   1.0] all is well\n", False)):
        (tmp_path / "log").write_text(log)
        shell = soak_injection.MISSED.replace("dmesg |", f"cat {tmp_path}/log |")
        done = subprocess.run(["sh", "-c", shell], capture_output=True, check=True)
        assert bool(done.stdout) is found
