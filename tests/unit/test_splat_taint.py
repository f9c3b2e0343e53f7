# SPDX-License-Identifier: GPL-2.0-only
"""A taint flag that no report explains is told."""

from __future__ import annotations

import pytest

from harness.model import Splat
from harness.splat import find_splats
from harness.splat.taint import FLAGS, letters, meanings, silent

CUT = "------------[ cut here ]------------"


def stamped(text: str) -> str:
    return "".join(f"[   12.345678] {line}\n" for line in text.splitlines())


def bug(tainted: str, name: str = "BUG: Bad page state in process x") -> str:
    return f"{name}\nCPU: 0 PID: 1 Comm: x {tainted} 6.12.117 #1\nCall Trace:\n f+0x1/0x2\nother\n"


def taints(text: str) -> list[str]:
    return [splat.fingerprint for splat in find_splats(stamped(text)) if splat.kind == "taint"]


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, ""), (512, "W"), (4096, "O"), (4096 + 512 + 128, "DWO"), (1 << 14, "L"), (1 << 19, "J"), (1 << 25, "?")],
)
def test_letters(number: int, told: str) -> None:
    assert letters(number) == told
    assert len(meanings(number)) == len(told)


def test_each_flag_has_its_words() -> None:
    assert meanings((1 << len(FLAGS)) - 1) == tuple(f"{letter}: {meaning}" for letter, meaning in FLAGS)


def silently(readings: dict[str, int], *splats: Splat) -> list[tuple[str, str]]:
    return [(splat.fingerprint, splat.during) for splat in silent(readings, splats)]


def test_a_flag_that_came_without_a_report_is_told_where_it_came_and_once() -> None:
    assert silently({"checks": 4096, "sync": 4096 + 512, "dma-buf": 4096 + 512}) == [("taint-W", "sync")]
    (flag,) = silent({"checks": 512}, ())
    assert flag.title == "the kernel is tainted W (a warning was printed), and nothing in the log says why"


def test_a_flag_that_a_report_explains_is_not() -> None:
    warn = Splat("refcount", "refcount_t: underflow", f"{CUT}\nrefcount_t: underflow", 1)
    assert silently({"checks": 512}, warn) == []
    assert silently({"checks": 512 + 128}, warn) == [("taint-D", "checks")]
    told = find_splats(stamped(bug("Tainted: G        W      ")))
    assert silently({"checks": 512 + 32}, *told) == []


def test_flags_that_mean_no_trouble_are_none() -> None:
    assert silently({"checks": (1 << 12) | (1 << 13) | (1 << 18)}) == []


def test_a_report_that_was_lost_leaves_its_flag_in_the_next_one() -> None:
    text = bug("Tainted: G        W  O     ")
    assert taints(text) == ["taint-W"]
    (flag,) = [splat for splat in find_splats(stamped(text)) if splat.kind == "taint"]
    assert "W" in flag.title and flag.line == 1 and flag.during == "boot"


def test_a_report_that_is_there_explains_it() -> None:
    warn = (
        f"{CUT}\nplanted\nCPU: 0 PID: 1 Comm: x Not tainted 6.12 #1\nCall Trace:\n f+0x1/0x2\n---[ end trace 0 ]---\n"
    )
    assert taints(warn + bug("Tainted: G        W      ")) == []
    assert taints(warn + bug("Tainted: G      D W      ")) == ["taint-D"]


def test_sleeping_where_one_must_not_counts_as_a_warning() -> None:
    atomic = bug("Not tainted", "BUG: sleeping function called from invalid context at a.c:1")
    assert taints(atomic + bug("Tainted: G        W      ")) == []


def test_a_flag_is_told_once() -> None:
    assert taints(bug("Tainted: G        W      ") + bug("Tainted: G        W      ", "BUG: Bad rss-counter")) == [
        "taint-W"
    ]


def test_modules_are_no_trouble() -> None:
    assert taints(bug("Tainted: G           OE    N")) == []


def test_the_flag_of_a_soft_lockup_is_no_trouble_by_itself() -> None:
    """Seen on 7.3: making a sw_sync fence sets it."""
    assert taints(bug("Tainted: G           O L   ")) == []
