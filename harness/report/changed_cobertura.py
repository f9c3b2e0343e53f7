# SPDX-License-Identifier: GPL-2.0-only
"""Which of the changed lines ran, as Cobertura writes it (coverage-04.dtd): GitLab shows it in a merge request's diff.

All of the patched files that the tests reach is another thing: ``dmabuf-harness coverage --cobertura``.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from harness.changed_coverage import ChangedFileCoverage, LineCoverage
from harness.model import RunReport
from harness.report.text import one_line


def render_cobertura(report: RunReport, _run_dir: Path, _stored: Path) -> str:
    whole = report.coverage.whole if report.coverage is not None else None
    files = whole.files if whole is not None else ()
    lines = [line for file in files for line in file.lines]
    root = ElementTree.Element("coverage", _rates(lines), version="dmabuf-harness", timestamp=_seconds(report.started))
    ElementTree.SubElement(ElementTree.SubElement(root, "sources"), "source").text = "."
    package = ElementTree.SubElement(ElementTree.SubElement(root, "packages"), "package", _own(lines), name="changes")
    classes = ElementTree.SubElement(package, "classes")
    for file in files:
        if file.lines:
            _add(classes, file)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _add(classes: ElementTree.Element, file: ChangedFileCoverage) -> None:
    path = one_line(file.path)
    one = ElementTree.SubElement(classes, "class", _own(list(file.lines)), name=PurePosixPath(path).name, filename=path)
    ElementTree.SubElement(one, "methods")
    lines = ElementTree.SubElement(one, "lines")
    for line in file.lines:
        ElementTree.SubElement(lines, "line", _line(line))


def _line(line: LineCoverage) -> dict[str, str]:
    """``hits``: how many tests run it: how often is not known."""
    found = {"number": str(line.line), "hits": str(max(line.tests.count, 1) if line.ran else 0), "branch": "false"}
    if line.ways:
        taken = len(line.taken)
        found |= {"branch": "true", "condition-coverage": f"{taken * 100 // line.ways}% ({taken}/{line.ways})"}
    return found


def _rates(lines: list[LineCoverage]) -> dict[str, str]:
    ran, ways, taken = _sums(lines)
    counts = {"lines-covered": ran, "lines-valid": len(lines), "branches-covered": taken, "branches-valid": ways}
    return {**_own(lines), **{name: str(count) for name, count in counts.items()}}


def _own(lines: list[LineCoverage]) -> dict[str, str]:
    ran, ways, taken = _sums(lines)
    return {"line-rate": _rate(ran, len(lines)), "branch-rate": _rate(taken, ways), "complexity": "0"}


def _sums(lines: list[LineCoverage]) -> tuple[int, int, int]:
    ways = sum(line.ways for line in lines)
    return sum(line.ran for line in lines), ways, sum(len(line.taken) for line in lines)


def _rate(part: int, whole: int) -> str:
    return f"{part / whole if whole else 1.0:.4f}"


def _seconds(started: str) -> str:
    try:
        return str(int(datetime.fromisoformat(started).timestamp()))
    except (ValueError, OverflowError):
        return "0"
