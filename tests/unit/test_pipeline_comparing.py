# SPDX-License-Identifier: GPL-2.0-only
"""A run and its base: what is tested again, what is repeated, and what comes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness import process
from harness.changes import Change, Comparison
from harness.events import Event, EventStream, Note
from harness.executor import Findings
from harness.model import BootOutcome, PlannedTest, Splat, Status, TestResult, Variant
from harness.pipeline import comparing
from harness.pipeline.comparing import Comparer, lacking
from harness.pipeline.kernel_set import KernelSet
from harness.pipeline.repeating import Repeater
from harness.pipeline.request import RunJob
from harness.series import Applied, Tree
from harness.source import parse_base
from harness.suites import select_suites
from harness.verdict import Rerun, Round, Suspect, judge
from tests.support.run_requests import run_request
from tests.support.sample_reports import OFF, ON, boot, named, on_disk, variant_report
from tests.support.scripted_executor import ScriptedExecutor

PASS, FAIL, ERROR = Status.PASS, Status.FAIL, Status.ERROR
COMMAND = ("dmabuf-harness", "run", "-p", "my.patch", "--repeat", "5", "--suite", "checks")


def found(results: list[TestResult], splats: list[Splat] | None = None) -> Findings:
    plan = tuple(PlannedTest(result.suite, result.name) for result in results)
    return Findings(plan, tuple(results), tuple(splats or ()), (boot(),))


def side(tmp_path: Path, findings: Findings, *variants: Variant, option: str = "y", repeat: int = 3) -> KernelSet:
    """One that has been built and tested, equally in each variant."""
    request = run_request(command=COMMAND, repeat=repeat)
    job = RunJob(request, tmp_path / "run", parse_base("debian:6.12"), (), variants or (ON,), (), (), ())
    made = KernelSet(job, EventStream())
    for run in made.runs:
        run.kernel, run.findings, run.tested = on_disk(tmp_path, option), findings, True
        run.applied = Applied(Tree("debian:6.12", tmp_path, "c", "6.12.117"), (), "t")
    return made


class Scripted(Repeater):
    """Answers with what is given instead of booting anything."""

    def __init__(self, *answers: Round) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.whole = Rerun()
        self.without = Rerun()

    def rounds(self, report: object, suspect: Suspect, logs: str) -> list[Round]:
        self.asked.append(suspect.name)
        return self.answers

    def all_again(self, report: object, last: str, logs: str) -> Rerun:
        self.asked.append(f"all up to {last}")
        return self.whole

    def all_without(self, report: object, last: str, logs: str) -> Rerun:
        self.asked.append(f"all of the base up to {last}")
        return self.without


def attempt(status: Status, *splats: Splat, lost: bool = False) -> Rerun:
    return Rerun((TestResult("checks", "a", status),), splats, BootOutcome.UP, lost)


def compared(patched: KernelSet, base: KernelSet, repeater: Repeater | None = None) -> dict[str, Comparison]:
    with ThreadPoolExecutor(2) as pool:
        return Comparer(patched, base, repeater, EventStream()).compare(pool)


# --- comparing --------------------------------------------------------------------------------


def test_what_is_bad_only_with_the_patch_is_repeated_and_settled(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL, b=FAIL))), side(tmp_path, found(named(a=PASS, b=FAIL)))
    repeater = Scripted((attempt(FAIL), attempt(PASS)), (attempt(FAIL), attempt(FAIL)))
    done = compared(patched, base, repeater)[ON.name]
    assert repeater.asked == ["checks a"]
    assert [(one.name, one.change) for one in done.differences] == [("a", Change.FLAKY), ("b", Change.PRE_EXISTING)]
    assert done.differences[0].summary.endswith("patched 2/2 failed, base 1/2")
    assert done.against == comparing.HERE


def test_what_is_repeated_is_said_first(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL, b=FAIL))), side(tmp_path, found(named(a=PASS, b=PASS)))
    stream, events = EventStream(), list[Event]()
    stream.subscribe(lambda _, event: events.append(event))
    with ThreadPoolExecutor(1) as pool:
        Comparer(patched, base, Scripted((attempt(FAIL), attempt(PASS))), stream).compare(pool)
    said = [event.text for event in events if isinstance(event, Note)]
    told = [text for text in said if text.startswith("repeating")]
    assert told == [f"repeating checks {name}, bad only with the patch ({n} of 2)" for n, name in ((1, "a"), (2, "b"))]
    assert said[0] == told[0]


def test_cut_off_while_it_repeats_it_keeps_what_it_had(tmp_path: Path) -> None:
    class CutOff(Scripted):
        def rounds(self, report: object, suspect: Suspect, logs: str) -> list[Round]:
            if self.asked:
                raise process.Stopping
            return super().rounds(report, suspect, logs)

    patched = side(tmp_path, found(named(a=FAIL, b=FAIL, c=FAIL)))
    base = side(tmp_path, found(named(a=PASS, b=PASS, c=FAIL)))
    done = compared(patched, base, CutOff((attempt(FAIL), attempt(PASS))))[ON.name]
    assert [(one.name, one.change, one.note) for one in done.differences] == [
        ("a", Change.NEW, ""),
        ("b", Change.NEW, comparing.CUT_OFF),
        ("c", Change.PRE_EXISTING, ""),
    ]
    assert done.differences[0].summary.endswith("patched 1/1 failed, base 0/1")


@pytest.mark.parametrize(("whole", "change"), [(PASS, Change.FLAKY), (FAIL, Change.NEW)])
def test_what_does_not_come_again_alone_is_tried_once_more_with_all_before_it(
    tmp_path: Path, whole: Status, change: Change
) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS)))
    patched.job = replace(patched.job, suites=tuple(select_suites(["checks"])))
    repeater = Scripted(*([(attempt(PASS), attempt(PASS))] * 3))
    repeater.whole = attempt(whole)
    done = compared(patched, base, repeater)[ON.name]
    assert repeater.asked == ["checks a", "all up to checks"]
    assert [(one.change, str(one.repeats)) for one in done.differences] == [(change, "patched 0/3 failed, base 0/3")]


@pytest.mark.parametrize(
    ("whole", "without", "change"),
    [
        (FAIL, FAIL, Change.FLAKY),
        (FAIL, PASS, Change.NEW),
        (FAIL, Status.MISSING, Change.NEW),
        (PASS, None, Change.FLAKY),
    ],
)
def test_what_needs_the_tests_before_it_is_asked_of_a_base_that_was_tested_in_another_order(
    tmp_path: Path, whole: Status, without: Status | None, change: Change
) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS)))
    patched.job = replace(patched.job, suites=tuple(select_suites(["checks"])))
    base.runs[0].earlier = datetime.now(UTC).isoformat(timespec="seconds")
    repeater = Scripted((attempt(PASS), attempt(PASS)))
    repeater.whole = attempt(whole)
    repeater.without = attempt(without) if without is not None else Rerun()
    done = compared(patched, base, repeater)[ON.name]
    asked = ["all of the base up to checks"] if without is not None else []
    assert repeater.asked == ["checks a", "all up to checks", *asked]
    assert [one.change for one in done.differences] == [change]


def test_splat_that_both_sides_print_after_the_same_tests_is_not_the_patchs(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS)))
    patched.job = replace(patched.job, suites=tuple(select_suites(["checks"])))
    base.runs[0].earlier = datetime.now(UTC).isoformat(timespec="seconds")
    splat = Splat("warn", "WARNING: x", "text", 3, "checks: a")
    for without, kept in ((attempt(FAIL, splat), 0), (attempt(FAIL), 1)):
        repeater = Scripted((attempt(PASS), attempt(PASS)))
        repeater.whole, repeater.without = attempt(FAIL, splat), without
        compared(patched, base, repeater)
        assert len(patched.run_of(ON.name).findings.splats) == kept


def test_what_else_goes_wrong_when_all_is_repeated_is_noted(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL, b=PASS))), side(tmp_path, found(named(a=PASS, b=PASS)))
    patched.job = replace(patched.job, suites=tuple(select_suites(["checks"])))
    repeater = Scripted((attempt(PASS), attempt(PASS)))
    repeater.whole = Rerun(tuple(named(a=PASS, b=FAIL)), (), BootOutcome.UP)
    compared(patched, base, repeater)
    assert patched.run_of(ON.name).findings.notes == ("when all was repeated: checks b: fail: ",)


def test_a_stall_that_only_the_first_boot_showed_is_flaky(tmp_path: Path) -> None:
    splat = Splat("rcu-stall", "rcu: INFO: x", "text", 3, "boot")
    patched, base = side(tmp_path, found(named(a=PASS), [splat])), side(tmp_path, found(named(a=PASS)))
    silent, loud = Rerun((), (), BootOutcome.UP), Rerun((), (splat,), BootOutcome.UP)
    for answers, change in (((silent, silent), Change.FLAKY), ((loud, silent), Change.NEW)):
        repeater = Scripted(answers)
        done = compared(patched, base, repeater)[ON.name]
        assert ([one.change for one in done.differences], repeater.asked) == ([change], ["boot"])


def test_without_repeats_it_is_new_at_once(tmp_path: Path) -> None:
    done = compared(side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS))))[ON.name]
    assert [(one.change, one.repeats) for one in done.differences] == [(Change.NEW, None)]


def test_without_repeats_a_test_that_the_patch_makes_skip_itself_is_a_failure(tmp_path: Path) -> None:
    """As with --repeat 0 and a patch that takes an ioctl away: nothing shows that the skip comes and goes."""
    skips = TestResult("checks", "a", Status.SKIP, message="DMA_BUF_SET_NAME_A is not in this kernel")
    patched, base = side(tmp_path, found([skips, *named(b=PASS)])), side(tmp_path, found(named(a=PASS, b=PASS)))
    done = compared(patched, base)[ON.name]
    assert [(one.change, one.gone) for one in done.differences] == [(Change.NEW, True)]
    judged = judge(patched.reports()[0], done)
    assert [(one.status, one.is_bad) for one in judged.results] == [(FAIL, True), (PASS, False)]
    assert judged.results[0].message == f"passes on the base, and is skipped with the patch: {skips.message}"


def test_a_splat_that_only_a_repeat_shows_becomes_one_of_the_run(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS)))
    splat = Splat("kasan", "BUG: KASAN: use-after-free", "text", 3, "checks: a", log="boots/x/console.log")
    repeater = Scripted((attempt(FAIL, splat), attempt(FAIL)))
    done = compared(patched, base, repeater)[ON.name]
    assert [one.change for one in done.differences] == [Change.FLAKY, Change.NEW]
    (kept,) = patched.run_of(ON.name).findings.splats
    assert kept.log == f"repeats/{ON.name}-1/patched-1/boots/x/console.log"


def test_variants_that_are_one_kernel_on_the_base_are_both_compared_with_it(tmp_path: Path) -> None:
    patched = side(tmp_path, found(named(a=FAIL)), ON, OFF)
    base = side(tmp_path, found(named(a=FAIL)), ON, OFF)
    base.runs[1] = replace(base.runs[1], kernel=None, findings=Findings(), same_as=ON.name)
    done = compared(patched, base)
    assert {name: [one.change for one in each.differences] for name, each in done.items()} == {
        ON.name: [Change.PRE_EXISTING],
        OFF.name: [Change.PRE_EXISTING],
    }


def test_an_option_that_the_base_does_not_have_is_told(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS)), option="n")
    done = compared(patched, base)[ON.name]
    assert done.why_not == "the base has no CONFIG_DMABUF_MOVE_NOTIFY"
    assert [one.change for one in done.differences] == [Change.NOT_COMPARABLE]
    (again,) = compared(patched, base, Scripted((attempt(FAIL), attempt(PASS))))[ON.name].differences
    assert (again.change, str(again.repeats)) == (Change.NOT_COMPARABLE, "patched 1/1 failed, base 0/1")
    without = (variant_report(ON, kernel=on_disk(tmp_path, option)) for option in ("y", "n"))
    assert lacking(*without) == "", "a patch that removes it is compared with what it was"


def test_what_comes_and_goes_is_flaky_also_beside_a_base_without_the_option(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=FAIL))), side(tmp_path, found(named(a=PASS)), option="n")
    done = compared(patched, base, Scripted((attempt(FAIL), attempt(FAIL))))[ON.name]
    assert [one.change for one in done.differences] == [Change.FLAKY], "the base showed it, too"


def test_results_of_an_earlier_run_say_their_age_and_how_to_get_new_ones(tmp_path: Path) -> None:
    patched, base = side(tmp_path, found(named(a=PASS))), side(tmp_path, found(named(a=PASS)))
    base.runs[0].earlier = (datetime.now(UTC) - timedelta(hours=5)).isoformat(timespec="seconds")
    done = compared(patched, base)[ON.name]
    assert done.against.endswith(", 5 h ago")
    assert done.again == "dmabuf-harness run --suite checks --no-patch"


# --- repeating --------------------------------------------------------------------------------


def repeated(tmp_path: Path, executor: ScriptedExecutor, deadly: bool = False, repeat: int = 3) -> list[Round]:
    patched = side(tmp_path, found(named(a=FAIL)), repeat=repeat)
    base = side(tmp_path, found(named(a=PASS)), repeat=repeat)
    for one in (patched, base):
        one.job = replace(one.job, suites=tuple(select_suites(["checks"])))
    (difference,) = compared(patched, base)[ON.name].differences
    suspect = Suspect(PlannedTest("checks", "a"), (difference,), deadly)
    return Repeater(patched, base, executor, tmp_path).rounds(patched.reports()[0], suspect, "repeats/1")


def test_all_is_run_again_on_either_side_in_the_order_of_the_run(tmp_path: Path) -> None:
    order = ("sync", "checks", "contract")
    suites = tuple(suite for name in order for suite in select_suites([name]))
    patched, base = (side(tmp_path, found([TestResult(name, "a", PASS) for name in order])) for _ in range(2))
    for one in (patched, base):
        one.job = replace(one.job, suites=suites)
    executor = ScriptedExecutor([Findings(boots=(boot(),))] * 2)
    repeater = Repeater(patched, base, executor, tmp_path)
    report = patched.reports()[0]
    repeater.all_again(report, "checks", "repeats/all")
    repeater.all_without(report, "checks", "repeats/all-base")
    upto = ("sync", "checks")
    made = [
        (job.label, job.suites, tuple(test.suite for test in job.planned), job.narrowed) for job, _ in executor.jobs
    ]
    assert made == [("all again: ", upto, upto, False), ("all again: base ", upto, upto, False)]


GOOD, BAD = found(named(a=PASS)), found(named(a=FAIL))
DEADLY = found([TestResult("checks", "a", ERROR, message="guest lost: panic")])


def test_with_and_without_the_patch_in_turn_each_in_a_place_of_its_own(tmp_path: Path) -> None:
    rounds = repeated(tmp_path, executor := ScriptedExecutor([BAD, GOOD] * 3))
    assert [(a.results[0].status, b.results[0].status) for a, b in rounds] == [(FAIL, PASS)] * 3
    assert [job.label for job, _ in executor.jobs] == [
        f"again {number}/3: {whose}" for number in (1, 2, 3) for whose in ("", "base ")
    ]
    assert len({directory for _, directory in executor.jobs}) == 6
    assert all(job.planned == (PlannedTest("checks", "a"),) and job.narrowed for job, _ in executor.jobs)


def test_it_ends_as_soon_as_the_base_shows_it_too(tmp_path: Path) -> None:
    assert len(repeated(tmp_path, ScriptedExecutor([BAD, GOOD, GOOD, BAD, BAD, GOOD]))) == 2


def test_the_number_can_be_set(tmp_path: Path) -> None:
    assert len(repeated(tmp_path, ScriptedExecutor([BAD, GOOD] * 5), repeat=5)) == 5


def test_a_test_that_kills_two_guests_is_not_given_a_third(tmp_path: Path) -> None:
    assert len(repeated(tmp_path, ScriptedExecutor([DEADLY, GOOD] * 3), deadly=True)) == 1
    assert len(repeated(tmp_path, ScriptedExecutor([DEADLY, GOOD] * 3))) == 2
    assert len(repeated(tmp_path, ScriptedExecutor([GOOD, GOOD, DEADLY, GOOD, GOOD, GOOD]), deadly=True)) == 2
