# SPDX-License-Identifier: GPL-2.0-only
"""The copy of the host's files from which a guest runs that is to be saved."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from harness import process
from harness.paths import GUEST_INIT
from harness.vm.copied_root import ARCHIVE, write_root
from tests.support.scripted_guest import scripted_kernel


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a boot's files in /boots/1."""
    work = tmp_path_factory.mktemp("root")
    kernel = scripted_kernel(work)
    module = kernel.modules / "lib" / "modules" / "6.12.0" / "probe.ko"
    module.parent.mkdir(parents=True)
    module.write_text("module")
    (work / "key").write_text("secret")
    write_root(work / ARCHIVE, kernel, {Path("/boots/1/host_key"): work / "key"})
    with tarfile.open(work / ARCHIVE) as tar:
        tar.extractall(work / "unpacked")
    return work / "unpacked"


def inside(root: Path, path: Path) -> Path:
    """Where ``path`` of the guest leads to, in ``root``."""
    at = root
    for part in path.parts[1:]:
        at = at / part
        while at.is_symlink():
            target = at.readlink()
            at = inside(root, target) if target.is_absolute() else at.parent / target
    return at


@pytest.mark.parametrize(
    "path", ["/bin/sh", "/usr/bin/python3", "/usr/sbin/sshd", "/sbin/modprobe", "/usr/sbin/chroot", "/bin/umount"]
)
def test_programs_are_found_under_their_names(unpacked: Path, path: str) -> None:
    assert inside(unpacked, Path(path)).is_file()


def test_what_init_mounts_over_is_there(unpacked: Path) -> None:
    for name in ("proc", "sys", "dev", "run", "old", "tmp"):
        assert (unpacked / name).is_dir()
    assert (unpacked / "etc" / "passwd").read_bytes() == b""
    assert (unpacked / "tmp").stat().st_mode & 0o7777 == 0o1777


def test_init_the_modules_and_the_files_of_the_boot_are_there(unpacked: Path) -> None:
    assert os.access(inside(unpacked, GUEST_INIT), os.X_OK)
    assert (unpacked / "boots" / "1" / "host_key").read_text() == "secret"
    assert [path.read_text() for path in unpacked.rglob("probe.ko")] == ["module"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root")
def test_python_runs_from_it(unpacked: Path) -> None:
    done = process.run(
        ["chroot", unpacked, "/usr/bin/python3", "-I", "-S", "-c", "import ctypes, resource; print(6 * 7)"]
    )
    assert (done.stdout.strip(), done.stderr) == ("42", "")
