# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness completion``: the code with which a shell completes commands, options and names.

The shell asks the command itself, with ``_ARGCOMPLETE`` in its environment (the protocol of the library argcomplete),
so the names of suites, variants, checks and faults are those of this checkout.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import Any

import argcomplete
from argcomplete.shell_integration import shellcode

from harness.cli.grouped_parser import GroupedParser
from harness.errors import ExitCode
from harness.faults import load_faults, load_shipped
from harness.guest.checks import all_checks
from harness.kconfig import load_variants
from harness.source.debian import HOMES
from harness.suites import suite_names

SHELLS = ("bash", "zsh")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "completion",
        description='Print shell code. eval "$(dmabuf-harness completion bash)" in ~/.bashrc, or the same with zsh in '
        "~/.zshrc after compinit, turns it on.",
    )
    parser.set_defaults(handler=completion)
    parser.add_argument("shell", choices=SHELLS, help="for which the code is")


def completion(arguments: argparse.Namespace) -> int:
    sys.stdout.write(shellcode(["dmabuf-harness"], shell=arguments.shell).lstrip())
    return ExitCode.OK


def answer(top: GroupedParser) -> None:
    """Tell the shell what may stand at the cursor, and exit; return at once if none asks."""
    for command in top.commands():
        for action in command._actions:
            _name_values(action)
    argcomplete.autocomplete(top)


def _name_values(action: argparse.Action) -> None:
    names = next((_VALUES[option] for option in (*action.option_strings, action.dest) if option in _VALUES), None)
    if names is not None:
        action.completer = lambda **_: names()  # type: ignore[attr-defined]  # where argcomplete looks for it


def _variants() -> Iterable[str]:
    return ("on", "off", "all", *load_variants())


def _tests() -> Iterable[str]:
    """Checks, and the groups that they are in."""
    checks = all_checks()
    return (*dict.fromkeys(name.partition(".")[0] for name in checks), *checks)


def _bases() -> Iterable[str]:
    return (*(f"debian:{version}" for version in HOMES), "kernel.org:", "dir:", "git:")


# Options, or the name of a positional argument. What is not here, and has no choices, is completed as a file.
_VALUES: dict[str, Callable[[], Iterable[str]]] = {
    "--base": _bases,
    "--only": _tests,
    "--suite": suite_names,
    "--variant": _variants,
    "names": lambda: (*load_faults(), *load_shipped()),
}
