# SPDX-License-Identifier: GPL-2.0-only
"""Which tests must show up in the results."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import UserError
from harness.interfaces import Suite
from harness.model import Kernel, PlannedTest


def plan_tests(suites: tuple[Suite, ...], kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
    """All tests of ``suites`` for ``kernel``, in the order in which they run."""
    return tuple(test for suite in suites for test in suite.plan(kernel, tree))


def narrow(
    planned: tuple[PlannedTest, ...], only: frozenset[str], elsewhere: tuple[PlannedTest, ...] = ()
) -> tuple[PlannedTest, ...]:
    """Those whose name one of the patterns in ``only`` names: as a whole, as a group, or with wildcards.

    "udmabuf" names the group of "udmabuf.create" and of "udmabuf/create". Raises ``UserError`` for a pattern that
    names nothing, also among the tests that run ``elsewhere``: a run that tests nothing by mistake would be green.
    """
    if not only:
        return planned
    for pattern in sorted(only):
        if not any(_names(pattern, test.name) for test in (*planned, *elsewhere)):
            near = difflib.get_close_matches(pattern, [test.name for test in planned], n=3, cutoff=0.4)
            mend = f"did you mean {', '.join(near)}?" if near else "dmabuf-harness list tests shows them all"
            raise UserError("no test is called that", where=pattern, mend=mend)
    return chosen(planned, only)


def chosen(planned: tuple[PlannedTest, ...], only: frozenset[str]) -> tuple[PlannedTest, ...]:
    """As ``narrow``, for a kernel that need not have all that was asked for."""
    return tuple(test for test in planned if not only or any(_names(pattern, test.name) for pattern in only))


def _names(pattern: str, name: str) -> bool:
    return name == pattern or name.startswith((pattern + ".", pattern + "/")) or fnmatchcase(name, pattern)
