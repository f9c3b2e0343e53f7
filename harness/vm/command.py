# SPDX-License-Identifier: GPL-2.0-only
"""The QEMU command line of a guest: virtme-ng's, made fit for unattended tests.

``virtme-run --dry-run --show-command`` prints what it would run. Its process is not used: it forks QEMU out of
our sight, waits without a deadline, and sends the console and the kernel log to two places.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.errors import InfrastructureError
from harness.model import Kernel
from harness.paths import GUEST_INIT

GUEST_ADDRESS = "10.0.2.15"  # QEMU's user network; configured by the kernel itself, so no DHCP client is needed
# Under TCG a vCPU that loses the host's attention for a while is no fault of the kernel under test.
_PATIENT = ("rcupdate.rcu_cpu_stall_timeout=150", "watchdog_thresh=60", *ARCHITECTURE.emulated_options)
# After an oops nothing that the kernel does proves anything, and what held a lock is gone: most often the rest hangs.
_KERNEL_OPTIONS = (
    f"console={ARCHITECTURE.console}",
    "oops=panic",
    "ignore_loglevel",
    # Says who wrote a line: what a program writes to /dev/kmsg is no word of the kernel's (harness/splat/lines.py).
    "console_msg_format=syslog",
    "log_buf_len=4M",
    "panic=-1",
    # A panic shows what all processors and the blocked tasks do (PANIC_PRINT_ALL_CPU_BT, ..._BLOCKED_TASKS), and an NMI
    # from QEMU's monitor makes a kernel that hangs panic: see autopsy.py.
    "panic_print=0xc0",
    "unknown_nmi_panic",
    "net.ifnames=0",
    f"ip={GUEST_ADDRESS}::10.0.2.2:255.255.255.0::eth0:off",
)


@dataclass(frozen=True)
class MachineSpec:
    """The virtual machine that is asked for. ``accel``: "kvm" or "tcg". ``memory``: MiB.

    ``time_factor``: on every time limit, besides what the accelerator and the kernel ask for.

    1 GiB does for all tests but those of udmabuf over huge pages, which need 2 GiB more.

    At least two vCPUs: ``race_signal_callback`` of the in-kernel selftests hangs on one.
    """

    accel: str
    cpus: int = 2
    memory: int = 1024
    time_factor: float = 1.0


def virtme_run() -> Path:
    """The ``virtme-run`` that belongs to the interpreter that runs us; raises ``InfrastructureError`` without one."""
    beside = Path(sys.executable).with_name("virtme-run")
    found = beside if beside.exists() else process.which("virtme-run")
    if found is None:
        raise InfrastructureError("virtme-run not found", hint="run ci/setup")
    return found


def checker_options(kernel: Kernel) -> tuple[str, ...]:
    """Kernel command line that lets the checkers of ``kernel`` report more than the first fault of a boot.

    Only what it knows: anything else it hands to init.
    """
    return ("kasan_multi_shot",) if kernel.config_value("KASAN") == "y" else ()


def qemu_command(image: Path, boot_dir: Path, port: int, spec: MachineSpec, options: Sequence[str] = ()) -> list[str]:
    """Argument list of the QEMU that boots ``image``; it has no monitor yet (``Monitor.options``).

    ``boot_dir``: where ``console.log`` goes, and what the guest's init reads. ``port``: on the host's loopback,
    forwarded to the guest's sshd; the guest reaches nothing else. ``options``: more for the kernel.
    Raises ``InfrastructureError``.
    """
    argv: list[str | Path] = [virtme_run(), "--kimg", image, "--mods", "none"]
    argv += ["--force-9p", *ARCHITECTURE.virtme_options, "--disable-monitor"]
    argv += ["--cpus", str(spec.cpus), "--memory", f"{spec.memory}M", "--verbose", "--show-command", "--dry-run"]
    argv += [] if spec.accel == "kvm" else ["--disable-kvm"]
    for option in (*kernel_options(boot_dir, spec.accel), *options):
        argv += ["--kopt", option]
    done = process.run(argv)
    line = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    if not done.ok or "-append" not in line:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise InfrastructureError(f"virtme-run gave no command line (status {done.returncode}): {said}")
    return adapt(shlex.split(line), boot_dir, port)


def kernel_options(boot_dir: Path, accel: str) -> list[str]:
    """Kernel command line on top of virtme-ng's."""
    # The root is read-only and nothing on the host changes what a test reads, so the guest may cache it. In old
    # kernels (5.10's net/9p/client.c) each request takes two buffers of msize, which SLUB fills and checks: with 512
    # KiB a boot of 5.10 took 24 s under TCG instead of 9.
    root = "rootflags=version=9p2000.L,trans=virtio,access=any,msize=65536,cache=loose"
    patience = _PATIENT if accel == "tcg" else ()
    return [*_KERNEL_OPTIONS, *patience, root, f"harness_boot={boot_dir}"]


def adapt(argv: list[str], boot_dir: Path, port: int) -> list[str]:
    """virtme-ng's argument list with our init, one console in one file, one forwarded port, and no second chances."""
    pairs = _without(argv, "-chardev", "id=dmesg")
    pairs = _without(pairs, "-device", "chardev=dmesg")
    pairs = _without(pairs, "-chardev", "id=console")
    at = pairs.index("-append") + 1
    pairs[at], replaced = re.subn(r"(?<=\s)init=\S+", f"init={GUEST_INIT}", pairs[at])
    if replaced != 1:
        raise InfrastructureError("virtme-run's command line has no init=", hint="this virtme-ng is not supported")
    # "kvm:tcg" falls back in silence: what runs must be what was asked for.
    pairs = ["accel=kvm" if word == "accel=kvm:tcg" else word for word in pairs]
    console = str(boot_dir / "console.log").replace(",", ",,")
    return [
        *pairs,
        *("-chardev", f"file,id=console,path={console}"),
        *("-device", "virtio-net-pci,netdev=ssh"),
        *("-netdev", f"user,id=ssh,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
        "-no-reboot",
    ]


def _without(argv: list[str], option: str, part: str) -> list[str]:
    """``argv`` without the first ``option VALUE`` whose comma-separated value holds ``part``."""
    for index, word in enumerate(argv[:-1]):
        if word == option and part in argv[index + 1].split(","):
            return argv[:index] + argv[index + 2 :]
    return argv
