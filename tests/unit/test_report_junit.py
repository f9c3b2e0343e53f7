# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML as CI systems read it: complete, well-formed whatever was printed, and red exactly when the run is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from junitparser import Failure, JUnitXml
from junitparser import TestCase as Case

from harness.model import BootOutcome, RunReport, Status, TestResult, VariantReport
from harness.report.junit import MAX_OUTPUT, render_junit
from tests.support.junit_rules import violations
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import (
    OFF,
    ON,
    PASSES,
    RUN_DIR,
    TROUBLE,
    bad_report,
    boot,
    compared_report,
    problem,
    run_report,
    splat,
    variant_report,
)


def parsed(report: RunReport) -> ElementTree.Element:
    return ElementTree.fromstring(render_junit(report, RUN_DIR).encode())


def red(report: RunReport) -> int:
    """Failures and errors, counted from the elements, not from the totals."""
    root = parsed(report)
    return len(root.findall(".//failure")) + len(root.findall(".//error"))


def case(report: RunReport, suite: str, name: str) -> ElementTree.Element:
    found = parsed(report).find(f"testsuite[@name='{suite}']/testcase[@name='{name}']")
    assert found is not None, f"{suite} {name}"
    return found


def only(report: RunReport, suite: str, name: str, tag: str) -> ElementTree.Element:
    """The one outcome element of a case, which must be a ``tag``."""
    (found,) = [child for child in case(report, suite, name) if child.tag in ("failure", "error", "skipped")]
    assert found.tag == tag
    return found


# --- completeness -----------------------------------------------------------------------------


def test_junitparser_reads_back_what_was_written(tmp_path: Path) -> None:
    report = bad_report()
    (tmp_path / "junit.xml").write_text(render_junit(report, RUN_DIR))
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    suites = {suite.name: suite for suite in xml}
    assert list(suites) == [
        "run",
        *(
            f"move-notify-{way}: {suite}"
            for way in ("on", "off")
            for suite in ("kernel", "kselftest", "in-kernel", "checks")
        ),
    ]
    checks = suites["move-notify-on: checks"]
    assert (checks.tests, checks.failures, checks.errors, checks.skipped) == (5, 1, 2, 1)
    cases = {one.name: one for one in checks if isinstance(one, Case)}
    failed = cases["dmabuf.sync_refuses_unknown_flags"]
    (outcome,) = failed.result
    assert isinstance(outcome, Failure)
    assert (failed.classname, failed.time) == ("dmabuf.move-notify-on.checks", 0.3)
    assert outcome.message == "expected EINVAL, got success"
    assert "flags = 0xff" in (outcome.text or "")


def test_every_planned_test_is_there_in_both_variants() -> None:
    root = parsed(bad_report())
    for variant in bad_report().variants:
        for test in variant.planned:
            path = f"testsuite[@name='{variant.variant.name}: {test.suite}']/testcase[@name='{test.name}']"
            assert root.find(path) is not None


def test_a_variant_that_equals_another_shows_the_same_tests() -> None:
    root = parsed(run_report(variant_report(), VariantReport(OFF, same_as=ON.name)))
    shown = {suite.get("name"): [one.get("name") for one in suite.iter("testcase")] for suite in root}
    assert shown["move-notify-off: checks"] == shown["move-notify-on: checks"] != []
    properties = root.find("testsuite[@name='move-notify-off: checks']/properties/property[@name='same as']")
    assert properties is not None and properties.get("value") == ON.name


def test_a_case_always_has_a_time_and_a_class() -> None:
    for one in parsed(bad_report()).iter("testcase"):
        assert float(one.attrib["time"]) >= 0
        assert one.attrib["classname"].startswith("dmabuf.")


def test_repeated_names_are_told_apart() -> None:
    report = run_report(variant_report(splats=(splat(), splat())))
    names = [one.get("name", "") for one in parsed(report).iter("testcase") if "WARNING" in one.get("name", "")]
    assert names == [names[0], f"{names[0]} (2)"]


