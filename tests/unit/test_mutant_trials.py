# SPDX-License-Identifier: GPL-2.0-only
"""What the console tells of mutants that checks let live."""

from __future__ import annotations

import pytest

from harness.guest import registry
from harness.mutants.trials import late_reports, limit_factor

WARNING = """\
[   {at}.000000] ------------[ cut here ]------------
[   {at}.000001] WARNING: CPU: 0 PID: 77 at drivers/dma-buf/dma-resv.c:120 dma_resv_fini+0x10/0x40
[   {at}.000002] CPU: 0 UID: 0 PID: 77 Comm: python3 Not tainted 6.12.0 #1
[   {at}.000003] Call Trace:
[   {at}.000004]  <TASK>
[   {at}.000005]  dma_buf_release+0x10/0x40
[   {at}.000006]  </TASK>
[   {at}.000007] ---[ end trace 0000000000000000 ]---
"""


def mark(at: int, verb: str, number: int, test: str) -> str:
    return f"[   {at}.500000] dmabuf-harness: check {verb} {number} {test}\n"


START = "[    1.000000] dmabuf-harness: start mutants\n"


def test_a_report_belongs_to_the_mutant_that_was_chosen_last() -> None:
    console = (
        START
        + mark(2, "start", 5, "udmabuf.a")
        + mark(3, "end", 5, "udmabuf.a")
        + WARNING.format(at=4)
        + mark(5, "start", 6, "udmabuf.b")
        + WARNING.format(at=6)
        + mark(7, "end", 6, "udmabuf.b")
    )
    found = late_reports(console)
    assert {number: test for number, (test, _) in found.items()} == {5: "udmabuf.a", 6: "udmabuf.b"}
    assert "dma_resv_fini" in found[5][1]


def test_what_the_control_and_the_boot_print_is_of_no_mutant() -> None:
    console = WARNING.format(at=0) + START + mark(2, "start", 0, "udmabuf.a") + WARNING.format(at=3)
    assert late_reports(console) == {}


def test_what_a_check_provokes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_PROVOKED", {"contract.a": ("dma_resv_fini",)})
    console = START + mark(2, "start", 5, "contract.a") + WARNING.format(at=3) + mark(4, "end", 5, "contract.a")
    assert late_reports(console) == {}
    assert late_reports(console.replace("contract.a", "contract.b")).keys() == {5}


@pytest.mark.parametrize(
    ("slowness", "slowest", "factor"),
    [(1.0, 0.1, 1.0), (8.0, 0.1, 2.0), (8.0, 10.0, 4.0), (8.0, 60.0, 8.0), (1.0, 9.0, 1.0)],
)
def test_limits_are_short_where_the_host_is_not_busy(slowness: float, slowest: float, factor: float) -> None:
    assert limit_factor(slowness, slowest) == factor


def test_a_clean_console_tells_nothing() -> None:
    assert late_reports(START + mark(2, "start", 5, "udmabuf.a") + mark(3, "end", 5, "udmabuf.a")) == {}
