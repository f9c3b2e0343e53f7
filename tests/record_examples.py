# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.record_examples [NAME...]``: do the runs of docs/examples on real kernels, and keep them.

What a page is made of is kept, as ``tests/data/example_runs/NAME.tar.xz``: ``results.json`` and the console logs.
``tests.make_examples`` makes the pages from that, which takes no kernel.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.paths import PROJECT_ROOT, cache_root

KEPT = PROJECT_ROOT / "tests" / "data" / "example_runs"
HOME = "/home/me/dmabuf-harness"
"""Where a reader of the pages sees the clone to be in which the runs are done."""

SOMETIMES = '''"""A test that fails the first time that anybody runs it."""

from pathlib import Path


def test_the_heap_is_there(guest):
    before = Path(__file__).with_suffix(".ran")
    first_time = not before.exists()
    before.touch()
    assert guest.run("ls /dev/dma_heap/system").ok
    assert not first_time, "the heap came too late"
'''


@dataclass(frozen=True)
class ExampleRun:
    """``shows``: in a few words. ``typed``: what follows ``dmabuf-harness run``, in a clone with ``SOMETIMES``."""

    shows: str
    typed: str


EXAMPLE_RUNS = {
    "green": ExampleRun("nothing is wrong with the patch", "-p docs/examples/llseek-v2.patch"),
    "new-failure": ExampleRun(
        "a test that fails only with the patch, also when it is repeated",
        "-p docs/examples/llseek-v1.patch --suite checks static",
    ),
    "hang": ExampleRun(
        "a guest that hangs, and the function in which it does",
        "-p docs/examples/hang.patch --variant on --only dmabuf",
    ),
    "splat": ExampleRun(
        "a report of the kernel, with its decoded stack",
        "-p patches/faults/name-and-list-lock-inverted.patch --variant on --only dmabuf",
    ),
    "flaky": ExampleRun(
        "what did not come again when it was repeated",
        "-p docs/examples/llseek-v2.patch --variant on --suite checks --pytest test_sometimes.py",
    ),
    "build-failure": ExampleRun("a patch with which the kernel does not build", "-p docs/examples/typo.patch"),
}


def record(name: str, place: Path) -> None:
    """Do the run ``name`` in ``place``, which is empty, and keep it."""
    (place / "test_sometimes.py").write_text(SOMETIMES)
    for part in ("docs", "patches"):
        (place / part).symlink_to(PROJECT_ROOT / part)
    run = place / name
    command = [sys.executable, "-m", "harness", "run", *shlex.split(EXAMPLE_RUNS[name].typed), "--out", str(run)]
    done = subprocess.run(command, cwd=place, env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{name}: exit code {done.returncode}")
    KEPT.mkdir(exist_ok=True)
    with tarfile.open(KEPT / f"{name}.tar.xz", "w:xz") as kept:
        for path in _parts(run):
            _add(kept, str(path.relative_to(run)), _neutral(path.read_text(errors="replace"), place))


def _neutral(text: str, place: Path) -> str:
    """``text`` without the names of this machine's directories."""
    return text.replace(str(place), HOME).replace(str(cache_root()), "~/.cache/dmabuf-harness")


def _parts(run: Path) -> Iterator[Path]:
    yield run / "results.json"
    yield from sorted(path for path in run.rglob("console.log") if not path.is_relative_to(run / "base"))


def _add(kept: tarfile.TarFile, name: str, text: str) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(text.encode())
    kept.addfile(about, io.BytesIO(text.encode()))


def main(names: Sequence[str]) -> None:
    for name in names or EXAMPLE_RUNS:
        with tempfile.TemporaryDirectory(prefix="example-") as place:
            record(name, Path(place))


if __name__ == "__main__":
    main(sys.argv[1:])
