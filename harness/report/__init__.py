# SPDX-License-Identifier: GPL-2.0-only
"""What a run has to say: results.json, and all that is made from it; progress and events while it goes."""

from harness.report.eventlog import EventLog
from harness.report.headline import headline
from harness.report.planfile import PlanFile
from harness.report.progress import Progress
from harness.report.store import load, save, save_plan
from harness.report.table import render_table
from harness.report.writing import Written, write_reports

__all__ = [
    "EventLog",
    "PlanFile",
    "Progress",
    "Written",
    "headline",
    "load",
    "render_table",
    "save",
    "save_plan",
    "write_reports",
]
