# SPDX-License-Identifier: GPL-2.0-only
"""The suite ``static`` as a part of a run: when it runs, and how every report shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.errors import ExitCode, UserError
from harness.model import PlannedTest, RunReport, Status, TestResult, VariantReport
from harness.pipeline import RunJob, check
from harness.pipeline.plan import narrow
from harness.pipeline.static_suite import PATCH
from harness.report import Written, load, render_html, render_table
from harness.report.junit import render_junit
from harness.report.store import save
from harness.suites import suite_names
from harness.verdict import exit_code, propose
from tests.support.run_requests import run_request
from tests.support.sample_reports import RUN_DIR, run_report, variant_report

C = "drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c"
BROKEN = TestResult("static", f"static.compile/{C}", Status.FAIL, message=f"{C}:7: 'no_such_thing' undeclared")
SHOWN = TestResult("static", f"static.w1/{C}", Status.SKIP, message=f"new, shown only: {C}:9: unused parameter")
CLEAN = TestResult("static", f"static.kernel-doc/{C}", Status.PASS)


def job_of(tmp_path: Path, **asked: Any) -> RunJob:
    return check(run_request(**asked), tmp_path)


def static(*results: TestResult) -> VariantReport:
    planned = tuple(PlannedTest(result.suite, result.name) for result in results)
    return VariantReport(PATCH, planned, results, of_patch=True)


def report(*results: TestResult, **changes: object) -> RunReport:
    return run_report(variant_report(), static=static(*results), **changes)


def test_it_runs_with_a_patch_unless_other_suites_were_named(tmp_path: Path) -> None:
    assert "static" in suite_names()
    assert job_of(tmp_path).static
    assert not job_of(tmp_path, no_patch=True).static
    assert not job_of(tmp_path, suites=("checks",)).static
    both = job_of(tmp_path, suites=("checks", "static"))
    assert both.static and both.wants_base and both.plan()["suites"] == ["checks", "static"]


@pytest.mark.parametrize("asked", [{"suites": ("static",)}, {"only": frozenset({"static.compile", "static.w1/*"})}])
def test_alone_it_needs_no_kernel(tmp_path: Path, asked: dict[str, object]) -> None:
    job = job_of(tmp_path, **asked)
    assert job.static and job.suites == () and not job.wants_base


def test_alone_and_without_a_patch_there_is_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no patch to look at"):
        job_of(tmp_path, suites=("static",), no_patch=True)
    with pytest.raises(UserError, match="not among the suites"):
        job_of(tmp_path, suites=("checks",), only=frozenset({"static.compile"}))


def test_names_of_its_tests_are_no_mistake_in_only() -> None:
    kernel, patch = (PlannedTest("checks", "vgem.a"),), (PlannedTest("static", f"static.compile/{C}"),)
    assert narrow(kernel, frozenset({"static.compile", "vgem"}), patch) == kernel
    with pytest.raises(UserError, match="dmabuf-harness list checks"):
        narrow(kernel, frozenset({"statics"}), patch)


def test_it_colours_the_run_without_being_a_variant() -> None:
    assert exit_code(report(CLEAN, SHOWN)) is ExitCode.OK
    assert exit_code(report(BROKEN)) is ExitCode.FAILED
    alone = replace(report(CLEAN), variants=())
    assert exit_code(alone) is ExitCode.OK
    assert exit_code(replace(alone, static=static())) is ExitCode.FAILED  # nothing was tested
    assert exit_code(replace(alone, static=static(SHOWN))) is ExitCode.OK, "what is only shown was looked for"
    skips = variant_report(results=(TestResult("checks", "a", Status.SKIP),))
    assert exit_code(replace(report(CLEAN), variants=(skips,))) is ExitCode.FAILED, "no kernel was tested"


def test_every_report_shows_it(tmp_path: Path) -> None:
    found = report(BROKEN, SHOWN, CLEAN)
    table = render_table(found, Written(RUN_DIR, RUN_DIR / "results.json"))
    assert f"patch: static {BROKEN.name}: fail" in table and "no_such_thing" in table and "unused parameter" in table
    assert "not built" not in table and "never built" not in table
    again = next(line for line in table.splitlines() if "again:" in line)
    assert f"--suite static --only {BROKEN.name}" in again and "--variant" not in again
    page = render_html(found, RUN_DIR)
    assert "no_such_thing" in page and "unused parameter" in page
    save(tmp_path, found)
    assert load(tmp_path) == found


def test_junit_has_a_suite_of_its_own() -> None:
    root = ElementTree.fromstring(render_junit(report(BROKEN, SHOWN, CLEAN), RUN_DIR))
    (suite,) = (one for one in root.iter("testsuite") if one.get("name") == "static")
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert list(cases) == [BROKEN.name, SHOWN.name, CLEAN.name]
    assert cases[BROKEN.name].find("failure") is not None and cases[BROKEN.name].get("classname") == "dmabuf.static"
    skipped = cases[SHOWN.name].find("skipped")
    assert skipped is not None and "shown only" in str(skipped.get("message"))
    assert not [one for one in root.iter("testsuite") if str(one.get("name")).startswith("patch: ")]


def test_an_expectation_can_be_proposed_for_it() -> None:
    text = propose(report(BROKEN), date(2026, 11, 24))
    assert "kselftest-wrappers/static/expectations.toml" in text
    assert "variants" not in text
