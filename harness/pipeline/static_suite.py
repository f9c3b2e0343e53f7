# SPDX-License-Identifier: GPL-2.0-only
"""The suite ``static`` of a run: it looks at the patch while the work tree is held, beside the guests."""

from __future__ import annotations

from harness.events import EventStream, PhaseProgress, Planned, TestEnded
from harness.model import PlannedTest, Variant, VariantReport
from harness.phases import phase
from harness.pipeline.plan import chosen, narrow
from harness.pipeline.request import RunJob
from harness.series import Applied
from harness.static import SUITE, PatchCheck
from harness.verdict import complete

PATCH = Variant("patch", "the patch itself, on this machine", {})  # where its results stand, beside the variants
_PHASE = f"suite:{SUITE}"


class StaticSuite:
    """``applied``: the series as it is in the work tree. First ``patched``, then ``base`` if that is needed."""

    def __init__(self, job: RunJob, applied: Applied, events: EventStream) -> None:
        only = job.request.tests.only
        self._events = events
        self._times: dict[str, float] = {}
        thorough = job.request.limits.thorough or any(name.startswith(f"{SUITE}.coccicheck") for name in only)
        self._check = PatchCheck(
            applied,
            job.directory / SUITE,
            SUITE,
            job.request.jobs,
            job.red,
            self._progress,
            thorough=thorough,
        )
        narrowed = chosen if job.suites else narrow  # where nothing else runs, a wrong name is found here
        self.planned: tuple[PlannedTest, ...] = narrowed(self._check.plan(), only)
        if self.planned:
            events.publish(Planned(PATCH.name, self.planned))

    def patched(self) -> None:
        """Check the work tree, which holds the series."""
        if not self.planned:
            return
        with phase(self._events, PATCH.name, _PHASE, self._times) as say:
            self._check.patched(self.planned)
            say("findings: the base is asked, too" if self.needs_base else "no findings to hold against the base")
        if not self.needs_base:
            self._tell()

    @property
    def needs_base(self) -> bool:
        return self._check.needs_base

    def base(self) -> None:
        """Check the work tree, which is at the base, for what the series may not have brought."""
        with phase(self._events, PATCH.name, _PHASE, self._times) as say:
            self._check.base()
            say("the base, for comparison")
        self._tell()

    def report(self) -> VariantReport:
        """The report of the suite, as far as its results are known."""
        results = complete(self.planned, self._check.results())
        return VariantReport(PATCH, self.planned, results, times=self._times, of_patch=True)

    def _tell(self) -> None:
        for result in self._check.results():
            self._events.publish(TestEnded(PATCH.name, result))

    def _progress(self, text: str) -> None:
        self._events.publish(PhaseProgress(PATCH.name, _PHASE, text))
