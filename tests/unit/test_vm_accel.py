# SPDX-License-Identifier: GPL-2.0-only
"""The accelerator is remembered as seen, and asked for again when the host or QEMU changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.pipeline import kvm
from harness.vm import accel


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    device = tmp_path / "kvm"
    device.touch(mode=0o600)
    monkeypatch.setattr(accel, "KVM_DEVICE", device)


def test_what_was_asked_for_is_taken() -> None:
    assert accel.choose("tcg", "7.2").name == "tcg"
    assert accel.choose("kvm", "7.2").name == "kvm"


def test_a_device_alone_proves_nothing() -> None:
    assert accel.choose("auto", "7.2") == accel.Accelerator("kvm", False, "not tried yet")


def test_without_the_device_it_is_tcg_and_said_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(accel, "KVM_DEVICE", tmp_path / "none")
    chosen = accel.choose("auto", "7.2")
    assert (chosen.name, chosen.proved) == ("tcg", True)
    assert chosen.reason.endswith("does not exist")


@pytest.mark.parametrize("works", [True, False])
def test_the_answer_is_remembered(works: bool) -> None:
    told = accel.remember(works, "seen", "7.2")
    assert accel.choose("auto", "7.2") == told == accel.Accelerator("kvm" if works else "tcg", True, "seen")


def test_another_qemu_is_asked_again() -> None:
    accel.remember(False, "seen", "7.2")
    assert not accel.choose("auto", "9.0").proved


def test_a_torn_memory_is_no_answer(tmp_path: Path) -> None:
    accel.remember(True, "seen", "7.2")
    (tmp_path / "dmabuf-harness" / "kvm.json").write_text('{"host": ')
    assert not accel.choose("auto", "7.2").proved


def test_what_the_doctor_saw_is_remembered_without_its_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Refusing:
        def __init__(self, *_asked: object) -> None: ...

        def boot(self, *_what: object) -> None:
            raise InfrastructureError("KVM runs no guest here: it says why", mend="try --accel tcg")

    monkeypatch.setattr(kvm, "Launcher", Refusing)
    monkeypatch.setattr(kvm, "newest_kernel", lambda: tmp_path)
    assert kvm.prove_kvm() == (False, "KVM runs no guest here: it says why")
    assert accel.choose("auto", accel.qemu_version()).reason == "KVM runs no guest here: it says why"
