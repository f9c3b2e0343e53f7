# SPDX-License-Identifier: GPL-2.0-only
"""``--sandbox`` of the commands that test a patch."""

from __future__ import annotations

import argparse
from typing import Any

from harness.process import SandboxMode, use_sandbox


def add_sandbox(parser: Any, what: str = "as for run") -> None:
    """``parser``: or a group of its options."""
    modes = [mode.value for mode in SandboxMode]
    parser.add_argument("--sandbox", choices=modes, default=SandboxMode.OFF.value, help=what)


def take_sandbox(arguments: argparse.Namespace) -> None:
    """What the command line says holds for this process. Raises ``InfrastructureError`` if it cannot be had."""
    use_sandbox(SandboxMode(getattr(arguments, "sandbox", SandboxMode.OFF.value)))
