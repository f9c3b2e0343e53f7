# SPDX-License-Identifier: GPL-2.0-only
"""The final text: what a person reads first, whatever the kernel or a patch tried to print."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.model import BootOutcome, RunReport, Status, TestResult, VariantReport
from harness.report import ReportFile, Written, headline, render_table
from harness.report.style import Style
from harness.report.table import MAX_DETAILED, MAX_NAMED, MAX_TOLD
from harness.splat.fingerprint import case_name
from harness.verdict import compare, judge
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import (
    OFF,
    ON,
    PASSES,
    RUN_DIR,
    bad_report,
    boot,
    compared_report,
    failed_build,
    problem,
    run_report,
    splat,
    variant_report,
)

WRITTEN = Written(
    RUN_DIR,
    RUN_DIR / "results.json",
    (ReportFile("junit", Path("/ci/junit.xml")), ReportFile("html", RUN_DIR / "report.html")),
)


def render(report: RunReport, width: int = 100, *, color: bool = False) -> str:
    return render_table(report, WRITTEN, Style(width, color))


def row(text: str, suite: str) -> list[str]:
    """Cells of the first row of ``suite``."""
    (first, *_) = [line.split() for line in text.splitlines() if line.startswith(f"  {suite} ")]
    return first


def test_a_row_per_suite_counts_every_outcome() -> None:
    text = render(bad_report())
    assert row(text, "checks") == ["checks", "1", "2", "-", "1", "1", "2.4", "s"]
    assert row(text, "kselftest") == ["kselftest", "2", "-", "1", "-", "-", "33.0", "s"]


def test_a_green_run_ends_in_pass_and_the_paths_of_its_reports() -> None:
    text = render(run_report())
    assert "PASS: move-notify-on and move-notify-off: 3 tests passed" in text
    assert re.search(r"^junit +/ci/junit\.xml$", text, re.MULTILINE)
    assert re.search(rf"^html +{RUN_DIR}/report\.html$", text, re.MULTILINE)
    assert "failure" not in text and "again:" not in text


def test_a_failure_has_its_reason_its_log_and_the_command_that_repeats_it() -> None:
    lines = render(bad_report()).splitlines()
    start = lines.index("  move-notify-on: checks dmabuf.sync_refuses_unknown_flags: fail")
    assert lines[start + 1 : start + 4] == [
        "      expected EINVAL, got success",
        f"      log:   {RUN_DIR}/boots/move-notify-on-1/logs/checks.txt",
        "      again: dmabuf-harness reproduce /tmp/out 'checks: dmabuf.sync_refuses_unknown_flags'"
        " --variant move-notify-on",
    ]


def test_what_is_wrong_with_the_kernel_comes_with_file_and_line() -> None:
    text = " ".join(render(bad_report()).split())
    assert "drivers/dma-buf/dma-buf.c:1042: error: 'attach' undeclared (a line that the patch adds)" in text
    assert "printed during kselftest: boots/move-notify-on-1/console.log:812" in text
    assert "asked for y, got n: depends on DRM, which is n" in text
    assert "warning: drivers/dma-buf/dma-buf.c:77: unused variable 'old'" in text
    assert "dma-buf: an older one (already there: nothing to test)" in text


def test_variants_that_are_one_kernel_are_told_once() -> None:
    off = VariantReport(OFF, same_as=ON.name, config_problems=(problem(required=False),))
    text = render(run_report(variant_report(), off))
    assert "move-notify-on = move-notify-off\n" in text
    assert "same config: tested once" in text
    assert len(re.findall(r"^  checks ", text, re.MULTILINE)) == 1
    assert "CONFIG_DRM_VGEM" in text


def test_what_is_lost_alike_in_both_variants_is_said_once() -> None:
    lost = (replace(PASSES[0], lost_coverage=("no vgem here",)),)
    text = render(run_report(variant_report(ON, lost), variant_report(OFF, lost)))
    assert text.count("no vgem here") == 1
    assert "move-notify-on, move-notify-off: kselftest sync:sync_test: no vgem here" in text


def test_many_failures_are_named_and_counted_not_told_at_length() -> None:
    results = tuple(TestResult("checks", f"test{number:02d}", Status.FAIL) for number in range(30))
    text = render(run_report(variant_report(ON, results)))
    assert text.count("again:") == MAX_DETAILED
    assert len(re.findall(r"test\d\d: fail", text)) == MAX_DETAILED + MAX_NAMED
    assert f"{30 - MAX_DETAILED - MAX_NAMED} more in {RUN_DIR}/report.html" in text


def test_a_splat_that_comes_again_and_again_is_told_once_in_each_variant() -> None:
    tests = [replace(splat(), during=f"checks: heap.{number}") for number in range(8)]
    other = replace(splat(), title="WARNING: in elsewhere", fingerprint="warn-elsewhere")
    off = variant_report(OFF, splats=tuple(tests[:1]))
    text = render(run_report(variant_report(splats=(*tests, other)), off))
    name = case_name(splat())
    told = [line.strip() for line in text.splitlines() if line.startswith("  move-notify-o") and ": fail" in line]
    assert told == [
        f"move-notify-on: {name}: fail, 7 more like it",
        f"move-notify-on: {case_name(other)}: fail",
        f"move-notify-off: {name}: fail",
    ]
    assert "10 failures" in text and "during checks: heap.0:" in " ".join(text.split())


def test_many_skips_are_counted_too() -> None:
    results = tuple(TestResult("checks", f"test{n:02d}", Status.SKIP, message=f"no vgem {n}") for n in range(30))
    text = render(run_report(variant_report(ON, results)))
    assert text.count(": no vgem") == MAX_TOLD
    assert f"{30 - MAX_TOLD} more in {RUN_DIR}/report.html" in text


def test_what_many_tests_lack_is_said_once() -> None:
    results = tuple(TestResult("checks", f"test{n:02d}", Status.SKIP, message="no vgem") for n in range(30))
    text = render(run_report(variant_report(ON, results)))
    assert "move-notify-on: 30 tests, checks test00 and others: no vgem" in text
    assert text.count("no vgem") == 1


def test_what_died_is_told_before_what_therefore_never_ran() -> None:
    never = tuple(TestResult("checks", f"test{number}", Status.MISSING) for number in range(9))
    text = render(run_report(variant_report(ON, (*never, TestResult("checks", "killer", Status.ERROR)))))
    assert text.index("killer: error") < text.index("move-notify-on: 9 tests never ran")
    text = render(run_report(variant_report(ON, (*never[:2], TestResult("checks", "killer", Status.ERROR)))))
    assert text.index("killer: error") < text.index("test0: missing")


@pytest.mark.parametrize("width", [20, 60, 100])
def test_prose_fits_the_terminal(width: int) -> None:
    notes = ("a long note " * 20,)
    for line in render(run_report(notes=notes), width).splitlines():
        assert len(line) <= max(width, 24) or "note" not in line


def test_color_only_where_it_is_welcome() -> None:
    assert "\x1b[" not in render(bad_report())
    assert "\x1b[31m" in render(bad_report(), color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(bad_report(), color=True)) == render(bad_report())


@settings(deadline=None)
@given(run_reports())
def test_nothing_in_a_report_can_steer_the_terminal(report: RunReport) -> None:
    text = render(report)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert headline(report).splitlines() == [headline(report)]


def test_an_escape_sequence_in_a_name_is_shown_not_obeyed() -> None:
    result = TestResult("checks", "evil\x1b[2J", Status.FAIL, message="\x1b]0;title\x07")
    text = render(run_report(variant_report(ON, (result,)), patches=("\x1b[31msubject\r",)))
    assert "\x1b" not in text and r"evil\x1b[2J" in text and r"\x1b[31msubject" in text


# --- the headline -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (run_report(), "PASS: move-notify-on and move-notify-off: 3 tests passed"),
        (run_report(variant_report(splats=(splat(),))), "FAIL: move-notify-on: 1 kernel splat"),
        (
            run_report(variant_report(boots=(boot(ON, BootOutcome.PANIC),), results=()), variant_report(OFF)),
            "FAIL: move-notify-on: panics while booting: VFS: Unable to mount root fs; move-notify-off: 3 tests passed",
        ),
        (run_report(variant_report(kernel=None)), "FAIL: move-notify-on: not built"),
        (run_report(interrupted="Ctrl-C"), "INCOMPLETE: Ctrl-C; move-notify-on and move-notify-off: 3 tests passed"),
        (run_report(variant_report(results=())), "FAIL: move-notify-on: 0 tests passed; nothing was tested"),
        (
            run_report(variant_report(results=(TestResult("checks", "a", Status.SKIP, not_applicable=True),))),
            "FAIL: move-notify-on: 0 tests passed, 1 skipped; nothing was tested: every test skipped itself",
        ),
    ],
)
def test_the_headline_tells_the_worst_of_each_variant(report: RunReport, says: str) -> None:
    assert headline(report) == says


# --- against the base -------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100])
def test_what_is_new_comes_first_with_its_counts_and_where_its_repeats_are(width: int) -> None:
    text = render(compared_report(), width)
    flat = " ".join(text.split())
    assert "move-notify-on: checks was.good: fail, new failure expected EINVAL, got success" in flat
    assert f"base: pass; patched 3/3 failed, base 0/3 (repeats: {RUN_DIR}/repeats/move-notify-on-1)" in flat
    assert flat.index("was.good: fail, new failure") < flat.index("Known")
    assert all(len(line) <= width for line in text.splitlines() if "again:" not in line and "/" not in line)


def test_the_command_that_tests_the_base_anew_can_be_copied() -> None:
    command = "dmabuf-harness run --base debian:6.12 --suite checks --only " + "udmabuf.size-has-a-limit " * 9
    report = compared_report()
    variants = tuple(
        replace(one, comparison=replace(one.comparison, against="tested on Friday, 2 h ago", again=command.strip()))
        for one in report.variants
        if one.comparison is not None
    )
    text = render(replace(report, variants=variants))
    assert f"\n    base again: {command.strip()}\n" in text
    assert "(tested on Friday, 2 h ago)" in " ".join(text.split())


def test_every_class_is_named_and_counted() -> None:
    flat = " ".join(render(compared_report()).split())
    assert (
        "2 new failures, 1 flaky, 2 pre-existing, 2 with less coverage, 1 not comparable, 2 fixed, "
        "1 with more coverage, 3 unchanged (tested in this run)"
    ) in flat
    for told in (
        "checks was.bad: pre-existing (base: fail: odd bytes)",
        "checks was.shaky: flaky (patched 2/2 failed, base 1/2)",
        "fixed: checks was.broken: base: fail: wrong size; patched: pass",
        "coverage lost: checks was.tested: base: pass; patched: skip: no vgem",
        "coverage lost: checks was.there: base: pass; patched: no such test",
        "coverage gained: checks is.more: base: no such test; patched: pass",
        "not comparable: checks was.lost: base: never ran; patched: pass",
        "fixed: lockdep: WARNING: possible recursive locking detected",
        "warn: WARNING: debug_dma_map_sg: pre-existing (base: printed during kselftest)",
        "oops: BUG: kernel NULL pointer dereference: fail, new failure",
    ):
        assert told in flat, told


def test_splats_that_are_gone_are_each_named() -> None:
    gone = tuple(replace(splat(), kind="warn", title=f"WARNING: in {place}") for place in ("one_place", "another"))
    text = " ".join(
        render(run_report(judge(variant_report(), compare(variant_report(splats=gone), variant_report())))).split()
    )
    assert all(f"fixed: warn: WARNING: in {place}: base: printed" in text for place in ("one_place", "another"))


def test_the_headline_follows_the_comparison() -> None:
    assert headline(compared_report()) == (
        "FAIL: move-notify-on: 1 test failed, 1 test never ran, 1 kernel splat, against the base: 2 new failures, "
        "1 flaky, 2 pre-existing, 2 with less coverage, 2 fixed"
    )
    same = variant_report(splats=(splat(),))
    assert headline(run_report(judge(same, compare(same, same)))) == (
        "PASS: move-notify-on: 3 tests passed, against the base: nothing new, 1 pre-existing"
    )


def test_a_base_that_cannot_be_compared_is_said_once() -> None:
    broken = variant_report(ON, (), kernel=None, build_failure=failed_build(), boots=())
    patched = variant_report()
    report = run_report(judge(patched, compare(broken, patched)))
    assert headline(report) == "PASS: move-notify-on: 3 tests passed, not comparable: the base does not build"
    assert render(report).count("the base does not build") == 2  # in its section, and in the headline
