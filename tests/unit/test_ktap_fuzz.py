# SPDX-License-Identifier: GPL-2.0-only
"""The parser takes any text and loses nothing that looks like a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from harness.ktap import KtapParser, KtapReport, KtapTest, parse
from harness.model import Status

_PIECES = st.sampled_from(
    (
        *("ok", "not ok", "1", "99999999999999999999", "1..2", "1..0", "# SKIP", "Bail out!", "- ", "\\#"),
        *("TAP version 13", "KTAP version 1", "# Subtest: x", "# selftests: a: b", "[    1.000000] "),
        *(" ", "    ", "#", "# ", "name", "\t", "\x00", "é"),
    )
)
_LINES = st.lists(st.lists(_PIECES, max_size=6).map("".join), max_size=30)


@given(_LINES)
def test_any_lines_are_taken_and_no_result_is_lost(lines: list[str]) -> None:
    parser = KtapParser()
    ended = [test for line in lines for test in parser.feed(line)]
    kept = [test for test in _everything(parser.close()) if test.status is not Status.MISSING]
    assert Counter(map(id, kept)) == Counter(map(id, ended))


def _everything(report: KtapReport) -> Iterator[KtapTest]:
    stack = list(report.tests)
    while stack:
        test = stack.pop()
        stack.extend(test.children)
        yield test


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    parse(text)


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.booleans())
def test_well_formed_output_is_read_back_whole(results: list[bool], in_kernel_log: bool) -> None:
    stamp = "[    1.234567] " if in_kernel_log else ""
    lines = [f"{'ok' if good else 'not ok'} {number} t{number}" for number, good in enumerate(results, 1)]
    report = parse(f"{stamp}{line}" for line in ["KTAP version 1", f"1..{len(results)}", *lines])
    assert [test.status.value for test in report.tests] == ["pass" if good else "fail" for good in results]
    assert report.problems == ()


def test_deep_nesting_costs_no_more_than_its_lines() -> None:
    depth = 5000
    lines = [" " * level + "ok 1 x" for level in range(depth)]
    report = parse([*lines, *reversed(lines)])
    assert report.problems  # it says that this is wrong, and comes back
