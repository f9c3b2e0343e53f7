# SPDX-License-Identifier: GPL-2.0-only
"""Bugs put into kernels, planted ones and such that shipped: patches, and the verdict on whether each was found."""

from harness.faults.campaign import CUT_OFF, Campaign
from harness.faults.catalogue import Detection, Fault, UpstreamFix, load_faults, select_faults
from harness.faults.fault_report import as_json, history_markdown, markdown, summary, table
from harness.faults.fault_verdict import FaultOutcome, FaultVerdict
from harness.faults.shipped import load_shipped

__all__ = [
    "CUT_OFF",
    "Campaign",
    "Detection",
    "Fault",
    "FaultOutcome",
    "FaultVerdict",
    "UpstreamFix",
    "as_json",
    "history_markdown",
    "load_faults",
    "load_shipped",
    "markdown",
    "select_faults",
    "summary",
    "table",
]
