# SPDX-License-Identifier: GPL-2.0-only
"""Which accelerator runs guests here, proved by booting one.

``/dev/kvm`` being there proves nothing: on nested hosts it answers and yet no guest gets past its first
instructions. So KVM is tried with the kernel at hand, and the answer is remembered until the host reboots.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.paths import cache_root, write_atomic

KVM_DEVICE = Path("/dev/kvm")


@dataclass(frozen=True)
class Accelerator:
    """``name``: "kvm" or "tcg". ``proved``: a guest was seen to run under it. ``reason``: why this one."""

    name: str
    proved: bool
    reason: str


def qemu_version() -> str:
    """First line of ``qemu-system-x86_64 --version``, shortened: "7.2.22 (Debian 1:7.2+dfsg-7)"."""
    text = process.check(["qemu-system-x86_64", "--version"], what="cannot ask QEMU for its version")
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


def remember(works: bool, reason: str, version: str) -> Accelerator:
    """Note whether KVM runs a guest here, for later runs until the host reboots or QEMU changes."""
    answer = {"host": _host(version), "kvm": works, "reason": reason}
    write_atomic(_memory(), json.dumps(answer) + "\n")
    return Accelerator("kvm" if works else "tcg", True, reason)


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
        return Accelerator("kvm" if answer["kvm"] else "tcg", True, str(answer["reason"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
