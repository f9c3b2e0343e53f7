# SPDX-License-Identifier: GPL-2.0-only
"""Annotations in the form of GitHub's workflow commands: a job prints the file, and they stand at the lines they name.

Paths are those of the kernel tree. GitHub shows ten errors and ten warnings of a step: what has a line comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.model import RunReport
from harness.report.case_summary import bad_cases, status_words, title_of
from harness.report.cases import run_case
from harness.report.place_remarks import ERROR, place_remarks
from harness.report.text import one_line


def render_annotations(report: RunReport, _run_dir: Path, _stored: Path) -> str:
    return "".join(f"{line}\n" for line in (*_places(report), *_cases(report)))


def _places(report: RunReport) -> Iterator[str]:
    for remark in sorted(place_remarks(report), key=lambda one: one.level != ERROR):
        where = {"file": remark.path, "line": str(remark.line), "title": ", ".join(remark.variants)}
        yield _command(remark.level, where, remark.text)


def _cases(report: RunReport) -> Iterator[str]:
    whole = run_case(report)
    if whole.is_bad:
        yield _command("error", {"title": "the run"}, whole.message)
    bad = bad_cases(report)
    for variant, case, again in bad.one_by_one:
        title = f"{variant.variant.name}: {title_of(case)}: {status_words(variant, case, again)}"
        yield _command("error", {"title": title}, case.message or case.status.value)
    yield from (_command("error", {"title": "never ran"}, text) for text in bad.never)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_data(message)}"


def _data(text: str) -> str:
    """On one line: a second one would be a command of its own if it looks like one."""
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
