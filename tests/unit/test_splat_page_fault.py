# SPDX-License-Identifier: GPL-2.0-only
"""The OOM killer that a page fault of user space started, and what looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.splat import find_splats, is_oom_of_user_page_fault
from tests.support.oom_reports import IN_A_CALL, IN_USER_SPACE

REAL = Path(__file__).parent.parent / "data" / "console-6.12-oom.log"


def test_a_page_fault_of_user_space_that_found_no_memory() -> None:
    [splat] = find_splats(IN_USER_SPACE)
    assert splat.kind == "oom"
    assert is_oom_of_user_page_fault(splat)


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("gfp_mask=0x0()", "gfp_mask=0xcc0(GFP_KERNEL)"),  # an allocation was what found none
        ("pagefault_out_of_memory", "moom_callback"),
        ("RIP: 0033:", "RIP: 0010:"),
    ],
)
def test_one_that_began_elsewhere(what: str, instead: str) -> None:
    [splat] = find_splats(IN_USER_SPACE.replace(what, instead))
    assert splat.kind == "oom"
    assert not is_oom_of_user_page_fault(splat)


def test_one_that_began_in_a_system_call() -> None:
    [splat] = find_splats(IN_A_CALL)
    assert not is_oom_of_user_page_fault(splat)


def test_memory_that_really_ran_out() -> None:
    [splat] = find_splats(REAL.read_text())
    assert splat.kind == "oom"
    assert not is_oom_of_user_page_fault(splat)
