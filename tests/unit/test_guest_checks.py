# SPDX-License-Identifier: GPL-2.0-only
"""The checks as a whole, without a guest: they can be planned anywhere, and skip where there is nothing to check."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.guest import bundle, kernel, probe, registry, runner
from harness.guest.checks import all_checks

SCRIPT = Path(runner.__file__).with_name("run_checks.py")
NAMES = all_checks()
CHECKS = SCRIPT.parent / "checks"


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_every_interface_has_its_checks() -> None:
    groups = {name.partition(".")[0] for name in NAMES}
    assert groups == {
        "concurrency",
        "contract",
        "dmabuf",
        "functions",
        "gem",
        "heap",
        "limits",
        "prime",
        "probe",
        "sw-sync",
        "syncobj",
        "udmabuf",
        "vgem",
        "walks",
    }
    assert len(NAMES) >= 40


def test_names_are_words_that_a_shell_leaves_alone() -> None:
    assert [name for name in NAMES if not re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", name)] == []


def test_the_script_lists_what_the_host_plans() -> None:
    done = run_script("--list")
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (0, "", NAMES)


def test_the_script_refuses_an_unknown_name() -> None:
    done = run_script("udmabuf.no-such-check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_check_without_its_device_is_skipped(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for node in ("UDMABUF_NODE", "HEAP_DIRECTORY", "SW_SYNC_NODE", "DRI_DIRECTORY", "BUFINFO"):
        monkeypatch.setattr(kernel, node, str(tmp_path / "absent"))
    for path in ("NODE", "MODPROBE"):
        monkeypatch.setattr(probe, path, str(tmp_path / "absent"))
    outcome = runner.run_check(registry.registered()[name])
    if outcome.trouble or not outcome.skipped:
        assert name == "dmabuf.other-files-are-not-dma-bufs"  # needs no device
    else:
        assert re.search("needs root and (CONFIG_|the module)|needs CONFIG_|has no parameter", outcome.skipped)


def test_planning_imports_nothing_slow() -> None:
    """Under software emulation each of these costs from 0.2 s to more than a second of every run."""
    slow = ("argparse", "contextlib", "ctypes", "dataclasses", "enum", "logging", "pathlib", "re", "typing")
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parents[2])!r})\n"
        "from harness.guest.checks import all_checks; all_checks()\n"
        f"print([name for name in {slow!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- the archive that is copied into the guest ------------------------------------------------


def _run_bundle(archive: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *shlex.split(bundle.command(str(archive), *arguments))[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_the_archive_runs_alone(tmp_path: Path) -> None:
    archive = tmp_path / "a folder" / "checks.zip"
    archive.parent.mkdir()
    archive.write_bytes(bundle.contents())
    done = _run_bundle(archive, "--list")
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (0, "", NAMES)
    assert _run_bundle(archive, "nothing").returncode == 2


def test_the_archive_has_the_hosts_list_of_kernel_reports_and_nothing_else_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "checks.zip").write_bytes(bundle.contents())
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'checks.zip')!r}); from harness.guest import oracle;"
        "assert 're' not in sys.modules; log = oracle.KernelLog();"
        "print(log._is_report('irq 9: nobody cared'), *sorted(m for m in sys.modules if m.startswith('harness.')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, cwd="/", check=True
    )
    known, *modules = done.stdout.split()
    assert known == "True"
    assert [name for name in modules if not name.startswith("harness.guest")] == [
        "harness.splat",
        "harness.splat.kinds",
    ]


def test_the_archive_is_reproducible() -> None:
    assert bundle.contents.__wrapped__() == bundle.contents.__wrapped__()


def test_another_python_uses_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.MAGIC_NUMBER", b"\0\0\r\n")
    (tmp_path / "checks.zip").write_bytes(bundle.contents.__wrapped__())
    assert _run_bundle(tmp_path / "checks.zip", "--list").stdout.splitlines() == NAMES


def test_compiled_modules_are_used(tmp_path: Path) -> None:
    (tmp_path / "all").write_bytes(bundle.contents())
    with zipfile.ZipFile(tmp_path / "all") as whole, zipfile.ZipFile(tmp_path / "compiled", "w") as compiled:
        for name in whole.namelist():
            if name.endswith(".pyc"):
                compiled.writestr(name, whole.read(name))
    assert _run_bundle(tmp_path / "compiled", "--list").stdout.splitlines() == NAMES


@pytest.mark.parametrize("module", sorted(CHECKS.glob("*.py")), ids=lambda path: path.stem)
def test_what_a_kernel_lacks_is_asked_for_innermost(module: Path) -> None:
    """An ``expect_errno`` inside of it takes the ENOTTY of a kernel that lacks the call for a wrong errno."""
    assert re.findall(r"absent_is_skipped\([^)]*\), expect_", module.read_text()) == []
