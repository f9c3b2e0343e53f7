# SPDX-License-Identifier: GPL-2.0-only
"""A file is written whole or not at all, whoever else writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.paths import write_atomic


def test_two_who_write_the_same_file_at_once_may_have_the_same_pid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads, or runs in containers that share a cache."""
    file, replace = tmp_path / "accelerator.json", Path.replace

    def meanwhile(part: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        write_atomic(file, "the other's")
        assert file.read_text() == "the other's"
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    write_atomic(file, "mine")
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]
