# SPDX-License-Identifier: GPL-2.0-only
"""The test that no check is blind is not blind itself: a script that dies, or skips everything, proves nothing."""

from __future__ import annotations

import pytest

from tests.support.sabotage import trouble

NAMES = [f"udmabuf.check-{number}" for number in range(20)]
CAUGHT = "".join(f"caught {name}\n" for name in NAMES)


def said(what: str, name: str = NAMES[3]) -> str:
    return CAUGHT.replace(f"caught {name}\n", f"{what} {name}: why\n")


def test_all_were_caught() -> None:
    assert trouble(CAUGHT, 0, NAMES) == []
    assert trouble(said("skipped"), 0, NAMES) == []
    assert trouble(said("BROKEN"), 1, NAMES, known=[NAMES[3]]) == []


@pytest.mark.parametrize(
    ("stdout", "status", "what"),
    [
        ("", 1, "udmabuf.check-0 was never tried"),  # it died at once
        ("", 0, "udmabuf.check-0 was never tried"),
        (CAUGHT.replace(f"caught {NAMES[-1]}\n", ""), 0, "udmabuf.check-19 was never tried"),  # and before the last one
        (CAUGHT.replace("caught", "skipped"), 0, "only 0 of 20 were caught; skipped: udmabuf.check-0, "),
        (said("BLIND"), 1, "BLIND udmabuf.check-3"),
        (said("BROKEN"), 1, "BROKEN udmabuf.check-3"),
        (CAUGHT, None, "it ended with status None"),  # at its time limit, after the last one
        (CAUGHT, 139, "it ended with status 139"),
        (said("BLIND"), 0, "it ended with status 0"),
    ],
)
def test_what_proves_nothing_is_trouble(stdout: str, status: int | None, what: str) -> None:
    assert any(line.startswith(what) for line in trouble(stdout, status, NAMES))
