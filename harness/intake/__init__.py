# SPDX-License-Identifier: GPL-2.0-only
"""Patches: taken in from mails, mailboxes, diffs, list archives and bundled series, and applied to a base."""

from harness.intake.apply import apply_series
from harness.intake.bundled import DEFAULT_SERIES, load_series
from harness.intake.dry_run import applies, made_for
from harness.intake.facts import facts
from harness.intake.fixup_layer import mend
from harness.intake.fixups import Fixup, fixups_for, load_fixups
from harness.intake.read import read_patches, read_text
from harness.intake.reverse import reversed_patch
from harness.intake.series import Series, all_series, bundled_series
from harness.intake.symbols import added_symbols, removed_symbols

__all__ = [
    "DEFAULT_SERIES",
    "Fixup",
    "Series",
    "added_symbols",
    "all_series",
    "applies",
    "apply_series",
    "bundled_series",
    "facts",
    "fixups_for",
    "load_fixups",
    "load_series",
    "made_for",
    "mend",
    "read_patches",
    "read_text",
    "removed_symbols",
    "reversed_patch",
]
