# SPDX-License-Identifier: GPL-2.0-only
"""From a job and a choice of mutants to a report on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from harness import process
from harness.errors import HarnessError, InfrastructureError
from harness.events import EventStream, Note
from harness.executor import Executor, Findings, KernelJob
from harness.executor.local_executor import LocalExecutor
from harness.model import BootReport
from harness.mutants.choosing import MutantChoice
from harness.mutants.judged_mutant import Verdict, judged
from harness.mutants.mutant_report import MutantReport
from harness.mutants.mutation import Mutation, mutated
from harness.mutants.planting import MutantPlanter, Planted
from harness.paths import unused
from harness.pipeline import RunJob
from harness.suites import check_names
from harness.trials.fates import Control, Fate, MutantOrder, TrialOutcome, TrialPlan
from harness.verdict import Expectation

SUITES = ("contract", "checks", "walks")
"""Whose tests are tried."""

_BESIDE = "does not compile beside the others"


class MutantCampaign:
    """``job``: base, patches and one variant. ``limit``: seconds for the trials, None: as long as it takes.

    ``snapshots``: as in ``TrialPlan``. ``executor``: by default that of this machine.
    """

    def __init__(
        self,
        job: RunJob,
        choice: MutantChoice,
        events: EventStream,
        limit: float | None = None,
        snapshots: bool = False,
        executor: Executor | None = None,
    ) -> None:
        self._job = job
        self._choice = choice
        self._events = events
        self._limit = limit
        self._snapshots = snapshots
        self._executor = executor or LocalExecutor(events, job.request.accel)
        self._planted: Planted | None = None
        self._control = Control()
        self._outcomes: dict[int, TrialOutcome] = {}
        self._boots: list[BootReport] = []
        self._times: dict[str, float] = {}
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
        comparison = ObjectComparison(planted)
        self._run_control(planted, comparison)
        self._settle(planted.mutants, comparison.known)
        left = {number: one for number, one in planted.mutants.items() if number not in self._outcomes}
        plan = TrialPlan((), orders(left, self._control), self._control.seconds, self._limit, self._snapshots)
        self._do(planted, plan)
        if not self._outcomes.keys() >= left.keys():
            self.cut_off = "the time was up"
        unnoticed = [one.number for one in self._told().values() if one.fate in (Fate.SURVIVED, Fate.NOT_REACHED)]
        self._settle({number: planted.mutants[number] for number in unnoticed}, comparison.is_equal)

    def _run_control(self, planted: Planted, comparison: ObjectComparison) -> None:
        """The control; meanwhile the compiler finds out, as far as it comes, what need not be tried."""
        names = [name for suite in SUITES for name in check_names(suite)]
        excused = expected_to_fail(names, self._job.expectations, planted.kernel.release, self._job.variants[0].name)
        if excused:
            self._note(f"not used, as they are expected to fail or to be flaky: {', '.join(sorted(excused))}")
        with ThreadPoolExecutor(1, thread_name_prefix="compare") as pool:
            enough = threading.Event()
            compared = pool.submit(comparison.go_through, planted.mutants.values(), enough)
            try:
                # In guests of the kind in which mutants are tried: what fails there for another reason is known then.
                control = tuple(name for name in names if name not in excused)
                self._do(planted, TrialPlan(control, snapshots=self._snapshots))
            except BaseException:
                process.stop_all()
                raise
            finally:
                enough.set()
            compared.result()

    def _do(self, planted: Planted, plan: TrialPlan) -> None:
        """Have ``plan`` done, and keep what is found; again, if it ran under what was given up since."""
        job = KernelJob(planted.kernel.key, self._job.variants[0], trials=plan)
        while True:
            chosen = self._executor.machine()
            self._machine = {"QEMU": chosen.qemu, "accelerator": f"{chosen.accel} ({chosen.reason})"}
            directory = unused(self._job.directory / ("control" if plan.control else "trials"))
            found = self._executor.run(job, directory, self._keep)
            if not self._executor.distrusts(job, found):
                return

    def _keep(self, found: Findings) -> None:
        self._boots += found.boots
        for name, seconds in found.times.items():
            self._times[name] = self._times.get(name, 0.0) + seconds
        if found.trials.control.seconds or found.trials.control.red:
            self._control = found.trials.control
            # Mutants are tried in guests of the kind that the control ran in, or in such as have more files.
            self._snapshots = found.trials.snapshots
        self._outcomes |= {outcome.number: outcome for outcome in found.trials.outcomes}

    def _settle(self, mutants: Mapping[int, Mutation], is_equal: Callable[[Mutation], bool]) -> None:
        """Those that nobody can notice are equivalent."""
        for number, mutation in mutants.items():
            if is_equal(mutation):
                self._outcomes[number] = TrialOutcome(number, Fate.EQUIVALENT)
                self._note(f"{mutation.name}: {self._outcomes[number].summary}")

    def _told(self) -> dict[int, TrialOutcome]:
        return in_turn(self._outcomes, bool(self.cut_off))

    def _note(self, text: str) -> None:
        self._events.publish(Note("", text))

    def report(self) -> MutantReport | None:
        """What is known so far; None if nothing is."""
        planted = self._planted
        if planted is None:
            return None
        left_out = [Verdict(0, Fate.UNDECIDED, detail=_BESIDE, mutation=one) for one in planted.left_out]
        verdicts = [*(judged(outcome, planted.mutants) for outcome in self._told().values()), *left_out]
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
            control=self._control,
            verdicts=tuple(sorted(verdicts, key=lambda one: (one.mutation.path, one.mutation.line, one.number))),
            sources=planted.sources,
            started=self._date,
            seconds=time.monotonic() - self._started,
            times={**self._times, "boots": sum(boot.seconds for boot in self._boots)},
            boots=len(self._boots),
            cut_off=self.cut_off,
        )


def orders(mutants: Mapping[int, Mutation], control: Control) -> tuple[MutantOrder, ...]:
    """What is to be tried, and by which tests."""
    return tuple(
        MutantOrder(number, control.tests_for(number), one.name, f"{one.path} {one.function}")
        for number, one in mutants.items()
    )


def in_turn(outcomes: Mapping[int, TrialOutcome], cut_off: bool) -> dict[int, TrialOutcome]:
    """``outcomes``, up to the last that was tried if that was ``cut_off``.

    What no test reaches is known of all at once: beside a part of the others it would weigh too much.
    """
    last = max((number for number, outcome in outcomes.items() if outcome.tried), default=0)
    return {number: outcome for number, outcome in outcomes.items() if not cut_off or number <= last}


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
        self._answers: dict[Mutation, bool] = {}

    def go_through(self, mutants: Iterable[Mutation], enough: threading.Event) -> None:
        """Compare ``mutants`` until that is ``enough``."""
        for mutation in mutants:
            if enough.is_set():
                return
            self.is_equal(mutation)

    def known(self, mutation: Mutation) -> bool:
        """It was found to be equal so far."""
        return self._answers.get(mutation, False)

    def is_equal(self, mutation: Mutation) -> bool:
        """The compiler makes the same of the file with and without the mutant. Raises ``InfrastructureError``."""
        if mutation not in self._answers:
            self._answers[mutation] = self._compared(mutation)
        return self._answers[mutation]

    def _compared(self, mutation: Mutation) -> bool:
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
