# SPDX-License-Identifier: GPL-2.0-only
"""A series tested patch by patch: what became of each, on the terminal, in ``each.json`` and as JUnit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.facts import cases, groups, run_case
from harness.report.headline import headline
from harness.report.text import duration, one_line

EACH = "each.json"
_Case = tuple[str, str, str]
_UNTESTED = "not tested: the run was cut off"


@dataclass(frozen=True)
class Step:
    """The series up to patch ``number`` (1-based). ``directory``, ``report``: of its run; None if it was not tested."""

    number: int
    subject: str
    directory: Path
    report: RunReport | None = None

    @property
    def is_bad(self) -> bool:
        return self.report is None or self.report.is_bad

    @property
    def bad(self) -> frozenset[_Case]:
        """(variant, suite, name) of all that makes it red."""
        if self.report is None:
            return frozenset()
        found = {
            (v.variant.name, one.suite, one.name) for _, v in groups(self.report) for one in cases(v) if one.is_bad
        }
        whole = run_case(self.report)
        return frozenset(found | ({("", whole.suite, whole.name)} if whole.is_bad else set()))


def came_with(steps: Sequence[Step]) -> list[frozenset[_Case]]:
    """For each step, what is bad in it and was not in any step before: the work of that very patch."""
    seen: frozenset[_Case] = frozenset()
    fresh = []
    for step in steps:
        fresh.append(step.bad - seen)
        seen |= step.bad
    return fresh


def write_each(steps: Sequence[Step], directory: Path, junit: Path | None = None) -> None:
    """Write ``each.json`` and ``junit.xml`` into ``directory``, and the latter also to ``junit``."""
    write_atomic(directory / EACH, json.dumps(as_json(steps, directory), indent=1) + "\n")
    for path in filter(None, (directory / "junit.xml", junit)):
        write_atomic(path, _junit(steps, directory))


def as_json(steps: Sequence[Step], directory: Path) -> dict[str, object]:
    """``{"version": 1, "verdict": "pass"|"fail", "patches": [...]}``.

    A patch is ``number``, ``subject``, ``verdict`` ("pass", "fail", "untested"), ``headline``, ``bad`` and ``new``
    (lists of [variant, suite, test]) and ``run`` (its directory).
    """
    return {
        "version": 1,
        "verdict": "fail" if any(step.is_bad for step in steps) else "pass",
        "patches": [
            {
                "number": step.number,
                "subject": step.subject,
                "verdict": _verdict(step),
                "headline": _headline(step),
                "bad": sorted(step.bad),
                "new": sorted(fresh),
                "run": str(step.directory.relative_to(directory)),
            }
            for step, fresh in zip(steps, came_with(steps), strict=True)
        ],
    }


def render_each(steps: Sequence[Step], directory: Path) -> str:
    """The series as a list, and its verdict in one line, for the terminal."""
    lines = ["Patch by patch"]
    for step, fresh in zip(steps, came_with(steps), strict=True):
        lines.append(f"  {step.number}/{len(steps)} {one_line(step.subject)}")
        lines.append(f"      {_headline(step)}")
        lines += [f"      {_blamed(step, fresh)}"] if step.bad else []
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


def _blamed(step: Step, fresh: frozenset[_Case]) -> str:
    old = len(step.bad) - len(fresh)
    told = [f"{len(fresh)} with this patch"] if fresh else []
    return "bad: " + ", ".join([*told, *([f"{old} since an earlier one"] if old else [])])


def _verdict(step: Step) -> str:
    if step.report is None:
        return "untested"
    return "fail" if step.is_bad else "pass"


def _headline(step: Step) -> str:
    return headline(step.report) if step.report is not None else _UNTESTED


# --- JUnit ------------------------------------------------------------------------------------


def _junit(steps: Sequence[Step], directory: Path) -> str:
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
            trouble = ElementTree.SubElement(case, kind, message=_headline(step))
            named = [": ".join(filter(None, bad)) for bad in sorted(fresh)]
            trouble.text = one_line(_blamed(step, fresh)) + "".join(f"\n{one_line(name)}" for name in named)
    return suite


def _numbered(suite: ElementTree.Element, step: Step, total: int) -> ElementTree.Element:
    """``suite`` of the step's own run with the patch's number, so that equal names stay apart."""
    suite.set("name", f"{step.number}/{total} {suite.get('name', '')}")
    for case in suite.iter("testcase"):
        case.set("classname", case.get("classname", "").replace("dmabuf.", f"dmabuf.patch{step.number}.", 1))
    return suite
