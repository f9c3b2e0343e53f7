# SPDX-License-Identifier: GPL-2.0-only
"""What a run has to say: results.json, and all that is made from it; progress and events while it goes."""

from harness.report.case_summary import case_of, without_patch
from harness.report.formats import FORMATS, ReportFormat, write_each, write_files, write_reports
from harness.report.headline import headline
from harness.report.html import SourceFile, SourceLine, SourcePage, render_html, render_source
from harness.report.progress import Loudness, show_progress
from harness.report.series_report import SeriesStep, load_steps, render_each, series_facts, series_headline
from harness.report.store import (
    EACH,
    EventLog,
    PlanFile,
    ReportFile,
    SchemaError,
    Written,
    decode,
    encode,
    load,
    save,
    save_plan,
)
from harness.report.style import render_facts
from harness.report.table import render_table

__all__ = [
    "EACH",
    "FORMATS",
    "EventLog",
    "Loudness",
    "PlanFile",
    "ReportFile",
    "ReportFormat",
    "SchemaError",
    "SeriesStep",
    "SourceFile",
    "SourceLine",
    "SourcePage",
    "Written",
    "case_of",
    "decode",
    "encode",
    "headline",
    "load",
    "load_steps",
    "render_each",
    "render_facts",
    "render_html",
    "render_source",
    "render_table",
    "save",
    "save_plan",
    "series_facts",
    "series_headline",
    "show_progress",
    "without_patch",
    "write_each",
    "write_files",
    "write_reports",
]
