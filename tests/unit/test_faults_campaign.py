# SPDX-License-Identifier: GPL-2.0-only
"""Which runs a campaign makes, what it says of them, and when it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.errors import ExitCode, UserError
from harness.faults import Campaign, Fault, How, Outcome, Verdict, as_json, markdown, summary, table
from harness.model import RunReport, Status, TestResult
from harness.pipeline import RunRequest
from tests.support.sample_reports import ON, run_report, variant_report

TOP = Path("/runs/faults")
REQUEST = RunRequest(TOP, ("dmabuf-harness", "faults"), "debian:6.12", jobs=3)


def fault(name: str, variant: str = "on", suite: str = "checks") -> Fault:
    patch = Path(f"{name}.patch")
    return Fault(name, patch, f"dma-buf: {name}", ("x.c",), suite, f"dmabuf.{name}", variant, How.FAIL, "it | says so")


def report(name: str, status: Status, suite: str = "checks") -> RunReport:
    result = TestResult(suite, name, status, message="failed: x" if status is Status.FAIL else "")
    return run_report(variant_report(ON, (result,)))


class Runs:
    """Stands for the pipeline: notes what is asked for, and answers by directory name."""

    def __init__(self, answers: dict[str, RunReport | UserError], **codes: ExitCode) -> None:
        self.answers = answers
        self.codes = codes
        self.asked: list[RunRequest] = []

    def __call__(self, request: RunRequest) -> tuple[ExitCode, RunReport]:
        self.asked.append(request)
        name = str(request.directory.relative_to(TOP))
        answer = self.answers[name]
        if isinstance(answer, UserError):
            raise answer
        return self.codes.get(name, ExitCode.FAILED), answer


def campaign(runs: Runs, *faults: Fault, tell: Callable[[str], None] = lambda text: None) -> Campaign:
    return Campaign(faults, REQUEST, runs, tell)


def test_the_named_check_runs_alone_on_the_patched_base() -> None:
    runs = Runs({"a": report("dmabuf.a", Status.FAIL)})
    one = campaign(runs, fault("a", "off"))
    assert one.try_all() is ExitCode.OK
    (asked,) = runs.asked
    assert (asked.patches, asked.no_patch, asked.variant) == ((Path("a.patch"),), False, "off")
    assert (asked.suites, asked.only, asked.jobs) == (("checks",), frozenset({"dmabuf.a"}), 3)


def test_whole_suites_run_only_for_what_the_named_check_misses() -> None:
    runs = Runs({"a": report("dmabuf.a", Status.PASS), "a/whole": report("dmabuf.b", Status.FAIL)})
    one = campaign(runs, fault("a"))
    assert one.try_all() is ExitCode.FAILED
    assert [asked.suites for asked in runs.asked] == [("checks",), ("checks", "contract")]
    assert not runs.asked[1].only
    assert [verdict.outcome for verdict in one.verdicts] == [Outcome.ANOTHER]


def test_the_control_has_every_variant_and_suite_that_is_needed() -> None:
    runs = Runs({})
    alone = campaign(runs, fault("a", "off")).control()
    assert (alone.no_patch, alone.variant, alone.suites) == (True, "off", ("checks", "contract"))
    both = campaign(runs, fault("a", "off"), fault("b", "on", "in-kernel")).control()
    assert (both.variant, both.suites, both.only) == ("all", ("checks", "contract", "in-kernel"), frozenset())


def test_a_false_alarm_fails_the_campaign_although_all_is_caught() -> None:
    one = campaign(Runs({"a": report("dmabuf.a", Status.FAIL)}), fault("a"))
    one.take_control(report("dmabuf.other", Status.FAIL))
    assert one.try_all() is ExitCode.FAILED
    assert one.verdicts[0].outcome is Outcome.CAUGHT and one.alarms is not None and len(one.alarms) == 1


def test_a_check_that_is_red_without_the_bug_catches_nothing() -> None:
    one = campaign(Runs({"a": report("dmabuf.a", Status.FAIL)}), fault("a"))
    one.take_control(report("dmabuf.a", Status.FAIL))
    one.try_all()
    assert one.verdicts[0].outcome is Outcome.BROKEN


def test_a_patch_that_cannot_be_used_costs_only_itself() -> None:
    runs = Runs({"a": UserError("hunk 1 does not apply", where="a.patch"), "b": report("dmabuf.b", Status.FAIL)})
    said: list[str] = []
    one = campaign(runs, fault("a"), fault("b"), tell=said.append)
    assert one.try_all() is ExitCode.FAILED
    assert [verdict.outcome for verdict in one.verdicts] == [Outcome.BROKEN, Outcome.CAUGHT]
    assert "hunk 1 does not apply" in said[0] and "b: caught by dmabuf.b (fail)" in said[1]


def test_a_run_that_is_cut_off_ends_it_with_what_is_known() -> None:
    for code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.INFRASTRUCTURE):
        cut = replace(report("dmabuf.b", Status.MISSING), interrupted="no space left")
        runs = Runs({"a": report("dmabuf.a", Status.FAIL), "b": cut}, b=code)
        said: list[str] = []
        one = campaign(runs, fault("a"), fault("b"), fault("c"), tell=said.append)
        assert one.try_all() is code
        assert [verdict.fault.name for verdict in one.verdicts] == ["a"]
        assert said[-1] == "b: no space left"


# --- what is said of it -----------------------------------------------------------------------

VERDICTS = (
    Verdict(fault("a"), Outcome.CAUGHT, "failed: x", 31.4),
    Verdict(fault("b"), Outcome.ANOTHER, "b is green", 70.0, ("on: checks: c",)),
    Verdict(fault("c"), Outcome.MISSED, "green", 60.0),
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
