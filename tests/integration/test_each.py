# SPDX-License-Identifier: GPL-2.0-only
"""A series patch by patch: which jobs are done, and what is told of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.cli.each import run_each
from harness.cli.rundir import RunDirectory
from harness.errors import ExitCode, UserError
from harness.events import EventStream
from harness.model import Kernel, PlannedTest, RunReport, Status
from harness.pipeline import RunJob, RunOutcome, check
from harness.pipeline.kernels import KernelMaker, held_source
from harness.pipeline.patch_by_patch import settled, steps
from harness.report import ReportFile, SeriesStep, render_each, write_each, write_reports
from tests.support.git_trees import DRIVER, commit, edit, git, make_repository
from tests.support.junit_rules import violations
from tests.support.run_requests import run_request
from tests.support.sample_reports import bad_report, run_report

FAKELINUX = Path(__file__).parent.parent / "data" / "fakelinux"
COMMAND = ("dmabuf-harness", "run", "-p", "v1..main", "--each")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = make_repository(tmp_path / "linux")
    monkeypatch.chdir(made)
    return made


SERIES = run_request("", COMMAND, patches=(Path("v1..main"),))


def job_of(tmp_path: Path, patches: str = "v1..main", base: str = "", **asked: Any) -> RunJob:
    return check(run_request(base, COMMAND, patches=(Path(patches),), **asked), tmp_path / "run")


def report_of(job: RunJob, report: RunReport) -> RunReport:
    return replace(report, command=job.request.command, patches=tuple(patch.subject for patch in job.patches))


# --- jobs ---------------------------------------------------------------------------------------


def test_a_job_for_each_prefix(tree: Path, tmp_path: Path) -> None:
    found = list(steps(job_of(tmp_path)))
    assert [[patch.subject for patch in job.patches] for job in found] == [["first"], ["first", "second"]]
    assert [job.directory for job in found] == [tmp_path / "run/01-first", tmp_path / "run/02-second"]
    assert found[1].request.command == ("dmabuf-harness", "run", "-p", "v1..main", "--up-to", "2")
    assert [bool(job.notes) for job in found] == [True, False]


def test_up_to_is_the_same_step(tree: Path, tmp_path: Path) -> None:
    first, _ = steps(job_of(tmp_path))
    again = job_of(tmp_path, up_to=1)
    assert again.patches == first.patches
    with pytest.raises(UserError, match="--up-to 3: there are only 2 patches"):
        job_of(tmp_path, up_to=3)


def test_base_does_not_move_meanwhile(tree: Path, tmp_path: Path) -> None:
    git(tree, "branch", "old", "v1")
    job = job_of(tmp_path, base=f"git:{tree}@old")
    walk = steps(settled(job, EventStream()))
    first = next(walk)
    git(tree, "branch", "--force", "old", "main")
    second = next(walk)
    assert first.base.ref == second.base.ref == git(tree, "rev-parse", "v1")
    assert second.base.text == f"git:{tree}@old"


def test_series_that_does_not_apply_ends_before_anything_is_built(tree: Path, tmp_path: Path) -> None:
    edit(tree, "int line_10;", "int work;")
    commit(tree, "third")
    (tmp_path / "third.patch").write_text(git(tree, "format-patch", "--stdout", "-1") + "\n")
    edit(tree, "int work;", "int other;")
    commit(tree, "fourth")
    with pytest.raises(UserError, match=r"third\.patch"):
        settled(job_of(tmp_path, str(tmp_path / "third.patch"), f"git:{tree}@HEAD"), EventStream())


def test_without_patches_there_is_nothing_to_take_apart(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--each: there is no series"):
        settled(check(run_request(f"git:{tree}@v1", no_patch=True), tmp_path / "run"), EventStream())


def test_each_step_is_built_from_the_objects_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real make on a kernel in miniature: only what a patch touches is compiled again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    linux = tmp_path / "linux"
    shutil.copytree(FAKELINUX, linux)
    git(linux, "init", "--quiet", "--initial-branch=main")
    commit(linux, "base")
    git(linux, "tag", "v1")
    for number in (1, 2):
        (linux / DRIVER).write_text((linux / DRIVER).read_text() + f"int added_{number};\n")
        commit(linux, f"patch {number}")
    monkeypatch.chdir(linux)
    job = job_of(tmp_path, variant="on")
    built = [made_by(step) for step in steps(settled(job, EventStream()))]
    assert [len(compiled) for compiled in built] == [2, 1]
    assert built[1] == ["drivers/dma-buf/dma-buf.o"]


def made_by(step: RunJob) -> list[str]:
    """What had to be compiled for the kernel of ``step``."""
    with held_source(step, EventStream()) as held:
        kernel = KernelMaker(step, held.applied, EventStream()).kernel(step.variants[0])
    assert isinstance(kernel, Kernel), kernel
    return [line.split()[1] for line in kernel.log.read_text().splitlines() if line.startswith("  CC ")]


# --- the walk -----------------------------------------------------------------------------------


class Recorder:
    """Stands for the real runs: each ends as it is told."""

    def __init__(self, *ends: tuple[RunReport, ExitCode]) -> None:
        self.ends = list(ends)
        self.jobs: list[RunJob] = []

    def __call__(self, job: RunJob, directory: RunDirectory, *_subscribers: object) -> tuple[RunOutcome, object]:
        self.jobs.append(job)
        directory.create()
        report, code = self.ends.pop(0)
        report = report_of(job, report)
        return RunOutcome(report, code), write_reports(report, directory.path)


@pytest.fixture
def no_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.each.machine_check.check_all", lambda _kvm: ())


@pytest.mark.usefixtures("no_doctor", "tree")
@pytest.mark.parametrize(
    ("second", "code", "verdict"),
    [(run_report(), ExitCode.OK, "pass"), (bad_report(), ExitCode.FAILED, "fail")],
)
def test_all_are_tested_and_the_worst_counts(
    tmp_path: Path, second: RunReport, code: ExitCode, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = Recorder((run_report(), ExitCode.OK), (second, code))
    junit = tmp_path / "out.xml"
    asked = [ReportFile("junit", junit)]
    assert run_each(SERIES, RunDirectory(tmp_path / "run"), recorder, asked) is code  # type: ignore[arg-type]
    assert len(recorder.jobs) == 2
    told = json.loads((tmp_path / "run/each.json").read_text())
    assert told["verdict"] == verdict
    assert [patch["verdict"] for patch in told["patches"]] == ["pass", verdict]
    assert [patch["run"] for patch in told["patches"]] == ["01-first", "02-second"]
    assert junit.read_bytes() == (tmp_path / "run/junit.xml").read_bytes()
    said = capsys.readouterr().out
    assert ("PASS: the kernel builds after each patch (2)" in said) is (verdict == "pass")
    assert ("FAIL: red after patch 2, of 2" in said) is (verdict == "fail")


@pytest.mark.usefixtures("no_doctor", "tree")
def test_cut_off_walk_tells_what_it_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = replace(run_report(), interrupted="interrupted (Ctrl-C)")
    recorder = Recorder((stopped, ExitCode.INTERRUPTED))
    directory = RunDirectory(tmp_path / "run")
    assert run_each(SERIES, directory, recorder) is ExitCode.INTERRUPTED  # type: ignore[arg-type]
    told = json.loads((tmp_path / "run/each.json").read_text())
    assert [patch["verdict"] for patch in told["patches"]] == ["fail", "untested"]
    assert directory.kept
    said = capsys.readouterr().out
    assert "INCOMPLETE: interrupted (Ctrl-C)" in said and "with this patch" not in said


# --- what is told -------------------------------------------------------------------------------


def made(directory: Path, *reports: RunReport | None) -> list[SeriesStep]:
    found = []
    for number, report in enumerate(reports, 1):
        place = directory / f"{number:02}-x"
        if report is not None:
            place.mkdir()
            write_reports(report, place)
        found.append(SeriesStep(number, f"patch <{number}>\x1b", place, report))
    return found


def test_failure_is_laid_at_the_patch_that_brought_it(tmp_path: Path) -> None:
    every = made(tmp_path, run_report(), bad_report(), bad_report(), None)
    written = write_each(every, tmp_path)
    told = json.loads((tmp_path / "each.json").read_text())["patches"]
    assert told[0]["bad"] == [] and told[1]["new"] == told[1]["bad"] != []
    assert told[2]["bad"] == told[1]["bad"] and told[2]["new"] == []
    text = render_each(every, written)
    assert f"bad: {len(told[1]['bad'])} with this patch" in text
    assert f"bad: {len(told[1]['bad'])} since an earlier one" in text
    assert "FAIL: red after patch 2, 3; not tested: patch 4, of 4" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("second", "verdict"), [(run_report(), "PASS"), (bad_report(), "FAIL")])
def test_a_series_of_quick_runs_says_that_it_is_not_whole(tmp_path: Path, second: RunReport, verdict: str) -> None:
    first, *others = run_report().variants
    quick = run_report(replace(first, not_chosen=(PlannedTest("checks", "left.out"),)), *others)
    every = made(tmp_path, quick, second)
    text = render_each(every, write_each(every, tmp_path))
    assert f"\n{verdict} SO FAR (quick: tests not chosen after patch 1, NOT THE WHOLE VERDICT): " in text
    assert json.loads((tmp_path / "each.json").read_text())["whole"] is False


def test_a_series_of_whole_runs_is_whole(tmp_path: Path) -> None:
    every = made(tmp_path, run_report(), None)
    assert "SO FAR" not in render_each(every, write_each(every, tmp_path))
    assert json.loads((tmp_path / "each.json").read_text())["whole"] is True


def test_junit_has_the_series_and_every_run(tmp_path: Path) -> None:
    every = made(tmp_path, run_report(), bad_report(), None)
    write_each(every, tmp_path)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    series, *others = root
    assert [case.get("name") for case in series] == [f"{number}/3 patch <{number}>\\x1b" for number in (1, 2, 3)]
    assert [[child.tag for child in case] for case in series] == [[], ["failure"], ["error"]]
    names = [suite.get("name", "") for suite in others]
    assert len(set(names)) == len(names) and {name[:3] for name in names} == {"1/3", "2/3"}
    classes = {case.get("classname", "").split(".")[1] for suite in others for case in suite.iter("testcase")}
    assert classes == {"patch1", "patch2"}
    assert list(violations(root)) == [], "as Jenkins reads it"
    assert int(root.get("failures", "")) == len(root.findall(".//failure"))
    assert int(root.get("errors", "")) == len(root.findall(".//error"))
    assert Status.FAIL in {result.status for variant in bad_report().variants for result in variant.results}
