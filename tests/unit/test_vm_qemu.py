# SPDX-License-Identifier: GPL-2.0-only
"""Whose doing it is that a QEMU is gone, or cannot go on: told by real processes that say what QEMU says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.causes import Blame
from harness.interfaces import GuestLost
from harness.vm.qemu import Qemu

MSR = "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x800000000e1bef"
ASSERTION = "qemu-system-x86_64: ../target/i386/kvm/kvm.c:2893: kvm_buf_set_msrs: Assertion `ret == 1' failed."


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str, str], Qemu]]:
    made: list[Qemu] = []

    def start(accel: str, script: str) -> Qemu:
        qemu = Qemu(tmp_path, accel)
        made.append(qemu)
        qemu.start(["sh", "-c", script])
        return qemu

    yield start
    for qemu in made:
        qemu.kill()


def lost(qemu: Qemu) -> GuestLost:
    qemu.process.wait(60)
    with pytest.raises(GuestLost) as told:
        qemu.check_alive()
    return told.value


@pytest.mark.parametrize(
    ("accel", "script", "blame", "words"),
    [
        ("tcg", "exit 0", Blame.KERNEL, "the guest ended by itself"),
        ("kvm", "exit 0", Blame.KERNEL, "the guest ended by itself"),
        (
            "kvm",
            "echo 'qemu-system-x86_64: terminating on signal 15 from pid 7 (sh)' >&2; exit 0",
            Blame.MACHINE,
            "QEMU was ended from outside: terminating on signal 15 from pid 7",
        ),
        ("kvm", "kill -KILL $$", Blame.MACHINE, "QEMU exit status 137"),
        ("tcg", "kill -ABRT $$", Blame.MACHINE, "QEMU exit status 134"),
        ("kvm", "kill -ABRT $$", Blame.ACCELERATOR, "QEMU exit status 134"),
        ("kvm", f"echo '{MSR}' >&2; kill -ABRT $$", Blame.ACCELERATOR, "KVM failed: error: failed to set MSR 0x10a"),
        ("kvm", f'echo "{ASSERTION.replace("`", "")}" >&2; exit 1', Blame.ACCELERATOR, "kvm_buf_set_msrs: Assertion"),
        ("tcg", f"echo '{MSR}' >&2; exit 0", Blame.KERNEL, "the guest ended by itself"),
    ],
)
def test_who_ended_it(started: Callable[[str, str], Qemu], accel: str, script: str, blame: Blame, words: str) -> None:
    told = lost(started(accel, script))
    assert told.blame is blame and words in told.reason


@pytest.mark.parametrize(
    "said",
    [
        "KVM internal error. Suberror: 1",
        "KVM: entry failed, hardware error 0x80000021",
        "KVM: exception 6 exit (error code 0x0)",
        "KVM: unknown exit, hardware reason 31",
        "error: kvm run failed Bad address",
    ],
)
def test_a_qemu_that_lives_on_after_kvm_failed(started: Callable[[str, str], Qemu], tmp_path: Path, said: str) -> None:
    """Whoever asks first does not take the answer away from whoever asks next."""
    qemu = started("kvm", f"echo '{said}' >&2; echo told > {tmp_path}/told; exec sleep 600")
    while not (tmp_path / "told").exists():
        assert qemu.process.poll() is None
    for _ in range(2):
        with pytest.raises(GuestLost, match=r"^KVM failed: ") as told:
            qemu.check_alive()
        assert told.value.blame is Blame.ACCELERATOR and said in told.value.reason


def test_what_qemu_says_at_every_start_under_kvm_is_no_trouble(
    started: Callable[[str, str], Qemu], tmp_path: Path
) -> None:
    warning = "warning: host does not support requested feature: CPUID.80000001H:ECX.topoext [bit 22]"
    qemu = started("kvm", f"echo 'qemu-system-x86_64: {warning}' >&2; echo told > {tmp_path}/told; exec sleep 600")
    while not (tmp_path / "told").exists():
        assert qemu.process.poll() is None
    qemu.check_alive()


def test_it_may_be_looked_at_while_its_directory_gets_another_name(
    started: Callable[[str, str], Qemu], tmp_path: Path
) -> None:
    qemu = started("kvm", "exec sleep 600")
    for number in range(50):
        qemu.move_to(tmp_path.with_name(f"{tmp_path.name}-{number}"))
        qemu.check_alive()
    assert qemu.console.path.parent == qemu.directory == tmp_path.with_name(f"{tmp_path.name}-49")
    qemu.move_to(tmp_path)