def test_properties_say_what_was_tested_with_what() -> None:
    suite = parsed(bad_report()).find("testsuite[@name='move-notify-on: kselftest']")
    assert suite is not None
    told = {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")}
    assert told["kernel release"] == "6.12.117"
    assert told["kernel key"] == "5f0con"
    assert told["config"] == "kernels/on/config"
    assert told["accelerator"] == "tcg"
    assert told["compiler"].startswith("gcc")
    assert told["QEMU"] == "7.2.22"
    assert told["base"] == "debian:6.12 (6.12.117)"
    assert told["patches"] == "dma-buf: show in bufinfo which attachments are dynamic"
    assert "skip,no-memfd" in told["lost coverage"]


# --- outcomes ---------------------------------------------------------------------------------


def test_each_status_has_its_element() -> None:
    report = run_report(variant_report(results=(*PASSES, *TROUBLE)))
    checks = "move-notify-on: checks"
    failure = only(report, checks, "dmabuf.sync_refuses_unknown_flags", "failure")
    assert "log: boots/move-notify-on-1/logs/checks.txt" in (failure.text or "")
    assert "again: dmabuf-harness reproduce " in (failure.text or "")
    assert "'checks: dmabuf.sync_refuses_unknown_flags' --variant move-notify-on" in (failure.text or "")
    assert only(report, checks, "vgem.import_twice", "error").get("message", "").startswith("guest lost")
    assert only(report, checks, "heap.zeroed", "error").get("message") == "never ran"
    assert only(report, "move-notify-on: kselftest", "dmabuf-heaps:dmabuf-heap", "skipped").get("message") == "no vgem"
    assert only(report, checks, "heap.flaky_one", "skipped").get("message", "").startswith("known: flaky: heap races")


def test_a_pass_that_lost_coverage_stays_a_pass_and_tells() -> None:
    found = case(run_report(variant_report(results=TROUBLE)), "move-notify-on: kselftest", "drivers/dma-buf:udmabuf")
    assert [child.tag for child in found] == ["system-out"]
    assert found.findtext("system-out") == "lost coverage: test 6: [skip,no-memfd]"


def test_a_failure_without_any_text_is_not_a_pass() -> None:
    report = run_report(variant_report(results=(TestResult("checks", "x", Status.FAIL),)))
    assert only(report, "move-notify-on: checks", "x", "failure").get("message") == "fail"


def test_a_build_failure_names_file_line_and_whether_the_patch_added_it() -> None:
    failure = only(bad_report(), "move-notify-off: kernel", "build", "failure")
    message = failure.get("message", "")
    assert "drivers/dma-buf/dma-buf.c:1042: error: 'attach' undeclared (a line that the patch adds)" in message
    assert "log: kernels/off/build.log" in (failure.text or "")


@pytest.mark.parametrize("outcome", [BootOutcome.PANIC, BootOutcome.HANG, BootOutcome.EXITED])
def test_a_boot_that_fails_is_a_failure_with_the_last_lines(outcome: BootOutcome) -> None:
    report = run_report(variant_report(boots=(boot(ON, outcome),)))
    assert report.is_bad
    assert "Unable to mount root fs" in (only(report, "move-notify-on: kernel", "boot", "failure").text or "")


def test_a_second_boot_that_came_up_is_a_pass_that_tells() -> None:
    report = run_report(variant_report(boots=(boot(ON, BootOutcome.EXITED), boot())))
    assert not report.is_bad and red(report) == 0
    assert "exited after 4.2 s" in (case(report, "move-notify-on: kernel", "boot").findtext("system-out") or "")


def test_a_splat_is_a_failure_and_a_known_one_is_skipped() -> None:
    name = "warn: WARNING: debug_dma_map_sg"
    assert "Call Trace" in (
        only(run_report(variant_report(splats=(splat(),))), f"{ON.name}: kernel", name, "failure").text or ""
    )
    known = run_report(variant_report(splats=(splat("vgem is like that"),)))
    assert only(known, f"{ON.name}: kernel", name, "skipped").get("message", "").startswith("known: vgem is like that")


def test_a_config_symbol_that_was_lost_is_red_only_if_required() -> None:
    lost = run_report(variant_report(config_problems=(problem(required=False),)))
    assert "depends on DRM" in only(lost, f"{ON.name}: kernel", "config: CONFIG_DRM_VGEM", "skipped").get("message", "")
    fatal = run_report(variant_report(config_problems=(problem(required=True),)))
    only(fatal, f"{ON.name}: kernel", "config: CONFIG_DRM_VGEM", "failure")


def test_a_new_warning_is_shown_but_not_red() -> None:
    warning = only(bad_report(), f"{ON.name}: kernel", "warning: drivers/dma-buf/dma-buf.c:77", "skipped")
    assert "unused variable 'old'" in warning.get("message", "")


def test_a_run_that_was_cut_off_or_tested_nothing_is_red() -> None:
    assert "stopped early: Ctrl-C" in only(run_report(interrupted="Ctrl-C"), "run", "complete", "error").get(
        "message", ""
    )
    nothing = run_report(variant_report(results=()))
    assert only(nothing, "run", "complete", "error").get("message") == "nothing was tested"


def test_long_output_is_cut_in_the_middle_and_points_to_the_log() -> None:
    output = "begin\n" + "x" * 10 * MAX_OUTPUT + "\nend"
    result = replace(TROUBLE[2], output=output)
    failure = only(run_report(variant_report(results=(result,))), f"{ON.name}: checks", result.name, "failure")
    text = failure.text or ""
    assert text.startswith("begin") and "\nend\n" in text and len(text) < MAX_OUTPUT + 1000
    assert "characters left out; the whole: boots/move-notify-on-1/logs/checks.txt" in text


# --- whatever was printed ---------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\x00\x1b[2J", "\ud800", "\udce9", "\ufffe", "]]>", "<!--", "&amp;", "\r"])
def test_hostile_text_is_well_formed_and_visible(text: str) -> None:
    result = TestResult("checks", f"n{text}", Status.FAIL, message=f"m{text}", output=f"o{text}", log=f"l{text}")
    (suite,) = [
        one for one in parsed(run_report(variant_report(results=(result,)))) if "on: checks" in one.get("name", "")
    ]
    (failure,) = suite.iter("failure")
    assert failure.get("message", "").startswith("m")
    assert (failure.text or "").startswith("o")


@settings(deadline=None)
@given(run_reports())
def test_any_report_is_well_formed_and_red_exactly_when_the_run_is_bad(report: RunReport) -> None:
    root = parsed(report)
    failures, errors = int(root.attrib["failures"]), int(root.attrib["errors"])
    assert (failures + errors > 0) == report.is_bad
    assert failures + errors == red(report)


def test_green_and_bad_samples_are_what_they_say() -> None:
    assert not run_report().is_bad and red(run_report()) == 0
    assert bad_report().is_bad and red(bad_report()) == 9


# --- what CI systems ask for ------------------------------------------------------------------


@settings(deadline=None)
@given(run_reports())
def test_any_report_is_valid_for_jenkins(report: RunReport) -> None:
    assert list(violations(parsed(report))) == []


@pytest.mark.parametrize("report", [run_report(), bad_report(), compared_report()])
def test_the_samples_are_valid_for_jenkins(report: RunReport) -> None:
    assert list(violations(parsed(report))) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<testsuite name="a" tests="0" failures="0" errors="0" disabled="0"/>', "testsuite may not have disabled"),
        ('<testsuite name="a" tests="0" failures="0"/>', "testsuite has no errors"),
        ('<testsuite name="a" tests="0" failures="0" errors="0" time="1e-09"/>', "testsuite has the time 1e-09"),
        ('<testsuites><testcase name="x"/></testsuites>', "testsuites may not hold testcase"),
        ("<testsuites>text</testsuites>", "testsuites may not hold text"),
        ("<report/>", "root is report"),
    ],
)
def test_the_rules_for_jenkins_can_be_broken(text: str, says: str) -> None:
    assert says in list(violations(ElementTree.fromstring(text)))


