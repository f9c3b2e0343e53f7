# SPDX-License-Identifier: GPL-2.0-only
"""Patches: taken in from mails, mailboxes, diffs and bundled series, and applied to a base."""

from harness.intake.apply import apply_series
from harness.intake.bundled import DEFAULT_SERIES, bundled_series, load_series
from harness.intake.fixups import Fixup, fixups_for, load_fixups
from harness.intake.mending import mend
from harness.intake.read import read_patches
from harness.intake.symbols import added_symbols, removed_symbols

__all__ = [
    "DEFAULT_SERIES",
    "Fixup",
    "added_symbols",
    "apply_series",
    "bundled_series",
    "fixups_for",
    "load_fixups",
    "load_series",
    "mend",
    "read_patches",
    "removed_symbols",
]
