# SPDX-License-Identifier: GPL-2.0-only
"""Measuring which test runs which line: a coverage kernel for each variant, its tests, and the map of them.

A map is kept by content: the same kernel with the same tests is measured once. Nothing that happens to a coverage
kernel is a result of the patch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.build import COUNTING, counter_notes, load_scope
from harness.errors import HarnessError, InfrastructureError
from harness.events import EventStream, Note
from harness.executor import Executor, KernelJob
from harness.executor.local_executor import LocalExecutor
from harness.gitcmd import check_git
from harness.interfaces import JobLimits
from harness.model import Status, Variant
from harness.paths import cache_dir, write_atomic
from harness.phases import phase
from harness.pipeline.base_cache import key, tests_digest
from harness.pipeline.kernel_set import KernelSet, VariantRun
from harness.pipeline.kernels import held_source
from harness.pipeline.plan import chosen, refuse_unknown_test
from harness.pipeline.reach_counters import CounterReader, read_reach
from harness.pipeline.request import RunJob
from harness.reach import MapError, ReachMap, dump_reach, load_reach
from harness.report import encode
from harness.series import Applied
from harness.source import Snapshot
from harness.static.units import Units
from harness.suites import CounterFiles, PytestSuite, is_module

_KEEP = 60  # maps of at most 1.5 MB


@dataclass
class MeasuredReach:
    """``maps``: by the variant's name, those that could be made. ``same_as``: variant -> the one that is the same
    kernel. ``failures``: variant -> why there is no map, or only one of the tests that ran until it was cut off.
    ``left_out``: files of the patch that cannot count, and why.
    ``uncompiled``: those that the configs do not compile -> the symbol that is off. ``configs``: variant -> its hash.
    ``limits``: of the tests that were measured.
    """

    applied: Applied
    maps: dict[str, ReachMap] = field(default_factory=dict)
    same_as: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    uncompiled: dict[str, str] = field(default_factory=dict)
    configs: dict[str, str] = field(default_factory=dict)
    limits: JobLimits = field(default_factory=JobLimits)

    @property
    def source(self) -> Snapshot:
        """Call it with a path for the text of a file of the source that was measured."""
        return Snapshot(self.applied.tree.path, self.applied.tree_id)

    def of(self, variant: str) -> ReachMap | None:
        """The map of ``variant``, or of the one that is the same kernel."""
        return self.maps.get(self.same_as.get(variant, variant))


def counting(job: RunJob) -> RunJob:
    """``job`` for coverage kernels: in a directory of its own, without the user's own tests, which run on the host."""
    return replace(
        job,
        variants=tuple(replace(variant, name=variant.name + COUNTING) for variant in job.variants),
        suites=tuple(suite for suite in job.suites if not isinstance(suite, PytestSuite)),
        directory=job.directory / "coverage",
        counting=True,
    )


def _forget(_measured: MeasuredReach) -> None:
    """For callers to whom half of it is of no use."""


def measure(
    job: RunJob,
    events: EventStream,
    executor: Executor,
    test: str = "",
    keep: Callable[[MeasuredReach], None] = _forget,
) -> MeasuredReach:
    """The reach of ``job`` (as the user asked for it, patches and all), in each of its variants.

    ``test``: one that will be asked for; a name that no test can have is refused before anything is built.

    ``keep`` gets what was measured, all or half of it, before this returns or raises, once there are kernels.

    The maps are also in the directory of the run, as ``coverage/reach-VARIANT.json``, each as soon as it is there.
    Raises what ``held_source`` and ``Executor`` raise. A kernel that does not build or boot is one of ``failures``.
    """
    own = counting(job)
    kernels = KernelSet(own, events)
    with held_source(own, events) as held:
        applied = held.applied
        if test:
            refuse_unknown_test(test, own.suites, applied.tree.path)
        sources = load_scope().sources(applied.tree.path, applied.touched)
        measured = MeasuredReach(applied, left_out=sources.left_out, limits=own.request.limits)
        ready = list(kernels.build(applied, lambda planned: chosen(planned, own.request.tests.only)))
        measured.uncompiled = _uncompiled(applied, kernels.runs)
    for run in kernels.runs:
        if run.config is not None:
            measured.configs[_plain(run.variant)] = run.config.sha256
        if run.same_as:
            measured.same_as[_plain(run.variant)] = run.same_as.removesuffix(COUNTING)
        elif run.kernel is None:
            measured.failures[_plain(run.variant)] = "the coverage kernel does not build"
    measured.failures.update((_plain(run.variant), "cut off before its first test ended") for run in ready)
    try:
        for run in ready:
            _measure_run(kernels, run, events, executor, measured)
    finally:
        keep(measured)
    return measured


def local_measure(
    job: RunJob, events: EventStream, test: str = "", keep: Callable[[MeasuredReach], None] = _forget
) -> MeasuredReach:
    """``measure`` with the guests of this machine."""
    return measure(job, events, LocalExecutor(events, job.request.accel), test, keep)


def _uncompiled(applied: Applied, runs: Sequence[VariantRun]) -> dict[str, str]:
    """Files of the patch that no variant compiles, and why. The work tree is held."""
    units = [Units(applied.tree.path, _values(run.config.text)) for run in runs if run.config is not None]
    found = {}
    for path in applied.touched:
        why = [unit.off(path) for unit in units] if path.endswith(".c") else []
        if why and all(why):
            found[path] = why[0]
    return found


