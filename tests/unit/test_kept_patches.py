# SPDX-License-Identifier: GPL-2.0-only
"""A run keeps its patches, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import DEFAULT_SERIES, bundled_series, load_series
from harness.intake.kept_patches import keep_patches, kept_below, kept_patches

SERIES = load_series(bundled_series()[DEFAULT_SERIES])


def test_what_is_kept_is_what_was_given(tmp_path: Path) -> None:
    keep_patches(tmp_path, SERIES, SERIES[:1])
    found = kept_patches(tmp_path, [f"dma-buf: [{number}] häßlich" for number in range(len(SERIES))])
    assert [patch.diff for patch in found] == [patch.diff for patch in SERIES]
    assert found[0].subject == "dma-buf: [0] häßlich"
    assert [patch.diff for patch in kept_below(tmp_path)] == [SERIES[0].diff]


def test_a_subject_is_no_part_of_a_file_name(tmp_path: Path) -> None:
    keep_patches(tmp_path, [replace(SERIES[0], subject="../../x\n")], ())
    assert [path.name for path in (tmp_path / "patches").iterdir()] == ["0001.diff"]


def test_a_run_without_a_patch_keeps_none(tmp_path: Path) -> None:
    keep_patches(tmp_path, (), ())
    assert list(tmp_path.iterdir()) == []
    assert kept_patches(tmp_path, ()) == ()


def test_a_run_of_an_older_harness_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the run had 1 patches and keeps 0"):
        kept_patches(tmp_path, ["dma-buf: x"])
