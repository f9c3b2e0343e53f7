# SPDX-License-Identifier: GPL-2.0-only
"""The place in a file that a hunk was meant for."""

from __future__ import annotations

import pytest

from harness.intake.nearest import Nearest, nearest, nearest_name

FILE = [b"line %d" % number for number in range(1, 101)]


def test_exact_place_nearest_to_where_it_was_meant() -> None:
    repeated = FILE + FILE
    assert nearest(FILE[10:15], repeated, 115) == Nearest(111, 0, 5, 0, None, None, blanks=True)
    assert nearest(FILE[10:15], repeated, 20) == Nearest(11, 0, 5, 0, None, None, blanks=True)


@pytest.mark.parametrize(
    ("hunk", "expected"),
    [
        ([*FILE[10:13], b"other", FILE[14]], Nearest(11, 1, 5, 0, b"other", b"line 14", blanks=False)),
        ([*FILE[10:12], *FILE[13:16]], Nearest(11, 0, 5, 1, None, b"line 13", blanks=False)),
        ([*FILE[10:13], b"more", *FILE[13:15]], Nearest(11, 1, 6, 0, b"more", None, blanks=False)),
        ([b"line\t11", *FILE[11:14]], Nearest(11, 1, 4, 0, b"line\t11", b"line 11", blanks=True)),
        ([line + b"\r" for line in FILE[10:13]], Nearest(11, 3, 3, 0, b"line 11\r", b"line 11", blanks=True)),
        ([b"gone", b"gone", FILE[0]], Nearest(1, 2, 3, 0, b"gone", None, blanks=False)),
    ],
    ids=["changed", "the file has more", "the file has less", "blanks", "line ends", "before the first line"],
)
def test_first_difference(hunk: list[bytes], expected: Nearest) -> None:
    assert nearest(hunk, FILE, 11) == expected


def test_nothing_alike() -> None:
    assert nearest([b"alpha", b"", b"beta"], [*FILE, b""], 1) is None
    assert nearest([b"alpha"], [], 1) is None


def test_names() -> None:
    existing = ["drivers/dma-buf/dma-buf.c", "drivers/dma-buf/dma-heap.c", "net/core/sock.c", "Makefile"]
    assert nearest_name("drivers/base/dma-buf.c", existing) == "drivers/dma-buf/dma-buf.c"
    assert nearest_name("drivers/dma-buf/dma-heaps.c", existing) == "drivers/dma-buf/dma-heap.c"
    assert nearest_name("src/manager.c", existing) is None