def _values(config: str) -> dict[str, str]:
    """Symbol -> value of the text of a .config."""
    lines = (line.partition("=") for line in config.splitlines() if line.startswith("CONFIG_"))
    return {name.removeprefix("CONFIG_"): value for name, _, value in lines}


def base_reach(measured: MeasuredReach, variant: str) -> ReachMap | None:
    """The map of the base of what was measured, in ``variant``; None if it was not measured on this machine."""
    return known_base_reach(measured.applied, measured.configs.get(variant, ""), measured.limits)


def known_base_reach(applied: Applied, config: str, limits: JobLimits) -> ReachMap | None:
    """The map of the base of ``applied`` with the config that has this hash; None if it was not measured here, or
    with other tests, or other ``limits`` of them."""
    tree = check_git(applied.tree.path, "rev-parse", f"{applied.tree.commit}^{{tree}}").strip()
    return _recall(_base_file(tree, config, limits))


def _base_file(tree: str, config: str, limits: JobLimits) -> Path:
    """By what is reached and what reaches: the source, its config, what tests in the guest, and how much of it."""
    asked = json.dumps(encode(limits), sort_keys=True)
    digest = hashlib.sha256(f"{tree} {config} {tests_digest()} {asked}".encode())
    return cache_dir("reach") / f"base-{digest.hexdigest()[:32]}.json"


def _plain(variant: Variant) -> str:
    return variant.name.removesuffix(COUNTING)


def _measure_run(
    kernels: KernelSet, run: VariantRun, events: EventStream, executor: Executor, measured: MeasuredReach
) -> None:
    name = _plain(run.variant)
    job = replace(kernels.kernel_job(run), counting=True)
    job = replace(job, planned=tuple(test for test in job.planned if not is_module(test)))
    kept = cache_dir("reach") / f"{key(job, executor.machine()).tested}.json"
    if (known := _recall(kept)) is not None:
        events.publish(Note(name, "which test runs which line is known"))
        _add(measured, name, known, kernels.job.directory)
        return
    found = _measured(kernels, run, job, events, executor, measured)
    if not found.tests:
        last = run.findings.boots[-1].ended if run.findings.boots else ""
        measured.failures[name] = f"no test ran on the coverage kernel{f': {last}' if last else ''}"
        return
    _add(measured, name, found, kernels.job.directory)
    if not _is_final(run, found):
        return
    _keep(kept, found)
    if not measured.applied.touched and not job.narrowed and run.config is not None:
        _keep(_base_file(measured.applied.tree_id, run.config.sha256, job.limits), found)


def _measured(
    kernels: KernelSet,
    run: VariantRun,
    job: KernelJob,
    events: EventStream,
    executor: Executor,
    measured: MeasuredReach,
) -> ReachMap:
    """Run ``job`` and read what its tests left; also if it is cut off, before what ended it goes on its way."""
    directory = kernels.job.directory
    try:
        run.found(executor.run(job, directory, run.found))
    except BaseException:
        with suppress(HarnessError, OSError, ValueError):  # what ended it is what is told
            _rescue(run, job, events, directory, measured)
        raise
    return _read(run, job, measured.applied, directory, events)


def _rescue(run: VariantRun, job: KernelJob, events: EventStream, directory: Path, measured: MeasuredReach) -> None:
    """Read what the tests left that ran until ``job`` was cut off."""
    name = _plain(run.variant)
    ran = CounterFiles(directory, job.variant.name).read().keys() & set(job.planned)
    if not ran:
        return
    why = f"cut off after {len(ran)} of {len(job.planned)} tests"
    events.publish(Note(name, f"{why}: what they left is read now; the next signal ends that, too", "warning"))
    found = _read(run, job, measured.applied, directory, events)
    if found.tests:
        _add(measured, name, found, directory)
        measured.failures[name] = why


def _add(measured: MeasuredReach, name: str, found: ReachMap, directory: Path) -> None:
    """Have ``found`` in ``measured`` and in the directory of the run."""
    measured.maps[name] = found
    measured.failures.pop(name, None)
    directory.mkdir(parents=True, exist_ok=True)
    write_atomic(directory / f"reach-{name}.json", dump_reach(found))


def _is_final(run: VariantRun, found: ReachMap) -> bool:
    """True if another try would tell no more: what is not known of was left out, and no guest died under it."""
    skipped = {(one.suite, one.name) for one in run.findings.results if one.status is Status.SKIP}
    return all((test.suite, test.name) in skipped for test in found.lost)


def _read(run: VariantRun, job: KernelJob, applied: Applied, directory: Path, events: EventStream) -> ReachMap:
    assert run.kernel is not None
    notes, scope, touched = counter_notes(run.kernel), load_scope(), frozenset(applied.touched)
    if notes is None:
        raise InfrastructureError("a coverage kernel without its notes", where=str(run.kernel.modules))
    name = _plain(run.variant)
    with phase(events, name, "reach") as say:
        reader = CounterReader(notes, lambda path: scope.holds(path) or path in touched)
        found = read_reach(reader, CounterFiles(directory, job.variant.name), job.kernel, run.findings)
        say(f"{len(found.tests)} tests, {len(found.files)} files")
    return replace(found, base=applied.tree.spec, version=applied.tree.version, variant=name)


def _recall(path: Path) -> ReachMap | None:
    with suppress(OSError, MapError):
        found = load_reach(path.read_text())
        os.utime(path)  # the last that are thrown away are those in use
        return found
    return None


def _keep(path: Path, found: ReachMap) -> None:
    write_atomic(path, dump_reach(found))
    for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)[_KEEP:]:
        old.unlink(missing_ok=True)
