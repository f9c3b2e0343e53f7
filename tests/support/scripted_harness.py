# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness`` whose cells are scripted: ``python scripted_harness.py SCRIPT matrix ...`` or ``... worker ...``.

SCRIPT: as of ``scripted_run``; the machine of a worker is what ``--name`` says.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(script: Path, words: list[str]) -> int:
    sys.path.insert(0, str(ROOT))
    from harness.cli.main import main as harness
    from harness.matrix import cell_run
    from tests.support.scripted_run import program

    machine = words[words.index("--name") + 1] if "--name" in words else "here"
    cell_run.PROGRAM = program(script, machine)
    if "local" in words:
        from harness.matrix import dask_crew

        dask_crew.WORKER_PROGRAM = (sys.executable, __file__, str(script))
    return harness(words)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
