# SPDX-License-Identifier: GPL-2.0-only
"""Judging what tests/vm/sabotaged_checks.py told: silence and skips prove nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

LEAST_CAUGHT = 0.95
"""Of the checks that there are: a kernel with all devices skips a few, that are not promised there."""

_TOLD = re.compile(r"^(caught|skipped|BROKEN|BLIND) ([^:\s]+)", re.MULTILINE)


def trouble(stdout: str, status: int | None, names: Sequence[str], known: Collection[str] = ()) -> list[str]:
    """What is wrong, none if every one of ``names`` was tried and can fail. ``known``: those that fail honestly."""
    told = [(found[1], found[2]) for found in _TOLD.finditer(stdout)]
    by_name = {name: what for what, name in told}
    found = [f"{name} was never tried" for name in names if name not in by_name]
    found += [f"BLIND {name}" for name, what in by_name.items() if what == "BLIND"]
    found += [f"BROKEN {name}" for name, what in by_name.items() if what == "BROKEN" and name not in known]
    caught = sum(what == "caught" for what in by_name.values())
    if caught < LEAST_CAUGHT * len(names):
        skipped = [name for name, what in by_name.items() if what == "skipped"]
        found.append(f"only {caught} of {len(names)} were caught; skipped: {', '.join(skipped)}")
    if status != int(any(what in ("BROKEN", "BLIND") for what in by_name.values())):
        found.append(f"it ended with status {status}")
    return found
