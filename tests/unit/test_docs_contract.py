# SPDX-License-Identifier: GPL-2.0-only
"""docs/contract.md and the checks tell of the same rows, and of the same checks in them."""

from __future__ import annotations

import re

import pytest

from harness.guest.checks import all_checks
from harness.paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "contract.md").read_text()
CHECKS = [name for name in all_checks() if name.startswith("contract.")]
ROWS = re.findall(r"^### (\d+)\. [^\n]+\n\n(.+?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
KERNEL_NAME = re.compile(r"`(?:dma_buf|dma_resv)_\w+\(\)`|`dma-buf\.c`")


def _row_of(check: str) -> int:
    found = re.fullmatch(r"contract\.row-(\d\d)-.+", check)
    assert found, f"{check} belongs to no row"
    return int(found[1])


def test_rows_are_numbered_without_gaps() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 20


@pytest.mark.parametrize(("number", "text"), ROWS)
def test_a_row_says_what_is_promised_and_where_and_lists_its_checks(number: str, text: str) -> None:
    promise, _, _ = text.partition("\n- ")
    assert KERNEL_NAME.search(promise), "names no function of the kernel"
    listed = re.findall(r"^- `(\S+)`$", text, re.MULTILINE)
    assert listed
    assert sorted(listed) == sorted(name for name in CHECKS if _row_of(name) == int(number))


def test_every_check_is_listed_once() -> None:
    assert sorted(re.findall(r"^- `(contract\.\S+)`$", PAGE, re.MULTILINE)) == sorted(CHECKS)


def test_no_other_check_is_named() -> None:
    named = set(re.findall(r"contract\.row-[a-z0-9-]*[a-z0-9]", PAGE))
    assert named - set(CHECKS) == {"contract.row-09"}  # the pattern in an example
