# SPDX-License-Identifier: GPL-2.0-only
"""results.json holds a run exactly; what cannot be read is refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from harness.errors import UserError
from harness.events import Chosen, EventStream, Note, PhaseEnded, PhaseStarted, Planned
from harness.events import TestEnded as Ended
from harness.model import BuildFailure, PlannedTest, RunReport, Status, TestResult, VariantReport
from harness.report import EventLog, PlanFile, load, save, save_plan
from harness.report.store import encode
from harness.series import Patch
from harness.unified_diff import Diff
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import OFF, ON, bad_report, run_report, variant_report

DATA = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize(
    "report",
    [
        run_report(),
        bad_report(),
        run_report(variant_report(), VariantReport(OFF, same_as=ON.name)),
        run_report(interrupted="Ctrl-C", variants=()),
    ],
)
def test_a_run_comes_back_as_it_was(tmp_path: Path, report: RunReport) -> None:
    save(tmp_path, report)
    assert load(tmp_path) == report


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(report=run_reports())
def test_any_run_comes_back_as_it_was(tmp_path: Path, report: RunReport) -> None:
    save(tmp_path, report)
    assert load(tmp_path) == report


def test_the_files_of_a_run_that_was_moved_are_found(tmp_path: Path) -> None:
    """As of one that a CI job kept: its pages link to what is there, and not to a directory of another machine."""
    was, now = tmp_path / "was", tmp_path / "now"
    kept = [place / "kernels" / "key" / name for place in (was, was / "base") for name in ("config", "build.log")]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    failed = VariantReport(OFF, build_failure=BuildFailure("kernel", (), kept[1], ""))
    save(was, run_report(_left(kept[0], kept[1]), failed, base_variants=(_left(kept[2], kept[3]),)))
    was.rename(now)
    (now / "base/kernels/key/config").unlink()
    report = load(now)
    assert report.variants == (
        _left(now / "kernels/key/config", now / "kernels/key/build.log"),
        replace(failed, build_failure=BuildFailure("kernel", (), now / "kernels/key/build.log", "")),
    )
    assert report.base_variants == (_left(kept[2], now / "base/kernels/key/build.log"),)


def _left(config: Path, log: Path) -> VariantReport:
    variant = variant_report()
    assert variant.kernel is not None
    return replace(variant, kernel=replace(variant.kernel, config=config, log=log))


def test_the_file_is_json_for_others_to_read(tmp_path: Path) -> None:
    path = save(tmp_path, bad_report())
    document = json.loads(path.read_text(encoding="ascii"))
    assert (document["version"], document["verdict"]) == (2, "fail")
    assert document["run"]["variants"][0]["results"][0]["status"] == "pass"
    assert document["run"]["variants"][0]["kernel"]["image"] == "/cache/kernels/on/vmlinux"


def test_a_byte_that_was_no_utf8_survives(tmp_path: Path) -> None:
    output = b"caf\xe9".decode("utf-8", "surrogateescape")
    report = run_report(variant_report(results=(TestResult("checks", "x", Status.PASS, output=output),)))
    save(tmp_path, report)
    assert load(tmp_path) == report


def test_the_schema_of_version_1_still_loads(tmp_path: Path) -> None:
    """If this fails, old runs cannot be shown any more."""
    (tmp_path / "results.json").write_bytes((DATA / "results-version-1.json").read_bytes())
    assert load(tmp_path) == bad_report()


def test_a_field_that_an_older_harness_did_not_know_gets_its_default(tmp_path: Path) -> None:
    path = save(tmp_path, run_report())
    document = json.loads(path.read_text())
    del document["run"]["notes"], document["run"]["variants"][0]["results"][0]["known"]
    path.write_text(json.dumps(document))
    assert load(tmp_path) == run_report()


def test_bytes_have_no_place_in_a_report() -> None:
    with pytest.raises(TypeError, match="bytes"):
        encode(Patch("f", "s", "a", Diff(data=b"diff")))


# --- what cannot be read ----------------------------------------------------------------------


def refusal(directory: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(directory)
    return str(caught.value)


def test_a_directory_without_results_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path}: not the directory of a run: no results.json in it")
    assert "no such file or directory" in refusal(tmp_path / "nowhere")
    (tmp_path / "plan.json").write_text("{}")
    assert "it goes on, or it was killed" in refusal(tmp_path)
    (tmp_path / "each.json").write_text("{}")
    assert "a run for each patch of a series" in refusal(tmp_path)


@pytest.mark.parametrize("data", [b"", b'{"version": 1, "run": {', b"\xff\xfe\x00", b"[" * 100_000])
def test_a_torn_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "results.json").write_bytes(data)
    assert "not JSON" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": "1"}', '{"version": true, "run": {}}', "null"])
def test_another_kind_of_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    assert "not the results of a run" in refusal(tmp_path)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"version": 3, "run": {}}')
    assert "has version 3, this harness reads versions 1 and 2" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"status": "pass"', '"status": "great"', "variants[0].results[0].status is 'great'"),
        ('"run_id"', '"run_number"', "unknown field run_number"),
        ('"seconds": 311.4', '"seconds": "long"', "seconds is not of type float"),
        ('"seconds": 311.4', '"seconds": NaN', "seconds is not finite"),
        ('"seconds": 311.4', '"seconds": 1e999', "seconds is not finite"),
        ('"seconds": 311.4', f'"seconds": {10**400}', "seconds is not of type float"),
        ('"reused": false', '"reused": 0', "variants[0].kernel.reused is not of type bool"),
        ('"same_as": ""', '"same_as": null', "variants[0].same_as is not of type str"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_field(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = save(tmp_path, run_report())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert says in refusal(tmp_path)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, run_report())
    document = json.loads(path.read_text())
    del document["run"]["variants"][1]["variant"]["title"]
    path.write_text(json.dumps(document))
    assert "variants[1].variant.title is missing" in refusal(tmp_path)


# --- plan and events --------------------------------------------------------------------------


def test_the_plan_is_json(tmp_path: Path) -> None:
    save_plan(tmp_path, {"base": "debian:6.12", "patches": (Path("a.patch"),), "suites": ["checks"]})
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan == {"version": 2, "base": "debian:6.12", "patches": ["a.patch"], "suites": ["checks"]}


def test_the_plan_is_there_before_anything_happens_and_gets_the_tests_once_they_are_known(tmp_path: Path) -> None:
    def stored() -> dict[str, object]:
        return dict(json.loads((tmp_path / "plan.json").read_text()))

    stream = EventStream()
    stream.subscribe(PlanFile(tmp_path, {"base": "debian:6.12"}))
    assert stored() == {"version": 2, "base": "debian:6.12", "choice": {}, "tests": {}}
    stream.publish(Note("on", "text"))
    stream.publish(Planned("on", (PlannedTest("checks", "b"), PlannedTest("checks", "a"), PlannedTest("sync", "c"))))
    stream.publish(Chosen("off", (PlannedTest("checks", "b"),), (PlannedTest("sync", "c"),), "the patch touches f"))
    stream.publish(Planned("off", (PlannedTest("checks", "b"),)))
    assert stored()["tests"] == {"on": {"checks": ["b", "a"], "sync": ["c"]}, "off": {"checks": ["b"]}}
    assert stored()["choice"] == {
        "off": {"why": "the patch touches f", "first": ["checks b"], "not chosen": ["sync c"]}
    }
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_each_event_is_on_disk_before_the_next_happens(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    result = TestResult("checks", "x", Status.FAIL, message="two\nlines")
    happened = [
        PhaseStarted("on", "build"),
        PhaseEnded("on", "build", 2.5, "failed"),
        Ended("on", result),
        Note("", "text", "warning"),
    ]
    with EventLog(path) as log:
        stream = EventStream()
        stream.subscribe(log)
        for count, event in enumerate(happened, 1):
            stream.publish(event)
            assert len(path.read_text().splitlines()) == count
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["PhaseStarted", "PhaseEnded", "TestEnded", "Note"]
    assert lines[1]["seconds"] == 2.5
    assert lines[2]["result"]["status"] == "fail"


def test_a_resumed_run_appends_to_its_events(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with EventLog(tmp_path / "events.jsonl") as log:
            log(0.0, Note("", text))
    assert [json.loads(line)["text"] for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [
        "first",
        "second",
    ]


def test_saving_again_replaces_the_whole(tmp_path: Path) -> None:
    save(tmp_path, bad_report())
    save(tmp_path, replace(run_report(), run_id="other"))
    assert load(tmp_path).run_id == "other"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
