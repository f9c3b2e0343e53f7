# SPDX-License-Identifier: GPL-2.0-only
"""docs/functions.md lists the checks of functions that no driver in a guest calls, each once, and no other."""

from __future__ import annotations

import re

from harness.guest.checks import all_checks
from harness.paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "functions.md").read_text()


def test_the_page_lists_each_check_once() -> None:
    checks = [name for name in all_checks() if name.startswith(("functions.", "gem.", "prime.", "syncobj."))]
    assert len(checks) >= 50
    assert sorted(re.findall(r"^- `(\S+)`$", PAGE, re.MULTILINE)) == sorted(checks)
