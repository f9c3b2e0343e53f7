# SPDX-License-Identifier: GPL-2.0-only
"""``junit.xml`` for CI systems: one test suite per variant and suite, and one per variant for the kernel itself.

A case is red in it exactly if it counts as bad in the exit code; what is known or only a warning is "skipped".
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from junit_xml import TestCase, TestSuite, to_xml_report_string

from harness.model import RunReport, Status, TestResult, VariantReport
from harness.paths import write_atomic
from harness.report.facts import by_suite, cases, resolved, run_case
from harness.report.headline import headline
from harness.report.reproduce import reproduce
from harness.report.text import cut_middle, one_line, relative, visible

MAX_OUTPUT = 16_384
"""Characters of output per case: CI systems refuse or truncate files of many megabytes."""

_NO_TIME = 1e-9  # junit-xml drops a time of 0; this is written as 0.000000


def write_junit(report: RunReport, path: Path, run_dir: Path) -> None:
    """Write the JUnit XML of ``report`` to ``path``; logs in it are named relative to ``run_dir``."""
    write_atomic(path, render_junit(report, run_dir))


def render_junit(report: RunReport, run_dir: Path) -> str:
    """The whole XML document, as text that is declared as, and must be stored as, UTF-8."""
    whole = run_case(report)
    suites = [_suite("run", "dmabuf.run", report, [_case(whole, headline(report), run_dir, "")])]
    for variant in report.variants:
        suites += _of_variant(report, resolved(report, variant), run_dir)
    text: str = to_xml_report_string(suites, prettyprint=True, encoding="utf-8")
    return text


def _of_variant(report: RunReport, variant: VariantReport, run_dir: Path) -> list[TestSuite]:
    name = variant.variant.name
    properties = _properties(variant, run_dir)
    return [
        _suite(
            f"{name}: {suite}",
            f"dmabuf.{_part(name)}.{_part(suite)}",
            report,
            [_case(result, _own_output(result), run_dir, reproduce(report, variant, result)) for result in results],
            {**properties, **_coverage(results)},
        )
        for suite, results in by_suite(cases(variant)).items()
    ]


def _part(name: str) -> str:
    """A class name's dots are packages to Jenkins and GitLab: none may come from a name."""
    return one_line(name).replace(".", "_")


def _suite(
    name: str, classname: str, report: RunReport, found: list[TestCase], properties: Mapping[str, str] | None = None
) -> TestSuite:
    _number_repeats(found)
    for case in found:
        case.classname = classname
    told = {**_run_properties(report), **(properties or {})}
    shown = {one_line(key): one_line(value) for key, value in told.items() if value}
    return TestSuite(one_line(name), found, timestamp=one_line(report.started), properties=shown)


def _number_repeats(found: Iterable[TestCase]) -> None:
    """GitLab shows only the first of several cases of one name."""
    seen: Counter[str] = Counter()
    for case in found:
        seen[case.name] += 1
        if seen[case.name] > 1:
            case.name = f"{case.name} ({seen[case.name]})"


# --- cases ------------------------------------------------------------------------------------


def _case(result: TestResult, stdout: str, run_dir: Path, again: str) -> TestCase:
    log = relative(result.log, run_dir) if result.log else ""
    case = TestCase(one_line(result.name), elapsed_sec=max(result.seconds, _NO_TIME), log=one_line(log))
    message = one_line(result.message) or result.status.value
    if result.is_bad:
        hints = [f"log: {log}"] * bool(log) + [f"again: {again}"] * bool(again)
        text = "\n".join([visible(cut_middle(result.output, MAX_OUTPUT, log)), *map(one_line, hints)]).strip()
        add = case.add_failure_info if result.status is Status.FAIL else case.add_error_info
        add(message=message, output=text or message)  # without a text it would be a pass
    elif result.known:
        case.add_skipped_info(message=f"known: {one_line(result.known)}: {message}")
    elif result.status is Status.SKIP:
        case.add_skipped_info(message=message)
    if not result.is_bad or result.lost_coverage:
        case.stdout = visible(cut_middle(stdout, MAX_OUTPUT, log))
    return case


def _own_output(result: TestResult) -> str:
    lost = [f"lost coverage: {line}" for line in result.lost_coverage]
    return "\n".join([*lost, "" if result.is_bad else result.output]).strip()


# --- properties -------------------------------------------------------------------------------


def _run_properties(report: RunReport) -> dict[str, str]:
    return {
        "run": report.run_id,
        "base": f"{report.base} ({report.base_version})",
        "patches": "; ".join(report.patches) or "none",
        "already in base": "; ".join(report.already_in_base),
        "command": shlex.join(report.command),
        "notes": "; ".join(report.notes),
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
    }


def _coverage(results: Iterable[TestResult]) -> dict[str, str]:
    found = list(results)
    return {
        "known": "; ".join(f"{result.name}: {result.known}" for result in found if result.known),
        "lost coverage": "; ".join(f"{result.name}: {line}" for result in found for line in result.lost_coverage),
    }
