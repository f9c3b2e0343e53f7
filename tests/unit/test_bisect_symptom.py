# SPDX-License-Identifier: GPL-2.0-only
"""From an earlier run, or from names, to what is looked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.bisect import Symptom, SymptomKind, beside, from_run, named
from harness.causes import Cause
from harness.errors import UserError
from harness.model import Splat, Status, TestResult
from tests.support.sample_reports import OFF, ON, run_report, variant_report

FAILED = TestResult("checks", "dmabuf.x", Status.FAIL, message="size is 4096")
LOST = TestResult("checks", "dmabuf.y", Status.ERROR, message="guest lost: panic: x", cause=Cause.PANIC)
WARN = Splat("warn", "WARNING: x", "", 1, "checks: dmabuf.y", fingerprint="warn-0123456789ab")


@pytest.mark.parametrize(
    ("test", "splat", "expected"),
    [
        ("dmabuf.x", None, Symptom(SymptomKind.TEST, "", "dmabuf.x")),
        ("checks: dmabuf.x", None, Symptom(SymptomKind.TEST, "checks", "dmabuf.x")),
        ("sync:sync_test", None, Symptom(SymptomKind.TEST, "", "sync:sync_test")),
        ("boot", None, Symptom(SymptomKind.BOOT)),
        (None, "hung-task-0123456789ab", Symptom(SymptomKind.SPLAT, name="hung-task-0123456789ab")),
        ("checks: a", "warn-0123456789ab", Symptom(SymptomKind.SPLAT, name="warn-0123456789ab", during="checks: a")),
        ("a", "warn-0123456789ab", Symptom(SymptomKind.SPLAT, name="warn-0123456789ab", during="a")),
    ],
)
def test_names(test: str | None, splat: str | None, expected: Symptom) -> None:
    assert named(test, splat) == expected


@pytest.mark.parametrize(("test", "splat"), [(None, None), (None, "WARNING: x")])
def test_what_names_nothing_is_refused(test: str | None, splat: str | None) -> None:
    with pytest.raises(UserError):
        named(test, splat)


def test_a_run_tells_what_failed_and_how() -> None:
    report = run_report(variant_report(ON), variant_report(OFF, (FAILED,)))
    (found,) = from_run(report)
    assert found.symptom == Symptom(SymptomKind.TEST, "checks", "dmabuf.x", ("fail: size is #",))
    assert found.variant == OFF.name


def test_one_of_several_can_be_picked() -> None:
    report = run_report(replace(variant_report(ON, (FAILED, LOST)), splats=(WARN,)))
    assert [one.symptom.name for one in from_run(report)] == ["dmabuf.x", "dmabuf.y", "warn-0123456789ab"]
    (picked,) = from_run(report, named("dmabuf.y", None), "on")
    assert picked.symptom.manners == ("lost: warn-0123456789ab",)
    assert beside(report, picked) == ("warn-0123456789ab",)
    (printed,) = from_run(report, named(None, "warn-0123456789ab"))
    assert printed.symptom.during == "checks: dmabuf.y"
    assert beside(report, printed) == ()


def test_a_green_run_has_nothing_to_look_for() -> None:
    with pytest.raises(UserError, match="bad is: nothing"):
        from_run(run_report(variant_report(ON)))


def test_what_is_asked_for_by_name_may_be_excused_or_of_the_base() -> None:
    excused = replace(FAILED, excused="pre-existing: on the base, too")
    with pytest.raises(UserError, match="bad is: nothing"):
        from_run(run_report(variant_report(ON, (excused,))))
    (found,) = from_run(run_report(variant_report(ON, (excused,))), named("dmabuf.x", None))
    assert found.symptom.manners == ("fail: size is #",)
    on_base = replace(run_report(variant_report(ON)), base_variants=(variant_report(ON, (FAILED,)),))
    assert from_run(on_base, named("dmabuf.x", None)) == [replace(found, summary=FAILED.message)]


@pytest.mark.parametrize(
    "lost",
    [
        TestResult("checks", "dmabuf.x", Status.ERROR, message="guest lost", cause=Cause.MACHINE),
        TestResult("checks", "guest", Status.ERROR, message="lost after the last test", cause=Cause.PANIC),
    ],
)
def test_what_only_the_machine_did_or_no_plan_has_cannot_be_looked_for(lost: TestResult) -> None:
    with pytest.raises(UserError, match="bad is: nothing"):
        from_run(run_report(variant_report(ON, (lost,))))
