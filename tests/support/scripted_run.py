# SPDX-License-Identifier: GPL-2.0-only
"""A stand-in for ``dmabuf-harness run``: says it began, and ends as a script says, with results as a run leaves them.

    python scripted_run.py SCRIPT MACHINE run ... --out=DIR

SCRIPT/NAME holds a line for each machine, "MACHINE ENDING", or "* ENDING" for any, where NAME is that of DIR; without
such a file it passes. Endings: pass, fail, unusable, machine, lies (results that do not go with the exit code), hang
(until somebody ends it), once (as hang, but only the first time; then it passes). SCRIPT/begun gets a line "NAME
MACHINE PID" for each.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, str(Path(__file__).resolve()))
CODES = {"pass": 0, "fail": 1, "unusable": 2, "machine": 3, "lies": 0}


def program(script: Path, machine: str = "here") -> tuple[str, ...]:
    """What stands before ``run``; ``script`` is there already."""
    return (*PROGRAM, str(script), machine)


def say(script: Path, name: str, *lines: str) -> None:
    """Let the cell ``name`` end so: "fail" on any machine, or "MACHINE ENDING"."""
    (script / name).write_text("".join(f"{line if ' ' in line else f'* {line}'}\n" for line in lines))


def begun(script: Path) -> list[tuple[str, str, int]]:
    """(cell, machine, pid) of the runs that began, in their order."""
    path = script / "begun"
    words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(name, machine, int(pid)) for name, machine, pid in words]


def main(script: Path, machine: str, words: list[str]) -> int:
    out = Path(next(word for word in words if word.startswith("--out=")).partition("=")[2])
    first = out.name not in {name for name, _, _ in begun(script)}
    with (script / "begun").open("a") as log:
        log.write(f"{out.name} {machine} {os.getpid()}\n")
    ending = _ending(script / out.name, machine)
    if ending == "hang" or (ending == "once" and first):
        signal.pause()
    sys.stdout.write("dmabuf-harness: said by the run\n")
    code = CODES.get(ending, 0)
    if ending in ("pass", "fail", "lies", "once"):
        _save(out, bad=ending in ("fail", "lies"))
    return code


def _ending(path: Path, machine: str) -> str:
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return next((ending for name, ending in lines if name in (machine, "*")), "pass")


def _save(out: Path, bad: bool) -> None:
    sys.path.insert(0, str(ROOT))
    from harness.report import write_reports
    from tests.support.sample_reports import bad_report, run_report, variant_report

    out.mkdir(parents=True)
    write_reports(bad_report() if bad else run_report(variant_report()), out)
    (out / "logs").mkdir()
    (out / "logs" / "console.txt").write_text("what the kernel said\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
