# SPDX-License-Identifier: GPL-2.0-only
"""Patches: taken in from mails, mailboxes, diffs, list archives and bundled series, and applied to a base."""

from harness.intake.apply import apply_series
from harness.intake.bundled import DEFAULT_SERIES, load_series
from harness.intake.facts import facts
from harness.intake.read import read_patches, read_text
from harness.intake.reverse import reversed_patch
from harness.intake.series import Series, all_series, bundled_series
from harness.intake.trial import applies, made_for

__all__ = [
    "DEFAULT_SERIES",
    "Series",
    "all_series",
    "applies",
    "apply_series",
    "bundled_series",
    "facts",
    "load_series",
    "made_for",
    "read_patches",
    "read_text",
    "reversed_patch",
]
