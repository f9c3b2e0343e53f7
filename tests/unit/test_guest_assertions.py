# SPDX-License-Identifier: GPL-2.0-only
"""What checks say of the kernel's answers: which are expected, and how others are told."""

from __future__ import annotations

import errno
import os

import pytest

from harness.guest import registry
from harness.guest.registry import absent_is_skipped, expect_equal, expect_errno
from harness.guest.waiting import soon


def _refuse(code: int) -> None:
    raise OSError(code, os.strerror(code))


def test_the_expected_error_passes() -> None:
    with expect_errno(errno.EINVAL, errno.EBADF):
        _refuse(errno.EBADF)


def test_another_error_fails_and_names_both() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^expected EINVAL or EBADF, got ENOENT$"):  # noqa: SIM117
        with expect_errno(errno.EINVAL, errno.EBADF):
            _refuse(errno.ENOENT)


def test_success_where_an_error_is_due_fails() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^expected EINVAL, but the call succeeded$"):  # noqa: SIM117
        with expect_errno(errno.EINVAL):
            pass


def test_a_missing_call_skips_even_where_another_error_is_due() -> None:
    with pytest.raises(registry.CheckSkipped, match=r"^NEW_CALL is not in this kernel$"):  # noqa: SIM117
        with expect_errno(errno.EINVAL), absent_is_skipped("NEW_CALL"):
            _refuse(errno.ENOTTY)


def test_long_bytes_are_told_by_their_first_difference() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^page: byte 100 is 0x00, expected 0x01$"):
        expect_equal("page", bytes(4096), bytes(100) + b"\1" + bytes(3995))


def test_values_are_told() -> None:
    with pytest.raises(registry.CheckFailed, match=r"^size is 1, expected 2$"):
        expect_equal("size", 1, 2)


def test_soon_acts_before_the_block_is_left() -> None:
    done: list[int] = []
    with soon(lambda: done.append(1)):
        pass
    assert done == [1]
