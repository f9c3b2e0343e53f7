# SPDX-License-Identifier: GPL-2.0-only
"""From a base and a series to kernels, under the lock of the work tree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.build import BuildRequest, build, load_scope, lookup
from harness.errors import UserError
from harness.events import EventStream, Note, PhaseProgress
from harness.intake import apply_fixups, apply_series, fixups_for, removed_symbols
from harness.kconfig import resolve
from harness.locks import on_behalf_of
from harness.model import BuildFailure, Kernel, ResolvedConfig, Variant
from harness.phases import phase
from harness.pipeline.request import RunJob
from harness.series import Applied, Tree
from harness.source import obtain, reset, worktree_lock
from harness.suites import kselftest_collections


class KernelMaker:
    """Makes the kernels of one job. Use ``source`` first; the work tree is held for as long as that is open."""

    def __init__(self, job: RunJob, events: EventStream, label: str = "") -> None:
        """``label``: put before the names of variants in events."""
        self._job = job
        self._events = events
        self._label = label
        self._applied: Applied | None = None
        self._times: dict[str, float] = {}
        self.notes: list[str] = []
        self.base_commit = ""  # as in RunReport

    @contextmanager
    def source(self) -> Iterator[Applied]:
        """The patched work tree, held against other runs. The next run cleans it: until then its times stay."""
        with on_behalf_of(self._job.directory):
            with phase(self._events, "", "source", self._times) as say:
                tree = obtain(self._job.base, lambda text: self._progress("", "source", text))
                say(f"{tree.spec} is {tree.version}")
            self.base_commit = tree.commit if self._job.base.kind == "git" else ""
            for note in tree.notes:
                self._note(note, "warning")
            with worktree_lock(tree, self._note):
                yield self.apply(self._mended(tree), "patch")

    def _mended(self, tree: Tree) -> Tree:
        """``tree`` with what it needs below the patch."""
        fixups = fixups_for(tree.version, self._job.fixups)
        if not fixups and not self._job.below:
            return tree
        with phase(self._events, "", "fixups", self._times) as say:
            mended = apply_fixups(tree, self._job.below, fixups, self._job.patches)
            say(f"{len(mended.tree.fixups)} below the patch")
        for note in mended.notes:
            self._note(note, "warning")
        self.notes += mended.notes
        return mended.tree

    def apply(self, tree: Tree, phase_name: str) -> Applied:
        """Bring ``tree``, which is held, to what the job asks for, writing only what differs."""
        with phase(self._events, "", phase_name, self._times) as say:
            reset(tree)
            self._applied = apply_series(tree, self._job.patches)
            say(self._applied_words(self._applied))
        return self._applied

    def _applied_words(self, applied: Applied) -> str:
        for subject in applied.already_in_base:
            self._note(f"already in the base: {subject}", "warning")
        count = len(applied.patches) - len(applied.already_in_base)
        return f"{count} of {len(applied.patches)} applied" if applied.patches else "none: the base as it is"

    def resolve(self, variant: Variant, times: dict[str, float]) -> ResolvedConfig | BuildFailure:
        """The variant's config; what did not come out as asked is said. A patch may break Kconfig itself."""
        assert self._applied is not None
        with phase(self._events, self._label + variant.name, "config", times) as say:
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

    def make(self, config: ResolvedConfig, times: dict[str, float]) -> Kernel | BuildFailure:
        """The kernel for ``config``, from the cache if it is there. Its config and log are copied into the run."""
        assert self._applied is not None
        name = self._label + config.variant.name
        jobs, profiled = self._job.request.jobs, self._profiled(self._applied)
        request = BuildRequest(self._applied, config, jobs, kselftest_collections(), profiled)
        with phase(self._events, name, "build", times) as say:
            if (made := lookup(request)) is not None:
                say("reused")
                return self._kept(made)
            built = build(request, lambda text: self._progress(name, "build", text))
            if isinstance(built, BuildFailure):
                say(f"failed in {built.stage}")
                return self._kept_failure(config.variant, built)
            return self._kept(built)

    def _profiled(self, applied: Applied) -> tuple[str, ...]:
        return load_scope().sources(applied.tree.path, applied.touched).files if self._job.counting else ()

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

    def _note(self, text: str, level: str = "info") -> None:
        self._events.publish(Note("", text, level))

    def _progress(self, variant: str, phase_name: str, text: str) -> None:
        self._events.publish(PhaseProgress(variant, phase_name, text))
