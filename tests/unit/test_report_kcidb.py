# SPDX-License-Identifier: GPL-2.0-only
"""What is written for KernelCI is what its own library takes, and says what the run showed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import kcidb_io
import pytest
from hypothesis import given, settings

from harness import process
from harness.cli.main import main
from harness.model import RunReport, Status, TestResult, VariantReport
from harness.pipeline.static_suite import PATCH
from harness.report import SeriesStep, load, save
from harness.report.kcidb import (
    LOGS_SETTING,
    MAX_EXCERPT,
    ORIGIN_SETTING,
    kcidb_path,
    render_kcidb,
    render_series_kcidb,
)
from harness.series import PatchFacts, SeriesFacts
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import (
    OFF,
    ON,
    RUN_DIR,
    bad_report,
    compared_report,
    failed_build,
    kernel,
    run_report,
    variant_report,
)

COMMIT = "f443e374ae131c168a065ea1748feac6b2e76613"
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ORIGIN_SETTING, raising=False)
    monkeypatch.delenv(LOGS_SETTING, raising=False)


def submission(report: RunReport) -> dict[str, Any]:
    """What is written, after KernelCI's own check."""
    return checked(render_kcidb(report, RUN_DIR, RUN_DIR))


def checked(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    kcidb_io.schema.V5_3.validate_exactly(found)
    ids = [one["id"] for kind in ("checkouts", "builds", "tests") for one in found[kind]]
    assert len(ids) == len(set(ids))
    assert {build["checkout_id"] for build in found["builds"]} <= {one["id"] for one in found["checkouts"]}
    assert {test["build_id"] for test in found["tests"]} <= {one["id"] for one in found["builds"]}
    return found


def checkout(report: RunReport) -> Mapping[str, Any]:
    (found,) = submission(report)["checkouts"]
    return dict(found)


def by_path(report: RunReport) -> dict[str, dict[str, Any]]:
    """By path; of one variant."""
    return {one["path"]: one for one in submission(report)["tests"]}


# --- valid, whatever happened -----------------------------------------------------------------


@settings(deadline=None)
@given(run_reports())
def test_any_report_is_taken(report: RunReport) -> None:
    found = submission(report)
    assert all("\0" not in text for text in _texts(found))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in _texts(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in _texts(one))


@pytest.mark.parametrize(
    "report", [run_report(), bad_report(), compared_report(), run_report(interrupted="Ctrl-C", variants=())]
)
def test_the_samples_are_taken_also_after_a_detour(tmp_path: Path, report: RunReport) -> None:
    save(tmp_path, report)
    assert submission(load(tmp_path)) == submission(report)


def test_results_of_an_older_harness_are_taken(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes((DATA / "results-version-1.json").read_bytes())
    found = checkout(load(tmp_path))
    assert "patchset_hash" not in found and "valid" not in found, "nothing is claimed that is not known"


def test_schema_can_be_broken() -> None:
    found = submission(run_report())
    found["tests"][0]["status"] = "GOOD"
    with pytest.raises(Exception, match="GOOD"):
        checked(json.dumps(found))


# --- the checkout -----------------------------------------------------------------------------


def of_series(*digests: str, **changes: object) -> RunReport:
    facts = tuple(PatchFacts(f"patch {number}", digest=digest) for number, digest in enumerate(digests))
    subjects = tuple(patch.subject for patch in facts)
    known = {"base": "git:linux@v6.12", "base_commit": COMMIT, "tree_id": "e" * 40, "architecture": "x86_64"}
    return run_report(**{**known, "patches": subjects, "series": SeriesFacts(facts), **changes})


def test_checkout_is_the_base_and_its_patches(tmp_path: Path) -> None:
    """The hash is what the command in the description of the schema prints."""
    for number in (1, 2):
        (tmp_path / f"{number}.patch").write_text(f"diff {number}\n")
    shell = "sha256sum 1.patch 2.patch | cut -c-64"
    digests = process.check(["sh", "-c", shell], what="sh", cwd=tmp_path).split()
    total = process.check(["sh", "-c", f"{shell} | sha256sum | cut -c-64"], what="sh", cwd=tmp_path).strip()
    found = checkout(of_series(*digests))
    assert (found["git_commit_hash"], found["patchset_hash"], found["valid"]) == (COMMIT, total, True)
    assert found["start_time"] == "2026-11-24T06:05:12+00:00"
    assert (found["misc"]["tree_id"], found["misc"]["verdict"]) == ("e" * 40, "pass")


def test_patch_that_the_base_has_is_not_applied() -> None:
    one, both = of_series("a" * 64), of_series("a" * 64, "b" * 64, already_in_base=("patch 1",))
    assert checkout(both)["patchset_hash"] == checkout(one)["patchset_hash"]
    assert checkout(of_series("a" * 64, already_in_base=("patch 0",)))["patchset_hash"] == ""
    assert checkout(run_report(patches=()))["patchset_hash"] == ""


@pytest.mark.parametrize(
    ("changes", "hash_", "name"),
    [
        ({"fixups": ("mended",)}, None, None),
        ({"base_commit": "", "base": "debian:6.12"}, None, None),
        ({"base_commit": "", "base": "kernel.org:6.12.1"}, None, "v6.12.1"),
        ({"base_commit": "", "base": "kernel.org:6.12.1", "fixups": ("mended",)}, None, None),
        ({"base_commit": "a" * 64}, None, None),
    ],
)
def test_only_a_commit_that_others_have_is_named(
    changes: dict[str, object], hash_: str | None, name: str | None
) -> None:
    found = checkout(of_series("a" * 64, **changes))
    assert (found.get("git_commit_hash"), found.get("git_commit_name")) == (hash_, name)


def test_ids_are_those_of_the_run_and_of_no_other() -> None:
    first = checkout(run_report())["id"]
    assert checkout(run_report())["id"] == first
    others = [replace(run_report(), seconds=1.5), replace(run_report(), tree_id="b" * 40)]  # all in a directory "run"
    assert first not in {checkout(other)["id"] for other in others}


# --- builds -----------------------------------------------------------------------------------


def test_a_build_for_each_variant() -> None:
    on = variant_report(ON, kernel=kernel(notes=("a note",)), started={"build": 60.0})
    off = variant_report(OFF, (), kernel=None, build_failure=failed_build(), boots=())
    built, failed = submission(of_series("a" * 64, variants=(on, off)))["builds"]
    assert (built["status"], built["config_name"], built["duration"]) == ("PASS", ON.name, 203.1)
    assert (built["architecture"], built["compiler"]) == ("x86_64", "gcc (Debian 12.2.0-14) 12.2.0")
    assert built["start_time"] == "2026-11-24T06:06:12+00:00"
    assert built["misc"]["options"] == {"CONFIG_DMABUF_MOVE_NOTIFY": "y"} and built["misc"]["notes"] == ["a note"]
    assert built["misc"]["log"] == "kernels/on/build.log" and "log_excerpt" not in built
    assert failed["status"] == "FAIL" and "'attach' undeclared" in failed["log_excerpt"]


def test_a_kernel_that_was_never_built_is_missing_and_one_that_is_another_is_told_once() -> None:
    cut_off = run_report(variant_report(ON, kernel=None, boots=()), interrupted="Ctrl-C")
    assert [one["status"] for one in submission(cut_off)["builds"]] == ["MISS"]
    twins = submission(run_report(variant_report(), VariantReport(OFF, same_as=ON.name)))
    assert [(one["status"], one["misc"].get("same_as")) for one in twins["builds"]] == [
        ("PASS", None),
        ("PASS", ON.name),
    ]
    assert {test["misc"]["variant"] for test in twins["tests"]} == {ON.name}


def test_what_the_patch_itself_showed_has_a_build_without_a_verdict() -> None:
    static = VariantReport(PATCH, results=(TestResult("static", "static.compile/a.c", Status.FAIL),), of_patch=True)
    found = submission(run_report(static=static))
    assert found["builds"][-1]["status"] == "DONE"
    assert (found["tests"][-1]["path"], found["tests"][-1]["status"]) == ("dmabuf.static.compile.a.c", "FAIL")


# --- tests ------------------------------------------------------------------------------------


def test_status_is_what_the_test_did() -> None:
    found = {one["misc"]["name"]: one["status"] for one in submission(bad_report())["tests"]}
    assert found["sync:sync_test"] == "MISS", "of the second variant, which does not build"
    assert found["dmabuf.sync_refuses_unknown_flags"] == "FAIL"
    assert found["vgem.import_twice"] == "ERROR"
    assert found["heap.zeroed"] == "MISS"
    assert found["heap.flaky_one"] == "FAIL"
    assert found["dmabuf-heaps:dmabuf-heap"] == "SKIP"
    assert found["boot"] == "SKIP", "of the second variant"


def test_class_and_what_counts_are_beside_the_status() -> None:
    found = by_path(compared_report())
    new, old = (found[f"dmabuf.checks.was.{name}"] for name in ("good", "bad"))
    assert (new["status"], new["misc"]["class"], new["misc"]["counts"]) == ("FAIL", "new failure", True)
    assert (old["status"], old["misc"]["class"], old["misc"]["counts"]) == ("FAIL", "pre-existing", False)
    assert old["misc"]["excuse"].startswith("pre-existing")
    assert "patched 3/3 failed, base 0/3" in new["misc"]["compared"]
    assert found["dmabuf.checks.was.broken"]["misc"]["class"] == "fixed"


@settings(deadline=None)
@given(run_reports())
def test_something_counts_exactly_if_a_case_makes_the_run_red(report: RunReport) -> None:
    red = any(one["misc"]["counts"] for one in submission(report)["tests"])
    bad = any(result.is_bad for variant in report.variants for result in variant.results)
    splats = any(splat.is_bad for variant in report.variants for splat in variant.splats)
    assert red or not (bad or splats)
    assert report.is_bad or not red


def test_times_and_the_text_of_a_test() -> None:
    result = TestResult("checks", "a", Status.FAIL, 1.5, "odd\nbytes", "one\ntwo", started=30.25)
    found = by_path(run_report(variant_report(ON, (result,))))["dmabuf.checks.a"]
    assert (found["start_time"], found["duration"]) == ("2026-11-24T06:05:42.250000+00:00", 1.5)
    assert (found["comment"], found["log_excerpt"]) == ("odd bytes", "one\ntwo")
    assert found["environment"]["comment"] == "QEMU 7.2.22, tcg"


def test_megabytes_of_output_are_cut_in_the_middle() -> None:
    result = TestResult("checks", "a", Status.FAIL, output="begin" + "\x1b" * 500_000 + "end")
    excerpt = by_path(run_report(variant_report(ON, (result,))))["dmabuf.checks.a"]["log_excerpt"]
    assert excerpt.startswith("begin") and excerpt.endswith("end") and len(excerpt) <= MAX_EXCERPT


@pytest.mark.parametrize(
    ("suite", "name", "path"),
    [
        ("checks", "udmabuf.size-must-be-page-aligned", "dmabuf.checks.udmabuf.size-must-be-page-aligned"),
        ("contract", "contract.row-19", "dmabuf.contract.row-19"),
        ("sync", "sync/sync_test/merge two fences", "dmabuf.sync.sync_test.merge_two_fences"),
        ("pytest:my tests.py", "mine.py::test_x[a-1]", "dmabuf.pytest_my_tests_py.mine.py.test_x_a-1"),
        ("kernel", "boot", "boot"),
        ("kernel", "oops: BUG: at a.c:7", "dmabuf.kernel.oops_BUG_at_a_c_7"),
        ("checks", "\u202e..", "dmabuf.checks.u202e"),
    ],
)
def test_path_of_a_test(suite: str, name: str, path: str) -> None:
    assert kcidb_path(TestResult(suite, name, Status.PASS)) == path


def test_names_that_become_one_path_keep_their_ids_apart() -> None:
    results = tuple(TestResult("checks", name, Status.PASS) for name in ("a b", "a_b", "a:b"))
    found = [one for one in submission(run_report(variant_report(ON, results)))["tests"] if one["path"] != "boot"]
    assert [one["path"] for one in found] == ["dmabuf.checks.a_b", "dmabuf.checks.a_b", "dmabuf.checks.a.b"]


# --- settings, and a series -------------------------------------------------------------------


def test_origin_and_links_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert submission(run_report())["checkouts"][0]["origin"] == "dmabuf_harness"
    assert all("log_url" not in one for one in submission(run_report())["tests"])
    monkeypatch.setenv(ORIGIN_SETTING, "my_ci")
    monkeypatch.setenv(LOGS_SETTING, "https://ci.example.org/42/")
    found = submission(run_report())
    assert {one["origin"] for kind in ("checkouts", "builds", "tests") for one in found[kind]} == {"my_ci"}
    assert all(one["id"].startswith("my_ci:") for kind in ("checkouts", "builds", "tests") for one in found[kind])
    assert found["builds"][0]["log_url"] == "https://ci.example.org/42/kernels/on/build.log"
    assert found["builds"][0]["config_url"] == "https://ci.example.org/42/kernels/on/config"
    assert found["tests"][0]["log_url"] == "https://ci.example.org/42/boots/move-notify-on-1/console.log"


@pytest.mark.parametrize("log", ["/etc/passwd", "../../x", ""])
def test_what_is_not_in_the_run_is_not_linked_to(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    monkeypatch.setenv(LOGS_SETTING, "https://ci.example.org/42")
    found = by_path(run_report(variant_report(ON, (TestResult("checks", "a", Status.FAIL, log=log),))))
    assert "log_url" not in found["dmabuf.checks.a"]


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        (ORIGIN_SETTING, "My CI", "'My CI' is no name of a submitter; use a-z, 0-9 and _ only"),
        (ORIGIN_SETTING, "a:b", "is no name of a submitter"),
        (LOGS_SETTING, "/srv/logs", "'/srv/logs' is no URL"),
        (LOGS_SETTING, "https://a b", "is no URL"),
    ],
)
def test_setting_that_the_schema_refuses_is_told_before_anything_is_built(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    value: str,
    says: str,
) -> None:
    monkeypatch.setenv(setting, value)
    assert main(["run", "--out", str(tmp_path / "run"), "--report", f"kcidb={tmp_path / 'x.json'}"]) == 2
    told = capsys.readouterr()
    assert says in told.err and told.err.startswith(f"dmabuf-harness: {setting}: ") and told.err.count("\n") == 1
    assert told.out == "" and list(tmp_path.iterdir()) == []


def test_series_is_a_checkout_for_each_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGS_SETTING, "https://ci.example.org/42")
    reports = [of_series("a" * 64, seconds=1.0), of_series("a" * 64, "b" * 64, seconds=2.0)]
    steps = [SeriesStep(number, "x", tmp_path / f"0{number}-x", report) for number, report in enumerate(reports, 1)]
    found = checked(render_series_kcidb([*steps, SeriesStep(3, "never", tmp_path / "03-x")]))
    assert len(found["checkouts"]) == 2 and len(found["builds"]) == 4
    hashes = [one["patchset_hash"] for one in found["checkouts"]]
    assert hashes == [checkout(report)["patchset_hash"] for report in reports]
    links = {one["log_url"].rsplit("/boots", 1)[0] for one in found["tests"] if one["path"] == "boot"}
    assert links == {"https://ci.example.org/42/01-x", "https://ci.example.org/42/02-x"}
