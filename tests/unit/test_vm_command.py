# SPDX-License-Identifier: GPL-2.0-only
"""virtme-ng's command line becomes one for unattended tests."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.guest.marks import DMA_ERRORS, REPORTS
from harness.paths import GUEST_CODE
from harness.vm.command import MachineSpec, adapt, checker_options, qemu_command
from tests.support.scripted_guest import scripted_kernel

# What virtme-run 1.42 printed for a KVM machine, shortened to what matters here.
PRINTED = shlex.split(
    "/usr/bin/qemu-system-x86_64 -m 1G -fsdev local,id=virtfs3,path=/,security_model=none,readonly=on "
    "-device virtio-9p-pci,fsdev=virtfs3,mount_tag=/dev/root -machine accel=kvm:tcg -cpu host,topoext=on -net none "
    "-chardev file,path=/proc/self/fd/2,id=dmesg -device virtio-serial-pci -device virtconsole,chardev=dmesg "
    "-chardev stdio,id=console,signal=off,mux=off -serial chardev:console -smp 2 -kernel /k/vmlinux "
    "-append 'console=hvc0 rootfstype=9p ro init=/venv/virtme/guest/bin/virtme-ng-init'"
)


def adapted() -> list[str]:
    return adapt(list(PRINTED), Path("/run/b,oot"), 4022)


def test_one_console_goes_to_one_file() -> None:
    argv = adapted()
    assert "file,id=console,path=/run/b,,oot/console.log" in argv
    assert not [word for word in argv if "dmesg" in word or word.startswith("stdio")]


def test_our_init_replaces_virtme_ngs() -> None:
    argv = adapted()
    line = argv[argv.index("-append") + 1]
    assert line.endswith(f"ro init={GUEST_CODE}/init")
    assert "virtme-ng-init" not in line


def test_the_network_is_one_forwarded_port_on_loopback() -> None:
    assert "user,id=ssh,restrict=on,hostfwd=tcp:127.0.0.1:4022-:22" in adapted()


def test_kvm_may_not_fall_back_in_silence_and_nothing_reboots() -> None:
    argv = adapted()
    assert "accel=kvm" in argv and "accel=kvm:tcg" not in argv
    assert "-no-reboot" in argv


def test_the_root_stays_read_only() -> None:
    assert any("readonly=on" in word for word in adapted())


def test_a_virtme_ng_that_prints_something_else_is_refused() -> None:
    without_init = [word.replace("init=", "unit=") for word in PRINTED]
    with pytest.raises(InfrastructureError, match="no init="):
        adapt(without_init, Path("/run/boot"), 4022)


@pytest.mark.parametrize(("accel", "expected"), [("tcg", False), ("kvm", True)])
def test_the_installed_virtme_ng_prints_what_we_expect(tmp_path: Path, accel: str, expected: bool) -> None:
    image = tmp_path / "vmlinux"
    image.write_bytes(b"\x7fELF" + bytes(64))
    argv = qemu_command(image, tmp_path, 4022, MachineSpec(accel, cpus=3, memory=768))
    assert argv[argv.index("-kernel") + 1] == str(image)
    assert argv[argv.index("-smp") + 1] == "3"
    assert argv[argv.index("-m") + 1] == "768M"
    assert ("accel=kvm" in argv) is (expected and Path("/dev/kvm").exists())
    line = argv[argv.index("-append") + 1].split()
    assert f"harness_boot={tmp_path}" in line and "console=ttyS0" in line and "panic=-1" in line
    assert line.index("console=ttyS0") > line.index("console=hvc0") if "console=hvc0" in line else True


def test_more_for_the_kernel_goes_to_its_command_line(tmp_path: Path) -> None:
    image = tmp_path / "vmlinux"
    image.write_bytes(b"\x7fELF" + bytes(64))
    argv = qemu_command(image, tmp_path, 4022, MachineSpec("tcg"), ("kasan_multi_shot",))
    assert "kasan_multi_shot" in argv[argv.index("-append") + 1].split()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("CONFIG_KASAN=y\n", ("kasan_multi_shot",)),
        ("# CONFIG_KASAN is not set\n", ()),
        ("CONFIG_HAVE_ARCH_KASAN=y\n", ()),
    ],
)
def test_kasan_reports_more_than_once_where_the_kernel_knows_it(
    tmp_path: Path, config: str, expected: tuple[str, ...]
) -> None:
    assert checker_options(scripted_kernel(tmp_path, config)) == expected


def test_init_lets_the_dma_api_complain_after_the_boot() -> None:
    assert f"[ ! -w {DMA_ERRORS} ] || echo {REPORTS} > {DMA_ERRORS}\n" in (GUEST_CODE / "init").read_text()


def test_an_image_that_is_not_there_is_trouble_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="virtme-run gave no command line"):
        qemu_command(tmp_path / "none", tmp_path, 4022, MachineSpec("tcg"))
