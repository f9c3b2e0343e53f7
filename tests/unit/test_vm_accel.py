# SPDX-License-Identifier: GPL-2.0-only
"""The accelerator is remembered as seen, and asked for again when the host or QEMU changed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import InfrastructureError
from harness.vm import accel, kvm_proof
from tests.support.sample_reports import kernel


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


def test_the_kernel_that_came_up_is_remembered() -> None:
    accel.remember(True, "seen", "7.2", "a key")
    assert accel.choose("auto", "7.2").kernel == "a key"


# --- doctor -----------------------------------------------------------------------------------


class Settling:
    """A launcher whose first boot settles the accelerator as ``answer``."""

    answer = accel.Accelerator("tcg", True, "KVM crawls here")
    qemu_version = "7.2"

    def __init__(self, asked: str, _notify: object) -> None:
        assert asked == "auto", "doctor proves as a run does"
        self.accelerator = accel.Accelerator("kvm", False, "not tried yet")

    def boot(self, _kernel: object, directory: Path) -> tuple[SimpleNamespace, SimpleNamespace]:
        assert directory.name == "boot"
        self.accelerator = self.answer
        return SimpleNamespace(shutdown=lambda: None), SimpleNamespace(ended="no login within 240 s")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (accel.Accelerator("tcg", True, "KVM is slower than TCG here"), (False, "KVM is slower than TCG here")),
        (accel.Accelerator("kvm", True, "a guest came up in 2.1 s"), (True, "a guest came up in 2.1 s")),
        (
            accel.Accelerator("kvm", False, "not tried yet"),
            (False, "not proved: the newest kernel, 6.12.1, does not come up (no login within 240 s)"),
        ),
    ],
)
def test_the_doctor_says_what_a_run_would(
    monkeypatch: pytest.MonkeyPatch, answer: accel.Accelerator, told: tuple[bool, str]
) -> None:
    monkeypatch.setattr(Settling, "answer", answer)
    monkeypatch.setattr(kvm_proof, "Launcher", Settling)
    assert kvm_proof.prove_kvm(kernel("on", release="6.12.1")) == told


def test_trouble_of_the_machine_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(Settling):
        def boot(self, _kernel: object, _directory: Path) -> tuple[SimpleNamespace, SimpleNamespace]:
            raise InfrastructureError("QEMU does not start", hint="never mind")

    monkeypatch.setattr(kvm_proof, "Launcher", Refusing)
    assert kvm_proof.prove_kvm(kernel("on", release="6.12.1")) == (False, "not proved: QEMU does not start")
    assert not accel.choose("auto", accel.qemu_version()).proved
