# SPDX-License-Identifier: GPL-2.0-only
"""From a job and a choice of mutants to a report on them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from harness import process
from harness.build import find_kernel
from harness.errors import HarnessError, InfrastructureError
from harness.events import EventStream, Note
from harness.mutants.choosing import Choice
from harness.mutants.fates import Control, Fate, Verdict
from harness.mutants.mutant_formats import line
from harness.mutants.mutant_report import MutantReport
from harness.mutants.mutation import Mutation, mutated
from harness.mutants.planting import MutantPlanter, Planted
from harness.mutants.trials import MutantTrials
from harness.pipeline import RunJob
from harness.suites import check_names
from harness.verdict import Expectation
from harness.vm.launch import Launcher

SUITES = ("contract", "checks")
"""Whose tests are tried."""

_BESIDE = "does not compile beside the others"


class MutantCampaign:
    """``job``: base, patches and one variant. ``limit``: seconds for the trials, None: as long as it takes."""

    def __init__(self, job: RunJob, choice: Choice, events: EventStream, limit: float | None = None) -> None:
        self._job = job
        self._choice = choice
        self._events = events
        self._limit = limit
        self._planted: Planted | None = None
        self._trials: MutantTrials | None = None
        self._settled: dict[int, Verdict] = {}
        self._machine: dict[str, str] = {}
        self._started = time.monotonic()
        self._date = datetime.now(UTC).isoformat(timespec="seconds")
        self.cut_off = ""

    def run(self) -> None:
        """Build, try, and compile alone what nobody noticed. What is known is in ``report``, however this ends."""
        try:
            self._work()
        except BaseException as error:
            self.cut_off = str(error) if isinstance(error, HarnessError) else "stopped"
            process.stop_all()
            raise

    def _work(self) -> None:
        self._planted = planted = MutantPlanter(self._job, self._events, self._choice).plant()
        self._note(f"{len(planted.mutants)} of {planted.possible} mutants are in the kernel")
        request = self._job.request
        launcher = Launcher(request.accel, self._note, find_kernel)
        chosen = launcher.accelerator
        self._machine = {"QEMU": launcher.qemu_version, "accelerator": f"{chosen.name} ({chosen.reason})"}
        self._trials = MutantTrials(planted.kernel, launcher, self._job.directory, self._tell, self._note)
        deadline = time.monotonic() + self._limit if self._limit is not None else None
        with self._trials, ThreadPoolExecutor(1, thread_name_prefix="compare") as pool:
            try:
                self._try_all(planted, self._trials, pool.submit(self._equivalents, planted), deadline)
            except BaseException:
                process.stop_all()
                raise

    def _try_all(
        self, planted: Planted, trials: MutantTrials, compared: Future[frozenset[int]], deadline: float | None
    ) -> None:
        """The control while the compiler finds out what need not be tried, then the rest."""
        names = [name for suite in SUITES for name in check_names(suite)]
        excused = expected_to_fail(names, self._job.expectations, planted.kernel.release, self._job.variants[0].name)
        if excused:
            self._note(f"not used, as they are expected to fail or to be flaky: {', '.join(sorted(excused))}")
        trials.run_control([name for name in names if name not in excused])
        for number in sorted(compared.result()):
            self._settled[number] = Verdict(planted.mutants[number], number, Fate.EQUIVALENT)
            self._tell(self._settled[number])
        left = {number: mutation for number, mutation in planted.mutants.items() if number not in self._settled}
        trials.run(left, deadline)
        if len(trials.verdicts) < len(left):
            self.cut_off = "the time was up"

    def _equivalents(self, planted: Planted) -> frozenset[int]:
        """Numbers of the mutants that nobody can notice."""
        comparison = ObjectComparison(planted)
        return frozenset(number for number, mutation in planted.mutants.items() if comparison.is_equal(mutation))

    def _tell(self, verdict: Verdict) -> None:
        self._note(line(verdict))

    def _note(self, text: str) -> None:
        self._events.publish(Note("", text))

    def report(self) -> MutantReport | None:
        """What is known so far; None if nothing is."""
        planted, trials = self._planted, self._trials
        if planted is None:
            return None
        tried = in_turn({**(trials.verdicts if trials is not None else {}), **self._settled}, bool(self.cut_off))
        left_out = [Verdict(one, 0, Fate.UNDECIDED, detail=_BESIDE) for one in planted.left_out]
        verdicts = sorted(
            [*tried.values(), *left_out], key=lambda one: (one.mutation.path, one.mutation.line, one.number)
        )
        return MutantReport(
            base=self._job.base.text,
            version=planted.kernel.release,
            variant=self._job.variants[0].name,
            machine=self._machine,
            patches=tuple(patch.subject for patch in self._job.patches),
            files=self._choice.globs,
            possible=planted.possible,
            asked=len(planted.mutants) + len(planted.left_out),
            seed=self._choice.seed if self._choice.sample is not None else None,
            control=trials.control if trials is not None else Control(),
            verdicts=tuple(verdicts),
            sources=planted.sources,
            started=self._date,
            seconds=time.monotonic() - self._started,
            boots=trials.boots if trials is not None else 0,
            cut_off=self.cut_off,
        )


def in_turn(verdicts: Mapping[int, Verdict], cut_off: bool) -> dict[int, Verdict]:
    """``verdicts``, up to the last that was tried if that was ``cut_off``.

    What no test reaches is known of all at once: beside a part of the others it would weigh too much.
    """
    last = max((number for number, verdict in verdicts.items() if verdict.tried), default=0)
    return {number: verdict for number, verdict in verdicts.items() if not cut_off or number <= last}


def expected_to_fail(
    names: Sequence[str], expectations: Sequence[Expectation], version: str, variant: str
) -> frozenset[str]:
    """The tests that prove nothing when they fail: of this kernel it is expected."""
    known = [one for one in expectations if one.kind in ("fail", "flaky") and one.holds_for(version, variant)]
    return frozenset(name for name in names for one in known if one.suite in SUITES and one.match.fullmatch(name))


class ObjectComparison:
    """Compiles mutants alone, and compares what comes out with the original's object."""

    def __init__(self, planted: Planted) -> None:
        self._planted = planted
        self._originals: dict[str, bytes] = {}

    def is_equal(self, mutation: Mutation) -> bool:
        """The compiler makes the same of the file with and without the mutant. Raises ``InfrastructureError``."""
        path = mutation.path
        if path not in self._originals:
            self._originals[path] = self._original(path)
        made = self._planted.lone[path].compiled(mutated(self._planted.sources[path], mutation.edits))
        return made == self._originals[path]

    def _original(self, path: str) -> bytes:
        made = self._planted.lone[path].compiled(self._planted.sources[path])
        if made is None:
            raise InfrastructureError("does not compile alone as it does in its tree", where=path)
        return made
