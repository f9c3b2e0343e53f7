# SPDX-License-Identifier: GPL-2.0-only
"""Planted bugs: one-bug patches that the harness must find, and the verdict on whether it did."""

from harness.faults.campaign import CUT_OFF, Campaign
from harness.faults.catalogue import Fault, How, load_faults, select_faults
from harness.faults.judging import Outcome, Verdict
from harness.faults.telling import as_json, markdown, summary, table

__all__ = [
    "CUT_OFF",
    "Campaign",
    "Fault",
    "How",
    "Outcome",
    "Verdict",
    "as_json",
    "load_faults",
    "markdown",
    "select_faults",
    "summary",
    "table",
]