@settings(deadline=None)
@given(run_reports())
def test_no_two_cases_are_the_same_for_gitlab(report: RunReport) -> None:
    names = [(one.get("classname"), one.get("name")) for one in parsed(report).iter("testcase")]
    assert len(names) == len(set(names))


def test_a_failure_brings_its_log_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "out" / TROUBLE[2].log
    log.parent.mkdir(parents=True)
    log.write_text("all of it")
    report = run_report(variant_report(results=TROUBLE))
    monkeypatch.chdir(tmp_path)
    inside = ElementTree.fromstring(render_junit(report, tmp_path / "out").encode())
    (found,) = [one.text or "" for one in inside.iter("system-out") if "ATTACHMENT" in (one.text or "")]
    assert f"[[ATTACHMENT|out/{TROUBLE[2].log}]]" in found.splitlines(), "GitLab: relative to the project"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    outside = render_junit(report, tmp_path / "out")
    assert f"[[ATTACHMENT|{log}]]" in outside, "Jenkins: absolute"


def test_a_log_that_is_not_there_is_not_promised() -> None:
    assert "ATTACHMENT" not in render_junit(bad_report(), RUN_DIR)


def test_megabytes_in_every_field_stay_small(tmp_path: Path) -> None:
    much = "x" * 5_000_000
    results = tuple(
        TestResult("checks", f"t{number}", status, message=much, output=much, log="logs/checks.txt")
        for number, status in enumerate((Status.FAIL, Status.ERROR, Status.SKIP, Status.PASS))
    )
    text = render_junit(run_report(variant_report(results=results)), RUN_DIR)
    assert len(text) < 200_000
    assert text.count("the whole: logs/checks.txt") == 4


