# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness list``: the names that other commands take."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from harness.guest.checks import all_checks
from harness.intake import all_series
from harness.kconfig import load_variants
from harness.suites import suite_names


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("list")
    parser.set_defaults(handler=show)
    parser.add_argument("what", choices=("suites", "variants", "series", "checks"), help="whose names to show")


def show(arguments: argparse.Namespace) -> int:
    sys.stdout.write("".join(f"{name}\n" for name in _names(arguments.what)))
    return 0


def _names(what: str) -> Iterable[str]:
    match what:
        case "suites":
            return suite_names()
        case "variants":
            return load_variants()
        case "series":
            return (line for series in all_series().values() for line in series.lines())
        case _:
            return all_checks()
