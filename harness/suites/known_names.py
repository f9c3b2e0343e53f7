# SPDX-License-Identifier: GPL-2.0-only
"""Names that tests can have, as far as that is known of a source before there is a kernel."""

from __future__ import annotations

from pathlib import Path

from harness.interfaces import Suite
from harness.suites.checks import check_names
from harness.suites.in_kernel import InKernelSuite
from harness.suites.kernel_tests import kunit_tests, module_tests
from harness.suites.suite_folder import SuiteFolder, suite_folders

_SELFTESTS = Path("tools/testing/selftests")


def test_names(suite: Suite, tree: Path) -> tuple[str, ...]:
    """Of ``suite`` with the source in ``tree``: rather too many than too few."""
    if suite.name == InKernelSuite.name:
        return (*module_tests(tree), *kunit_tests(tree))
    programs = (name for folder in suite_folders() if folder.name == suite.name for name in _programs(folder, tree))
    return (*check_names(suite.name), *programs)


def _programs(folder: SuiteFolder, tree: Path) -> list[str]:
    """What the suite expects, and a program for each source that the tree has."""
    if not folder.collection:
        return []
    sources = [path for path in (tree / _SELFTESTS / folder.collection).glob("*") if path.is_file()]
    names = [
        *(program.name for program in folder.programs),
        *(name for path in sources for name in (path.stem, path.name)),
    ]
    return [f"{folder.collection}/{name}" for name in dict.fromkeys(names)]
