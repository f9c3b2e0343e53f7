# SPDX-License-Identifier: GPL-2.0-only
"""Which tests must show up in the results."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import UserError
from harness.guest.checks import all_checks
from harness.guest.walks.choice import GROUP as WALKS
from harness.guest.walks.choice import single_walk
from harness.interfaces import Suite
from harness.model import Kernel, PlannedTest
from harness.suites import check_names, test_names

_HINT = "see dmabuf-harness list checks, and for other tests plan.json of an earlier run"


def plan_tests(suites: tuple[Suite, ...], kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
    """All tests of ``suites`` for ``kernel``, in the order in which they run."""
    return tuple(test for suite in suites for test in suite.plan(kernel, tree))


def narrow(
    planned: tuple[PlannedTest, ...], only: frozenset[str], elsewhere: tuple[PlannedTest, ...] = ()
) -> tuple[PlannedTest, ...]:
    """The tests that a pattern in ``only`` names: as a whole, as a group, or with wildcards.

    "udmabuf" names the group of "udmabuf.create" and of "udmabuf/create". Raises ``UserError`` for a pattern that
    names nothing, also among the tests that run ``elsewhere``: a run that tests nothing by mistake would be green.
    """
    if not only:
        return planned
    for pattern in sorted(only):
        if not any(_names(pattern, test.name) for test in (*planned, *_single_walks(planned, only), *elsewhere)):
            raise _unknown(pattern, [test.name for test in planned])
    return chosen(planned, only)


def refuse_unknown_checks(only: frozenset[str], suites: Sequence[str]) -> None:
    """Raise ``UserError`` for a pattern in a group of the checks that names none of those in ``suites``.

    The names of other tests depend on the kernel; these do not, and need not wait until it is built.
    """
    names = [name for suite in suites for name in check_names(suite)]
    groups = {name.partition(".")[0] for name in all_checks()}
    for pattern in sorted(only):
        known = any(_names(pattern, name) for name in names) or (WALKS in suites and single_walk(pattern) is not None)
        if pattern.partition(".")[0] in groups and not known:
            raise _unknown(pattern, names)


def refuse_unknown_test(name: str, suites: Sequence[Suite], tree: Path) -> None:
    """Raise ``UserError`` for a name, or a suite and a name, that no test of ``suites`` has for any kernel of ``tree``:
    so that nobody waits for the kernel."""
    known = [known for suite in suites for known in test_names(suite, tree)]
    plain = {name, *(name.removeprefix(f"{suite.name} ") for suite in suites)}
    if not any(one in known or single_walk(one) is not None for one in plain):
        raise _unknown(name, known)


def _unknown(pattern: str, names: Sequence[str]) -> UserError:
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else _HINT
    return UserError("no test of the suites asked for is called that", where=pattern, hint=hint)


def chosen(planned: tuple[PlannedTest, ...], only: frozenset[str]) -> tuple[PlannedTest, ...]:
    """As ``narrow``, for a kernel that need not have all that was asked for."""
    listed = tuple(test for test in planned if not only or any(_names(pattern, test.name) for pattern in only))
    return (*listed, *_single_walks(planned, only))


def _single_walks(planned: Sequence[PlannedTest], only: frozenset[str]) -> tuple[PlannedTest, ...]:
    """Walks that ``only`` names: there are too many to be planned unless they are asked for."""
    if not any(test.suite == WALKS for test in planned):
        return ()
    asked = (PlannedTest(WALKS, name) for name in sorted(only) if single_walk(name) is not None)
    return tuple(test for test in asked if test not in planned)


def _names(pattern: str, name: str) -> bool:
    return name == pattern or name.startswith((pattern + ".", pattern + "/")) or fnmatchcase(name, pattern)
