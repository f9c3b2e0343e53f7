# SPDX-License-Identifier: GPL-2.0-only
"""Reading gcov's JSON: of a C file of ours that was compiled and run with gcc 12 (tests/data/gcov/)."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.reach import FunctionSpan, GcovCounts, GcovError

DATA = Path(__file__).parent.parent / "data"
RECORDED = DATA / "gcov" / "error_paths.json"  # gcov of error_paths.c, run with the argument 2
SOURCE = "/build/source"
PATH = "error_paths.c"


def _counts(wanted: str = PATH) -> GcovCounts:
    counts = GcovCounts(SOURCE, lambda path: path == wanted)
    counts.add(RECORDED.read_text())
    return counts


def _source_lines(*words: str) -> set[int]:
    """Numbers of the lines that hold one of ``words``."""
    lines = (DATA / "gcov" / PATH).read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if any(word in line for word in words)}


def test_lines_that_can_run_and_those_that_ran() -> None:
    counts = _counts()
    never = _source_lines("return -EINVAL", "return -EPERM", "err = -ENOMEM", "goto out", "err = -EBUSY")
    ran, whole = counts.reached[PATH].lines, counts.profiled[PATH].lines
    assert never <= whole and not never & ran
    assert _source_lines("a == 99", "a == 98", "a == 97", "n = 7;") <= ran


def test_functions_with_their_places_and_which_were_entered() -> None:
    counts = _counts()
    (first,) = _source_lines("static int pin(")
    spans = {span.name: span for span in counts.profiled[PATH].functions}
    assert spans.keys() == {"pin", "release", "never_called", "main"}
    assert spans["pin"].first == first and spans["pin"].last > first
    assert isinstance(spans["pin"], FunctionSpan)
    assert counts.reached[PATH].functions == {"pin", "release", "main"}


def test_branches_are_counted_where_there_is_more_than_one() -> None:
    counts = _counts()
    (line,) = _source_lines("a == 99")
    assert counts.profiled[PATH].branches[line] == 2
    assert sum(number == line for number, _ in counts.reached[PATH].branches) == 1


def test_files_outside_the_source_or_not_wanted_are_left_out() -> None:
    assert not _counts("/usr/include/stdlib.h").profiled
    assert set(_counts().profiled) == {PATH}


def test_two_objects_add_up() -> None:
    counts = _counts()
    before = counts.reached[PATH]
    counts.add(RECORDED.read_text())
    assert counts.reached[PATH] == before


@pytest.mark.parametrize("text", ["", "[]", '{"files": [{}], "current_working_directory": "/"}'])
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(GcovError):
        GcovCounts(SOURCE, lambda _path: True).add(text)
