# SPDX-License-Identifier: GPL-2.0-only
"""docs/examples is what tests/make_examples.py makes of the runs that were kept."""

from __future__ import annotations

import pytest

from tests.make_examples import PATCHES, PLACE, examples
from tests.record_examples import EXAMPLE_RUNS

MADE = examples()
MAX_SIZE = 2_000_000  # bytes


@pytest.mark.parametrize("name", MADE)
def test_an_example_is_as_the_script_makes_it(name: str) -> None:
    assert (PLACE / name).read_text(encoding="utf-8") == MADE[name], "run python -m tests.make_examples"
    assert len(MADE[name].encode()) < MAX_SIZE


def test_nothing_else_is_there() -> None:
    assert {path.name for path in PLACE.iterdir()} == {*MADE, *PATCHES}


@pytest.mark.parametrize("name", EXAMPLE_RUNS)
def test_an_example_shows_what_it_is_called_for(name: str) -> None:
    shows = {
        "green": "PASS",
        "new-failure": "new failure",
        "hang": "hangs in dma_buf_llseek",
        "splat": "The stack, innermost first",
        "flaky": "flaky",
        "build-failure": "does not build",
    }
    assert shows[name] in MADE[f"{name}.html"]
    assert ("<failure" in MADE[f"{name}.xml"] or "<error" in MADE[f"{name}.xml"]) == (name not in ("green", "flaky"))
