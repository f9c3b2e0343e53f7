# SPDX-License-Identifier: GPL-2.0-only
"""A series tested patch by patch: what became of each, on the terminal and as JUnit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from harness.paths import write_atomic
from harness.report.steps import Case, Step, came_with, save_steps
from harness.report.store import EACH
from harness.report.text import duration, one_line


def write_each(steps: Sequence[Step], directory: Path, junit: Path | None = None) -> None:
    """Write ``each.json`` and ``junit.xml`` into ``directory``, and the latter also to ``junit``."""
    save_steps(steps, directory)
    for path in filter(None, (directory / "junit.xml", junit)):
        write_atomic(path, _junit(steps))


def render_each(steps: Sequence[Step], directory: Path) -> str:
    """The series as a list, and its verdict in one line, for the terminal."""
    lines = ["Patch by patch"]
    for step, fresh in zip(steps, came_with(steps), strict=True):
        lines.append(f"  {step.number}/{len(steps)} {one_line(step.subject)}")
        lines.append(f"      {step.headline}")
        whole = step.report is not None and not step.report.interrupted
        lines += [f"      {_blamed(step, fresh)}"] if step.bad and whole else []
        lines += [f"      report: dmabuf-harness report {step.directory}"] if step.report is not None else []
    seconds = sum(step.report.seconds for step in steps if step.report is not None)
    files = [
        f"{'took':8} {duration(seconds)}",
        f"{'junit':8} {directory / 'junit.xml'}",
        f"{'results':8} {directory / EACH}",
    ]
    return "\n".join([*lines, "", _summary(steps), "", *files, ""])


def _summary(steps: Sequence[Step]) -> str:
    bad = [str(step.number) for step in steps if step.report is not None and step.is_bad]
    untested = [str(step.number) for step in steps if step.report is None]
    if not bad and not untested:
        return f"PASS: the kernel builds after each patch ({len(steps)}), and none makes anything worse"
    told = [f"red after patch {', '.join(bad)}"] if bad else []
    told += [f"not tested: patch {', '.join(untested)}"] if untested else []
    return f"FAIL: {'; '.join(told)}, of {len(steps)}"


def _blamed(step: Step, fresh: frozenset[Case]) -> str:
    old = len(step.bad) - len(fresh)
    told = [f"{len(fresh)} with this patch"] if fresh else []
    return "bad: " + ", ".join([*told, *([f"{old} since an earlier one"] if old else [])])


# --- JUnit ------------------------------------------------------------------------------------


def _junit(steps: Sequence[Step]) -> str:
    """A suite with one case per patch, then the suites of each patch's own run, named "1/2 move-notify-on: checks"."""
    root = ElementTree.Element("testsuites")
    root.append(_series(steps))
    for step in steps:
        own = step.directory / "junit.xml"
        if step.report is not None and own.is_file():
            root.extend(_numbered(suite, step, len(steps)) for suite in ElementTree.parse(own).getroot())
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _series(steps: Sequence[Step]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name="series", tests=str(len(steps)))
    suite.set("failures", str(sum(step.is_bad and step.report is not None for step in steps)))
    suite.set("errors", str(sum(step.report is None for step in steps)))
    for step, fresh in zip(steps, came_with(steps), strict=True):
        seconds = step.report.seconds if step.report is not None else 0.0
        name = f"{step.number}/{len(steps)} {one_line(step.subject)}"
        case = ElementTree.SubElement(suite, "testcase", classname="dmabuf.series", name=name, time=f"{seconds:.3f}")
        if step.is_bad:
            kind = "error" if step.report is None else "failure"
            trouble = ElementTree.SubElement(case, kind, message=step.headline)
            named = [": ".join(filter(None, bad)) for bad in sorted(fresh)]
            trouble.text = one_line(_blamed(step, fresh)) + "".join(f"\n{one_line(name)}" for name in named)
    return suite


def _numbered(suite: ElementTree.Element, step: Step, total: int) -> ElementTree.Element:
    """``suite`` of the step's own run with the patch's number, so that equal names stay apart."""
    suite.set("name", f"{step.number}/{total} {suite.get('name', '')}")
    for case in suite.iter("testcase"):
        case.set("classname", case.get("classname", "").replace("dmabuf.", f"dmabuf.patch{step.number}.", 1))
    return suite
