# SPDX-License-Identifier: GPL-2.0-only
"""Which test something belongs to, and when the kernel printed something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.identities import Moment, PlannedTest, covering

PROGRAM, INSIDE = PlannedTest("sync", "sync/sync_test"), PlannedTest("sync", "sync/sync_test/merge")
NAMES = st.text("abz/. -", min_size=1, max_size=9).filter(lambda text: not text.startswith("after ") and text != "boot")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (Moment("checks", "udmabuf.create"), "checks: udmabuf.create"),
        (Moment("checks"), "checks"),
        (Moment(boot=True), "boot"),
        (Moment(after="sync/sync_test"), "after sync/sync_test"),
        (Moment(), ""),
        (Moment("pytest:test_a.py", "test_a.py::b: c"), "pytest:test_a.py: test_a.py::b: c"),
    ],
)
def test_a_moment_is_one_text_in_a_file(moment: Moment, text: str) -> None:
    assert (str(moment), Moment.parse(text)) == (text, moment)


@given(st.builds(Moment, NAMES, NAMES | st.just("")) | st.builds(Moment, after=NAMES))
def test_a_moment_comes_back_as_it_was(moment: Moment) -> None:
    assert Moment.parse(str(moment)) == moment


@given(st.text(max_size=20))
def test_any_text_is_a_moment(text: str) -> None:
    assert Moment.parse(str(Moment.parse(text))) == Moment.parse(text)


def test_only_the_very_test_counts_as_the_moment() -> None:
    assert Moment("sync", "sync/sync_test").is_in(PROGRAM)
    assert not Moment("sync", "sync/sync_test").is_in(INSIDE)
    assert not Moment(after="sync/sync_test").is_in(PROGRAM) and not Moment("sync").is_in(PROGRAM)
    assert Moment(after="sync").around == Moment("sync").around == "sync"


@pytest.mark.parametrize(
    ("planned", "test", "expected"),
    [
        ((PROGRAM,), PROGRAM, PROGRAM),
        ((PROGRAM,), INSIDE, PROGRAM),
        ((PROGRAM, INSIDE), PlannedTest("sync", "sync/sync_test/merge/a"), INSIDE),
        ((PROGRAM,), PlannedTest("sync", "sync/sync_test_2"), None),
        ((PROGRAM,), PlannedTest("sync", "sync/sync_tests"), None),
        ((PROGRAM,), PlannedTest("other", "sync/sync_test"), None),
        ((INSIDE,), PROGRAM, None),
        ((), PROGRAM, None),
    ],
)
def test_the_longest_planned_test_covers(
    planned: tuple[PlannedTest, ...], test: PlannedTest, expected: PlannedTest | None
) -> None:
    assert covering(planned, test) == expected
