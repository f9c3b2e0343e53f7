# SPDX-License-Identifier: GPL-2.0-only
"""A mark of a test says what runs; it does not end what another task prints meanwhile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.model import Splat
from harness.splat import find_splats
from harness.vm.console import Console
from tests.support.report_shapes import BODIES, BY, REPORTS, printed, trace

DATA = Path(__file__).parent.parent / "data"
LOGS = sorted(DATA.glob("console-*.log"))
EVERY = 9
_STAMP = re.compile(r"(?P<level><\d+>)?\[ *(?P<time>\d+\.\d+)\](?P<caller>\[ *[TC]\d+\])?")
BEGIN = [
    "<12>[   11.000000][   T50] dmabuf-harness: start checks",
    "<12>[   11.100000][   T50] dmabuf-harness: check start one",
]


def marked(lines: Sequence[str], first: int, callers: bool) -> str:
    """A mark after every ninth of ``lines``, from the one with the index ``first`` on."""
    found: list[str] = []
    stamp = "1.000000"
    for index, line in enumerate(lines):
        found.append(line)
        stamp = seen["time"] if (seen := _STAMP.search(line)) else stamp
        if index % EVERY == first:
            found.append(f"<12>[{stamp:>12}]{'[   T50]' if callers else ''} dmabuf-harness: check start test-{index}")
    return "\n".join(found)


def with_caller(lines: Sequence[str]) -> list[str]:
    """``lines`` with a task that printed them, where nothing tells who did."""
    return [
        _STAMP.sub(lambda found: found[0] if found["caller"] else f"{found[0]}[    T9]", line, count=1)
        for line in lines
    ]


def reports(splats: Sequence[Splat]) -> Counter[tuple[str, str]]:
    return Counter((splat.kind, splat.fingerprint) for splat in splats for _ in range(splat.count))


@pytest.mark.parametrize("first", range(0, EVERY, 3))
@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_marks_anywhere_leave_the_reports_of_a_real_log_as_they_are(log: Path, first: int) -> None:
    lines = Console(log).text().split("\n")
    for callers, known in ((True, with_caller(lines)), (False, lines)):
        assert reports(find_splats(marked(known, first, callers))) == reports(find_splats("\n".join(known)))


@pytest.mark.parametrize("callers", [True, False])
@pytest.mark.parametrize("tags", ["as it is", "before 5.16"])
@pytest.mark.parametrize("report", REPORTS)
def test_a_report_that_a_test_ends_in_is_one_and_that_tests(report: str, tags: str, callers: bool) -> None:
    body = BODIES[tags](REPORTS[report]("udmabuf_map"))
    lines = printed(body, callers=callers)
    (whole,) = find_splats("\n".join([*BEGIN, *lines]))
    for cut in range(1, len(lines)):
        stamp = lines[cut - 1].partition("[")[2].partition("]")[0]
        by = f"<12>[{stamp}]" + ("[   T50]" if callers else "")
        marks = [f"{by} dmabuf-harness: check end one", f"{by} dmabuf-harness: check start two"]
        found = find_splats("\n".join([*BEGIN, *lines[:cut], *marks, *lines[cut:]]))
        assert [(splat.fingerprint, splat.during) for splat in found] == [(whole.fingerprint, "checks: one")], cut
        assert not callers or found[0].text == whole.text


def test_who_writes_a_mark_is_done_with_its_own_report() -> None:
    log = [
        *printed("BUG: Bad rss-counter state mm:1 type:2 val:3", "T50"),
        "<12>[   12.100000][   T50] dmabuf-harness: check end one",
        *printed("a line of the next test", "T50", start=12.2),
    ]
    (splat,) = find_splats("\n".join([*BEGIN, *log]))
    assert "next test" not in splat.text


def test_reports_of_two_tests_are_laid_at_each() -> None:
    one, two = (printed(REPORTS["bad page"](place), start=start) for place, start in (("f", 12.0), ("g", 12.5)))
    mark = "<12>[   12.400000][   T50] dmabuf-harness: check start two"
    assert [splat.during for splat in find_splats("\n".join([*BEGIN, *one, mark, *two]))] == [
        "checks: one",
        "checks: two",
    ]


@pytest.mark.parametrize("words", ["probe: something is odd\n", ""])
@pytest.mark.parametrize("callers", [True, False])
def test_a_stack_that_is_dumped_after_a_mark_is_no_part(callers: bool, words: str) -> None:
    """Also by the same task, and where nothing tells who prints what."""
    one = printed(REPORTS["bad page"]("f"), callers=callers)
    mark = f"<12>[   12.400000]{'[   T50]' if callers else ''} dmabuf-harness: check start two"
    two = printed(f"{words}{BY['6.12']}\n{trace('g', 'h')}", callers=callers, start=12.5)
    first, second = find_splats("\n".join([*BEGIN, *one, mark, *two]))
    assert (first.during, second.kind, second.during) == ("checks: one", "trace", "checks: two")


def test_what_the_kernel_begins_to_test_ends_no_report_of_another() -> None:
    body = REPORTS["bad page"]("f").split("\n")
    log = printed("\n".join([*body[:4], "T77| dma-buf: Running dma_fence/test_wait", *body[4:]]))
    (splat,) = find_splats("\n".join(["<12>[   11.0][   T50] x", BEGIN[0].replace("checks", "in-kernel"), *log]))
    assert (splat.text, splat.during) == ("\n".join(body), "in-kernel")
