# SPDX-License-Identifier: GPL-2.0-only
"""Patches: taken in from mails, mailboxes, diffs and bundled series, and applied to a base."""

from harness.intake.apply import apply_series
from harness.intake.bundled import DEFAULT_SERIES, bundled_series, load_series
from harness.intake.read import read_patches
from harness.intake.reverse import reversed_patch
from harness.intake.trial import applies, made_for

__all__ = [
    "DEFAULT_SERIES",
    "applies",
    "apply_series",
    "bundled_series",
    "load_series",
    "made_for",
    "read_patches",
    "reversed_patch",
]
