# SPDX-License-Identifier: GPL-2.0-only
"""A kernel of a stored run out of the kernel cache, or made again from the directory of the run alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.build import compiler, find_kernel
from harness.errors import InfrastructureError, UserError
from harness.events import EventStream
from harness.executor import JobSource
from harness.gitcmd import run_git
from harness.intake import load_fixups
from harness.intake.kept_patches import kept_below, kept_patches
from harness.kconfig import load_fragments
from harness.model import BuildFailure, Kernel
from harness.paths import KERNEL_CONFIGS, cache_root, is_directory
from harness.pipeline import RunJob, RunRequest, SourceRequest
from harness.pipeline.kernels import KernelMaker, bring, held_source
from harness.reproduce.stored_kernel import StoredKernel
from harness.source import cached_bases, parse_base

TRACE_CONFIG = KERNEL_CONFIGS / "trace" / "trace.config"
_TRACER = "FUNCTION_GRAPH_TRACER"


@dataclass(frozen=True)
class KernelAgain:
    """``source``: explains its stacks; empty if nothing in the cache has it. ``note``: in what it differs from the
    run's, empty if it is the same."""

    kernel: Kernel
    source: JobSource = field(default_factory=JobSource)
    note: str = ""


class KernelAgainMaker:
    """``directory``: gets config and build log. ``base``: stands in for the one that the run names, which is elsewhere
    on another machine; empty: that one."""

    def __init__(self, events: EventStream, directory: Path, base: str = "") -> None:
        self._events = events
        self._directory = directory
        self._base = base

    def get(self, stored: StoredKernel) -> KernelAgain:
        """Raises ``UserError`` if the run has no such kernel, or if its directory does not tell how to make it."""
        if not stored.key:
            what = "it did not build in this run: there is no kernel"
            raise UserError(what, where=f"{stored.directory}: {stored.name}")
        found = find_kernel(stored.key)
        return KernelAgain(found, _source_of(stored)) if found is not None else self.make(stored)

    def traced(self, stored: StoredKernel) -> KernelAgain:
        """The same with what traces its functions: another kernel, unless that of the run has it."""
        had = find_kernel(stored.key)
        if had is not None and had.config_value(_TRACER) == "y":
            return KernelAgain(had)
        made = self.make(stored, TRACE_CONFIG)
        if made.kernel.config_value(_TRACER) != "y":
            raise UserError("this kernel cannot trace its functions", where=stored.name, hint=f"it has no {_TRACER}")
        return replace(made, note="traced in a kernel of its own, in which each function begins with a call")

    def make(self, stored: StoredKernel, fragment: Path | None = None) -> KernelAgain:
        """Build it. ``fragment``: of the config, with which it is a kernel of its own."""
        job = self._job(stored, fragment)
        with held_source(job, self._events) as held:
            applied = held.applied
            if stored.of_base:
                job = replace(job, patches=())
                applied = bring(job, applied.tree, self._events, "base")
            made = KernelMaker(job, applied, self._events).kernel(job.variants[0])
        if isinstance(made, BuildFailure):
            raise InfrastructureError(f"the kernel does not build here: {made.stage}", where=str(made.log))
        note = "" if fragment else _difference(stored, made, applied.tree.version)
        return KernelAgain(made, JobSource.of(applied), note)

    def _job(self, stored: StoredKernel, fragment: Path | None) -> RunJob:
        report, own = stored.report, stored.variant.variant
        variant = replace(own, name=f"{own.name}-{fragment.stem}") if fragment else own  # names its object tree
        source = SourceRequest(no_fixups=not stored.own_fixups)
        return RunJob(
            request=RunRequest(("dmabuf-harness",), source, limits=stored.limits, jobs=os.cpu_count() or 2),
            directory=self._directory,
            base=parse_base(self._base or _pinned(report.base, report.base_commit)),
            patches=kept_patches(stored.directory, report.patches),
            variants=(variant,),
            symbols=load_fragments(extra=(fragment,) if fragment else ()),
            suites=(),
            expectations=(),
            prerequisites=kept_below(stored.directory),
            fixups=load_fixups() if stored.own_fixups else (),
        )


def _source_of(stored: StoredKernel) -> JobSource:
    """Where the cache has the source of a kernel with the patch, which no branch holds."""
    tree_id = "" if stored.of_base else stored.report.tree_id
    for tree in cached_bases() if tree_id else ():
        if run_git(tree.path, "cat-file", "-e", tree_id).ok:
            return JobSource(str(tree.path.relative_to(cache_root())), tree_id)
    return JobSource()


def _pinned(base: str, commit: str) -> str:
    """A branch moves: what was tested is its commit."""
    if not (base.startswith("git:") and commit):
        return base
    path, at, _ref = base.rpartition("@")
    whole = not at or is_directory(Path(base.removeprefix("git:")).expanduser())  # as harness/source/spec.py reads it
    return f"{base if whole else path}@{commit}"


def _difference(stored: StoredKernel, made: Kernel, version: str) -> str:
    if made.key == stored.key:
        return ""
    had = stored.variant.kernel
    pairs = [("base", stored.report.base_version, version), ("compiler", had.compiler if had else "", compiler())]
    why = [f"the {what} is {now}, it was {before}" for what, before, now in pairs if before != now]
    reason = "; ".join(why) or "this harness makes kernels in another way"
    return f"not the very kernel of the run ({made.key[:12]} instead of {stored.key[:12]}): {reason}"
