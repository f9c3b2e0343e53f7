# SPDX-License-Identifier: GPL-2.0-only
"""``junit.xml`` for CI systems: one test suite per variant and suite, and one per variant for the kernel itself.

Of a series that was tested patch by patch: a suite with a case for each patch, then those of each patch's own run.

A case is red in it exactly if it counts as bad in the exit code; what is known, was there before the patch, or is only
a warning is "skipped", and says so. What the comparison with the base says of a case is in its message.

Valid against the schema of Jenkins' xunit plugin (junit-10.xsd): no attribute that it does not know. What junit-xml 1.9
(``junit_xml/__init__.py``) leaves to be mended is mended here, for all who write such a file: it gives suites an
attribute that the schema does not know, writes times like 1e-09, and drops a time of 0.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from junit_xml import TestCase, TestSuite

from harness.changes import Change, Comparison, Difference
from harness.model import RunReport, Status, TestResult, VariantReport
from harness.report.case_summary import case_of, reproduce, summary, tested
from harness.report.cases import by_suite, cases, resolved, run_case
from harness.report.coverage_text import coverage_figures, coverage_lines, reached_by
from harness.report.headline import headline, not_whole
from harness.report.series_report import Case, SeriesStep, blamed, came_with
from harness.report.text import cut_middle, one_line, relative, visible

MAX_OUTPUT = 16_384
"""Characters of output per case: CI systems refuse or truncate files of many megabytes."""

MAX_MESSAGE = 2000
"""Characters of a message: it is shown in lists."""

MAX_PROPERTY = 10_000


def render_junit(report: RunReport, run_dir: Path) -> str:
    """The whole XML document, as text that is declared as, and must be stored as, UTF-8.

    Logs in it are named relative to ``run_dir``.
    """
    return document(suites_of_run(report, run_dir))


def render_series_junit(steps: Sequence[SeriesStep]) -> str:
    """The same for a series: a suite with one case per patch, then the suites of each patch's own run.

    Those are named "1/2 move-notify-on: checks", so that equal names stay apart.
    """
    suites = [_of_series(steps)]
    for step in steps:
        if step.report is not None:
            suites += [_numbered(suite, step, len(steps)) for suite in suites_of_run(step.report, step.directory)]
    return document(suites)


def suites_of_run(report: RunReport, run_dir: Path) -> list[TestSuite]:
    """All suites of one run, their cases' class names beginning with "dmabuf."; ``run_dir`` as above."""
    whole = run_case(report)
    own = [_case(replace(whole, output=headline(report)), run_dir, ""), *_changed_lines(report)]
    suites = [_suite("run", "dmabuf.run", report, own)]
    for variant in report.parts:
        suites += _of_variant(report, resolved(report, variant), run_dir)
    return suites


def _changed_lines(report: RunReport) -> list[TestCase]:
    """A case that only informs: it is never red."""
    if report.coverage is None:
        return []
    case = junit_case("changed lines", "", 0.0)
    said = [*coverage_lines(report.coverage), *reached_by(report.coverage)]
    case.stdout = visible(cut_middle("\n".join(map(one_line, said)), MAX_OUTPUT, ""))
    return [case]


def _not_chosen(variant: VariantReport) -> list[TestResult]:
    """Tests that a quick run left out, as the skipped ones that they are to a CI system."""
    why = "not chosen: by the reach map it does not reach the change"
    return [TestResult(test.suite, test.name, Status.SKIP, message=why) for test in variant.not_chosen]


def _of_variant(report: RunReport, variant: VariantReport, run_dir: Path) -> list[TestSuite]:
    name = variant.variant.name
    properties = _properties(variant, run_dir)
    return [
        _suite(
            suite if variant.of_patch else f"{name}: {suite}",
            f"dmabuf.{_part(suite)}" if variant.of_patch else f"dmabuf.{_part(name)}.{_part(suite)}",
            report,
            [_case(one, run_dir, _again(report, variant, one), variant.difference(one)) for one in results],
            {**properties, **_coverage(results)},
        )
        for suite, results in by_suite((*cases(variant), *_not_chosen(variant))).items()
    ]


def _part(name: str) -> str:
    """A class name's dots are packages to Jenkins and GitLab: none may come from a name."""
    return one_line(name).replace(".", "_")


def _suite(
    name: str, classname: str, report: RunReport, found: list[TestCase], properties: Mapping[str, str] | None = None
) -> TestSuite:
    number_repeats(found)
    for case in found:
        case.classname = classname
    told = {**_run_properties(report), **(properties or {})}
    shown = {one_line(key): _cut(one_line(value), MAX_PROPERTY) for key, value in told.items() if value}
    return TestSuite(one_line(name), found, timestamp=one_line(report.started), properties=shown)


def number_repeats(found: Iterable[TestCase]) -> None:
    """Give cases other names where they have the same: GitLab shows only the first of several."""
    taken: set[str] = set()
    for case in found:
        numbered = (f"{case.name} ({number})" for number in itertools.count(2))
        case.name = next(name for name in itertools.chain([case.name], numbered) if name not in taken)
        taken.add(case.name)


# --- a series ---------------------------------------------------------------------------------


def _of_series(steps: Sequence[SeriesStep]) -> TestSuite:
    fresh = came_with(steps)
    return TestSuite("series", [_patch(step, own, len(steps)) for step, own in zip(steps, fresh, strict=True)])


def _patch(step: SeriesStep, fresh: frozenset[Case], total: int) -> TestCase:
    seconds = step.report.seconds if step.report is not None else 0.0
    case = junit_case(f"{step.number}/{total} {step.subject}", "dmabuf.series", seconds)
    if step.is_bad:
        named = [one_line(": ".join(filter(None, bad))) for bad in sorted(fresh)]
        add = case.add_error_info if step.report is None else case.add_failure_info
        add(message=step.headline, output="\n".join([one_line(blamed(step, fresh)), *named]))
    return case


