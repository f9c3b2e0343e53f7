# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness doctor``: what this machine has, lacks, and how to mend it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from harness import machine_check
from harness.build import newest_kernel
from harness.cache_users import note_use
from harness.errors import ExitCode
from harness.paths import cache_dir
from harness.vm.kvm_proof import prove_kvm


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("doctor")
    parser.set_defaults(handler=run)


def run(_arguments: argparse.Namespace) -> int:
    note_use(cache_dir("doctor"))
    findings = machine_check.check_all(lambda: prove_kvm(newest_kernel()))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        good = "warning" if finding.warning else "ok"
        mark = good if finding.ok else ("MISSING" if finding.needed else "absent")
        hint = f"  -> {finding.hint}" if mark != "ok" and finding.hint else ""
        sys.stdout.write(f"{mark:8}{finding.name:{width}}  {finding.detail}{hint}\n")
    broken = [finding for finding in findings if finding.needed and not finding.ok]
    sys.stdout.write(f"\n{len(broken)} of {len(findings)} to mend\n" if broken else "\nready\n")
    return ExitCode.INFRASTRUCTURE if broken else ExitCode.OK
