# SPDX-License-Identifier: GPL-2.0-only
"""The host's files that a guest runs from: replaced under it, or between two runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import process
from harness.causes import Cause
from harness.interfaces import GuestLost
from harness.paths import GUEST_INIT, PROJECT_ROOT
from harness.vm import host
from harness.vm.host import blamed, guest_files, guest_identity, identity

LOST = "the ssh connection was lost, while the guest's kernel lived"
BEFORE, AFTER = -1, 1  # seconds: the guest was booted before the change, or after it


@pytest.fixture
def afresh() -> Iterator[None]:
    """What was found out about this host does not count."""
    guest_files.cache_clear()
    yield
    guest_files.cache_clear()


# --- replaced under a guest -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "booted", "machine"),
    [
        (Cause.CONNECTION, BEFORE, True),
        (Cause.CONNECTION, AFTER, False),
        (Cause.PANIC, BEFORE, False),
        (Cause.SILENCE, BEFORE, False),
    ],
)
@pytest.mark.parametrize("changed", ["status", "sshd"])
def test_what_a_guest_runs_from_may_change_meanwhile(
    tmp_path: Path, cause: Cause, booted: int, machine: bool, changed: str
) -> None:
    """By a package manager that we know, or by anybody: a file out of a package has an old mtime."""
    file = tmp_path / changed
    file.touch()
    os.utime(file, (1, 1))
    packages, files = ([tmp_path / "nowhere", file], []) if changed == "status" else ([tmp_path / "nowhere"], [file])
    found = blamed(GuestLost(LOST, cause), file.stat().st_ctime + booted, packages, files)
    assert found.machine is machine and found.reason.startswith(LOST)


def test_a_file_that_is_gone_was_changed(tmp_path: Path) -> None:
    assert blamed(GuestLost(LOST, Cause.CONNECTION), 1e12, [], [tmp_path / "sshd"]).machine


# --- between two runs -------------------------------------------------------------------------


def test_files_are_told_by_content_so_that_jobs_in_fresh_containers_agree(tmp_path: Path) -> None:
    python, settings = tmp_path / "python3", tmp_path / "aliases.conf"
    python.write_text("3.11.2")
    before = identity([python, settings])
    os.utime(python, (1, 1))
    assert identity([settings, python]) == before
    python.write_text("3.11.4")
    newer = identity([python, settings])
    settings.write_text("")
    assert len({before, newer}) == 2 and identity([python]) != newer


@pytest.mark.usefixtures("afresh")
def test_what_a_guest_uses_counts_and_what_it_does_not_use_does_not() -> None:
    files = guest_files()
    names = {path.name for path in files}
    assert {"sshd", "kmod"} <= names and any(name.startswith("python3.") for name in names)
    assert any(name.startswith("libc.so") for name in names) and any(name.startswith("libcrypto.so") for name in names)
    assert {"struct.py", "enum.py"} <= names, "what the checks import"
    assert not {"turtle.py", "status", "git", "gcc", "qemu-system-x86_64"} & names
    assert not [path for path in files if path.is_relative_to(PROJECT_ROOT) or path.is_dir()]


def test_all_programs_of_the_init_are_known() -> None:
    started = set(re.findall(r"(?m)^(?:/usr/sbin/)?([a-z]+) ", GUEST_INIT.read_text()))
    assert {"mount", "sshd"} <= started <= {*host.PROGRAMS, "export", "echo", "if"}


def test_every_library_that_the_checks_load_counts(tmp_path: Path) -> None:
    """As the dynamic linker itself tells of a process that has them all."""
    script = f"{host._ASK_PYTHON}; print('MAPS'); print(open('/proc/self/maps').read())"
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-B", "-c", script], capture_output=True, text=True, check=True
    )
    mapped = {Path(line.split()[-1]) for line in done.stdout.partition("MAPS")[2].splitlines() if ".so" in line}
    assert mapped and mapped <= guest_files()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, afresh: None) -> Path:
    """A host whose programs are in one directory: python3 (a copy of a real one, with its libraries) and sshd."""
    for name in ("python3", "sshd"):
        shutil.copy(Path(sys.executable).resolve(), tmp_path / name)
    (tmp_path / "status").write_text("Package: kmod")
    monkeypatch.setattr(host, "_PATH", str(tmp_path))
    monkeypatch.setattr(host, "_BESIDE", ())
    monkeypatch.setattr(host, "PACKAGES", (tmp_path / "status",))
    return tmp_path


def identity_now() -> str:
    guest_files.cache_clear()
    host.named_guest_files.cache_clear()
    return guest_identity()


def test_an_unrelated_package_changes_nothing_and_another_python_does(machine: Path) -> None:
    before = identity_now()
    (machine / "status").write_text("Package: kmod\n\nPackage: cowsay")
    (machine / "cowsay").write_text("moo")
    (machine / "cowsay").chmod(0o755)
    assert identity_now() == before
    with (machine / "python3").open("ab") as file:
        file.write(b"another build")
    assert identity_now() != before


def test_without_ldd_the_lists_of_packages_stand_for_the_libraries(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = process.which
    monkeypatch.setattr(process, "which", lambda name: None if name == "ldd" else which(name))
    before = identity_now()
    assert machine / "status" in guest_files() and machine / "sshd" in guest_files()
    (machine / "status").write_text("Package: kmod\n\nPackage: libc6")
    assert identity_now() != before