def _numbered(suite: TestSuite, step: SeriesStep, total: int) -> TestSuite:
    suite.name = f"{step.number}/{total} {suite.name}"
    for case in suite.test_cases:
        case.classname = case.classname.replace("dmabuf.", f"dmabuf.patch{step.number}.", 1)
    return suite


def _again(report: RunReport, variant: VariantReport, case: TestResult) -> str:
    """Only what is bad has one: to look for it in the plan costs time."""
    return reproduce(report, variant, case) if case.is_bad else ""


# --- cases ------------------------------------------------------------------------------------


def _case(result: TestResult, run_dir: Path, again: str, told: Difference | None = None) -> TestCase:
    log = relative(result.log, run_dir) if result.log else ""
    case = junit_case(result.name, "", result.seconds)
    said = one_line(result.message) or result.status.value
    message = _cut(f"{told.change.value}: {said}" if told is not None and not result.excused else said, MAX_MESSAGE)
    compared = one_line(told.beside) if told is not None else ""
    output = visible(cut_middle(result.output, MAX_OUTPUT, log))
    if result.is_bad:
        hints = [compared, f"log: {log}" if log else "", f"again: {again}" if again else ""]
        text = "\n".join([output, *(one_line(hint) for hint in hints if hint)]).strip()
        add = case.add_failure_info if result.status is Status.FAIL else case.add_error_info
        add(message=message, output=text or message)  # without a text it would be a pass
    elif result.excuse:
        mark = "" if result.excused else "known: "
        case.add_skipped_info(message=_cut(f"{mark}{one_line(result.excuse)}: {message}", MAX_MESSAGE))
    elif result.status is Status.SKIP:
        case.add_skipped_info(message=message)
    lost = [f"lost coverage: {visible(line)}" for line in result.lost_coverage]
    plain = [] if result.is_bad else [compared, output]
    case.stdout = "\n".join(filter(None, [*lost, *plain, _attachment(result, run_dir)])).strip()
    return case


def _attachment(result: TestResult, run_dir: Path) -> str:
    """The line with which GitLab and Jenkins' JUnit Attachments take a file along: GitLab wants its path relative to
    the project, where the job runs, and Jenkins takes both."""
    path = run_dir / relative(result.log, run_dir)
    if not result.log or not (result.status.is_bad or result.excuse) or not path.is_file():
        return ""
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f"[[ATTACHMENT|{one_line(str(shown))}]]"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


# --- properties -------------------------------------------------------------------------------


def _run_properties(report: RunReport) -> dict[str, str]:
    return {
        "run": report.run_id,
        "base": f"{report.base} ({report.base_version})",
        "fixups": "; ".join(report.fixups),
        "patches": "; ".join(report.patches) or "none",
        "already in base": "; ".join(report.already_in_base),
        "command": shlex.join(report.command),
        "notes": "; ".join(report.notes),
        "quick": not_whole(report).strip(),
        **(coverage_figures(report.coverage) if report.coverage is not None else {}),
        **{f"machine: {key}": value for key, value in report.machine.items()},
    }


def _properties(variant: VariantReport, run_dir: Path) -> dict[str, str]:
    kernel = variant.kernel
    last = variant.boots[-1] if variant.boots else None
    return {
        "variant": f"{variant.variant.name}: {variant.variant.title}",
        "same as": variant.same_as,
        "kernel release": kernel.release if kernel else "",
        "kernel key": kernel.key if kernel else "",
        "config": relative(kernel.config, run_dir) if kernel else "",
        "compiler": kernel.compiler if kernel else "",
        "accelerator": last.accel if last else "",
        "QEMU": last.qemu if last else "",
        "variant notes": "; ".join(variant.notes),
        **_compared(variant.comparison),
    }


def _compared(comparison: Comparison | None) -> dict[str, str]:
    """How the variant compares with the base, and what became of each that is not the same."""
    if comparison is None:
        return {}
    found = {f"base: {change.value}": comparison.those(change) for change in Change}
    named = {key: "; ".join(map(case_of, differences)) for key, differences in found.items()}
    return {"against the base": summary(comparison), "base tested": tested(comparison), **named}


def _coverage(results: Iterable[TestResult]) -> dict[str, str]:
    found = list(results)
    return {
        "known": "; ".join(f"{result.name}: {result.excuse}" for result in found if result.excuse),
        "lost coverage": "; ".join(f"{result.name}: {line}" for result in found for line in result.lost_coverage),
    }


# --- the document -----------------------------------------------------------------------------


_NO_TIME = 1e-9  # instead of 0, which would be dropped; it is written as 0.000
_TOTALS = ("tests", "failures", "errors")


def junit_case(name: str, classname: str, seconds: float) -> TestCase:
    """A case that passes until something is added to it; ``name`` is made safe, ``seconds`` of 0 stay in the file."""
    return TestCase(one_line(name), classname, max(seconds, _NO_TIME))


def document(suites: Sequence[TestSuite]) -> str:
    """``suites`` as a whole XML document that keeps to the schema, declared as UTF-8.

    Texts in them must be ``visible`` or on ``one_line``: XML cannot hold every character.
    """
    root = ElementTree.Element("testsuites")
    root.extend(suite.build_xml_doc() for suite in suites)
    for name in _TOTALS:
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", str(sum(float(suite.get("time", "0")) for suite in root)))
    _make_valid(root)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _make_valid(root: ElementTree.Element) -> None:
    for element in root.iter():
        element.attrib.pop("disabled", None)
        if "time" in element.attrib:
            element.attrib["time"] = f"{float(element.attrib['time']):.3f}"
