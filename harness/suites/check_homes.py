# SPDX-License-Identifier: GPL-2.0-only
"""Where the code of each check is, and a digest of it: what was measured with another text is of another check."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path

from harness.guest.registry import registered
from harness.identities import PlannedTest
from harness.paths import GUEST_CODE
from harness.suites.checks import check_names
from harness.suites.suite_folder import suite_folders


def check_homes() -> dict[PlannedTest, tuple[str, str]]:
    """Check -> (name of its module, sha256 of that)."""
    tests = [PlannedTest(folder.name, name) for folder in suite_folders() for name in check_names(folder.name)]
    modules = {test: registered()[test.name].__module__ for test in tests}
    return {test: (module.rpartition(".")[2], _digest(module)) for test, module in modules.items()}


@cache
def _digest(module: str) -> str:
    """Of the module ``walks`` with the package of that name, which says what a seed draws."""
    file = Path(str(sys.modules[module].__file__))
    drawing = sorted((GUEST_CODE / file.stem).glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in (file, *drawing))).hexdigest()
