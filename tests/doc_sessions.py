# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.doc_sessions PAGE...``: type the commands of a page of the docs, and write into it what came.

A block fenced as ``console`` has lines ``$ COMMAND``, each with what it printed below. The blocks of a page are one
session in one directory, in which ``docs`` is that of the project and ``dmabuf-harness`` is on ``PATH``; ``$?`` is of
the last command in the block. With ``--check`` nothing is written, and it is told what comes otherwise than the page
says; numbers may differ. Takes what the commands take: kernels are built and booted.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import process
from harness.paths import PROJECT_ROOT

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOME = "~/dmabuf-harness"
"""What the pages show for the session's directory, and for that of the project: where a user's clone is."""

_COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
_ENDED = "doc-session: a command has ended"
_TIME = re.compile(r"(\d+ h )?(\d+ min )?\d+(\.\d+)? s\b")
_NUMBER = re.compile(r"\d+(\.\d+)*")


def commands(block: str) -> list[str]:
    """The commands of a block, in order."""
    return _COMMAND.findall(block)


def retold(page: str, place: Path) -> str:
    """``page`` with what its commands print when they are typed in ``place``."""
    return BLOCK.sub(lambda block: f"```console\n{_typed(commands(block[1]), place)}```", page)


def masked(text: str) -> str:
    """``text`` without what is another each time: times, and all other numbers; and without the spaces around them."""
    return re.sub(" +", " ", _NUMBER.sub("N", _TIME.sub("T", text)))


def _typed(typed: Sequence[str], place: Path) -> str:
    script = "".join(f"{command}\n{{ s=$?; echo; echo '{_ENDED}'; (exit $s); }}\n" for command in typed)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    done = process.run(["bash", "-c", script], cwd=place, env=environment, merge=True)
    printed = done.stdout.split(f"\n{_ENDED}\n")
    return "".join(f"$ {command}\n{_shown(text, place)}" for command, text in zip(typed, printed, strict=False))


def _shown(text: str, place: Path) -> str:
    for real in (str(place), str(PROJECT_ROOT)):
        text = text.replace(real, HOME)
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _session(page: Path, check: bool) -> bool:
    """True if the page is as it was; of a check, but for numbers."""
    written = page.read_text()
    with tempfile.TemporaryDirectory(prefix="doc-session-") as place:
        (Path(place) / "docs").symlink_to(PROJECT_ROOT / "docs")
        told = retold(written, Path(place))
    if not check:
        page.write_text(told)
        return True
    before, after = masked(written).splitlines(), masked(told).splitlines()
    difference = list(difflib.unified_diff(before, after, str(page), "as it came", lineterm=""))
    sys.stdout.write("".join(f"{line}\n" for line in difference))
    return not difference


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    same = [_session(page, options.check) for page in options.pages]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
