# SPDX-License-Identifier: GPL-2.0-only
"""Reach in the formats of others: lcov and Cobertura, which gcovr writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.paths import write_atomic
from harness.reach import ReachMap, gcovr_tracefile
from harness.scratch import scratch

COVERAGE_FORMATS = {"lcov": "--lcov", "cobertura": "--cobertura"}
"""Names of the formats, and the option of gcovr for each."""


def write_coverage(reach: ReachMap, source: Callable[[str], str | None], kind: str, target: Path) -> None:
    """Write ``reach`` as ``kind``, one of COVERAGE_FORMATS, to ``target``. Paths in it are relative to the kernel tree.

    ``source``: the text of a file of the kernel that was measured; gcovr writes checksums of it.
    Raises ``InfrastructureError`` if gcovr does not do it.
    """
    from gcovr.data_model.version import FORMAT_VERSION  # noqa: PLC0415 - only who asks for it pays for it

    with scratch("gcovr") as place:
        root, trace, made = place / "tree", place / "trace.json", place / "made"
        root.mkdir()
        for path in reach.files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes((source(path) or "").encode("utf-8", "surrogateescape"))
        trace.write_text(json.dumps(gcovr_tracefile(reach, source, FORMAT_VERSION)))
        argv = [sys.executable, "-m", "gcovr", "--root", str(root), "--add-tracefile", str(trace)]
        done = process.run([*argv, COVERAGE_FORMATS[kind], str(made)], cwd=place)
        if not done.ok or not made.is_file():
            said = (done.stderr or done.stdout).strip().splitlines()
            raise InfrastructureError(f"gcovr wrote no {kind}: {said[-1] if said else 'no reason given'}")
        write_atomic(target, made.read_text().replace(f"{root}/", "").replace(str(root), "."))
