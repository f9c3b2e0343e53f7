# SPDX-License-Identifier: GPL-2.0-only
"""Which tests run first, and in a quick run alone: those that run a function which the patch touches, as the reach map
of the base knows them, and those of which it knows nothing."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from harness.events import EventStream, Note
from harness.gitcmd import check_git
from harness.interfaces import JobLimits
from harness.model import PlannedTest
from harness.pipeline.bundled_reach import bundled_reach
from harness.pipeline.kernel_set import ChosenTests, KernelSet, VariantRun
from harness.pipeline.reach_measuring import known_base_reach
from harness.pipeline.request import RunJob
from harness.reach import AffectedTests, ReachMap, affected_tests, merged, parse_changes
from harness.series import Applied
from harness.suites import is_drawn, is_module, is_slow

# Without -M: a file with a new name is one that goes and one that comes. With whole files, for what a comment hides.
_WHOLE = "--unified=1000000"
_BUNDLED = " (by the reach map that comes with the harness)"
_DIFF = ("diff", "--no-ext-diff", "--no-color", "--no-renames", _WHOLE, "--src-prefix=a/", "--dst-prefix=b/")


class FirstTests:
    """``patched``: the kernels with the patch, whose configs are known when this is first asked; ``applied``: their
    source, which git has."""

    def __init__(self, job: RunJob, patched: KernelSet, applied: Applied, events: EventStream) -> None:
        self._job = job
        self._events = events
        self._patched = patched
        self._applied = applied
        self.notes: tuple[str, ...] = ()  # for the report

    def choose(self, run: VariantRun, planned: tuple[PlannedTest, ...]) -> ChosenTests:
        """Of ``planned``, the tests of ``run``; all of them rather than none, or none but those that may be left out: a
        kernel that runs no test shows nothing."""
        if self._affected.why_all:
            return self._all(self._affected.reason)
        first = chosen_first(planned, self._affected.tests, self._known(run))
        if planned and all(map(is_slow, first)):
            return self._all(f"{self._affected.reason}, which none of the tests asked for surely reaches")
        bundled = None in self._measured.values()
        return ChosenTests(first, self._job.request.quick, self._affected.reason + (_BUNDLED if bundled else ""))

    def of_base(self, run: VariantRun, planned: tuple[PlannedTest, ...]) -> ChosenTests:
        """The same for the base: its other tests are needed if those of the patched kernel run."""
        patched = self._patched.run_of(run.variant.name)
        if not (self._job.request.quick and patched.first):
            return ChosenTests()
        return ChosenTests(tuple(test for test in planned if test in patched.first), quick=True)

    def _all(self, reason: str) -> ChosenTests:
        """All tests, which who asked for less is told, and once."""
        if self._job.request.quick and not self.notes:
            self.notes = (f"--quick runs all tests: {reason}",)
            self._events.publish(Note("", self.notes[0], "warning"))
        return ChosenTests(reason=reason)

    @cached_property
    def _maps(self) -> dict[str, ReachMap | None]:
        """By the hash of the config: what was measured here, or else what comes with the harness."""
        return {config: reach or self._bundled for config, reach in self._measured.items()}

    @cached_property
    def _measured(self) -> dict[str, ReachMap | None]:
        configs = dict.fromkeys(run.config.sha256 for run in self._patched.runs if run.config is not None)
        return {config: known_base_reach(self._applied, config, self._job.request.limits) for config in configs}

    @cached_property
    def _bundled(self) -> ReachMap | None:
        """Of the variants that it was measured in; in others other functions are compiled."""
        request = self._job.request
        return bundled_reach(self._applied.tree, request.limits) if not request.tests.variant_of else None

    def _known(self, run: VariantRun) -> Collection[PlannedTest]:
        """Tests of which the map of this kernel knows all that they reach."""
        reach = self._maps.get(run.config.sha256) if run.config is not None else None
        return reach.tests.keys() - reach.partial if reach is not None else ()

    @cached_property
    def _affected(self) -> AffectedTests:
        maps = [reach for reach in self._maps.values() if reach is not None]
        if len(maps) < len(self._maps) or not maps:
            limits = self._job.request.limits
            same = "" if limits == JobLimits() else " with the same --memory, --thorough, --seed and --walks"
            hint = f"dmabuf-harness coverage --base {self._job.base.text}{same} makes one, for all patches"
            return AffectedTests(why_all=(f"there is no reach map of this base ({hint})",))
        diff = check_git(self._applied.tree.path, *_DIFF, self._applied.tree.commit, self._applied.tree_id)
        names = ("diff", "--name-only", "--no-renames", "-z", self._applied.tree.commit, self._applied.tree_id)
        touched = check_git(self._applied.tree.path, *names).split("\0")
        return affected_tests(parse_changes(diff), list(filter(None, touched)), merged(maps))


def chosen_first(
    planned: tuple[PlannedTest, ...], affected: Collection[PlannedTest], known: Collection[PlannedTest]
) -> tuple[PlannedTest, ...]:
    """Those of ``planned`` that are ``affected``, or of which nothing is ``known``, or that draw what they do; a module
    with one of its tests that surely runs: alone it would run them all."""
    unsure = {test for test in planned if test not in known or is_drawn(test)}
    own = {test for test in planned if not is_module(test) and (test in affected or test in unsure)}
    suites = {test.suite for test in own if not is_slow(test)}
    return tuple(test for test in planned if test in own or (is_module(test) and test.suite in suites))
