# SPDX-License-Identifier: GPL-2.0-only
"""Names that ``--suite`` takes."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from harness.suites import select_suites, suite_folders, suite_names


def test_no_name_means_all_and_names_are_their_own() -> None:
    assert [suite.name for suite in select_suites(())] == [folder.name for folder in suite_folders()]


def test_what_answers_first_comes_first() -> None:
    names = [suite.name for suite in select_suites(())]
    assert names[:2] == ["checks", "contract"]
    assert names[-1] == "in-kernel"


def test_alias_and_order_and_doubles() -> None:
    names = [suite.name for suite in select_suites(("in-kernel", "kselftest", "contract", "sync", "checks", "checks"))]
    assert names == [folder.name for folder in suite_folders() if folder.name in names]
    assert {"dma-buf", "dmabuf-heaps", "sync", "checks", "contract", "in-kernel"} <= set(names)
    assert [suite.name for suite in select_suites(("sync",))] == ["sync"]


def test_unknown_name_shows_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        select_suites(("dmabuf-heap",))
    assert "dmabuf-heap: no suite is called that; did you mean dmabuf-heaps?" in str(caught.value)
    assert all(name in str(caught.value) for name in suite_names())
