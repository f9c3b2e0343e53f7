# SPDX-License-Identifier: GPL-2.0-only
"""A new suite is a folder under ``kselftest-wrappers/`` and nothing else: built, planned, run, ordered and named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import build
from harness.interfaces import SuiteContext
from harness.kconfig import load_fragments
from harness.model import Kernel, Status
from harness.paths import KERNEL_CONFIGS, PACKAGES, PATCHES, PROJECT_ROOT, WRAPPERS
from harness.series import SeriesFacts
from harness.suites import by_relevance, kselftest_collections, select_suites, suite_folders
from tests.support.fake_linux import Linux
from tests.support.scripted_guest import Answer, ScriptedGuest

TOUCHED = "drivers/dma-buf/dma-buf.c"
SUITE = f"""\
title = "what a contributor brings"
collection = "planted"
time_limit = 5

[touched]
first = ["{TOUCHED}"]

[[program]]
name = "planted_test"

[[program]]
name = "forgotten"
"""


@pytest.fixture
def wrappers(tmp_path: Path) -> Path:
    """The shipped suites and one more, in a copy of all that is beside the package."""
    for directory in (WRAPPERS, KERNEL_CONFIGS):
        shutil.copytree(directory, tmp_path / directory.name)
    place = tmp_path / WRAPPERS.name / "planted"
    place.mkdir()
    (place / "suite.toml").write_text(SUITE)
    (place / "kernel.config").write_text("# Devices that the planted programs open.\nCONFIG_PLANTED=m\n")
    return place.parent


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collections: tuple[str, ...]) -> Kernel:
    """A kernel of the tree in miniature, with the programs of ``collections`` that it has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    linux = Linux(tmp_path / "linux")
    program = linux.path / "tools/testing/selftests/planted"
    program.mkdir()
    (program / "Makefile").write_text("# as the others\n")
    (program / "planted_test.c").write_text("int main(void) { return 0; }\n")
    built = build.build(build.BuildRequest(linux.applied(), linux.config(), 2, collections), lambda _text: None)
    assert isinstance(built, Kernel), built
    return built


def test_it_is_built_planned_and_run(tmp_path: Path, wrappers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = made(tmp_path, monkeypatch, kselftest_collections(wrappers))
    assert kernel.kselftests is not None
    assert subprocess.run([kernel.kselftests / "planted/planted_test"], check=False).returncode == 0
    (suite,) = select_suites(("planted",), wrappers)
    assert [test.name for test in suite.plan(kernel, tmp_path)] == ["planted/planted_test", "planted/forgotten"]
    machine = ScriptedGuest(kernel, {r"\./planted_test": Answer("TAP version 13\n1..1\nok 1 it opens\n")})
    found = {result.name: result.status for result in suite.run(machine, SuiteContext(tmp_path, "logs"))}
    assert found["planted/planted_test"] is found["planted/planted_test/it opens"] is Status.PASS
    assert found["planted/forgotten"] is Status.ERROR


def test_its_kernel_is_another_one(tmp_path: Path, wrappers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel in the cache that was made before has no programs of it."""
    made(tmp_path, monkeypatch, kselftest_collections())
    linux = Linux(tmp_path / "again")
    request = build.BuildRequest(linux.applied(), linux.config(), 2, kselftest_collections())
    more = build.BuildRequest(linux.applied(), linux.config(), 2, kselftest_collections(wrappers))
    compiler = build.compiler()
    assert build.key(request, compiler) != build.key(more, compiler)
    assert build.key(request, compiler) == build.key(request, compiler)


def test_what_it_needs_of_the_kernel_is_asked_for(wrappers: Path) -> None:
    found = {request.symbol: request for request in load_fragments(None, wrappers.parent / KERNEL_CONFIGS.name)}
    assert found["PLANTED"].value == "m"
    assert found["PLANTED"].origin == "kselftest-wrappers/planted/kernel.config:2"
    assert set(found) - {"PLANTED"} == {request.symbol for request in load_fragments()}


def test_it_runs_when_its_turn_is(wrappers: Path) -> None:
    folders = suite_folders(wrappers)
    usual = [folder.name for folder in folders]
    assert usual.index("dmabuf-heaps") < usual.index("planted") < usual.index("sync")  # equals by name
    assert by_relevance(folders, SeriesFacts(files=("kernel/fork.c",))).names == tuple(usual)
    assert by_relevance(folders, SeriesFacts(files=(TOUCHED,))).names[0] == "planted"
    own = SeriesFacts(files=("tools/testing/selftests/planted/planted_test.c",))
    assert by_relevance(folders, own).names[0] == "planted"


def test_command_line_knows_it(tmp_path: Path, wrappers: Path) -> None:
    """The whole program, from a checkout that has the folder and no other change."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT_ROOT / "harness", tmp_path / "harness", ignore=ignored)
    shutil.copytree(PATCHES, tmp_path / PATCHES.name)
    shutil.copytree(PACKAGES.parent, tmp_path / PACKAGES.parent.name)
    listed = command(tmp_path, "list", "suites").split()
    assert "planted" in listed
    shown = command(tmp_path, "show", "--base", "debian:6.12", "--variant", "on")
    assert "planted first: the series touches" in shown


def command(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root), "XDG_CACHE_HOME": str(root / "cache")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
