# SPDX-License-Identifier: GPL-2.0-only
"""Trying mutants in guests that need no QEMU, and what the console tells of mutants that checks let live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from harness.errors import InfrastructureError
from harness.events import EventStream
from harness.executor import Findings, KernelJob
from harness.executor.guests import GuestLauncher
from harness.executor.mutant_test import MutantTest, late_reports, limit_factors, plan_text
from harness.executor.wire import answer_text, job_text, read_answer, read_job
from harness.guest import mutant_runner, registry
from harness.interfaces import CommandResult, JobLimits, LineSink
from harness.model import BootReport, Kernel, Variant
from harness.trials.fates import Control, MutantOrder, TrialPlan
from tests.support.fake_launcher import FakeGuest, FakeLauncher
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

WARNING = """\
[   {at}.000000] ------------[ cut here ]------------
[   {at}.000001] WARNING: CPU: 0 PID: 77 at drivers/dma-buf/dma-resv.c:120 dma_resv_fini+0x10/0x40
[   {at}.000002] CPU: 0 UID: 0 PID: 77 Comm: python3 Not tainted 6.12.0 #1
[   {at}.000003] Call Trace:
[   {at}.000004]  <TASK>
[   {at}.000005]  dma_buf_release+0x10/0x40
[   {at}.000006]  </TASK>
[   {at}.000007] ---[ end trace 0000000000000000 ]---
"""


def mark(at: int, verb: str, number: int, test: str) -> str:
    return f"[   {at}.500000] dmabuf-harness: check {verb} {number} {test}\n"


START = "[    1.000000] dmabuf-harness: start mutants\n"


def test_a_report_belongs_to_the_mutant_that_was_chosen_last() -> None:
    console = (
        START
        + mark(2, "start", 5, "udmabuf.a")
        + mark(3, "end", 5, "udmabuf.a")
        + WARNING.format(at=4)
        + mark(5, "start", 6, "udmabuf.b")
        + WARNING.format(at=6)
        + mark(7, "end", 6, "udmabuf.b")
    )
    found = late_reports(console)
    assert {number: test for number, (test, _) in found.items()} == {5: "udmabuf.a", 6: "udmabuf.b"}
    assert "dma_resv_fini" in found[5][1]


def test_what_the_control_and_the_boot_print_is_of_no_mutant() -> None:
    console = WARNING.format(at=0) + START + mark(2, "start", 0, "udmabuf.a") + WARNING.format(at=3)
    assert late_reports(console) == {}


def test_what_a_check_provokes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_PROVOKED", {"contract.a": ("dma_resv_fini",)})
    console = START + mark(2, "start", 5, "contract.a") + WARNING.format(at=3) + mark(4, "end", 5, "contract.a")
    assert late_reports(console) == {}
    assert late_reports(console.replace("contract.a", "contract.b")).keys() == {5}


@pytest.mark.parametrize(
    ("slowness", "usual", "factor"),
    [(1.0, 0.1, 1.0), (8.0, 0.1, 2.0), (8.0, 10.0, 4.0), (8.0, 60.0, 24.0), (1.0, 1.0, 1.0)],
)
def test_limits_are_short_but_for_a_test_that_is_slow_by_itself(slowness: float, usual: float, factor: float) -> None:
    assert limit_factors(["x.a"], slowness, {"x.a": usual, "x.b": 100.0}) == {"x.a": factor}


def test_a_plan_is_what_the_guest_reads() -> None:
    plan = mutant_runner.Plan(plan_text([(7, ("x.a", "x.b")), (0, ())], {"x.b": 2.5}))
    assert plan.factors == {"x.b": 2.5}
    assert plan.trials == [(7, ["x.a", "x.b"]), (0, [])]


def test_a_clean_console_tells_nothing() -> None:
    assert late_reports(START + mark(2, "start", 5, "udmabuf.a") + mark(3, "end", 5, "udmabuf.a")) == {}


@dataclass(kw_only=True)
class TalkingGuest(FakeGuest):
    """In it all checks are good, but with the mutants of ``fails`` (which come back to good without) and ``leaks``
    (after which the guest is damaged); it panics with those of ``panics``."""

    kernel: Kernel
    fails: frozenset[int] = frozenset()
    leaks: frozenset[int] = frozenset()
    panics: frozenset[int] = frozenset()
    slowness: float = 1.0
    accel: str = "tcg"
    plans: list[str] = field(default_factory=list)

    def put(self, local: Path, remote: str) -> None:
        if remote.endswith(".plan"):
            self.plans.append(local.read_text())

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        lines = list(self._words(mutant_runner.Plan(self.plans[-1])))
        lost = lines.pop() if lines and lines[-1].startswith("panic") else ""
        return ScriptedGuest(self.kernel, {"": Answer("\n".join(lines), lost=lost)}).run(
            command, timeout=timeout, on_line=on_line
        )

    def _words(self, plan: mutant_runner.Plan) -> Iterator[str]:
        for number, names in plan.trials:
            yield f"mutant {number}"
            yield f"start {names[0]}"
            if number in self.panics:
                yield "panic: oh"
                return
            if number == 0:
                yield "passed 3 5"
            if number not in self.fails | self.leaks:
                yield f"good {names[0]} 0.25"
                continue
            yield f"bad {'leak' if number in self.leaks else 'fail'} {names[0]} 0.5 no"
            yield "again good"
            if number in self.leaks:
                yield "damaged since it"
                return
        yield "done"


def tried(tmp_path: Path, plan: TrialPlan, **behaviour: object) -> tuple[Findings, FakeLauncher]:
    """What becomes of ``plan`` in guests that all behave the same."""
    kernel = scripted_kernel(tmp_path)
    guests: list[FakeGuest] = [TalkingGuest(number=number, kernel=kernel, **behaviour) for number in range(1, 9)]  # type: ignore[arg-type]
    launcher = FakeLauncher(guests)
    job = KernelJob(kernel.key, Variant("on", "", {}), trials=plan)
    test = MutantTest(job, kernel, cast(GuestLauncher, launcher), EventStream(), tmp_path / "run")
    test.run()
    return test.findings, launcher


def planned(*numbers: int) -> TrialPlan:
    return TrialPlan(
        orders=tuple(MutantOrder(number, ("x.a",), f"m{number}") for number in numbers), usual={"x.a": 0.1}
    )


def fates(found: Findings) -> dict[int, tuple[str, str]]:
    return {one.number: (one.fate.value, one.how.value if one.how else "") for one in found.trials.outcomes}


def test_the_control_tells_what_passes_and_whose_code_ran(tmp_path: Path) -> None:
    found, launcher = tried(tmp_path, TrialPlan(control=("x.a",)))
    assert found.trials.control == Control({"x.a": 0.25}, reached={"x.a": (3, 5)})
    assert len(launcher.booted) == 1, "no other guest is wanted"


def test_a_control_that_does_not_last_is_the_end(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="without a mutant this kernel must last"):
        tried(tmp_path, TrialPlan(control=("x.a",)), panics=frozenset({0}))


def test_one_guest_takes_all_mutants_that_leave_it_as_it_was(tmp_path: Path) -> None:
    found, launcher = tried(tmp_path, planned(1, 2, 3), fails=frozenset({2}))
    assert fates(found) == {1: ("survived", ""), 2: ("killed", "fail"), 3: ("survived", "")}
    used = [guest for guest in launcher.booted if len(cast(TalkingGuest, guest).plans) > 1]
    assert [guest.number for guest in used] == [1]


def test_a_guest_that_is_lost_or_not_clean_takes_no_other_mutant(tmp_path: Path) -> None:
    found, launcher = tried(tmp_path, planned(1, 2, 3), leaks=frozenset({1}), panics=frozenset({2}))
    assert fates(found) == {1: ("killed", "leak"), 2: ("killed", "panic"), 3: ("survived", "")}
    plans = [
        [line for line in cast(TalkingGuest, guest).plans[-1].splitlines() if line[0] != "l"]
        for guest in launcher.booted
    ]
    assert plans[:3] == [["1 x.a", "2 x.a", "3 x.a"], ["2 x.a", "3 x.a"], ["3 x.a"]]


def test_every_guest_is_ended_and_at_most_two_live(tmp_path: Path) -> None:
    _, launcher = tried(tmp_path, planned(1, 2, 3, 4), leaks=frozenset({1, 2, 3, 4}))
    assert all(guest.ended for guest in launcher.booted)
    assert len(launcher.booted) == 4, "the last mutant boots no guest ahead"


def test_findings_travel_as_json(tmp_path: Path) -> None:
    found, _ = tried(tmp_path, planned(1, 2), fails=frozenset({2}))
    assert read_answer(answer_text(found)) == found
    job = KernelJob("key", Variant("on", "", {}), trials=planned(1, 2))
    assert read_job(job_text(job)) == job


@dataclass
class SavingLauncher(FakeLauncher):
    """Has guests that go on from a saved one, if ``saves``; ``asked``: what is done with its source."""

    saves: bool = True
    asked: list[str] = field(default_factory=list)

    def saved(self, kernel: Kernel, limits: JobLimits, prepare: Callable[[FakeGuest, Path], None]) -> SavingLauncher:
        self.asked.append("saved")
        self._kernel, self._limits, self._fill = kernel, limits, prepare
        return self

    def __enter__(self) -> SavingLauncher:
        return self

    def __exit__(self, *_error: object) -> None:
        self.asked.append("removed")

    def boot(self, *arguments: object) -> tuple[FakeGuest, BootReport]:
        """Of the launcher with three arguments, of the source with one."""
        if len(arguments) == 3:
            self.asked.append("booted")
            return super().boot(*arguments)  # type: ignore[arg-type]
        if not self.saves:
            raise InfrastructureError("the guest could not be saved")
        self.asked.append("restored")
        return super().boot(self._kernel, cast(Path, arguments[0]), self._limits)


def tried_with_snapshots(tmp_path: Path, saves: bool) -> tuple[Findings, list[str]]:
    kernel = scripted_kernel(tmp_path)
    guests: list[FakeGuest] = [
        TalkingGuest(number=number, kernel=kernel, leaks=frozenset({1}), plans=[""]) for number in range(1, 4)
    ]
    launcher = SavingLauncher(guests, saves=saves)
    job = KernelJob(kernel.key, Variant("on", "", {}), trials=replace(planned(1, 2), snapshots=True))
    test = MutantTest(job, kernel, cast(GuestLauncher, launcher), EventStream(), tmp_path / "run")
    test.run()
    assert all(guest.ended for guest in launcher.booted)
    return test.findings, launcher.asked


def test_guests_go_on_from_a_saved_one_and_it_is_removed(tmp_path: Path) -> None:
    found, asked = tried_with_snapshots(tmp_path, saves=True)
    assert fates(found) == {1: ("killed", "leak"), 2: ("survived", "")}
    assert asked == ["saved", "restored", "restored", "removed"]
    assert found.trials.snapshots


def test_where_none_can_be_saved_each_is_booted(tmp_path: Path) -> None:
    found, asked = tried_with_snapshots(tmp_path, saves=False)
    assert fates(found) == {1: ("killed", "leak"), 2: ("survived", "")}
    assert asked == ["saved", "booted", "booted", "removed"]
    assert not found.trials.snapshots
