# SPDX-License-Identifier: GPL-2.0-only
"""Which tests of a run come first, and in a quick run alone, by the reach map that is kept of its base."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.events import Event, EventStream, Note
from harness.executor import Findings, KernelJob
from harness.executor.kernel_job import drop
from harness.guest.checks import all_checks
from harness.interfaces import JobLimits
from harness.model import PlannedTest, ResolvedConfig, Status, TestResult
from harness.pipeline import base_cache, reach_measuring
from harness.pipeline.bundled_reach import bundle, bundled_reach
from harness.pipeline.comparing import settle_base
from harness.pipeline.first_tests import FirstTests, chosen_first
from harness.pipeline.kernel_set import ChosenTests, KernelSet, VariantRun
from harness.pipeline.request import RunJob
from harness.reach import FunctionSpan, ProfiledFile, ReachedPart, ReachMap, dump_bundled
from harness.series import Applied, Tree
from harness.source import parse_base
from harness.suites import is_drawn, is_walk
from harness.verdict import Expectation
from tests.support.git_trees import DRIVER, git, make_repository
from tests.support.run_requests import run_request
from tests.support.sample_reports import OFF, ON, boot, on_disk
from tests.support.scripted_executor import MACHINE, ScriptedExecutor

REACHES, OTHER, BROKE_OFF, NEW = (PlannedTest("checks", name) for name in ("reaches", "other", "broke-off", "new"))
SELFTEST, MODULE = PlannedTest("in-kernel", "dma_fence/wait"), PlannedTest("in-kernel", "dmabuf_selftests")
SLOW = PlannedTest("in-kernel", "dma_fence_chain/wait_backward")
WALK = PlannedTest("walks", "walks.buffers")
PLANNED = (SELFTEST, MODULE, REACHES, OTHER, BROKE_OFF, NEW)
MAP = ReachMap(
    "key",
    {DRIVER: ProfiledFile(frozenset({1}), (FunctionSpan(1, 2, "first"),))},
    {
        SELFTEST: {},
        REACHES: {DRIVER: ReachedPart(frozenset({1}), frozenset({"first"}))},
        OTHER: {},
        BROKE_OFF: {},
        WALK: {},
    },
    partial=frozenset({BROKE_OFF}),
)


@pytest.fixture
def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Applied:
    """The base is "v1", the patch is "first", which changes line 1."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tree = make_repository(tmp_path / "linux")
    patched = git(tree, "rev-parse", "main~1^{tree}")
    return Applied(Tree("debian:6.12", tree, git(tree, "rev-parse", "v1"), "6.12"), (), patched)


def _kernels(tmp_path: Path, events: EventStream, *, quick: bool = True, **limits: Any) -> KernelSet:
    request = run_request(quick=quick, **limits)
    job = RunJob(request, tmp_path / "run", parse_base("debian:6.12"), (), (ON, OFF), (), (), ())
    made = KernelSet(job, events)
    for run in made.runs:
        run.config, run.kernel = ResolvedConfig(run.variant, "", run.variant.name, ()), on_disk(tmp_path, "y")
    return made


def _keep(applied: Applied, *configs: str, reach: ReachMap = MAP) -> None:
    tree = git(applied.tree.path, "rev-parse", f"{applied.tree.commit}^{{tree}}")
    for config in configs:
        reach_measuring._keep(reach_measuring._base_file(tree, config, JobLimits()), reach)


def _chosen(
    tmp_path: Path,
    applied: Applied,
    *,
    quick: bool = True,
    planned: tuple[PlannedTest, ...] = PLANNED,
    **limits: Any,
) -> tuple[ChosenTests, list[Event]]:
    happened: list[Event] = []
    events = EventStream()
    events.subscribe(lambda _, event: happened.append(event))
    kernels = _kernels(tmp_path, events, quick=quick, **limits)
    first = FirstTests(kernels.job, kernels, applied, events)
    found = [first.choose(run, planned) for run in kernels.runs]
    assert found[0] == found[1]
    return found[0], happened


