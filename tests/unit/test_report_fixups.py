# SPDX-License-Identifier: GPL-2.0-only
"""What the base was mended with is in every report, and survives being stored; without it nothing is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.model import RunReport
from harness.report import Written, load, render_table
from harness.report.html import render_html
from harness.report.junit import render_junit
from harness.report.store import save
from harness.report.style import Style
from tests.support.sample_reports import RUN_DIR, run_report

FIXUP = "udmabuf-x: it oopses (upstream 0123456789ab)"


def terminal(report: RunReport) -> str:
    return render_table(report, Written(RUN_DIR, RUN_DIR / "results.json"), Style(100, False))


@pytest.mark.parametrize(
    ("render", "label"),
    [
        (terminal, f"fixup        {FIXUP}\n"),
        (lambda report: render_html(report, RUN_DIR), f"<dt>Fixup</dt><dd>{FIXUP}</dd>"),
        (lambda report: render_junit(report, RUN_DIR), f'<property name="fixups" value="{FIXUP}" />'),
    ],
    ids=["terminal", "html", "junit"],
)
def test_fixups_are_told(render: Callable[[RunReport], str], label: str) -> None:
    assert label in render(run_report(fixups=(FIXUP,)))
    assert "fixup" not in render(run_report()).lower()


def test_fixups_are_stored(tmp_path: Path) -> None:
    save(tmp_path, run_report(fixups=(FIXUP,)))
    assert load(tmp_path).fixups == (FIXUP,)
