# SPDX-License-Identifier: GPL-2.0-only
"""The mails that users gave, which lie beside the checkout and are no part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT


def seed_mail() -> Path:
    """The v15 mail, quoted in a reply. Skips the test where it is not at hand."""
    found = sorted((PROJECT_ROOT.parent / "shared" / "seed").glob("*.txt"))
    if not found:
        pytest.skip("the mail is not at hand: there is no ../shared/seed beside the checkout")
    return found[0]
