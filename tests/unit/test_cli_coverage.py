# SPDX-License-Identifier: GPL-2.0-only
"""What ``coverage`` shows of maps, and how it refuses what names nothing."""

from __future__ import annotations

import pytest

from harness.cli.coverage import _line_asked, _shown
from harness.cli.coverage_page import source_page
from harness.errors import UserError
from harness.model import PlannedTest
from harness.reach import FunctionSpan, ProfiledFile, ReachedPart, ReachMap
from harness.report import render_source

PATH = "drivers/dma-buf/dma-buf.c"
PIN = PlannedTest("contract", "pin")


def _map(variant: str, ran: set[int]) -> ReachMap:
    file = ProfiledFile(frozenset({2, 3, 6}), (FunctionSpan(1, 4, "pin"), FunctionSpan(5, 7, "unpin")), {2: 2})
    part = ReachedPart(frozenset(ran), frozenset({"pin"}), frozenset({(2, 0)}))
    return ReachMap("key", {PATH: file}, {PIN: {PATH: part}}, base="debian:6.12", version="6.12.1", variant=variant)


ON, OFF = _map("on", {2}), _map("off", {2, 3})


def test_the_table_has_each_variant_and_all_together() -> None:
    text = " ".join(_shown([ON, OFF], None, None).split())
    assert "on of debian:6.12 (6.12.1), 1 tests" in text and "all variants of debian:6.12" in text
    assert f"{PATH} 1/3 33 % 1/2 50 % 1/2 50 %" in text and f"{PATH} 2/3 66 %" in text
    assert text.count("no test enters") == 1 and "5 unpin" in text


def test_one_test_and_one_line() -> None:
    assert "pin: 2" in _shown([ON], "pin", None)
    assert "reached by 1 of 1 tests, 1 of 2 ways out of it" in _shown([ON], None, ("dma-buf.c", 2))
    assert "reached by 0 of 1 tests" in _shown([ON], None, (PATH, 6))
    assert "no counter" in _shown([ON], None, (PATH, 5))


@pytest.mark.parametrize("text", ["dma-buf.c", ":3", "dma-buf.c:x", "dma-buf.c:²", ""])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a line of a file"):
        _line_asked(text)


def test_names_that_are_not_known_are_refused() -> None:
    with pytest.raises(UserError, match="no file in which anything counts"):
        _shown([ON], None, ("udmabuf.c", 1))
    with pytest.raises(UserError, match="no test that was measured"):
        _shown([ON], "unpin", None)


def test_the_page_marks_each_line_and_escapes_the_source() -> None:
    source = "int pin(void)\n\tif (a <b>)\n\t\tgoto out;\n}\nint unpin(void)\n\tb();\n}\n"
    page = render_source(source_page(ON, lambda _path: source))
    assert "if (a &lt;b&gt;)" in page and "contract pin" in page
    assert [page.count(f'<tr class="{mark}">') for mark in ("partly", "never", "ran")] == [1, 2, 0]
