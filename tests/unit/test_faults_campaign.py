# SPDX-License-Identifier: GPL-2.0-only
"""Which runs a campaign makes, what it says of them, and when it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.errors import ExitCode, UserError
from harness.faults import (
    Campaign,
    Detection,
    Fault,
    FaultOutcome,
    FaultVerdict,
    UpstreamFix,
    as_json,
    history_markdown,
    markdown,
    summary,
    table,
)
from harness.model import RunReport, Status, TestResult
from harness.pipeline import RunRequest, SuiteRequest
from tests.support.run_requests import run_request
from tests.support.sample_reports import ON, run_report, variant_report

TOP = Path("/runs/faults")
REQUEST = run_request(jobs=3)


def fault(name: str, variant: str = "on", suite: str = "checks") -> Fault:
    patch = Path(f"{name}.patch")
    said = "it | says so"
    return Fault(name, patch, f"dma-buf: {name}", ("x.c",), suite, f"dmabuf.{name}", variant, Detection.FAIL, said)


def report(name: str, status: Status, suite: str = "checks") -> RunReport:
    result = TestResult(suite, name, status, message="failed: x" if status is Status.FAIL else "")
    return run_report(variant_report(ON, (result,)))


class Runs:
    """Stands for the pipeline: notes what is asked for, and answers by directory name."""

    def __init__(self, answers: dict[str, RunReport | UserError], **codes: ExitCode) -> None:
        self.answers = answers
        self.codes = codes
        self.asked: list[RunRequest] = []

    def __call__(self, request: RunRequest, directory: Path) -> tuple[ExitCode, RunReport]:
        self.asked.append(request)
        name = str(directory.relative_to(TOP))
        answer = self.answers[name]
        if isinstance(answer, UserError):
            raise answer
        return self.codes.get(name, ExitCode.FAILED), answer


def campaign(runs: Runs, *faults: Fault, tell: Callable[[str], None] = lambda text: None) -> Campaign:
    return Campaign(faults, REQUEST, TOP, runs, tell)


def test_the_named_check_runs_alone_on_the_patched_base() -> None:
    runs = Runs({"a": report("dmabuf.a", Status.FAIL)})
    one = campaign(runs, fault("a", "off"))
    assert one.try_all() is ExitCode.OK
    (asked,) = runs.asked
    assert (asked.source.patches, asked.source.no_patch, asked.jobs) == ((Path("a.patch"),), False, 3)
    assert asked.tests == SuiteRequest("off", suites=("checks",), only=frozenset({"dmabuf.a"}))


def test_whole_suites_run_only_for_what_the_named_check_misses() -> None:
    runs = Runs({"a": report("dmabuf.a", Status.PASS), "a/whole": report("dmabuf.b", Status.FAIL)})
    one = campaign(runs, fault("a"))
    assert one.try_all() is ExitCode.FAILED
    assert [asked.tests.suites for asked in runs.asked] == [("checks",), ("checks", "contract")]
    assert not runs.asked[1].tests.only
    assert [verdict.outcome for verdict in one.verdicts] == [FaultOutcome.ANOTHER]


def test_the_control_has_every_variant_and_suite_that_is_needed() -> None:
    runs = Runs({})
    ((alone, directory),) = campaign(runs, fault("a", "off")).controls()
    assert (alone.source.no_patch, directory) == (True, TOP / "control")
    assert alone.tests == SuiteRequest("off", suites=("checks", "contract"))
    ((both, _),) = campaign(runs, fault("a", "off"), fault("b", "on", "in-kernel")).controls()
    assert both.tests == SuiteRequest("all", suites=("checks", "contract", "in-kernel"))


def test_each_base_has_a_control_of_its_own_that_clears_only_what_is_tried_there() -> None:
    old = replace(fault("b"), base="debian:6.1")
    runs = Runs({name: report(f"dmabuf.{name}", Status.FAIL) for name in ("a", "b")})
    one = campaign(runs, fault("a"), old)
    assert [(asked.source.base, directory.name) for asked, directory in one.controls()] == [
        ("debian:6.12", "control-debian-6.12"),
        ("debian:6.1", "control-debian-6.1"),
    ]
    one.take_control("debian:6.1", report("dmabuf.a", Status.FAIL))
    one.try_all()
    assert [asked.source.base for asked in runs.asked] == ["debian:6.12", "debian:6.1"]
    assert [verdict.outcome for verdict in one.verdicts] == [FaultOutcome.CAUGHT, FaultOutcome.CAUGHT]


def test_a_false_alarm_fails_the_campaign_although_all_is_caught() -> None:
    one = campaign(Runs({"a": report("dmabuf.a", Status.FAIL)}), fault("a"))
    one.take_control("debian:6.12", report("dmabuf.other", Status.FAIL))
    assert one.try_all() is ExitCode.FAILED
    assert one.verdicts[0].outcome is FaultOutcome.CAUGHT and one.alarms is not None and len(one.alarms) == 1


def test_a_check_that_is_red_without_the_bug_catches_nothing() -> None:
    one = campaign(Runs({"a": report("dmabuf.a", Status.FAIL)}), fault("a"))
    one.take_control("debian:6.12", report("dmabuf.a", Status.FAIL))
    one.try_all()
    assert one.verdicts[0].outcome is FaultOutcome.BROKEN


def test_a_patch_that_cannot_be_used_costs_only_itself() -> None:
    runs = Runs({"a": UserError("hunk 1 does not apply", where="a.patch"), "b": report("dmabuf.b", Status.FAIL)})
    said: list[str] = []
    one = campaign(runs, fault("a"), fault("b"), tell=said.append)
    assert one.try_all() is ExitCode.FAILED
    assert [verdict.outcome for verdict in one.verdicts] == [FaultOutcome.BROKEN, FaultOutcome.CAUGHT]
    assert "hunk 1 does not apply" in said[0] and "b: caught by dmabuf.b (fail)" in said[1]


def test_who_stops_a_run_stops_it_all() -> None:
    for code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        cut = replace(report("dmabuf.b", Status.MISSING), interrupted="interrupted (Ctrl-C)")
        runs = Runs({"a": report("dmabuf.a", Status.FAIL), "b": cut}, b=code)
        said: list[str] = []
        one = campaign(runs, fault("a"), fault("b"), fault("c"), tell=said.append)
        assert one.try_all() is code
        assert [verdict.fault.name for verdict in one.verdicts] == ["a"]
        assert said[-1] == "b: interrupted (Ctrl-C)"


def test_trouble_with_the_machine_costs_one_fault_and_shows_in_the_end() -> None:
    cut = replace(report("dmabuf.a", Status.MISSING), interrupted="objcopy was killed")
    runs = Runs({"a": cut, "b": report("dmabuf.b", Status.FAIL)}, a=ExitCode.INFRASTRUCTURE)
    one = campaign(runs, fault("a"), fault("b"))
    assert one.try_all() is ExitCode.INFRASTRUCTURE
    assert [verdict.outcome for verdict in one.verdicts] == [FaultOutcome.BROKEN, FaultOutcome.CAUGHT]
    assert one.verdicts[0].detail == "objcopy was killed"


# --- bugs that shipped ------------------------------------------------------------------------

FIX = UpstreamFix("0123456789ab", "dma-buf: mend | it", 2024, "syzbot: a leak", "quiet")


def shipped(name: str, check: str = "") -> Fault:
    """A bug with a fix; without ``check`` nothing is known to find it."""
    return replace(fault(name), check=check, fix=FIX, why="takes two | threads")


def test_a_bug_that_no_test_is_known_to_find_meets_all_suites_at_once() -> None:
    runs = Runs({"a": report("dmabuf.x", Status.PASS), "b": report("dmabuf.x", Status.FAIL)})
    one = campaign(runs, shipped("a"), shipped("b"))
    assert one.try_all() is ExitCode.OK  # nobody said that they would be seen
    assert [asked.tests.suites for asked in runs.asked] == [("checks", "contract", "in-kernel")] * 2
    assert not any(asked.tests.only for asked in runs.asked)
    assert [verdict.outcome for verdict in one.verdicts] == [FaultOutcome.MISSED, FaultOutcome.ANOTHER]


def test_a_bug_that_a_test_is_said_to_find_must_be_found_by_it() -> None:
    runs = Runs({"a": report("dmabuf.x", Status.PASS), "a/whole": report("dmabuf.y", Status.PASS)})
    one = campaign(runs, shipped("a", "dmabuf.x"))
    assert one.try_all() is ExitCode.FAILED
    assert [asked.tests.suites for asked in runs.asked] == [("checks",), ("checks", "contract", "in-kernel")]


def test_a_bug_that_shipped_and_does_not_apply_fails_although_nobody_was_said_to_find_it() -> None:
    assert campaign(Runs({"a": UserError("hunk 1 does not apply")}), shipped("a")).try_all() is ExitCode.FAILED


def test_what_is_red_without_the_bug_has_not_seen_it() -> None:
    one = campaign(Runs({"a": report("dmabuf.x", Status.FAIL)}), shipped("a"))
    one.take_control("debian:6.12", report("dmabuf.x", Status.FAIL))
    one.try_all()
    assert one.verdicts[0].outcome is FaultOutcome.MISSED


def test_the_table_of_what_shipped_names_the_fix_and_who_saw_the_bug() -> None:
    others = tuple(f"on: checks: c{number}" for number in range(5))
    rows = history_markdown(
        (
            FaultVerdict(shipped("a", "dmabuf.a"), FaultOutcome.CAUGHT, "failed: x"),
            FaultVerdict(shipped("b"), FaultOutcome.ANOTHER, others=others),
            FaultVerdict(replace(shipped("c"), fix=replace(FIX, commit="")), FaultOutcome.MISSED),
        )
    ).splitlines()
    assert len(rows) == 5 and {row.replace("\\|", "").count("|") for row in rows} == {7}
    assert "dma-buf: mend \\| it (0123456789ab) | 2024 | syzbot: a leak | quiet | `dmabuf.a`" in rows[2]
    assert "`on: checks: c0`, `on: checks: c1`, `on: checks: c2` and 2 more" in rows[3]
    assert "dma-buf: mend \\| it | 2024" in rows[4] and "**missed**: takes two \\| threads" in rows[4]


def test_the_json_tells_of_the_fix() -> None:
    (known,) = json.loads(json.dumps(as_json([FaultVerdict(shipped("a"), FaultOutcome.MISSED)], None)))["faults"]
    assert (known["fix"]["commit"], known["fix"]["year"], known["base"]) == ("0123456789ab", 2024, "debian:6.12")


# --- what is said of it -----------------------------------------------------------------------

VERDICTS = (
    FaultVerdict(fault("a"), FaultOutcome.CAUGHT, "failed: x", 31.4),
    FaultVerdict(fault("b"), FaultOutcome.ANOTHER, "b is green", 70.0, ("on: checks: c",)),
    FaultVerdict(fault("c"), FaultOutcome.MISSED, "green", 60.0),
)


def test_the_table_has_a_row_for_each() -> None:
    rows = table(VERDICTS).splitlines()
    assert [row.split()[0] for row in rows] == ["fault", "a", "b", "c"]
    assert "caught by another check" in rows[2] and "31 s" in rows[1]


def test_the_summary_counts_everything() -> None:
    assert summary(VERDICTS, 4, ()) == "1 caught, 1 caught by another check, 1 missed, 1 not tried of 4; no false alarm"
    assert summary(VERDICTS[:1], 1, None).endswith("no control")
    assert summary(VERDICTS[:1], 1, ("x", "y")).endswith("2 false alarms")


def test_the_markdown_is_a_table_whatever_the_words() -> None:
    rows = markdown(VERDICTS).splitlines()
    assert len(rows) == 5 and {row.replace("\\|", "").count("|") for row in rows} == {7}
    assert "`dmabuf.a`: it \\| says so" in rows[2] and "**missed**" in rows[4]


def test_the_json_tells_all() -> None:
    known = json.loads(json.dumps(as_json(VERDICTS, ("an alarm",))))
    assert known["control"] == ["an alarm"]
    assert [one["verdict"] for one in known["faults"]] == ["caught", "caught by another check", "missed"]
    assert known["faults"][1]["others"] == ["on: checks: c"]