def test_what_reaches_the_change_comes_first_and_what_nothing_is_known_of(tmp_path: Path, applied: Applied) -> None:
    _keep(applied, ON.name, OFF.name)
    choice, happened = _chosen(tmp_path, applied)
    assert choice == ChosenTests((REACHES, BROKE_OFF, NEW), quick=True, reason="the patch touches first")
    assert happened == []
    assert not _chosen(tmp_path, applied, quick=False)[0].quick


def test_a_test_that_one_variant_reaches_is_chosen_in_both(tmp_path: Path, applied: Applied) -> None:
    reached = MAP.tests[REACHES]
    _keep(applied, ON.name)
    _keep(applied, OFF.name, reach=replace(MAP, tests={**MAP.tests, REACHES: {}, OTHER: reached}))
    assert set(_chosen(tmp_path, applied)[0].first) == {REACHES, OTHER, BROKE_OFF, NEW}


@pytest.mark.parametrize("configs", [(), (ON.name,)])
def test_without_a_map_of_each_kernel_all_run_and_one_is_told_how_to_make_it(
    tmp_path: Path, applied: Applied, configs: tuple[str, ...]
) -> None:
    _keep(applied, *configs)
    choice, happened = _chosen(tmp_path, applied)
    assert choice.first == () and not choice.quick
    (note,) = happened
    assert isinstance(note, Note) and "dmabuf-harness coverage --base debian:6.12 makes one" in note.text
    assert _chosen(tmp_path, applied, quick=False)[1] == []  # nobody asked


