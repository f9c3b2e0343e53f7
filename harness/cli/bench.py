# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness bench``: what each phase of the main job takes on this machine."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cache_users import note_use
from harness.cli.bench_comparison import Figures, as_json, compared, read_figures
from harness.cli.report_files import report_files
from harness.cli.run import add_options, request_from, run_job
from harness.cli.rundir import RunDirectory
from harness.gitcmd import check_git
from harness.intake import DEFAULT_SERIES, bundled_series
from harness.paths import cache_dir, cache_root, new_run_id, write_atomic
from harness.pipeline import RunRequest
from harness.report import ReportFile
from harness.source import DEFAULT_BASE, obtain, parse_base

SCENARIOS = ("cold", "touched", "same")
TOUCHED = "drivers/dma-buf/dma-buf.c"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        description="Run the main job and print what each phase took: cold (empty object and kernel caches, no ccache; "
        f"the source is fetched before), touched (after a change in {TOUCHED}), same (the same content again).",
    )
    parser.set_defaults(handler=bench)
    parser.add_argument("--scenario", choices=(*SCENARIOS, "all"), default="all", help="default: all, in this order")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="compare with the figures that --json wrote there: what is more than 15%% slower is told. The exit "
        "code does not depend on it",
    )
    add_options(parser)


def bench(arguments: argparse.Namespace) -> int:
    wanted = SCENARIOS if arguments.scenario == "all" else (arguments.scenario,)
    files = report_files(arguments)
    before = None if arguments.against is None else read_figures(arguments.against)
    arguments.base = arguments.base or DEFAULT_BASE
    obtain(parse_base(arguments.base), lambda text: None)
    with _own_cache(keep=wanted[0] != "cold") as results:
        figures = [_measure(scenario, arguments, results, files) for scenario in wanted]
    if arguments.json is not None:
        write_atomic(arguments.json, as_json(figures))
    if before is not None:
        sys.stdout.write("\n".join(["", f"against {arguments.against}:", *compared(before, figures), ""]))
    return max(one.exit_code for one in figures)


@contextmanager
def _own_cache(keep: bool) -> Iterator[Path]:
    """A cache beside the user's that shares only the sources, so that "cold" is cold and nothing of theirs is lost."""
    shared = cache_root()
    own = cache_dir("bench") / "dmabuf-harness"
    note_use(own.parent)
    if not keep:
        shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True, exist_ok=True)
    for name in ("trees", "kvm.json"):
        link = own / name
        if not link.is_symlink():
            link.symlink_to(shared / name)
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ.update({"XDG_CACHE_HOME": str(own.parent), "CCACHE_DISABLE": "1"})
    try:
        yield own / "runs"
    finally:
        del os.environ["CCACHE_DISABLE"]
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def _measure(scenario: str, arguments: argparse.Namespace, results: Path, files: Sequence[ReportFile]) -> Figures:
    figures = Figures(scenario)
    directory = RunDirectory(results / f"{new_run_id()}-{scenario}")
    directory.create()
    request = request_from(arguments, tuple(arguments.patch))
    if scenario != "cold":
        request = _touched(request, directory.path)
    sys.stdout.write(f"\n== {scenario}\n")
    started, used = time.monotonic(), time.process_time()
    outcome, written = run_job(request, directory, figures, files=files)
    figures.seconds = time.monotonic() - started
    figures.own_cpu_seconds = time.process_time() - used
    figures.own_peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures.exit_code = int(outcome.exit_code)
    figures.disk = _size(results.parent)
    sys.stdout.write(f"\n{_table(figures)}\nresults: {written.html}\n")
    return figures


def _touched(request: RunRequest, directory: Path) -> RunRequest:
    """``request`` with one more patch: a comment at the end of ``TOUCHED``."""
    source = request.source
    tree = obtain(parse_base(source.base), lambda text: None)
    lines = check_git(tree.path, "show", f"{tree.commit}:{TOUCHED}").splitlines()
    start = len(lines) - 2
    hunk = [
        f"@@ -{start},3 +{start},4 @@",
        *(f" {line}" for line in lines[-3:]),
        "+/* what does a change here cost? */",
    ]
    patch = directory / "touched.patch"
    patch.write_text("\n".join([f"--- a/{TOUCHED}", f"+++ b/{TOUCHED}", *hunk, ""]))
    named = source.no_patch or source.worktree or source.reverts
    own = source.patches or (() if named else (bundled_series()[DEFAULT_SERIES],))
    return replace(request, source=replace(source, patches=(*own, patch), no_patch=False))


def _size(directory: Path) -> int:
    """Bytes on disk below ``directory``; links are not followed."""
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*") if not path.is_symlink())


def _table(figures: Figures) -> str:
    rows = [f"{'phase':34}{'wall s':>8}{'CPU s':>9}{'peak MB':>9}"]
    for variant, phase, seconds, cpu, rss in figures.phases:
        name = f"{variant}: {phase}" if variant else phase
        rows.append(f"{name:34}{seconds:8.1f}{cpu:9.1f}{rss / 1e6:9.0f}")
    own = f"{'the harness itself':34}{'':8}{figures.own_cpu_seconds:9.1f}{figures.own_peak_rss / 1e6:9.0f}"
    return "\n".join([*rows, own, f"{'in all':34}{figures.seconds:8.1f}", f"{'disk':34}{figures.disk / 1e6:17.0f} MB"])
