# SPDX-License-Identifier: GPL-2.0-only
"""What a target of the project's Makefile runs."""

from __future__ import annotations

import os
import subprocess

from harness.paths import PROJECT_ROOT

_OF_A_MAKE = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
_SETUP = "ci/setup"  # of every target, and nothing that a test should do


def recipe(target: str) -> list[str]:
    """The commands of ``target``, without the set-up. A make that runs the tests may not hand its flags on."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_MAKE}
    done = subprocess.run(
        ["make", "-n", target], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if line != _SETUP]
