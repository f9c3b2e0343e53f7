# SPDX-License-Identifier: GPL-2.0-only
"""Results that were stored before the rules of fingerprints changed are still compared rightly.

tests/data/results-former-fingerprints.json was written by the harness of then, from the console log beside it;
tests/data/former-fingerprints.txt holds what it made of each recorded console.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from harness.bisect import ObservationKind, Symptom, SymptomKind, beside, from_run, observe
from harness.bisect.observation import manner
from harness.bisect.state import Attempt
from harness.causes import Cause
from harness.changes import Change
from harness.model import BootOutcome, RunReport, Splat, Status, TestResult
from harness.pipeline import base_cache
from harness.pipeline.compare_runs import compare_runs
from harness.report import load
from harness.splat import Known, find_splats
from harness.splat.fingerprint import fingerprinted
from harness.splat.stack import RawFrame
from tests.support.consoles import splats_in
from tests.support.report_shapes import REPORTS, printed
from tests.support.sample_reports import ON, named, run_report, variant_report

DATA = Path(__file__).parent.parent / "data"
STORED = DATA / "results-former-fingerprints.json"
RECORDED = (DATA / "former-fingerprints.txt").read_text().split("\n")[:-1]


def now() -> tuple[Splat, ...]:
    """What today's reader makes of the console that the stored run had."""
    return find_splats((DATA / "results-former-fingerprints.log").read_text())


def run_of(*splats: Splat) -> RunReport:
    return run_report(replace(variant_report(ON, tuple(named(a=Status.PASS))), splats=splats))


def changes(before: RunReport, after: RunReport) -> Counter[Change]:
    (variant,) = compare_runs(before, after, DATA, (), date.today()).variants
    assert variant.comparison is not None
    return Counter(one.change for one in variant.comparison.differences if one.fingerprint)


def during(place: str, report: str = "dma, stack") -> Splat:
    (splat,) = find_splats("\n".join(printed(REPORTS[report](place))))
    return replace(splat, during="checks: a")


# --- fingerprints -----------------------------------------------------------------------------


def test_each_recorded_report_knows_the_fingerprint_that_it_had() -> None:
    logs = sorted({line.partition(":")[0] for line in RECORDED})
    found = [
        f"{log}:{splat.line} {splat.former or splat.fingerprint}" for log in logs for splat in splats_in(DATA / log)
    ]
    assert found == RECORDED


def test_what_a_decoder_knows_counts_in_both() -> None:
    """The line of the check and inlined functions, as the harness of then took them."""
    text = (
        "WARNING: CPU: 0 PID: 1 at a.c:1 outer+0x1/0x2\nRIP: 0010:outer+0x1/0x2\nCall Trace:\n <TASK>\n"
        " ___kmalloc_large_node+0x1/0x2\n caller+0x3/0x4\n </TASK>"
    )

    def called(frame: RawFrame) -> tuple[str, ...]:
        return ("inner", frame.function) if frame.function == "outer" else (frame.function,)

    plain = Splat("warn", text.partition("\n")[0], text, 1)
    assert fingerprinted(plain, "WARN_ON(size > MAX)", called).former == "warn-adf3d9d49a2a"
    assert len({fingerprinted(plain).former, fingerprinted(plain, "WARN_ON(size > MAX)", called).former}) == 2


def test_a_splat_whose_words_did_not_change_keeps_its_fingerprint() -> None:
    assert any(splat.fingerprint == splat.former for splat in now())
    assert any(splat.fingerprint != splat.former for splat in now())


# --- compare ----------------------------------------------------------------------------------


def test_nothing_is_new_or_fixed_because_the_rules_changed() -> None:
    stored = load(STORED)
    assert all(splat.fingerprint and not splat.former for splat in stored.variants[0].splats)
    count = len(stored.variants[0].splats)
    assert changes(stored, run_of(*now())) == {Change.PRE_EXISTING: count}
    assert changes(run_of(*now()), stored) == {Change.PRE_EXISTING: count}
    assert changes(stored, stored) == {Change.PRE_EXISTING: count}


def test_what_the_stored_run_did_not_have_is_new() -> None:
    new = during("udmabuf_map", "hung task")
    stored = load(STORED)
    without = replace(stored.variants[0], splats=stored.variants[0].splats[:3])
    assert changes(replace(stored, variants=(without,)), run_of(new))[Change.NEW] == 1


