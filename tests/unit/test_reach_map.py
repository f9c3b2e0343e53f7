# SPDX-License-Identifier: GPL-2.0-only
"""The reach map: its queries, and its JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import PlannedTest
from harness.reach import FunctionSpan, MapError, ProfiledFile, ReachedPart, ReachMap, dump_reach, load_reach
from harness.reach.reach_json import ranges

PIN, LATE, IDLE = (PlannedTest("contract", name) for name in ("pin", "late", "idle"))
FILE = "drivers/dma-buf/dma-buf.c"
MAP = ReachMap(
    kernel="k" * 32,
    files={
        FILE: ProfiledFile(
            frozenset({10, 11, 12, 13, 20, 21}),
            (FunctionSpan(9, 14, "dma_buf_pin"), FunctionSpan(19, 22, "dma_buf_unpin")),
            {11: 2},
        )
    },
    tests={
        PIN: {FILE: ReachedPart(frozenset({10, 11, 13}), frozenset({"dma_buf_pin"}), frozenset({(11, 0)}))},
        LATE: {FILE: ReachedPart(frozenset({10, 11, 12, 13}), frozenset({"dma_buf_pin"}), frozenset({(11, 1)}))},
        IDLE: {},
    },
    lost={PlannedTest("checks", "died"): "panic"},
    base="debian:6.12",
    version="6.12.1",
    variant="on",
)


def test_a_line_and_a_function_have_the_tests_that_reach_them() -> None:
    assert MAP.tests_reaching(FILE, 10) == (PIN, LATE)
    assert MAP.tests_reaching(FILE, 12) == (LATE,)
    assert MAP.tests_reaching(FILE, 20) == ()
    assert MAP.tests_reaching(FILE, "dma_buf_pin") == (PIN, LATE)
    assert MAP.tests_reaching(FILE, "dma_buf_unpin") == ()
    assert MAP.tests_reaching(FILE) == (PIN, LATE)
    assert MAP.tests_reaching("no/such.c", 1) == ()


def test_what_no_test_reaches() -> None:
    assert MAP.never_reached(FILE) == frozenset({20, 21})
    assert [span.name for span in MAP.unreached_functions(FILE)] == ["dma_buf_unpin"]
    assert MAP.reached(FILE).branches == MAP.files[FILE].ways_out == frozenset({(11, 0), (11, 1)})


def test_a_line_is_in_the_innermost_function() -> None:
    file = ProfiledFile(functions=(FunctionSpan(1, 9, "outer"), FunctionSpan(3, 5, "inner")))
    assert [getattr(file.function_at(line), "name", "") for line in (2, 4, 9, 10)] == ["outer", "inner", "outer", ""]


def test_a_header_that_two_objects_compile_is_one_file() -> None:
    one = ProfiledFile(frozenset({1}), (FunctionSpan(1, 2, "f"),), {1: 2})
    two = ProfiledFile(frozenset({2}), (FunctionSpan(1, 2, "f"),), {1: 3, 2: 2})
    assert one.joined(two) == ProfiledFile(frozenset({1, 2}), (FunctionSpan(1, 2, "f"),), {1: 3, 2: 2})


def test_json_and_back() -> None:
    again = load_reach(dump_reach(MAP))
    assert again == MAP
    assert list(again.tests) == [PIN, LATE, IDLE]  # the order in which they ran


@given(st.sets(st.integers(1, 60)))
def test_any_set_of_lines_survives(lines: set[int]) -> None:
    once = ReachMap("k", {FILE: ProfiledFile(frozenset(lines))})
    assert load_reach(dump_reach(once)) == once


def test_lines_are_written_as_ranges() -> None:
    assert ranges({20, 12, 13, 14, 15}) == "12-15,20"
    assert ranges(()) == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', dump_reach(MAP).replace('"lines":"10-13', '"lines":"x')]
)
def test_what_is_no_map_is_said_to_be_none(text: str) -> None:
    with pytest.raises(MapError):
        load_reach(text)


def test_a_branch_is_held_per_line() -> None:
    table = json.loads(dump_reach(MAP))
    assert table["tests"][0]["reached"][FILE]["branches"] == {"11": [0]}
