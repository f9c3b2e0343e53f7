# SPDX-License-Identifier: GPL-2.0-only
"""Two runs held against each other, whatever either was compared with before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.model import Status, TestResult
from harness.pipeline.compare_runs import compare_runs
from tests.support.sample_reports import OFF, ON, named, on_disk, run_report, variant_report

PASS, FAIL = Status.PASS, Status.FAIL


def test_any_two_runs_can_be_compared_and_the_older_comparison_is_forgotten(tmp_path: Path) -> None:
    config = on_disk(tmp_path, "y")
    before = run_report(variant_report(ON, tuple(named(a=FAIL, b=PASS)), kernel=config), patches=())
    after = run_report(variant_report(ON, tuple(named(a=FAIL, b=FAIL)), kernel=config))
    once = compare_runs(before, after, Path("/old"), (), date.today())
    assert [result.excused for result in once.variants[0].results] == ["pre-existing (base: fail)", ""]
    assert once.variants[0].comparison is not None
    assert once.variants[0].comparison.against == f"run {before.run_id} (debian:6.12, no patch)"
    twice = compare_runs(
        run_report(variant_report(ON, tuple(named(a=PASS, b=PASS)), kernel=config)),
        once,
        Path("/old"),
        (),
        date.today(),
    )
    assert [result.is_bad for result in twice.variants[0].results] == [True, True]
    assert once.base_variants[0].boots[0].console.startswith("/old/boots/")
    strict = compare_runs(before, after, Path("/old"), (), date.today(), strict=True)
    assert [result.is_bad for result in strict.variants[0].results] == [True, True]


def test_runs_that_were_asked_for_different_tests_lose_nothing(tmp_path: Path) -> None:
    config = on_disk(tmp_path, "y")
    before = run_report(variant_report(ON, tuple(named(a=PASS, b=PASS)), kernel=config), asked=("checks",))
    after = run_report(variant_report(ON, tuple(named(a=PASS)), kernel=config), asked=("checks", "a"))
    assert not compare_runs(before, after, tmp_path, (), date.today()).is_bad
    assert compare_runs(before, replace(after, asked=("checks",)), tmp_path, (), date.today()).is_bad
    before, after = replace(before, asked=("sync", "checks")), replace(after, asked=("checks", "sync"))
    assert compare_runs(before, after, tmp_path, (), date.today()).is_bad, "the order makes no difference"


def test_a_variant_that_the_other_run_does_not_have_is_not_comparable(tmp_path: Path) -> None:
    before = run_report(variant_report(ON, kernel=on_disk(tmp_path, "y")))
    after = run_report(variant_report(OFF, kernel=on_disk(tmp_path, "n")))
    report = compare_runs(before, after, tmp_path, (), date.today())
    (variant,) = report.variants
    assert report.notes == (f"move-notify-on is only in run {before.run_id}: nothing is said of it",)
    assert variant.comparison is not None and variant.comparison.why_not == "the base was not built"


def test_runs_of_another_machine_can_be_compared() -> None:
    """Their configs are where they were there."""
    before = run_report(variant_report(ON, tuple(named(a=FAIL, b=PASS))))
    after = run_report(variant_report(ON, tuple(named(a=FAIL, b=FAIL))))
    assert before.variants[0].kernel is not None and not before.variants[0].kernel.config.exists()
    (variant,) = compare_runs(before, after, Path("/old"), (), date.today()).variants
    assert [result.is_bad for result in variant.results] == [False, True]


def test_what_skips_itself_only_in_the_second_run_counts(tmp_path: Path) -> None:
    config = on_disk(tmp_path, "y")
    skips = TestResult("checks", "a", Status.SKIP, message="no such ioctl")
    before = run_report(variant_report(ON, tuple(named(a=PASS, b=PASS)), kernel=config))
    after = run_report(variant_report(ON, (skips, *named(b=PASS)), kernel=config))
    report = compare_runs(before, after, tmp_path, (), date.today())
    assert [result.is_bad for result in report.variants[0].results] == [True, False]
    host = run_report(variant_report(ON, (replace(skips, cut_short=True), *named(b=PASS)), kernel=config))
    assert not compare_runs(before, host, tmp_path, (), date.today()).is_bad


def test_runs_are_compared_by_what_their_tests_showed_and_not_by_how_they_were_judged(tmp_path: Path) -> None:
    """A skip that was a failure beside its base, and a test that was missing there, are what they were."""
    config = on_disk(tmp_path, "y")
    skips = TestResult("checks", "a", Status.SKIP, message="no such ioctl")
    base = run_report(variant_report(ON, tuple(named(a=PASS, b=PASS, gone=PASS)), kernel=config))
    plain = run_report(variant_report(ON, (skips, *named(b=PASS)), kernel=config))
    judged = compare_runs(base, plain, tmp_path, (), date.today())
    assert [result.status for result in judged.variants[0].results] == [FAIL, PASS, Status.MISSING]
    for before, after in ((plain, judged), (judged, plain), (judged, judged)):
        again = compare_runs(before, after, tmp_path, (), date.today())
        assert again.variants[0].results == plain.variants[0].results and not again.is_bad
