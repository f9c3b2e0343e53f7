# SPDX-License-Identifier: GPL-2.0-only
"""Names that ``--suite`` takes."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from harness.suites import SUITES, select_suites, suite_names


def test_no_name_means_all_and_names_are_their_own() -> None:
    assert [suite.name for suite in select_suites(())] == list(SUITES)
    assert list(SUITES) == ["checks", "contract", "dma-buf", "dmabuf-heaps", "sync", "in-kernel"]


def test_alias_and_order_and_doubles() -> None:
    names = [suite.name for suite in select_suites(("in-kernel", "kselftest", "contract", "sync", "checks", "checks"))]
    assert names == list(SUITES)
    assert [suite.name for suite in select_suites(("sync",))] == ["sync"]


def test_unknown_name_shows_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        select_suites(("dmabuf-heap",))
    assert "dmabuf-heap: no suite is called that; did you mean dmabuf-heaps?" in str(caught.value)
    assert all(name in str(caught.value) for name in suite_names())
