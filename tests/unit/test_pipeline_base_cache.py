# SPDX-License-Identifier: GPL-2.0-only
"""A base is tested once: what is remembered, for which content, and what is not trusted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness import paths
from harness.causes import Cause
from harness.executor import Findings, JobSource, KernelJob
from harness.interfaces import JobLimits
from harness.model import BootOutcome, PlannedTest, Status, TestResult
from harness.pipeline import base_cache
from harness.pipeline.base_cache import BaseKey
from tests.support.sample_reports import ON, PASSES, boot, kernel, planned, splat
from tests.support.scripted_executor import MACHINE

JOB = KernelJob(kernel().key, ON, ("checks", "sync"), planned(PASSES))
PACKAGE = paths.GUEST_CODE.parent
DECIDE_NOTHING = {
    "__init__.py",
    "changes.py",  # one name is used
    "model.py",  # the shape of what is kept: base_cache._FORMAT
    *("build/__init__.py", "series.py", "source/__init__.py"),  # a kernel is found by its key; source explains stacks
    *("errors.py", "events.py", "phases.py", "report/__init__.py"),  # how it is told, and sent
    *("local_terminal.py", "machine_failures.py", "paths.py", "process/__init__.py", "scratch.py"),  # the machine
    *(f"trials/{name}.py" for name in ("fates", "guest_words", "mutant_ledger")),  # mutants alone
}
STALL = replace(splat(), kind="rcu-stall", title="rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:")
FAILED = TestResult("checks", "x", Status.FAIL, message="odd")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def a_run(directory: Path, *results: TestResult, **changes: object) -> Findings:
    """What a run in ``directory`` found, with its console log."""
    every = (*PASSES, *results)
    findings = Findings(planned(every), every, (splat(),), (boot(),), notes=("told",))
    console = directory / findings.boots[0].console
    (console.parent / "logs").mkdir(parents=True)
    console.write_text("Linux version 6.12")
    (console.parent / "logs" / "checks.log").write_text("ok 1")
    return replace(findings, **changes)  # type: ignore[arg-type]


def key(**changes: object) -> BaseKey:
    return base_cache.key(replace(JOB, **changes), MACHINE)  # type: ignore[arg-type]


# --- remembering ------------------------------------------------------------------------------


def test_what_was_kept_comes_back_with_its_logs(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    findings = a_run(first)
    base_cache.keep(key(), findings, first)
    found = base_cache.recall(key(), findings.planned, second)
    assert found is not None
    again, when = found
    assert (again.results, again.splats, again.boots, again.notes) == (
        findings.results,
        findings.splats,
        findings.boots,
        findings.notes,
    )
    assert when.endswith("+00:00")
    assert (second / findings.boots[0].console).read_text() == "Linux version 6.12"
    assert (second / f"boots/{ON.name}-1/logs/checks.log").is_file()


def test_the_latest_outcome_counts(tmp_path: Path) -> None:
    base_cache.keep(key(), a_run(tmp_path / "1"), tmp_path / "1")
    later = a_run(tmp_path / "2", replace(FAILED, status=Status.PASS))
    base_cache.keep(key(), later, tmp_path / "2")
    assert base_cache.recall(key(), later.planned, tmp_path / "3") is not None
    assert base_cache.recall(key(), planned(PASSES), tmp_path / "3") is None, "other tests are planned now"


def test_in_which_order_the_tests_ran_does_not_matter(tmp_path: Path) -> None:
    findings = a_run(tmp_path / "1")
    base_cache.keep(key(suites=("checks", "sync")), findings, tmp_path / "1")
    wanted = findings.planned[::-1]
    found = base_cache.recall(key(suites=("sync", "checks")), wanted, tmp_path / "2")
    assert found is not None
    again, _ = found
    assert (again.planned, again.results) == (wanted, findings.results)


def test_a_failure_is_believed_when_it_came_twice(tmp_path: Path) -> None:
    """Else the one time in twenty that a test fails by chance would excuse every patch that breaks it."""
    failed = a_run(tmp_path / "1", FAILED)
    assert base_cache.keep(key(), failed, tmp_path / "1") == ("checks x",)
    assert base_cache.recall(key(), failed.planned, tmp_path / "to") is None
    assert base_cache.keep(key(), failed, tmp_path / "1") == ()
    assert base_cache.recall(key(), failed.planned, tmp_path / "to") is not None


def test_a_failure_that_did_not_come_again_is_forgotten(tmp_path: Path) -> None:
    passed = replace(FAILED, status=Status.PASS)
    base_cache.keep(key(), a_run(tmp_path / "1", FAILED), tmp_path / "1")
    assert base_cache.keep(key(), a_run(tmp_path / "2", passed), tmp_path / "2") == ()
    later = a_run(tmp_path / "3", replace(FAILED, status=Status.ERROR))
    assert base_cache.keep(key(), later, tmp_path / "3") == ("checks x",), "nor does what is graver count at once"


@pytest.mark.parametrize("damage", ["{", '{"when": 3}', ""])
def test_a_damaged_entry_does_not_count(tmp_path: Path, damage: str) -> None:
    findings = a_run(tmp_path / "1")
    base_cache.keep(key(), findings, tmp_path / "1")
    (file,) = (tmp_path / "cache").rglob("findings.json")
    file.write_text(damage)
    assert base_cache.recall(key(), findings.planned, tmp_path / "2") is None


def test_old_entries_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_cache, "_KEEP", 2)
    findings = a_run(tmp_path / "1")
    keys = [key(kernel=name) for name in "abc"]
    for one in keys:
        base_cache.keep(one, findings, tmp_path / "1")
    kept = [base_cache.recall(one, findings.planned, tmp_path / str(one)) is not None for one in keys]
    assert kept == [False, True, True]


# --- for which content ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": kernel("off").key},
        {"suites": ("checks",)},
        {"planned": planned(PASSES[:1])},
        {"narrowed": True},
        {"limits": JobLimits(thorough=True)},
        {"limits": JobLimits(seed=7)},
        {"limits": JobLimits(memory=1536)},
        {"limits": JobLimits(time_factor=3.0)},
    ],
)
def test_another_kernel_or_question_is_another_key(changes: dict[str, object]) -> None:
    assert key(**changes).tested != key().tested
    assert key(**changes).machine == key().machine


@pytest.mark.parametrize("changes", [{"accel": "kvm"}, {"qemu": "9.0"}, {"root": "another kmod"}])
def test_another_machine_is_told_apart_and_is_no_part_of_what_is_tested(changes: dict[str, str]) -> None:
    """A kmod that was missing makes tests of the base fail; installed since, it must not excuse a patch that does."""
    elsewhere = base_cache.key(JOB, replace(MACHINE, **changes))
    assert elsewhere.tested == key().tested
    assert elsewhere.machine != key().machine and str(elsewhere) != str(key())


def test_why_a_machine_has_its_accelerator_is_no_part_of_the_key() -> None:
    assert base_cache.key(JOB, replace(MACHINE, reason="KVM is slower here")) == key()


def test_where_the_source_is_and_how_a_run_calls_it_is_no_part_of_the_key() -> None:
    assert key(source=JobSource("trees/a", "tree", {"a.c": (1,)}), label="base ") == key()


def test_the_code_of_the_tests_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, wrappers = tmp_path / "harness", tmp_path / "wrappers"
    for file in ("harness/guest/runner.py", "harness/splat/kinds.py", "wrappers/sync/suite.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")
    (wrappers / "sync" / "expectations.toml").write_text("1")
    monkeypatch.setattr(base_cache, "GUEST_CODE", package / "guest")
    monkeypatch.setattr(base_cache, "WRAPPERS", wrappers)
    before = key()
    (wrappers / "sync" / "expectations.toml").write_text("2")
    assert key() == before, "it judges results and changes none"
    for file in ("harness/guest/runner.py", "harness/splat/kinds.py", "wrappers/sync/suite.toml"):
        (tmp_path / file).write_text("2")
        assert key() != before, file
        (tmp_path / file).write_text("1")
    elsewhere = tmp_path.rename(tmp_path.with_name("another-checkout"))
    monkeypatch.setattr(base_cache, "GUEST_CODE", elsewhere / "harness" / "guest")
    monkeypatch.setattr(base_cache, "WRAPPERS", elsewhere / "wrappers")
    assert key() == before, "the same code in another place"


def test_all_that_the_tests_import_is_part_of_the_key_or_decides_nothing() -> None:
    """What moves out of a folder that is part of it must not slip away."""
    keyed = {PACKAGE.parent / name: path for name, path in base_cache._code() if path.suffix == ".py"}
    imported = {place for path in keyed.values() if path.is_relative_to(PACKAGE) for place in _imported(path)}
    found = {place.relative_to(PACKAGE).as_posix() for place in imported - keyed.keys()}
    assert found == DECIDE_NOTHING


def _imported(path: Path) -> Iterator[Path]:
    """Modules of the package that ``path`` names in an import, wherever that stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE.name:
            module = PACKAGE.parent.joinpath(*str(node.module).split("."))
            named = [module, *(module / alias.name for alias in node.names)]
            files = [one for name in named for one in (name.with_suffix(".py"), name / "__init__.py")]
            yield from (one for one in files if one.is_file())


# --- what is trusted --------------------------------------------------------------------------


def test_a_whole_run_in_one_guest_is_trusted_whatever_failed_in_it(tmp_path: Path) -> None:
    assert base_cache.is_complete(a_run(tmp_path, FAILED))


@pytest.mark.parametrize(
    "changes",
    [
        {"boots": ()},
        {"boots": (boot(ON, BootOutcome.PANIC),)},
        {"boots": (boot(), boot())},
        {"planned": (PlannedTest("checks", "more"),)},
        {"results": (*PASSES, TestResult("checks", "x", Status.MISSING))},
        {"results": (*PASSES, TestResult("checks", "x", Status.FAIL, cause=Cause.TIME_LIMIT))},
        {"results": (*PASSES, TestResult("checks", "x", Status.ERROR, cause=Cause.TIME_LIMIT))},
        {"splats": (STALL,)},
    ],
    ids=[
        "never booted",
        "did not boot",
        "lost a guest",
        "a test has no result",
        "a test never ran",
        "a check timed out",
        "a runner did not end",
        "a stall, which may have been the host's",
    ],
)
def test_anything_less_is_not(tmp_path: Path, changes: dict[str, object]) -> None:
    assert not base_cache.is_complete(a_run(tmp_path, **changes))
