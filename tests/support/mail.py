# SPDX-License-Identifier: GPL-2.0-only
"""The mail of patch v15, which is no part of the project: it lies beside the checkout, or it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT

SEED = PROJECT_ROOT.parent / "shared" / "seed"
_SUBJECT = b"add dynamic DMA-buf handling v15"


def v15_mail() -> Path:
    """The file; the test that asks for it is skipped if there is none."""
    for file in sorted(SEED.glob("*.txt")) if SEED.is_dir() else []:
        if _SUBJECT in file.read_bytes()[:1000]:
            return file
    pytest.skip(f"the mail of patch v15 is not in {SEED}")
