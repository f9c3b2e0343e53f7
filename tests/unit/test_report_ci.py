# SPDX-License-Identifier: GPL-2.0-only
"""What CI systems show of a run: a job's summary, annotations, GitLab's code quality and Cobertura."""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from harness.changed_coverage import (
    ChangedCoverage,
    ChangedFileCoverage,
    LineCoverage,
    ReachingTests,
    VariantCoverage,
)
from harness.model import Frame, RunReport, Status, TestResult
from harness.paths import PROJECT_ROOT
from harness.report import FORMATS
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import ON, RUN_DIR, TITLE, bad_report, run_report, splat, variant_report

FILE = "drivers/dma-buf/dma-buf.c"
LINES = (
    LineCoverage(76, True, ways=2, taken=(0,), tests=ReachingTests(("checks a", "checks b"), 2)),
    LineCoverage(77, False),
)


def told(name: str, report: RunReport) -> str:
    return FORMATS[name].render(report, RUN_DIR, RUN_DIR)


def measured(report: RunReport) -> RunReport:
    files = (ChangedFileCoverage(FILE, LINES),)
    return replace(report, coverage=ChangedCoverage((VariantCoverage("", files),)))


def splatted() -> RunReport:
    """A warning of the compiler and a stack at lines of the patch, and an error where it does not build."""
    frame = Frame("dma_buf_pin", path=FILE, line=76, added=True)
    bad = bad_report()
    return replace(
        bad, variants=(replace(bad.variants[0], splats=(replace(splat(), stack=(frame,)),)), bad.variants[1])
    )


# --- GitHub -----------------------------------------------------------------------------------


def test_annotations_stand_at_lines_and_errors_come_first() -> None:
    lines = told("annotations", splatted()).splitlines()
    assert lines[0] == f"::error file={FILE},line=76,title=move-notify-on::warn: {TITLE}, here"
    assert lines[1] == f"::error file={FILE},line=1042,title=move-notify-off::error: 'attach' undeclared"
    assert lines[2] == f"::warning file={FILE},line=77,title=move-notify-on::warning: unused variable 'old'"
    of_test = (
        "::error title=move-notify-on%3A checks vgem.import_twice%3A error::guest lost: Kernel panic - not syncing"
    )
    assert of_test in lines[3:]


def test_nothing_is_annotated_of_a_green_run() -> None:
    assert told("annotations", run_report()) == ""


COMMAND = re.compile(r"::(?:error|warning) (?:(?:file|line|title)=[^,:\r\n]*,?)+::[^\r\n]*")


@pytest.mark.parametrize(
    "text", ["one\n::error::two", "100%0A::error::x", "a,line=3:b", "\r::stop-commands::x", "\u2028::x"]
)
def test_no_text_becomes_a_command_of_its_own(text: str) -> None:
    bad = TestResult("checks", text, Status.FAIL, message=text)
    lines = told("annotations", run_report(variant_report(ON, (bad,)))).split("\n")
    assert len(lines) == 2 and COMMAND.fullmatch(lines[0]) and "%0A" not in lines[0].replace("%250A", "")


@settings(deadline=None, max_examples=30)
@given(run_reports())
def test_annotations_of_any_report_are_commands(report: RunReport) -> None:
    assert all(COMMAND.fullmatch(line) for line in told("annotations", report).split("\n")[:-1])


def test_summary_has_the_verdict_the_table_and_each_failure() -> None:
    text = told("summary", bad_report())
    assert text.startswith("## FAIL: move-notify-on: ")
    assert "| suite | move-notify-on | move-notify-off |\n|---|---|---|\n" in text
    assert "| checks | 1 passed, 1 failed, 1 died, 1 never ran, 1 known |" in text
    assert "<summary><b>move-notify-on: checks dmabuf.sync_refuses_unknown_flags</b>: fail</summary>" in text
    assert "\n```\nioctl(DMA_BUF_IOCTL_SYNC) returned 0\nflags = 0xff\n```\n" in text
    assert "dmabuf-harness run -p" in text


def test_nothing_in_an_output_ends_its_block() -> None:
    bad = TestResult("checks", "<b>x", Status.FAIL, message="|<img>", output="```\n</details>\n````\n# head")
    text = told("summary", run_report(variant_report(ON, (bad,))))
    assert "\n`````\n```\n</details>\n````\n# head\n`````\n" in text
    assert "<img>" not in text and "<summary><b>move-notify-on: checks &lt;b&gt;x</b>" in text


def test_a_summary_has_an_end() -> None:
    many = tuple(TestResult("checks", f"x{n}", Status.FAIL, message="odd", output="x" * 10**5) for n in range(500))
    text = told("summary", run_report(variant_report(ON, many)))
    assert len(text) < 500_000 and "470 more failures are in the other reports." in text