@pytest.fixture
def bundled(tmp_path: Path, applied: Applied, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``MAP`` comes with the harness, measured on the base of ``applied``."""
    (place := tmp_path / "maps").mkdir()
    (place / "6.12.json.xz").write_bytes(dump_bundled(bundle(replace(MAP, version="6.12"), applied.tree)))
    monkeypatch.setattr(
        "harness.pipeline.first_tests.bundled_reach", lambda tree, limits: bundled_reach(tree, limits, place)
    )
    return place


@pytest.mark.parametrize("configs", [(), (ON.name,)])
def test_a_map_that_comes_with_the_harness_stands_in_for_what_was_not_measured(
    tmp_path: Path, applied: Applied, bundled: Path, configs: tuple[str, ...]
) -> None:
    _keep(applied, *configs)
    choice, happened = _chosen(tmp_path, applied)
    assert choice.first == (REACHES, BROKE_OFF, NEW) and choice.quick
    assert choice.reason == "the patch touches first (by the reach map that comes with the harness)"
    assert happened == []


def test_what_was_measured_goes_before_it(tmp_path: Path, applied: Applied, bundled: Path) -> None:
    _keep(applied, ON.name, OFF.name)
    assert _chosen(tmp_path, applied)[0].reason == "the patch touches first"


def test_it_says_nothing_of_a_tree_with_another_file(tmp_path: Path, applied: Applied, bundled: Path) -> None:
    tree = replace(applied.tree, commit=git(applied.tree.path, "rev-parse", "main"))
    choice, _ = _chosen(tmp_path, replace(applied, tree=tree))
    assert not choice.first and not choice.quick


def test_it_says_nothing_of_another_version(tmp_path: Path, applied: Applied, bundled: Path) -> None:
    choice, _ = _chosen(tmp_path, replace(applied, tree=replace(applied.tree, version="6.13")))
    assert not choice.first


def test_a_map_that_was_made_with_other_tests_is_none(
    tmp_path: Path, applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(applied, ON.name, OFF.name)
    monkeypatch.setattr(reach_measuring, "tests_digest", lambda: "other tests")
    assert not _chosen(tmp_path, applied)[0].first


@pytest.mark.parametrize("limits", [{"memory": 512}, {"thorough": True}, {"seed": 7}, {"walks": 9}])
def test_a_map_of_tests_that_were_asked_for_otherwise_is_none(
    tmp_path: Path, applied: Applied, limits: dict[str, Any]
) -> None:
    _keep(applied, ON.name, OFF.name)
    choice, _ = _chosen(tmp_path, applied, **limits)
    assert not choice.first
    assert "coverage --base debian:6.12 with the same --memory, --thorough, --seed and --walks makes" in choice.reason


@pytest.mark.parametrize(
    "drawn",
    [
        PlannedTest("contract", "contract.row-20-stress-loses-no-notification-and-no-contents"),
    ],
)
def test_a_test_that_draws_what_it_does_is_always_chosen(drawn: PlannedTest) -> None:
    """What it reached when the map was made says little."""
    planned = (*PLANNED, drawn)
    assert chosen_first(planned, {REACHES}, planned) == (REACHES, drawn)


@pytest.mark.parametrize(("limits", "chosen"), [({}, ()), ({"seed": 7}, (WALK,)), ({"walks": 9}, (WALK,))])
def test_walks_are_known_of_the_seed_that_they_were_measured_with(
    tmp_path: Path, applied: Applied, bundled: Path, limits: dict[str, Any], chosen: tuple[PlannedTest, ...]
) -> None:
    choice, _ = _chosen(tmp_path, applied, planned=(*PLANNED, WALK), **limits)
    assert choice.first == (REACHES, BROKE_OFF, NEW, *chosen)


def test_a_single_walk_is_known_of_nobody(tmp_path: Path, applied: Applied, bundled: Path) -> None:
    one = PlannedTest("walks", "walks.seed-17.walk-42")
    assert one in _chosen(tmp_path, applied, planned=(*PLANNED, one))[0].first


def test_the_tests_that_draw_are_known_by_the_names_that_they_have() -> None:
    drawn = {name for name in all_checks() if is_drawn(PlannedTest(name.partition(".")[0], name))}
    assert drawn == {"contract.row-20-stress-loses-no-notification-and-no-contents"}
    assert is_walk(PlannedTest("walks", "walks.buffers"))


@pytest.mark.parametrize("planned", [(OTHER,), (SELFTEST, MODULE, OTHER), (SLOW, OTHER)])
def test_of_tests_of_which_none_surely_reaches_the_change_all_run(
    tmp_path: Path, applied: Applied, planned: tuple[PlannedTest, ...]
) -> None:
    """Or a run that is narrowed down would boot no kernel, or run nothing in it, and be green."""
    _keep(applied, ON.name, OFF.name)
    choice, happened = _chosen(tmp_path, applied, planned=planned)
    assert not choice.first and not choice.quick and "none of the tests asked for" in choice.reason
    (note,) = happened
    assert isinstance(note, Note) and note.text.startswith("--quick runs all tests: the patch touches first")
    assert _chosen(tmp_path, applied, planned=(*planned, REACHES))[0].quick
    assert not _chosen(tmp_path, applied, planned=())[1]  # only the patch itself is looked at


def test_a_module_comes_with_one_of_its_tests() -> None:
    """It stands for all of them: alone it would run them all."""
    assert chosen_first(PLANNED, {SELFTEST}, PLANNED) == (SELFTEST, MODULE)
    assert chosen_first(PLANNED, {REACHES}, PLANNED) == (REACHES,)


def test_a_module_does_not_come_with_a_test_that_may_be_left_out() -> None:
    assert chosen_first((SLOW, *PLANNED), {SLOW}, PLANNED) == (SLOW,)
    assert chosen_first((SLOW, *PLANNED), {SLOW, SELFTEST}, PLANNED) == (SLOW, SELFTEST, MODULE)


def test_the_plan_of_a_quick_run_leaves_the_others_out(tmp_path: Path) -> None:
    (run, _) = _kernels(tmp_path, EventStream()).runs
    run.plan(PLANNED, ChosenTests((REACHES,), quick=True))
    assert run.findings.planned == run.first == (REACHES,)
    assert run.not_chosen == tuple(test for test in PLANNED if test != REACHES)
    run.plan(PLANNED, ChosenTests((REACHES,)))
    assert list(run.findings.planned) == list(PLANNED) and not run.not_chosen


FAILS = TestResult("checks", "reaches", Status.FAIL)
EXPECTED = Expectation("fail", re.compile("reaches"), "a bug of the base", "a commit", date.max, "entry 1", "checks")


class KeepsTwice(ScriptedExecutor):
    """What was found is kept when the first tests have ended, and in the end."""

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        keep(self.outcomes[len(self.jobs)])
        return super().run(job, directory, keep)


@pytest.mark.parametrize(
    ("expectations", "told"),
    [((), "1 bad (checks reaches)"), ((EXPECTED,), "none is bad, 1 bad as is known of the base (checks reaches)")],
)
def test_how_they_ended_is_told_once_by_what_is_expected_of_the_base(
    tmp_path: Path, applied: Applied, expectations: tuple[Expectation, ...], told: str
) -> None:
    found = Findings((), (FAILS,), (), (boot(),), first_took=3.0)
    assert [note.text.split(": ")[1] for note in _told(tmp_path, applied, found, expectations)] == [told]


@pytest.mark.parametrize(("took", "label"), [(None, ""), (3.0, "base ")])
def test_nothing_is_told_before_they_have_ended_or_of_the_base(
    tmp_path: Path, applied: Applied, took: float | None, label: str
) -> None:
    found = Findings((), (FAILS,), (), (boot(),), first_took=took)
    assert _told(tmp_path, applied, found, (), label) == []


def _told(
    tmp_path: Path, applied: Applied, found: Findings, expectations: tuple[Expectation, ...], label: str = ""
) -> list[Note]:
    """Notes of a kernel of which ``found`` is kept twice."""
    happened: list[Event] = []
    events = EventStream()
    events.subscribe(lambda _, event: happened.append(event))
    kernels = _kernels(tmp_path, events)
    made = KernelSet(replace(kernels.job, expectations=expectations), events, label)
    run = made.runs[0]
    run.config, run.kernel, run.applied = kernels.runs[0].config, kernels.runs[0].kernel, applied
    run.plan(PLANNED, ChosenTests((REACHES,)))
    made.test(run, KeepsTwice([found]))
    return [event for event in happened if isinstance(event, Note)]


def test_the_base_of_a_quick_run_has_the_same_tests(tmp_path: Path, applied: Applied) -> None:
    _keep(applied, ON.name, OFF.name)
    kernels = _kernels(tmp_path, EventStream())
    first = FirstTests(kernels.job, kernels, applied, EventStream())
    for run in kernels.runs:
        run.plan(PLANNED, first.choose(run, PLANNED))
    base = KernelSet(kernels.job.of_base(), EventStream(), "base ")
    assert first.of_base(base.runs[0], (REACHES, OTHER)) == ChosenTests((REACHES,), quick=True)


def test_a_base_that_is_known_as_a_whole_is_not_tested_again(tmp_path: Path, applied: Applied) -> None:
    results = tuple(TestResult(test.suite, test.name, Status.PASS) for test in PLANNED)
    run, executor = _a_base(tmp_path, applied), ScriptedExecutor()
    job = replace(run[0].kernel_job(run[1]), planned=PLANNED, first=())
    (tmp_path / "earlier/boots/move-notify-on-1").mkdir(parents=True)
    base_cache.keep(base_cache.key(job, MACHINE), Findings(PLANNED, results, (), (boot(),)), tmp_path / "earlier")
    settle_base(*run, executor, EventStream())
    assert executor.jobs == [] and run[1].findings.planned == (REACHES,)
    assert [result.test for result in run[1].findings.results] == [REACHES]


def test_a_base_that_is_not_known_is_tested_with_the_chosen_ones_alone(tmp_path: Path, applied: Applied) -> None:
    found = Findings((), (TestResult("checks", "reaches", Status.PASS),), (), (boot(),))
    run, executor = _a_base(tmp_path, applied), ScriptedExecutor([found])
    settle_base(*run, executor, EventStream())
    assert [(job.planned, job.first) for job, _ in executor.jobs] == [((REACHES,), (REACHES,))]
    again = _a_base(tmp_path, applied)
    settle_base(*again, executor, EventStream())
    assert len(executor.jobs) == 1 and again[1].earlier


def _a_base(tmp_path: Path, applied: Applied) -> tuple[KernelSet, VariantRun]:
    kernels = _kernels(tmp_path, EventStream())
    run = kernels.runs[0]
    run.applied = applied
    run.plan(PLANNED, ChosenTests((REACHES,), quick=True))
    return kernels, run
