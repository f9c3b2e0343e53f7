# SPDX-License-Identifier: GPL-2.0-only
"""What the tutorial shows is what comes if one types it, but for numbers."""

from __future__ import annotations

import pytest

from harness.paths import PROJECT_ROOT
from tests.doc_sessions import main

pytestmark = [pytest.mark.vm, pytest.mark.full]  # half an hour without KVM: three runs, one of them whole


def test_the_tutorial_comes_as_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(PROJECT_ROOT / "docs/first-patch.md"), "--check"]) == 0, capsys.readouterr().out
