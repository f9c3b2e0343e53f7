# SPDX-License-Identifier: GPL-2.0-only
"""Patches: taken in from mails, mailboxes, diffs, list archives and bundled series, and applied to a base.

The way of a patch, one file a step:

=================== ==================================================================================
``patch_sources``   bytes: of a file, compressed or not, a directory, a thread that b4 fetches
``mailbox``         bytes to ``Mail`` values; ``mime_parts`` and ``mail_fields`` decode them
``patch_reader``    the mails to the candidates of a ``Thread``: patches, cover letters, replies that quote a patch
``mail_thread``     one series of what is there, or a question; ``picking`` is what ``--pick`` names instead
``patch_from_mail`` one mail to one ``Patch``, with ``patch_message``, ``quoted_patch`` and ``diff_parser``
``dry_run``         does it fit a commit?
``fixups``          what goes between the base and the patch
``apply``           the series in the work tree; ``nearest`` finds why it does not apply
=================== ==================================================================================
"""

from harness.intake.apply import apply_series
from harness.intake.dry_run import applies, made_for
from harness.intake.fixups import Fixup, MendedBase, apply_fixups, fixups_for, load_fixups
from harness.intake.patch_reader import load_series, read_patches, read_text
from harness.intake.reverse import reversed_patch
from harness.intake.series_catalogue import DEFAULT_SERIES, KnownSeries, all_series, bundled_series
from harness.intake.series_facts import added_symbols, facts_of, removed_symbols

__all__ = [
    "DEFAULT_SERIES",
    "Fixup",
    "KnownSeries",
    "MendedBase",
    "added_symbols",
    "all_series",
    "applies",
    "apply_fixups",
    "apply_series",
    "bundled_series",
    "facts_of",
    "fixups_for",
    "load_fixups",
    "load_series",
    "made_for",
    "read_patches",
    "read_text",
    "removed_symbols",
    "reversed_patch",
]
