# SPDX-License-Identifier: GPL-2.0-only
"""A quick run says in each report, and loudly, that it is not the whole verdict, and which tests were not chosen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from harness.errors import ExitCode
from harness.model import PlannedTest, RunReport
from harness.pipeline.compare_runs import compare_runs
from harness.report import Written, headline, load, render_html, render_table, save
from harness.report.junit import render_junit
from harness.report.style import Style
from harness.verdict import exit_code
from tests.support.sample_reports import OFF, ON, PASSES, RUN_DIR, run_report, variant_report

LEFT_OUT = tuple(PlannedTest("checks", f"left-out-{number}") for number in range(3))
WORDS = "PASS SO FAR (quick: 3 tests not chosen, NOT THE WHOLE VERDICT)"


def _quick() -> RunReport:
    whole = run_report(variant_report(ON), variant_report(OFF))
    return replace(whole, variants=tuple(replace(one, not_chosen=LEFT_OUT) for one in whole.variants))


def test_the_headline_says_so_and_that_of_a_whole_run_does_not() -> None:
    assert headline(_quick()).startswith(f"{WORDS}: ")
    assert headline(run_report(variant_report(ON))).startswith("PASS: ")


def test_the_exit_code_means_the_same() -> None:
    assert exit_code(_quick()) is ExitCode.OK


def test_the_terminal_says_so() -> None:
    text = render_table(_quick(), Written(RUN_DIR, RUN_DIR / "results.json"), Style(120, False))
    assert WORDS in text and text.count("3 tests not chosen") == 3  # each variant, and the verdict
    assert "left-out" not in text and "never ran" not in text


def test_the_results_say_so_and_hold_no_result_of_what_was_left_out(tmp_path: Path) -> None:
    document = json.loads(save(tmp_path, _quick()).read_text())
    assert (document["verdict"], document["whole"]) == ("pass", False)
    again = load(tmp_path)
    assert again.variants[0].not_chosen == LEFT_OUT
    assert {result.test for result in again.variants[0].results} == {result.test for result in PASSES}
    assert json.loads(save(tmp_path, run_report(variant_report(ON))).read_text())["whole"]


def test_junit_has_them_as_skipped(tmp_path: Path) -> None:
    document = ElementTree.fromstring(render_junit(_quick(), tmp_path))
    cases = [case for case in document.iter("testcase") if case.get("name", "").startswith("left-out")]
    assert len(cases) == 2 * len(LEFT_OUT)
    said = {skipped.get("message") for case in cases if (skipped := case.find("skipped")) is not None}
    assert said == {"not chosen: by the reach map it does not reach the change"}
    assert {one.get("value") for one in document.iter("property") if one.get("name") == "quick"} == {
        WORDS.removeprefix("PASS ")
    }


def test_the_page_says_so(tmp_path: Path) -> None:
    page = render_html(_quick(), tmp_path, tmp_path)
    assert WORDS in page and page.count("3 tests not chosen") >= 3
    assert page.count("<li>checks: left-out-1</li>") == 2


def test_compared_with_a_whole_run_nothing_is_gone(tmp_path: Path) -> None:
    """What was not chosen is not lost; what the other run lacks was not asked for."""
    whole, quick = run_report(variant_report(ON)), run_report(variant_report(ON))
    kept = quick.variants[0]
    chosen = (kept.planned[0],)
    results = tuple(result for result in kept.results if result.test in chosen)
    short = replace(kept, planned=chosen, results=results, not_chosen=kept.planned[1:])
    quick = replace(quick, variants=(short,))
    for before, after in ((whole, quick), (quick, whole)):
        assert not compare_runs(before, after, tmp_path, (), date(2026, 11, 30)).is_bad
