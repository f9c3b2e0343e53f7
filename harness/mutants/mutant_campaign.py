# SPDX-License-Identifier: GPL-2.0-only
"""From a job and a choice of mutants to a report on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        comparison = ObjectComparison(planted)
        with self._trials:
            self._control(planted, self._trials, comparison)
            self._settle(planted.mutants.items(), comparison.known)
            left = {number: one for number, one in planted.mutants.items() if number not in self._settled}
            self._trials.run(left, deadline)
            if len(self._trials.verdicts) < len(left):
                self.cut_off = "the time was up"
        unnoticed = [one for one in self._tried().values() if one.fate in (Fate.SURVIVED, Fate.NOT_REACHED)]
        self._settle(((one.number, one.mutation) for one in unnoticed), comparison.is_equal)

    def _control(self, planted: Planted, trials: MutantTrials, comparison: ObjectComparison) -> None:
        """The control; meanwhile the compiler finds out, as far as it comes, what need not be tried."""
        names = [name for suite in SUITES for name in check_names(suite)]
        excused = expected_to_fail(names, self._job.expectations, planted.kernel.release, self._job.variants[0].name)
        if excused:
            self._note(f"not used, as they are expected to fail or to be flaky: {', '.join(sorted(excused))}")
        with ThreadPoolExecutor(1, thread_name_prefix="compare") as pool:
            enough = threading.Event()
            compared = pool.submit(comparison.go_through, planted.mutants.values(), enough)
            try:
                trials.run_control([name for name in names if name not in excused])
            except BaseException:
                process.stop_all()
                raise
            finally:
                enough.set()
            compared.result()

    def _settle(self, numbered: Iterable[tuple[int, Mutation]], is_equal: Callable[[Mutation], bool]) -> None:
        """Those that nobody can notice are equivalent."""
        for number, mutation in numbered:
            if is_equal(mutation):
                self._settled[number] = Verdict(mutation, number, Fate.EQUIVALENT)
                self._tell(self._settled[number])

    def _tried(self) -> dict[int, Verdict]:
        trials = self._trials.verdicts if self._trials is not None else {}
        return in_turn({**trials, **self._settled}, bool(self.cut_off))

    def _tell(self, verdict: Verdict) -> None:
        self._note(line(verdict))

    def _note(self, text: str) -> None:
        self._events.publish(Note("", text))

    def report(self) -> MutantReport | None:
        """What is known so far; None if nothing is."""
        planted, trials = self._planted, self._trials
        if planted is None:
            return None
        left_out = [Verdict(one, 0, Fate.UNDECIDED, detail=_BESIDE) for one in planted.left_out]
        verdicts = sorted(
            [*self._tried().values(), *left_out], key=lambda one: (one.mutation.path, one.mutation.line, one.number)
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
