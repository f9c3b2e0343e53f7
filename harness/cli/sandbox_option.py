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
    """What the command line says, if it says so, holds for this process. Raises ``InfrastructureError`` if it cannot be
    had."""
    if arguments.sandbox is not None:
        use_sandbox(SandboxMode(arguments.sandbox))


def add_sandbox_of_run(parser: argparse.ArgumentParser) -> None:
    """For a command that boots a kernel of a stored run again, and ``take_sandbox_of_run`` once that is known."""
    add_sandbox(parser, "for its guest, and if it has to be built (default: as in the run)")
    parser.set_defaults(sandbox=None)


def take_sandbox_of_run(arguments: argparse.Namespace, of_run: SandboxMode) -> None:
    """As ``take_sandbox``; where the command line says nothing, what held in the run does."""
    if arguments.sandbox is None:
        use_sandbox(of_run)
