# SPDX-License-Identifier: GPL-2.0-only
"""What ``--suite`` takes: the folders of ``kselftest-wrappers/``, and two words besides."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import UserError
from harness.interfaces import Suite
from harness.paths import WRAPPERS
from harness.suites.checks import ChecksSuite
from harness.suites.in_kernel import InKernelSuite
from harness.suites.kselftest import KselftestSuite
from harness.suites.suite_folder import SuiteFolder, SuiteKind, suite_folders

KSELFTEST = "kselftest"  # stands for all collections in kselftest-wrappers/
STATIC = "static"  # looks at the patch itself, on the host: no suite for a guest (harness.static)


def suite_names(root: Path = WRAPPERS) -> tuple[str, ...]:
    """All names that ``select_suites`` takes, the alias included."""
    return (*(folder.name for folder in suite_folders(root)), KSELFTEST, STATIC)


def select_suites(names: Sequence[str], root: Path = WRAPPERS) -> tuple[Suite, ...]:
    """The suites for guests called ``names`` (none: all), each once, in the order in which they run.

    Raises ``UserError`` for an unknown name and for a broken ``suite.toml``.
    """
    folders = suite_folders(root)
    for name in names:
        if name not in (known := suite_names(root)):
            raise _unknown(name, known)
    return tuple(_suite(folder, root) for folder in folders if not names or _is_asked(folder, names))


def _is_asked(folder: SuiteFolder, names: Sequence[str]) -> bool:
    return folder.name in names or (KSELFTEST in names and folder.kind is SuiteKind.KSELFTEST)


def _suite(folder: SuiteFolder, root: Path) -> Suite:
    return _MAKERS[folder.kind](folder, root)


_MAKERS: dict[SuiteKind, Callable[[SuiteFolder, Path], Suite]] = {
    SuiteKind.CHECKS: lambda folder, root: ChecksSuite(folder.name, root),
    SuiteKind.KSELFTEST: lambda folder, _root: KselftestSuite(folder),
    SuiteKind.IN_KERNEL: lambda _folder, _root: InKernelSuite(),
}


def _unknown(name: str, known: Sequence[str]) -> UserError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return UserError("no suite is called that", where=name, hint=f"{hint}known: {', '.join(known)}")
