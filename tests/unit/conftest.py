# SPDX-License-Identifier: GPL-2.0-only
"""What every unit test leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import process


@pytest.fixture(autouse=True)
def programs_may_start_again() -> Iterator[None]:
    """The end of ``main`` is the end of all programs, also of those that the next test would start."""
    yield
    process.allow_again()
