# SPDX-License-Identifier: GPL-2.0-only
"""What is told and decided of stored runs stays as it is recorded, until a change is about that."""

from __future__ import annotations

import pytest

from tests.support.recorded import DATA, names, told

NEEDED = (
    *("green", "new-failure", "flaky", "pre-existing", "panic", "hang", "boot-hang", "build-failure", "missing"),
    *("each", "compare", "bisect"),
)


def test_each_kind_of_run_is_recorded() -> None:
    assert set(NEEDED) <= set(names())


@pytest.mark.parametrize("name", names())
def test_a_stored_run_is_told_as_it_was(name: str) -> None:
    """After a change that is about it: ``python -m tests.record_reports``, and look at the difference."""
    made = told(name)
    assert made == {file: (DATA / name / file).read_text() for file in made}
