# SPDX-License-Identifier: GPL-2.0-only
"""Which accelerator runs guests here, proved by booting one.

``/dev/kvm`` being there proves nothing, nor does the kernel's first line: on nested hosts a guest may get no further
than its first instructions, or crawl a hundred times too slowly. So KVM is tried with the kernel at hand, to a login
(``race``), and the answer is remembered until the host reboots.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.paths import cache_root, write_atomic

KVM_DEVICE = Path("/dev/kvm")


@dataclass(frozen=True)
class Accelerator:
    """``name``: "kvm" or "tcg". ``proved``: a guest was seen to run under it. ``reason``: why this one.

    ``kernel``: key of the kernel by which KVM was proved, else empty. ``seconds``: what its boot took.
    """

    name: str
    proved: bool
    reason: str
    kernel: str = ""
    seconds: float = 0.0


def qemu_version() -> str:
    """First line of what QEMU says to ``--version``, shortened: "7.2.22 (Debian 1:7.2+dfsg-7)"."""
    text = process.check([ARCHITECTURE.emulator, "--version"], what="cannot ask QEMU for its version")
    return text.splitlines()[0].removeprefix("QEMU emulator version ").strip()


def choose(asked: str, version: str) -> Accelerator:
    """Accelerator to boot with for ``--accel asked`` ("auto", "kvm", "tcg"), as far as known without booting."""
    if asked == "tcg":
        return Accelerator("tcg", True, "asked for")
    if asked == "kvm":
        return Accelerator("kvm", False, "asked for")
    if not os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        why = "cannot be opened by this user" if KVM_DEVICE.exists() else "does not exist"
        return Accelerator("tcg", True, f"{KVM_DEVICE} {why}")
    return _recall(version) or Accelerator("kvm", False, "not tried yet")


def remember(works: bool, reason: str, version: str, kernel: str = "", seconds: float = 0.0) -> Accelerator:
    """Note whether KVM runs guests here, and is the faster, for later runs until the host reboots or QEMU changes.

    ``kernel``: key of the one that came up, in ``seconds``.
    """
    answer = {"host": _host(version), "kvm": works, "reason": reason, "kernel": kernel, "seconds": seconds}
    write_atomic(_memory(), json.dumps(answer) + "\n")
    return Accelerator("kvm" if works else "tcg", True, reason, kernel, seconds)


def forget() -> None:
    """Make the next ``choose("auto")`` try again."""
    _memory().unlink(missing_ok=True)


def _memory() -> Path:
    return cache_root() / "kvm.json"


def _host(version: str) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {version}"


def _recall(version: str) -> Accelerator | None:
    try:
        answer = json.loads(_memory().read_text())
        if answer["host"] != _host(version):
            return None
        name = "kvm" if answer["kvm"] else "tcg"
        by = str(answer.get("kernel", "")), float(answer.get("seconds", 0.0))
        return Accelerator(name, True, str(answer["reason"]), *by)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
