# SPDX-License-Identifier: GPL-2.0-only
"""The tool as ``pip install`` and ``pipx install`` leave it: whole, or it says that it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import __version__, paths
from harness.model import Status
from harness.report import load
from tests.support.installed import Installed, install


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("installed"))


def harness_in(root: Path, place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The package of the checkout ``root``; the cache is in ``place``."""
    env = {**os.environ, "PYTHONPATH": str(root), "XDG_CACHE_HOME": str(place / "cache")}
    argv = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, check=False)


def files(directory: Path) -> dict[str, int]:
    """Path -> mode bits that say who may execute it, of all files in ``directory``."""
    found = (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(directory)): path.stat().st_mode & 0o111 for path in found}


def test_the_wheel_has_all_data_of_a_checkout(installed: Installed) -> None:
    data = installed.package / "data"
    for directory in (paths.KERNEL_CONFIGS, paths.WRAPPERS, paths.PATCHES):
        assert files(data / directory.name).keys() == files(directory).keys() != set()
    assert (data / "ci" / "packages.txt").read_text() == paths.PACKAGES.read_text()
    assert files(installed.package).keys() - files(paths.GUEST_CODE.parent).keys() == {
        f"data/{name}" for name in files(data)
    }
    assert files(paths.GUEST_CODE.parent).keys() <= files(installed.package).keys()
    code = files(installed.package / "guest")
    assert code == files(paths.GUEST_CODE) and code["init"]
    assert not (installed.package.parent / "tests").exists()


@pytest.mark.parametrize("what", ["suites", "variants", "series", "checks"])
def test_it_knows_what_the_checkout_knows(installed: Installed, what: str, tmp_path: Path) -> None:
    ours = harness_in(paths.PROJECT_ROOT, tmp_path, "list", what)
    done = installed.run("list", what)
    assert (done.returncode, done.stdout, done.stderr) == (0, ours.stdout, "")


def test_it_shows_what_it_would_run(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("show", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "dma-buf: " in done.stdout and "dmabuf-heaps" in done.stdout


def test_the_doctor_looks_at_what_was_installed(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("doctor", XDG_CACHE_HOME=str(tmp_path))
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ok", "data", str(installed.package / "data")]
    assert any(line.split()[1:2] == ["qemu-system-x86_64"] for line in lines), "ci/packages.txt was read"
    assert done.returncode in (0, 3) and done.stderr == "", "disk and memory are the machine's"


def test_version(installed: Installed, tmp_path: Path) -> None:
    for done in (installed.run("--version"), harness_in(paths.PROJECT_ROOT, tmp_path, "--version")):
        assert (done.returncode, done.stdout) == (0, f"dmabuf-harness {__version__}\n")
    (known,) = (installed.package.parent).glob("dmabuf_harness-*.dist-info")
    assert known.name == f"dmabuf_harness-{__version__}.dist-info"


@pytest.mark.vm
def test_it_tests_a_kernel(installed: Installed, tmp_path: Path) -> None:
    asked = ("--no-patch", "--base", "debian:6.12", "--variant", "on", "--suite", "checks", "--only")
    done = installed.run(
        "run", *asked, "udmabuf.size-must-be-page-aligned", "--accel", "tcg", "--out", tmp_path / "run", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (variant,) = load(tmp_path / "run").variants
    assert [result.status for result in variant.results] == [Status.PASS]


# --- an installation that is not whole --------------------------------------------------------


ALL = (
    "kernel-configs",
    "kernel-configs/features",
    "kernel-configs/coverage",
    "kernel-configs/reach",
    "kernel-configs/trace",
    "kselftest-wrappers",
    "kselftest-wrappers/dmabuf-probe",
    "patches/series",
    "patches/fixups",
    "patches/faults",
    "patches/history",
    "ci/packages.txt",
    "kernel-configs/base.config",
    "kernel-configs/x86_64.config",
    "kernel-configs/variants.toml",
    "kernel-configs/symbols.toml",
    "kernel-configs/coverage/scope.toml",
)


def without_init(root: Path) -> None:
    (root / "harness" / "guest" / "init").unlink()


def without_exec(root: Path) -> None:
    (root / "harness" / "guest" / "init").chmod(0o644)


def nothing_in(name: str) -> Callable[[Path], None]:
    def empty(root: Path) -> None:
        shutil.rmtree(root / name)
        (root / name).mkdir()

    return empty


def all_data(root: Path) -> None:
    for name in ("kernel-configs", "kselftest-wrappers", "patches", "ci"):
        shutil.rmtree(root / name)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (all_data, ALL),
        (nothing_in("kselftest-wrappers"), ("kselftest-wrappers", "kselftest-wrappers/dmabuf-probe")),
        (nothing_in("kernel-configs/features"), ("kernel-configs/features",)),
        (without_init, ("harness/guest/init",)),
        (without_exec, ("harness/guest/init as a program: it is not executable",)),
    ],
)
def test_an_installation_that_is_not_whole_says_so(
    tmp_path: Path, damage: Callable[[Path], None], named: tuple[str, ...]
) -> None:
    for name in ("harness", "kernel-configs", "kselftest-wrappers", "patches"):
        shutil.copytree(paths.PROJECT_ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "ci").mkdir()
    shutil.copy(paths.PACKAGES, tmp_path / "ci" / "packages.txt")
    damage(tmp_path)
    done = harness_in(tmp_path, tmp_path, "list", "suites")
    told = f"missing or empty: {', '.join(named)}"
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"dmabuf-harness: {tmp_path}: {told}; {paths.REINSTALL}\n"
    looked = harness_in(tmp_path, tmp_path, "doctor")
    assert (looked.returncode, looked.stdout.splitlines()[0].split()[:2]) == (3, ["MISSING", "data"])
    assert f"{told}  -> {paths.REINSTALL}" in looked.stdout.splitlines()[0]
