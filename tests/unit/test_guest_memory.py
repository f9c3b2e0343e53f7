# SPDX-License-Identifier: GPL-2.0-only
"""Free memory of the whole machine, of which the kernel under test takes a part for good, or somebody else for now."""

from __future__ import annotations

import pytest

from harness.guest import memory
from harness.guest.memory import expect_freed
from harness.guest.registry import CheckFailed

MIB = 1 << 20


def played(monkeypatch: pytest.MonkeyPatch, *free: int) -> list[int]:
    """MemFree is ``free`` MiB, one after the other; what was not asked for yet."""
    left = list(free)
    monkeypatch.setattr(memory, "memory", lambda _field: left.pop(0) * MIB)
    return left


def test_memory_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    left = played(monkeypatch, 500, 490)
    expect_freed(lambda: None, 16 * MIB)
    assert not left


def test_what_somebody_else_took_meanwhile_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    left = played(monkeypatch, 500, 470, 470, 450, 450, 450)
    expect_freed(lambda: None, 16 * MIB)
    assert not left


def test_memory_that_is_gone_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    played(monkeypatch, 500, 484, 484, 460, 460, 420)
    with pytest.raises(CheckFailed, match=r"^40 MiB of memory less than before$"):
        expect_freed(lambda: done.append(1), 16 * MIB)
    assert len(done) == 3