# --- against the base -------------------------------------------------------------------------

CHECKS = "move-notify-on: checks"


def test_each_class_shows_in_the_message_of_its_case() -> None:
    report = compared_report()
    new = only(report, CHECKS, "was.good", "failure")
    assert new.get("message") == "new failure: expected EINVAL, got success"
    assert "base: pass; patched 3/3 failed, base 0/3" in (new.text or "")
    old = only(report, CHECKS, "was.bad", "skipped")
    assert old.get("message") == "pre-existing (base: fail: odd bytes): odd bytes"
    shaky = only(report, CHECKS, "was.shaky", "skipped")
    assert shaky.get("message") == "flaky (patched 2/2 failed, base 1/2): too late"
    assert only(report, CHECKS, "was.tested", "skipped").get("message") == "coverage lost: no vgem"
    gone = only(report, CHECKS, "was.there", "error")
    assert gone.get("message", "").startswith("coverage lost: the base has this test")
    assert case(report, CHECKS, "was.broken").findtext("system-out") == "base: fail: wrong size"


def test_splats_are_cases_with_their_class() -> None:
    report = compared_report()
    kernel = f"{ON.name}: kernel"
    new = only(report, kernel, "oops: BUG: kernel NULL pointer dereference", "failure")
    assert new.get("message", "").startswith("new failure: ")
    (old,) = [one for one in parsed(report).iter("skipped") if "printed during kselftest" in one.get("message", "")]
    assert old.get("message", "").startswith("pre-existing (base: printed during kselftest)")


def test_what_has_no_case_is_in_the_properties() -> None:
    suite = parsed(compared_report()).find(f"testsuite[@name='{CHECKS}']")
    assert suite is not None
    told = {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")}
    assert told["base tested"] == "tested in this run"
    assert told["against the base"].startswith("2 new failures, 1 flaky, 2 pre-existing")
    assert told["base: fixed"] == "checks was.broken; lockdep: WARNING: possible recursive locking detected"
    assert told["base: coverage gained"] == "checks is.more"


def test_with_a_comparison_red_is_what_the_run_is_bad_for() -> None:
    report = compared_report()
    assert report.is_bad and red(report) == 3
    assert JUnitXml.fromstring(render_junit(report, RUN_DIR).encode()).failures == 2
