# SPDX-License-Identifier: GPL-2.0-only
"""Bugs put into kernels, planted ones and such that shipped: patches, and the verdict on whether each was found."""

from harness.faults.campaign import CUT_OFF, Campaign
from harness.faults.catalogue import Fault, How, UpstreamFix, load_faults, select_faults
from harness.faults.judging import Outcome, Verdict
from harness.faults.shipped import load_shipped
from harness.faults.telling import as_json, history_markdown, markdown, summary, table

__all__ = [
    "CUT_OFF",
    "Campaign",
    "Fault",
    "How",
    "Outcome",
    "UpstreamFix",
    "Verdict",
    "as_json",
    "history_markdown",
    "load_faults",
    "load_shipped",
    "markdown",
    "select_faults",
    "summary",
    "table",
]