# --- GitLab -----------------------------------------------------------------------------------

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def quality(report: RunReport) -> list[dict[str, object]]:
    found = json.loads(told("codequality", report))
    assert isinstance(found, list)
    for one in found:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["severity"] in SEVERITIES and one["description"] and one["check_name"]
        assert one["location"]["path"] and one["location"]["lines"]["begin"] >= 1
        assert not one["location"]["path"].startswith(("/", "./"))
    assert len({one["fingerprint"] for one in found}) == len(found)
    return found


def test_code_quality_has_what_is_said_of_lines() -> None:
    found = quality(measured(splatted()))
    assert [(one["severity"], one["location"]["lines"]["begin"]) for one in found] == [  # type: ignore[index]
        ("minor", 77),
        ("critical", 76),
        ("critical", 1042),
        ("info", 77),
    ]
    assert quality(run_report()) == []


def test_code_quality_is_the_same_each_time() -> None:
    assert quality(splatted()) == quality(splatted())


def test_cobertura_has_the_changed_lines() -> None:
    root = ElementTree.fromstring(told("cobertura", measured(run_report())))
    assert (root.tag, root.get("line-rate"), root.get("lines-valid"), root.get("branch-rate")) == (
        *("coverage", "0.5000", "2", "0.5000"),
    )
    [one] = root.findall("./packages/package/classes/class")
    assert one.get("filename") == FILE and one.find("methods") is not None
    assert [dict(line.attrib) for line in one.findall("./lines/line")] == [
        {"number": "76", "hits": "2", "branch": "true", "condition-coverage": "50% (1/2)"},
        {"number": "77", "hits": "0", "branch": "false"},
    ]


# What coverage-04.dtd demands: attributes, and children in this order.
DTD = {
    "coverage": (
        *("line-rate", "branch-rate", "lines-covered", "lines-valid", "branches-covered", "branches-valid"),
        *("complexity", "version", "timestamp"),
    ),
    "package": ("name", "line-rate", "branch-rate", "complexity"),
    "class": ("name", "filename", "line-rate", "branch-rate", "complexity"),
    "line": ("number", "hits"),
}
CHILDREN = {"coverage": ["sources", "packages"], "package": ["classes"], "class": ["methods", "lines"]}


@pytest.mark.parametrize("report", [run_report(), measured(run_report())])
def test_cobertura_keeps_to_its_definition(report: RunReport) -> None:
    for element in ElementTree.fromstring(told("cobertura", report)).iter():
        assert set(DTD.get(element.tag, ())) <= set(element.attrib)
        assert [child.tag for child in element] == CHILDREN.get(element.tag, [child.tag for child in element])


# --- the jobs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ci/github/dmabuf-harness.yml", "ci/gitlab/dmabuf-harness.yml"])
def test_each_report_that_a_job_writes_is_used_in_it(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text()
    written = re.findall(r"--report (\w+)=(\S+)", text)
    assert written and all(kind in FORMATS for kind, _ in written)
    for _, file in written:
        assert text.count(file) > 1


def test_what_a_test_prints_is_no_command_for_github(tmp_path: Path) -> None:
    """The runner obeys a line such as "::error::" of any program, until the word that stopped that comes again."""
    text = (PROJECT_ROOT / "ci/github/dmabuf-harness.yml").read_text()
    [step] = re.findall(r"- name: Test\n +run: \|\n((?: {10}.*\n)+)", text)
    (program := tmp_path / "dmabuf-harness/.venv/bin/dmabuf-harness").parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho ::error::from a test\nexit 3\n")
    program.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "PATCH": "a.patch", "BASE": "debian:6.12"}
    done = subprocess.run(
        ["bash", "-e", "-c", textwrap.dedent(step)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    first, said, last = done.stdout.splitlines()
    word = first.removeprefix("::stop-commands::")
    assert (done.returncode, said, last) == (3, "::error::from a test", f"::{word}::") and len(word) > 30


def test_a_cache_of_github_is_found_again() -> None:
    """A key that was saved is never written again: it has to be new each time, and begin as the key to restore."""
    text = (PROJECT_ROOT / "ci/github/dmabuf-harness.yml").read_text()
    [restored, saved] = re.findall(r"(?m)^ +key: (\S.*)$", text)
    [prefix] = re.findall(r"(?m)^ +restore-keys: (\S.*)$", text)
    assert restored == saved and saved.startswith(prefix) and saved != prefix
    assert "github.run_id" in saved and "github.run_attempt" in saved