def test_what_is_gone_since_the_stored_run_is_fixed() -> None:
    stored = load(STORED)
    one = replace(stored.variants[0], splats=stored.variants[0].splats[:1])
    assert changes(replace(stored, variants=(one,)), run_of()) == {Change.FIXED: 1}


def test_two_runs_of_today_are_told_apart_by_the_rules_of_today() -> None:
    """The rules of then had one fingerprint for both."""
    one, two = during("udmabuf_map"), during("system_heap_map")
    assert one.former == two.former
    assert changes(run_of(one), run_of(two)) == {Change.NEW: 1, Change.FIXED: 1}


def test_both_of_two_that_the_rules_of_then_cannot_tell_apart_were_there_then() -> None:
    one, two = during("udmabuf_map"), during("system_heap_map")
    stored = replace(one, fingerprint=one.former, former="")
    assert changes(run_of(stored), run_of(one, two)) == {Change.PRE_EXISTING: 2}
    assert Known([one, two]).like(stored) == [one, two]


def test_what_the_cache_remembers_of_a_base_depends_on_the_rules() -> None:
    """So what the harness of then had stored there is not read: the base is tested anew."""
    assert {"fingerprint_rules.py", "reporting_names.py", "ktap.py"} <= {path.name for _, path in base_cache._code()}


# --- bisect -----------------------------------------------------------------------------------


def attempt(*splats: Splat, cause: Cause | None = None, status: Status = Status.PASS) -> Attempt:
    results = (TestResult("checks", "a", status, cause=cause),)
    return Attempt(BootOutcome.UP, "ended by the harness", results, splats, 1.0)


@pytest.mark.parametrize("index", range(len(load(STORED).variants[0].splats)))
def test_a_bisect_looks_for_the_splat_whatever_its_fingerprint_was(index: int) -> None:
    stored, printed_now = load(STORED).variants[0].splats[index], now()[index]
    asked = Symptom(SymptomKind.SPLAT, name=stored.fingerprint, during="checks: a")
    assert observe(asked, attempt(printed_now)).seen is ObservationKind.BAD
    assert observe(asked, attempt()).seen is ObservationKind.GOOD
    today = Symptom(SymptomKind.SPLAT, name=printed_now.fingerprint, during="checks: a")
    assert observe(today, attempt(printed_now)).seen is ObservationKind.BAD


def test_a_splat_is_found_in_a_run_of_today_by_the_fingerprint_that_it_had() -> None:
    one = during("udmabuf_map")
    (found,) = from_run(run_of(one), Symptom(SymptomKind.SPLAT, name=one.former))
    assert found.symptom.name == one.fingerprint


def test_what_was_usual_in_a_stored_run_hides_nothing_now() -> None:
    report = load(STORED)
    failure = from_run(report)[0]
    usual = beside(report, failure)
    rest = [splat for splat in now() if failure.symptom.name not in (splat.former, splat.fingerprint)]
    assert observe(failure.symptom, attempt(*rest), usual).seen is ObservationKind.GOOD
    other = attempt(*rest, during("elsewhere", "hung task"))
    assert observe(failure.symptom, other, usual).seen is ObservationKind.OTHER


@pytest.mark.parametrize(("status", "cause"), [(Status.FAIL, Cause.REPORT), (Status.ERROR, Cause.PANIC)])
def test_a_failure_that_is_told_by_its_splats_is_known_by_those_of_then(status: Status, cause: Cause) -> None:
    one, two = during("udmabuf_map"), during("udmabuf_map", "lockdep")
    then = attempt(
        *(replace(splat, fingerprint=splat.former, former="") for splat in (one, two)), cause=cause, status=status
    )
    asked = Symptom(SymptomKind.TEST, "checks", "a", (manner(then.results[0], then),))
    assert observe(asked, attempt(one, two, cause=cause, status=status)).seen is ObservationKind.BAD
    assert observe(asked, attempt(two, cause=cause, status=status)).seen is ObservationKind.OTHER


def test_a_kernel_that_does_not_boot_is_known_by_the_splats_of_then() -> None:
    one = replace(during("udmabuf_map"), during="boot")
    then = replace(one, fingerprint=one.former, former="")
    seen = [Attempt(BootOutcome.PANIC, "panic: x", (), (splat,), 1.0) for splat in (then, one)]
    asked = Symptom(SymptomKind.BOOT, manners=(observe(Symptom(SymptomKind.BOOT), seen[0]).manner,))
    assert [observe(asked, one).seen for one in seen] == [ObservationKind.BAD, ObservationKind.BAD]
