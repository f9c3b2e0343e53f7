# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness expect``: entries for ``expectations.toml`` from what a run did not expect."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

from harness.errors import ExitCode
from harness.report import load
from harness.verdict import propose


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "expect",
        description="Print an entry for expectations.toml for each failure, skip and splat that no entry expects. "
        "Reason and link are left to you: without them the file is refused.",
    )
    parser.set_defaults(handler=expect)
    parser.add_argument(
        "run", type=Path, nargs="?", default=Path("runs/latest"), help="run directory (default: %(default)s)"
    )


def expect(arguments: argparse.Namespace) -> int:
    sys.stdout.write(propose(load(arguments.run), date.today()))
    return ExitCode.OK
