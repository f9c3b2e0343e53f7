# SPDX-License-Identifier: GPL-2.0-only
"""Counting what the slab caches hold: which of them count, and when memory that does not come back is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest import slabs
from harness.guest.registry import CheckFailed, CheckSkipped
from harness.guest.slabs import allocated, expect_slabs_given_back

HEAD = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount>
"""


def table(kmalloc: int, dentries: int = 5) -> str:
    end = "980 192 21 1 : tunables    0    0    0 : slabdata      9      9      0"
    caches = {"memdup_user-32": 4, "kmalloc-32": kmalloc, "dentry": dentries}
    return HEAD + "".join(f"{name:<16} {count:>6} {end}\n" for name, count in caches.items())


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Writes what the kernel tells from then on; nobody waits for workers."""
    monkeypatch.setattr(slabs, "SLABINFO", str(tmp_path / "slabinfo"))
    monkeypatch.setattr(slabs, "RELEASE_LIMIT", 0.0)

    def tell(text: str) -> None:
        (tmp_path / "slabinfo").write_text(text)

    return tell


def test_the_caches_of_kmalloc_are_counted() -> None:
    assert allocated(table(17)) == {"memdup_user-32": 4, "kmalloc-32": 17}


def test_a_loss_each_time_is_found(play: Callable[[str], None]) -> None:
    held = [100]

    def lose() -> None:
        held[0] += 1
        play(table(held[0]))

    play(table(100))
    with pytest.raises(CheckFailed, match=r"^objects that did not come back after 10 rounds: 10 of kmalloc-32$"):
        expect_slabs_given_back(lose, 10)
    assert held == [130]


def test_what_others_take_once_is_no_loss(play: Callable[[str], None]) -> None:
    calls = []

    def others_allocate() -> None:
        calls.append(1)
        play(table(100 + (50 if len(calls) >= 5 else 0)))

    play(table(100))
    expect_slabs_given_back(others_allocate, 10)
    assert len(calls) == 20


def test_fewer_objects_than_rounds_are_no_loss(play: Callable[[str], None]) -> None:
    play(table(100))
    expect_slabs_given_back(lambda: play(table(109)), 10)


def test_other_caches_do_not_count(play: Callable[[str], None]) -> None:
    play(table(100))
    expect_slabs_given_back(lambda: play(table(100, 5000)), 10)


def test_nothing_is_counted_where_what_was_freed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_HAS", "SW_SYNC,KASAN_GENERIC")
    with pytest.raises(CheckSkipped, match="CONFIG_KASAN_GENERIC keeps memory") as skipped:
        expect_slabs_given_back(lambda: None, 1)
    assert skipped.value.not_applicable


def test_without_the_file_it_is_skipped() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slabs, "SLABINFO", "/nowhere/slabinfo")
        with pytest.raises(CheckSkipped, match="needs root and CONFIG_SLUB_DEBUG"):
            expect_slabs_given_back(lambda: None, 1)
