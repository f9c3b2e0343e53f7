# SPDX-License-Identifier: GPL-2.0-only
"""The doctor: each thing found where it is, and missed, with the mend, where it is not."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import pytest

from harness import machine_check, process
from harness.errors import InfrastructureError
from harness.machine_check import MachineFinding, Need
from harness.process import Completed


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_list_of_packages_is_well_formed() -> None:
    needs = machine_check.needs()
    assert {need.use for need in needs} == {"needed", "setup", "archive", "optional", "develop", "browser"}
    assert len({need.package for need in needs}) == len(needs)
    assert {"qemu-system-x86_64", "sshd", "gcc", "/usr/include/gelf.h"} <= {need.brings for need in needs}
    assert set(machine_check.VERSIONS) <= {need.brings for need in needs}


def test_program_found_and_program_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "frobnicate", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    there = machine_check.check_need(Need("frob-utils", "frobnicate", "needed", "frobs"))
    assert there == MachineFinding("frobnicate", True, True, str(tmp_path / "frobnicate"))
    missing = machine_check.check_need(Need("frob-utils", "defrobnicate", "needed", "unfrobs"))
    assert not missing.ok
    assert "unfrobs" in missing.detail
    assert missing.hint == "run ci/setup (Debian package frob-utils)"


def test_file_found_by_pattern_and_file_missing(tmp_path: Path) -> None:
    (tmp_path / "lib3.11").mkdir()
    (tmp_path / "lib3.11/x.h").touch()
    assert machine_check.check_need(Need("libx-dev", f"{tmp_path}/lib3*/x.h", "needed", "x")).ok
    missing = machine_check.check_need(Need("libx-dev", f"{tmp_path}/lib2*/x.h", "optional", "x"))
    assert (missing.name, missing.ok, missing.needed) == ("libx-dev", False, False)


@pytest.mark.parametrize(
    ("said", "ok", "detail"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", True, "7.2.22"),
        ("QEMU emulator version 6.2.0", False, "6.2.0 is too old, 7.0 or newer is needed"),
        ("QEMU emulator version 10.0.0", True, "10.0.0"),
        ("rubbish", False, "unknown is too old, 7.0 or newer is needed"),
    ],
)
def test_version_is_judged_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, ok: bool, detail: str
) -> None:
    script(tmp_path / "qemu-system-x86_64", f"echo '{said}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    finding = machine_check.check_need(Need("qemu-system-x86", "qemu-system-x86_64", "needed", "boots"))
    assert (finding.ok, finding.detail) == (ok, detail)


def test_library_missing_and_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "pytest":
            raise importlib.metadata.PackageNotFoundError(name)
        return {"virtme-ng": "1.41", "paramiko": "5.1.0"}.get(name, "99")

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = {finding.name: finding for finding in machine_check.check_libraries()}
    assert [name for name in found if not found[name].ok] == ["virtme-ng", "pytest"]
    assert "1.41 is too old, 1.42" in found["virtme-ng"].detail


def test_memory(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:       24000000 kB\nMemAvailable:    8000000 kB\n")
    assert machine_check.check_memory(tmp_path / "meminfo").ok
    (tmp_path / "meminfo").write_text("MemTotal:       24000000 kB\nMemAvailable:    2000000 kB\n")
    short = machine_check.check_memory(tmp_path / "meminfo")
    assert not short.ok
    assert short.detail == "2.0 GB available, 3 GB are needed"


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=7_000_000_000))
    short = machine_check.check_disk(tmp_path)
    assert (short.ok, short.needed) == (False, True)
    assert "XDG_CACHE_HOME" in short.hint
    # A source that is there already needs no room any more.
    (tmp_path / "trees/debian-6.12/linux").mkdir(parents=True)
    more = machine_check.check_disk(tmp_path)
    assert (more.ok, more.warning) == (True, True)
    assert "on a base that is there needs 2 GB, one on another base 8 GB" in more.detail
    assert "dmabuf-harness clean" in more.hint
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=9_000_000_000))
    assert not machine_check.check_disk(tmp_path).warning


def test_kvm_is_believed_only_if_a_guest_boots(tmp_path: Path) -> None:
    device = tmp_path / "kvm"
    asked: list[str] = []

    def boot(works: bool) -> tuple[bool, str]:
        asked.append("boot")
        return works, "guest up in 2 s" if works else "stuck in Decompressing Linux"

    assert "no " in machine_check.check_kvm(lambda: boot(True), device).detail
    assert asked == []  # nothing to boot with
    device.touch()
    good = machine_check.check_kvm(lambda: boot(True), device)
    bad = machine_check.check_kvm(lambda: boot(False), device)
    assert (good.ok, good.detail) == (True, "guest up in 2 s")
    assert (bad.ok, bad.needed, bad.detail) == (False, False, "stuck in Decompressing Linux")
    assert "not proven" in machine_check.check_kvm(None, device).detail


@pytest.mark.parametrize(
    ("said", "ok"),
    [
        ("virtiofsd 1.13.2", True),
        ("virtiofsd backend 1.1.0", True),
        ("virtiofsd version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", False),
    ],
)
def test_only_the_rust_virtiofsd_counts(tmp_path: Path, said: str, ok: bool) -> None:
    daemon = script(tmp_path / "virtiofsd", f"echo '{said}'")
    assert machine_check.check_virtiofsd([str(tmp_path / "nothing"), str(daemon)]).ok is ok


def test_require_names_every_missing_need_once() -> None:
    findings = [
        MachineFinding("make", True, True, "4.3"),
        MachineFinding("bc", False, True, "not found (times)", "run ci/setup (Debian package bc)"),
        MachineFinding("flex", False, True, "not found (Kconfig)", "run ci/setup (Debian package flex)"),
        MachineFinding("kvm", False, False, "no /dev/kvm"),
    ]
    with pytest.raises(InfrastructureError) as caught:
        machine_check.require(findings)
    assert "bc: not found (times), flex: not found (Kconfig)" in str(caught.value)
    assert "kvm" not in str(caught.value)
    machine_check.require([findings[0], findings[3]])


def test_nothing_heavy_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every start of ``run`` pays for this: only programs that print their version may run."""
    started: list[str] = []
    real = process.run

    def run(argv: list[str | Path]) -> Completed:
        started.append(" ".join(Path(str(word)).name for word in argv))
        return real(argv)

    monkeypatch.setattr(process, "run", run)
    machine_check.check_all()
    assert all("version" in command for command in started)
