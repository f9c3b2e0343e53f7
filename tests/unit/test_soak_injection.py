# SPDX-License-Identifier: GPL-2.0-only
"""What makes a round of ci/soak-injection red, on a guest that is played."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from harness.suites.pytest_plugin import GuestFixture
from tests import soak_injection
from tests.support.oom_reports import IN_USER_SPACE
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

GOOD = "KTAP version 1\n1..3\nok 1 limits.a\nok 2 limits.b\nok 3 limits.c\n"
RETRIED = "[   33.0] Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF\n"


class PlayedGuest(ScriptedGuest):
    says = ""

    def kernel_log(self) -> str:
        return self.says


def do_round(root: Path, stdout: str, status: int, says: str = "", known: tuple[str, ...] = ()) -> None:
    guest = PlayedGuest(scripted_kernel(root), {"harness.guest.runner": Answer(stdout, status)})
    guest.says = says
    soak_injection.test_round(cast(GuestFixture, guest), soak_injection.ARCHIVE, list(known), 7)


def test_good_round(tmp_path: Path) -> None:
    do_round(tmp_path, GOOD, 0)
    do_round(tmp_path, GOOD.replace("ok 2", "not ok 2"), 1, known=("limits.b",))
    do_round(tmp_path, GOOD.replace("limits.b", "limits.b # SKIP not there"), 0, says="[    1.0] all is well\n")


@pytest.mark.parametrize(
    ("stdout", "status", "says", "known"),
    [
        (GOOD.replace("ok 2", "not ok 2"), 1, "", ("limits.a",)),
        (GOOD.partition("ok 2")[0], 137, "", ()),
        (GOOD, 139, "", ()),
        ("", 0, "", ()),
        (GOOD.replace(" limits", " # SKIP limits"), 0, "", ()),
        (GOOD, 0, IN_USER_SPACE, ()),
        (GOOD, 0, RETRIED, ()),
    ],
)
def test_red_round(tmp_path: Path, stdout: str, status: int, says: str, known: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError):
        do_round(tmp_path, stdout, status, says, known)
