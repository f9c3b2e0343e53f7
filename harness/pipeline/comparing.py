# SPDX-License-Identifier: GPL-2.0-only
"""Holding the patched kernels against those of the base: tests of the base, repeats, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from harness import process
from harness.changes import KERNEL, Change, Comparison, Difference
from harness.events import EventStream, Note
from harness.model import Splat, VariantReport
from harness.pipeline import base_cache
from harness.pipeline.repeating import Repeater
from harness.pipeline.side import Side, State
from harness.report import without_patch
from harness.splat import case_name, identity
from harness.verdict import MAX_REPEATED, Round, Suspect, compare, seen_besides, settle, suspects
from harness.vm.launch import Launcher

HERE = "tested in this run"


def settle_base(side: Side, state: State, launcher: Launcher, events: EventStream, label: str = "") -> None:
    """What ``state``, a kernel without a patch, shows: as it is known from an earlier run, or by testing it now."""
    assert state.kernel is not None
    request = side.job.request
    wanted = _key(side, state, launcher.accelerator.name, launcher)
    found = base_cache.recall(wanted, state.findings.planned, request.directory)
    if found is None:
        side.test(state, launcher)
        if state.boot_failed:
            events.publish(Note(label + state.variant.name, "the base did not boot: once more, to be sure", "warning"))
            side.test_again(state, launcher)
        keep(side, state, launcher)
        return
    state.findings, when = found
    state.tested, state.earlier = True, when
    events.publish(Note(label + state.variant.name, f"known from {when}: not tested again"))


def keep(side: Side, state: State, launcher: Launcher) -> None:
    """Remember what a base showed, if later runs may rely on it."""
    if state.tested and base_cache.is_complete(state.findings):
        wanted = _key(side, state, state.findings.boots[0].accel, launcher)
        base_cache.keep(wanted, state.findings, side.job.request.directory)


def _key(side: Side, state: State, accel: str, launcher: Launcher) -> str:
    assert state.kernel is not None
    names = [suite.name for suite in side.job.suites]
    return base_cache.key(state.kernel, names, side.job.request, accel, launcher.qemu_version)


class Comparer:
    """Compares all variants of a run, once both sides have been tested. ``repeater`` None: nothing is repeated."""

    def __init__(self, patched: Side, base: Side, repeater: Repeater | None, events: EventStream) -> None:
        self._patched = patched
        self._base = base
        self._repeater = repeater
        self._events = events

    def compare(self, pool: ThreadPoolExecutor) -> dict[str, Comparison]:
        """The comparison of each variant that is a kernel of its own, by name."""
        own = [report for report in self._patched.reports() if not report.same_as]
        allowed = MAX_REPEATED // max(1, len(own))
        jobs = {report.variant.name: pool.submit(self._one, report, allowed) for report in own}
        return {name: job.result() for name, job in jobs.items()}

    def _one(self, report: VariantReport, allowed: int) -> Comparison:
        name = report.variant.name
        base = next(one for one in self._base.reports() if one.variant.name == self._base.state(name).variant.name)
        base = replace(base, variant=report.variant)
        found = compare(base, report, lacking=lacking(base, report))
        found = replace(found, against=self._origin(self._base.state(name)))
        if self._repeater is None:
            return found
        chosen, found = suspects(report, found, allowed)
        for number, suspect in enumerate(chosen, 1):
            try:
                found = self._repeat(self._repeater, base, report, found, suspect, f"repeats/{name}-{number}")
            except process.Stopping:
                return found  # the main thread knows why
        return found

    def _repeat(
        self,
        repeater: Repeater,
        base: VariantReport,
        report: VariantReport,
        found: Comparison,
        suspect: Suspect,
        logs: str,
    ) -> Comparison:
        rounds = repeater.rounds(report, suspect, logs)
        settled = {one: settle(one, rounds, logs) for one in suspect.about}
        for one in settled.values():
            self._events.publish(Note(report.variant.name, f"{suspect.name}: {one.change.value}: {one.told}"))
        besides = self._besides(base, report, rounds, logs)
        self._patched.state(report.variant.name).findings.splats += besides
        more = [_new_splat(splat, f"printed in a repeat of {suspect.name}", logs) for splat in besides]
        return replace(found, differences=(*(settled.get(one, one) for one in found.differences), *more))

    def _besides(self, base: VariantReport, report: VariantReport, rounds: Sequence[Round], logs: str) -> list[Splat]:
        places = [f"{logs}/patched-{number}" for number, _ in enumerate(rounds, 1)]
        now = replace(report, splats=tuple(self._patched.state(report.variant.name).findings.splats))
        return seen_besides(base, now, rounds, places)

    def _origin(self, state: State) -> str:
        if not state.earlier:
            return HERE if state.tested else ""
        age = datetime.now(UTC) - datetime.fromisoformat(state.earlier)
        again = without_patch(self._patched.job.request.command)
        return f"tested on {state.earlier}, {_words(age)} ago; again: {again}"


def _new_splat(splat: Splat, where: str, logs: str) -> Difference:
    key = identity(splat)
    return Difference(KERNEL, case_name(splat), Change.NEW, "not printed", where, logs=logs, fingerprint=key)


def lacking(base: VariantReport, patched: VariantReport) -> str:
    """Options of the variant that the patched kernel has and the base does not know, in words; empty if none."""
    if base.kernel is None or patched.kernel is None:
        return ""
    pairs = {symbol: (base.kernel.config_value(symbol), patched.kernel.config_value(symbol)) for symbol in
             patched.variant.options}  # fmt: skip
    absent = [f"CONFIG_{symbol}" for symbol, (before, after) in pairs.items() if before == "n" != after]
    return f"the base has no {' and no '.join(absent)}" if absent else ""


def _words(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
