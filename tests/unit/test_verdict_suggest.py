# SPDX-License-Identifier: GPL-2.0-only
"""Proposed expectations: refused until somebody says why, and then they excuse just what they were made from."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.changes import Change
from harness.errors import UserError
from harness.model import RunReport, Splat, Status, TestResult
from harness.verdict import apply_expectations, compare, judge, load_expectations, propose
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import OFF, ON, PASSES, bad_report, run_report, splat, variant_report

TODAY = date(2026, 11, 24)
FAILED = TestResult("checks", "heap's (odd) test-1", Status.FAIL, message="expected 3, got 4")
SKIPPED = TestResult("checks", "no.vgem", Status.SKIP, message="no vgem")


def paste(text: str, root: Path, reason: str = "it is so", link: str = "https://b.example/1") -> Path:
    """What was proposed, put into the files that it names, with its gaps filled."""
    for part in re.split(r"(?m)^# in kselftest-wrappers/", text)[1:]:
        name, _, entries = part.partition("/expectations.toml\n")
        (root / name).mkdir(parents=True)
        filled = entries.replace('reason = ""', f'reason = "{reason}"').replace('link = ""', f'link = "{link}"')
        (root / name / "expectations.toml").write_text(filled)
    return root


def test_a_proposal_is_refused_as_long_as_it_has_no_reason_and_no_link(tmp_path: Path) -> None:
    text = propose(run_report(variant_report(ON, (*PASSES, FAILED))), TODAY)
    with pytest.raises(UserError, match="reason is empty"):
        load_expectations(paste(text, tmp_path / "none", reason="", link=""))
    with pytest.raises(UserError, match="link is empty"):
        load_expectations(paste(text, tmp_path / "some", link=""))


def test_filled_in_it_excuses_what_it_was_made_from(tmp_path: Path) -> None:
    moved = replace(splat(), during="sync: sync/x", title=splat().title.replace("PID: 63", "PID: 1204"))
    report = variant_report(ON, (*PASSES, FAILED, SKIPPED), splats=(splat(), moved))
    entries = load_expectations(paste(propose(run_report(report), TODAY), tmp_path / "w"))
    assert {entry.kind for entry in entries} == {"fail", "skip", "splat"}
    done = apply_expectations(report, "6.12.117", entries, TODAY)
    assert not done.is_bad
    assert all(one.known for one in done.results[-2:]) and all(one.known for one in done.splats)
    assert not any(one.known for one in done.results[:-2])


def test_an_entry_holds_for_this_base_and_only_the_variants_that_have_it() -> None:
    failed, passed = variant_report(ON, (*PASSES, FAILED)), variant_report(OFF, PASSES)
    text = propose(run_report(failed, passed), TODAY)
    assert 'bases = ["6.12"]' in text and 'variants = ["move-notify-on"]' in text
    everywhere = propose(run_report(failed, variant_report(OFF, (*PASSES, FAILED))), TODAY)
    assert everywhere.count("[[expect]]") == 1 and "variants =" not in everywhere


def test_what_is_known_or_not_applicable_or_fine_needs_no_entry() -> None:
    known, not_applicable = replace(FAILED, known="so it is"), replace(SKIPPED, not_applicable=True)
    assert propose(run_report(variant_report(ON, (*PASSES, known, not_applicable))), TODAY).startswith(
        "# nothing unexpected"
    )


def test_what_no_entry_can_excuse_is_named() -> None:
    text = propose(bad_report(), TODAY)
    assert "# checks vgem.import_twice (error): no entry can excuse that" in text
    assert "# checks heap.zeroed (missing): no entry can excuse that" in text


def test_what_is_the_patchs_is_not_proposed_and_what_is_flaky_is_proposed_as_that() -> None:
    patched = variant_report(ON, (*PASSES, FAILED), splats=(splat(),))
    found = compare(variant_report(ON, (*PASSES, replace(FAILED, status=Status.PASS))), patched)
    text = propose(run_report(judge(patched, found)), TODAY)
    assert "[[expect]]" not in text and "test-1 (new): no entry" in text
    assert text.endswith("# nothing else: no entry is needed\n") and "nothing unexpected" not in text
    flaky = replace(found, differences=tuple(replace(one, change=Change.FLAKY) for one in found.differences))
    assert 'kind = "flaky"' in propose(run_report(judge(patched, flaky)), TODAY)


def test_what_the_base_has_too_is_proposed_although_it_colours_nothing() -> None:
    patched = variant_report(ON, (*PASSES, FAILED))
    assert "[[expect]]" in propose(run_report(judge(patched, compare(patched, patched))), TODAY)


@settings(deadline=None, max_examples=40)
@given(run_reports())
def test_any_report_makes_toml_that_is_only_refused_for_its_gaps(
    tmp_path_factory: pytest.TempPathFactory, report: RunReport
) -> None:
    variants = tuple(
        replace(
            variant,
            results=tuple(replace(result, name=f"x{result.name}") for result in variant.results),
            splats=tuple(replace(one, during="", title=f"x{one.title}") for one in variant.splats),
        )
        for variant in report.variants
    )
    text = propose(replace(report, variants=variants), TODAY)
    entries = load_expectations(paste(text, tmp_path_factory.mktemp("w")))
    assert len(entries) == text.count("\n[[expect]]\n")


def test_a_splat_entry_does_not_match_another_splat(tmp_path: Path) -> None:
    text = propose(run_report(variant_report(splats=(splat(),))), TODAY)
    entries = load_expectations(paste(text, tmp_path / "w"))
    other = Splat("warn", "WARNING: CPU: 1 PID: 7 at mm/slub.c:12 kfree+0x1/0x2", "text", 1)
    assert apply_expectations(variant_report(splats=(other,)), "6.12.117", entries, TODAY).is_bad
