# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness init``: a ``dmabuf-harness.toml`` to begin with, in which nothing is said yet."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any

from harness.cli.option_origins import run_options
from harness.cli.project_file import allowed
from harness.errors import ExitCode, UserError
from harness.paths import PROJECT_FILE, is_directory, write_atomic

# What is shown with an example; the other options are named.
EXAMPLES = {
    "base": '"git:@origin/master"',
    "variant": '"on"',
    "suite": '["checks", "contract"]',
    "pytest": '["tests/dma-buf"]',
    "expectations": '["expectations.toml"]',
    "fixup": '["needed-here.patch"]',
    "repeat": "5",
    "coverage": "true",
    "report": '["markdown=summary.md"]',
}
_HEAD = """\
# Options of `dmabuf-harness run`, and of the other commands that have them, for all work in this tree. Each key is the
# long name of an option. Paths are relative to this file. The command line wins; --no-project leaves this file out.
# `dmabuf-harness show` tells each value and where it comes from.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "init",
        description=f"Write a {PROJECT_FILE} with comments, to be filled in. It counts in its directory and all below, "
        "up to the top of the git tree.",
    )
    parser.set_defaults(handler=run)
    parser.add_argument(
        "directory", nargs="?", type=Path, metavar="DIR", help="where (default: the top of the git tree, or here)"
    )


def run(arguments: argparse.Namespace) -> int:
    directory = arguments.directory or _top(Path.cwd())
    file = directory / PROJECT_FILE
    if not is_directory(directory):
        raise UserError("no such directory", where=str(directory), hint="make it, or name another one")
    if file.exists() or file.is_symlink():
        raise UserError("is there already", where=str(file), hint="edit it, or remove it first")
    write_atomic(file, skeleton())
    sys.stdout.write(f"{file}: written, and empty but for comments; dmabuf-harness show tells what it makes of it\n")
    return ExitCode.OK


def _top(start: Path) -> Path:
    return next((place for place in (start, *start.parents) if (place / ".git").exists()), start)


def skeleton() -> str:
    """The text of the file, made from the options of ``run``."""
    options = run_options()
    parts = [_HEAD]
    for key, example in EXAMPLES.items():
        action = options[key]
        help_text = (action.help or "") % vars(action)
        comment = textwrap.fill(help_text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"{comment}\n# {key} = {example}\n")
    rest = "; ".join(allowed(key, action) for key, action in options.items() if key not in EXAMPLES)
    parts.append(
        textwrap.fill(f"The others: {rest}", 118, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)
    )
    return "\n".join(parts) + "\n"
