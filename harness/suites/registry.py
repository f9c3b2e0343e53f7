# SPDX-License-Identifier: GPL-2.0-only
"""What ``--suite`` takes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from functools import partial

from harness.errors import UserError
from harness.interfaces import Suite
from harness.suites.checks import CHECKS, CONTRACT, ChecksSuite
from harness.suites.in_kernel import InKernelSuite
from harness.suites.kselftest import KselftestSuite
from harness.suites.wrapper import load_wrapper, wrapper_names

KSELFTEST = "kselftest"  # stands for all collections in kselftest-wrappers/
STATIC = "static"  # looks at the patch itself, on the host: no suite for a guest (harness.static)


def _kselftest(name: str) -> Suite:
    return KselftestSuite(load_wrapper(name))


# In the order in which they run: what answers first comes first.
SUITES: dict[str, Callable[[], Suite]] = {
    CHECKS: partial(ChecksSuite, CHECKS),
    CONTRACT: partial(ChecksSuite, CONTRACT),
    **{name: partial(_kselftest, name) for name in wrapper_names()},
    InKernelSuite.name: InKernelSuite,
}


def suite_names() -> tuple[str, ...]:
    """All names that ``select_suites`` takes, the alias included."""
    return (*SUITES, KSELFTEST, STATIC)


def select_suites(names: Sequence[str]) -> tuple[Suite, ...]:
    """The suites for guests called ``names`` (none: all), each once, in the order in which they run.

    Raises ``UserError`` for an unknown name and for a broken ``suite.toml``.
    """
    chosen: set[str] = set()
    for name in names:
        if name not in suite_names():
            raise _unknown(name)
        chosen.update(wrapper_names() if name == KSELFTEST else (name,))
    return tuple(make() for name, make in SUITES.items() if name in chosen or not names)


def _unknown(name: str) -> UserError:
    near = difflib.get_close_matches(name, suite_names(), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return UserError("no suite is called that", where=name, mend=f"{hint}known: {', '.join(suite_names())}")
