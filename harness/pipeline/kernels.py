# SPDX-License-Identifier: GPL-2.0-only
"""From a base and a series to kernels: first the source, held under the lock of its work tree, then a maker for it."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.build import BuildRequest, build, load_scope, lookup
from harness.errors import UserError
from harness.events import EventStream, Note, PhaseProgress
from harness.intake import MendedBase, apply_fixups, apply_series, fixups_for, removed_symbols
from harness.kconfig import resolve
from harness.locks import on_behalf_of
from harness.model import BuildFailure, Kernel, ResolvedConfig, Variant
from harness.phases import phase
from harness.pipeline.request import RunJob
from harness.series import Applied, Tree
from harness.source import obtain, reset, worktree_lock
from harness.suites import kselftest_collections


@dataclass(frozen=True)
class HeldSource:
    """The work tree of a job with its patches, held. ``base_commit``: as in ``RunReport``.

    ``notes``: which fixups were left out, and why.
    """

    applied: Applied
    base_commit: str = ""
    notes: tuple[str, ...] = ()


@contextmanager
def held_source(job: RunJob, events: EventStream) -> Iterator[HeldSource]:
    """The patched work tree, held against other runs. The next run cleans it: until then its times stay."""
    with on_behalf_of(job.directory):
        with phase(events, "", "source") as say:
            tree = obtain(job.base, lambda text: events.publish(PhaseProgress("", "source", text)))
            say(f"{tree.spec} is {tree.version}")
        for note in tree.notes:
            events.publish(Note("", note, "warning"))
        with worktree_lock(tree, lambda text: events.publish(Note("", text))):
            mended = _mended(job, tree, events)
            applied = bring(job, mended.tree, events, "patch")
            yield HeldSource(applied, tree.commit if job.base.kind == "git" else "", mended.notes)


def _mended(job: RunJob, tree: Tree, events: EventStream) -> MendedBase:
    """``tree`` with what it needs below the patch."""
    fixups = fixups_for(tree.version, job.fixups)
    if not fixups and not job.prerequisites:
        return MendedBase(tree)
    with phase(events, "", "fixups") as say:
        mended = apply_fixups(tree, job.prerequisites, fixups, job.patches)
        say(f"{len(mended.tree.fixups)} below the patch")
    for note in mended.notes:
        events.publish(Note("", note, "warning"))
    return mended


def bring(job: RunJob, tree: Tree, events: EventStream, phase_name: str) -> Applied:
    """Bring ``tree``, which is held, to what ``job`` asks for, writing only what differs."""
    with phase(events, "", phase_name) as say:
        reset(tree)
        applied = apply_series(tree, job.patches)
        for subject in applied.already_in_base:
            events.publish(Note("", f"already in the base: {subject}", "warning"))
        count = len(applied.patches) - len(applied.already_in_base)
        say(f"{count} of {len(applied.patches)} applied" if applied.patches else "none: the base as it is")
    return applied


class KernelMaker:
    """Makes the kernels of one job from its source, which is held."""

    def __init__(self, job: RunJob, applied: Applied, events: EventStream, label: str = "") -> None:
        """``label``: put before the names of variants in events."""
        self._job = job
        self._applied = applied
        self._events = events
        self._label = label
        self._times: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def times(self, variant: Variant) -> Mapping[str, float]:
        """Seconds of each phase of ``variant``; it grows as they end."""
        return self._times[variant.name]

    def kernel(self, variant: Variant) -> Kernel | BuildFailure:
        """Its config, and the kernel that is made of it."""
        config = self.resolve(variant)
        return config if isinstance(config, BuildFailure) else self.make(config)

    def resolve(self, variant: Variant) -> ResolvedConfig | BuildFailure:
        """The variant's config; what did not come out as asked is said. A patch may break Kconfig itself."""
        with phase(self._events, self._label + variant.name, "config", self._times[variant.name]) as say:
            config = resolve(self._applied, self._job.symbols, variant)
            if isinstance(config, BuildFailure):
                say("failed")
                return self._kept_failure(variant, config)
            self._refuse_unknown(config)
            say(f"{len(config.problems)} symbols not as asked" if config.problems else "as asked")
        return config

    def _refuse_unknown(self, config: ResolvedConfig) -> None:
        """Raise ``UserError`` for a symbol of --variant-of that neither the patched tree has nor the patch removes."""
        asked = {one.removeprefix("CONFIG_") for one in self._job.request.tests.variant_of}
        wrong = asked.intersection(config.unknown).difference(removed_symbols(self._job.patches))
        if wrong and not self._label:
            hint = "see how the tree's Kconfig files spell it"
            raise UserError("no such symbol in this tree", where=f"--variant-of {min(wrong)}", hint=hint)

    def make(self, config: ResolvedConfig) -> Kernel | BuildFailure:
        """The kernel for ``config``, from the cache if it is there. Its config and log are copied into the run."""
        name = self._label + config.variant.name
        request = BuildRequest(self._applied, config, self._job.request.jobs, kselftest_collections(), self._profiled())
        with phase(self._events, name, "build", self._times[config.variant.name]) as say:
            if (made := lookup(request)) is not None:
                say("reused")
                return self._kept(made)
            built = build(request, lambda text: self._events.publish(PhaseProgress(name, "build", text)))
            if isinstance(built, BuildFailure):
                say(f"failed in {built.stage}")
                return self._kept_failure(config.variant, built)
            return self._kept(built)

    def _profiled(self) -> tuple[str, ...]:
        tree, touched = self._applied.tree.path, self._applied.touched
        return load_scope().sources(tree, touched).files if self._job.counting else ()

    def _kept(self, kernel: Kernel) -> Kernel:
        """``kernel`` with its config and log in the run directory: the cache forgets in time."""
        kept = self._job.directory / "kernels" / kernel.key
        kept.mkdir(parents=True, exist_ok=True)
        config, log = (Path(shutil.copy(path, kept)) for path in (kernel.config, kernel.log))
        return replace(kernel, config=config, log=log)

    def _kept_failure(self, variant: Variant, failure: BuildFailure) -> BuildFailure:
        kept = self._job.directory / "kernels" / f"{variant.name}-failed"
        kept.mkdir(parents=True, exist_ok=True)
        return replace(failure, log=Path(shutil.copy(failure.log, kept / "build.log")))
