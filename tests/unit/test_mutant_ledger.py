# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of a mutant, by what guests say of it."""

from __future__ import annotations

import pytest

from harness.mutants.fates import Control, Fate, How, Verdict
from harness.mutants.guest_words import Word, read_word
from harness.mutants.ledger import ControlLedger, MutantLedger
from harness.mutants.mutation import Edit, EditKind, Mutation

A, B = "udmabuf.a", "udmabuf.b"


def mutation(line: int) -> Mutation:
    return Mutation("x.c", "f", line, line, "call-dropped", (Edit(line, line + 1, b";", EditKind.STATEMENT),))


MUTANTS = {1: mutation(10), 2: mutation(20), 3: mutation(30)}
CONTROL = Control(seconds={A: 0.1, B: 0.2}, reached={1: (A, B), 2: (A, B), 3: ()})


class Told:
    """A ledger, and what it told, in order."""

    def __init__(self, control: Control = CONTROL) -> None:
        self.verdicts: list[Verdict] = []
        self.ledger = MutantLedger(MUTANTS, control, self.verdicts.append)

    def hears(self, *lines: str) -> None:
        for line in lines:
            self.ledger.take(read_word(line))

    def of(self, number: int) -> tuple[Fate, str, How | None]:
        verdict = self.ledger.verdicts[number]
        return verdict.fate, verdict.test, verdict.how


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_no_test_runs_is_not_reached(told: Told) -> None:
    assert told.of(3) == (Fate.NOT_REACHED, "", None)
    assert told.ledger.plan() == f"1 {A} {B}\n2 {A} {B}\n"


def test_a_check_that_is_good_only_without_the_mutant_kills_it(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"bad fail {A} 0.1 expected EINVAL", f"start {A}", "again good", "mutant 2")
    assert told.of(1) == (Fate.KILLED, A, How.FAIL)
    assert told.ledger.verdicts[1].detail == "expected EINVAL"
    assert told.ledger.verdicts[1].tried == 1
    assert 2 not in told.ledger.verdicts


def test_what_all_its_tests_leave_alone_survived(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "mutant 2")
    assert told.of(1) == (Fate.SURVIVED, "", None)
    assert told.ledger.verdicts[1].tried == 2
    told.hears(f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "done")
    assert told.of(2) == (Fate.SURVIVED, "", None)
    assert told.ledger.is_done and told.ledger.guest_is_over


def test_nothing_survives_a_plan_that_was_cut_off(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1")
    told.ledger.guest_ended({})
    assert 1 not in told.ledger.verdicts
    assert told.ledger.plan().startswith(f"1 {B}\n"), "what was good need not run again"


@pytest.mark.parametrize("how", [How.SPLAT, How.HANG])
def test_a_report_or_a_hang_needs_no_second_look(told: Told, how: How) -> None:
    told.hears("mutant 1", f"start {A}", f"bad {how.value} {A} 1.5 words of it", "damaged")
    assert told.of(1) == (Fate.KILLED, A, how)
    assert told.ledger.guest_is_over


def test_a_guest_that_was_damaged_before_kills_nobody(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1")
    told.hears("mutant 2", f"start {A}", f"good {A} 0.1", f"start {B}", f"bad leak {B} 0.1 leaked 1 dma-buf")
    told.hears(f"start {B}", "again leak", "damaged")
    assert 2 not in told.ledger.verdicts
    told.ledger.guest_ended({})
    assert told.ledger.plan() == f"2 {B}\n", "first of all in a fresh guest"
    told.hears("mutant 2", f"start {B}", f"good {B} 0.1", "done")
    assert told.of(2) == (Fate.SURVIVED, "", None)


def test_the_first_in_a_guest_damaged_it_itself(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"bad leak {A} 0.1 leaked 1 dma-buf", f"start {A}", "again leak", "damaged")
    assert told.of(1) == (Fate.KILLED, A, How.LEAK)


@pytest.mark.parametrize("how", [How.PANIC, How.HANG])
def test_a_guest_that_is_lost_under_a_mutant_kills_it(told: Told, how: How) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(how, "Kernel panic - not syncing")
    assert told.of(1) == (Fate.KILLED, A, how)
    told.ledger.guest_ended({})
    assert told.ledger.plan() == f"2 {A} {B}\n"


def test_a_runner_that_is_killed_once_may_have_been_unlucky(told: Told) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 137", chance=True)
    assert 1 not in told.ledger.verdicts
    told.ledger.guest_ended({})
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 137", chance=True)
    assert told.of(1) == (Fate.KILLED, A, How.DEATH)


def test_a_runner_that_dies_of_a_bus_error_is_the_kernels_doing(told: Told) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 135")
    assert told.of(1) == (Fate.KILLED, A, How.DEATH)


def test_the_slowest_is_that_of_what_is_left(told: Told) -> None:
    assert told.ledger.slowest() == 0.2
    told.hears("mutant 1", f"start {B}", f"good {B} 0.1", f"start {A}", f"good {A} 0.1", "mutant 2", f"start {B}")
    told.hears(f"good {B} 0.1")
    assert told.ledger.slowest() == 0.1
    told.hears(f"start {A}", f"good {A} 0.1", "done")
    assert told.ledger.slowest() == 0.0


def test_a_slow_check_must_run_out_of_time_twice() -> None:
    told = Told(Control(seconds={A: 5.0, B: 0.2}, reached={1: (A, B), 2: (A,)}))
    told.hears("mutant 1", f"start {B}", f"good {B} 0.1", f"start {A}", f"bad hang {A} 20.0 timed out", "damaged")
    assert 1 not in told.ledger.verdicts
    told.ledger.guest_ended({})
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.HANG, "no word for 40 s")
    assert told.of(1) == (Fate.KILLED, A, How.HANG)


def test_the_machine_kills_nobody_and_a_mutant_has_two_guests(told: Told) -> None:
    for _ in range(2):
        assert 1 not in told.ledger.verdicts
        told.hears("mutant 1", f"start {A}")
        told.ledger.lost(How.PANIC, "QEMU was killed", machine=True)
        told.ledger.guest_ended({})
    assert told.of(1) == (Fate.UNDECIDED, "", None)
    assert told.ledger.verdicts[1].detail == "QEMU was killed"


def test_a_guest_lost_while_the_check_runs_without_the_mutant_is_no_word_on_a_later_one(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1")
    told.hears("mutant 2", f"start {A}", f"bad fail {A} 0.1 no", f"start {A}")
    told.ledger.lost(How.HANG, "no word")
    assert 2 not in told.ledger.verdicts


def test_a_report_that_comes_after_the_check_takes_survival_back(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "mutant 2")
    told.ledger.guest_ended({1: (B, "WARNING: at dma_resv_fini"), 3: (A, "not of a survivor here")})
    assert told.of(1) == (Fate.KILLED, B, How.SPLAT)
    assert told.of(3)[0] is Fate.NOT_REACHED
    assert [one.number for one in told.verdicts] == [3, 1, 1]


def test_what_the_kernel_reported_before_the_runner_died_says_more_than_its_death(told: Told) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 139")
    told.ledger.guest_ended({1: (A, "WARNING: bad unlock balance detected!")})
    assert told.of(1) == (Fate.KILLED, A, How.SPLAT)
    assert told.ledger.verdicts[1].detail == "WARNING: bad unlock balance detected!"


def test_a_report_in_a_later_guest_is_not_that_of_an_earlier_survivor(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "mutant 2")
    told.ledger.guest_ended({})
    told.ledger.guest_ended({1: (B, "WARNING: somewhere")})
    assert told.of(1)[0] is Fate.SURVIVED


def test_another_mutant_than_the_next_is_refused(told: Told) -> None:
    with pytest.raises(ValueError, match="turn of 1"):
        told.hears("mutant 2")


@pytest.mark.parametrize(
    "line", ["", "hello", "mutant x", "good a", "bad fail a x", "bad sad a 0.1", "passed 1 x", "ok 1 udmabuf.a"]
)
def test_other_words_are_refused(line: str) -> None:
    with pytest.raises(ValueError):
        read_word(line)


def test_tests_that_run_little_else_and_are_quick_come_first() -> None:
    control = Control(
        seconds={"wide": 0.1, "slow": 2.0, "quick": 0.2, "other": 1.0},
        red=("red: failed",),
        reached={1: ("wide", "slow", "quick", "red"), 2: ("wide", "other")},
    )
    assert control.tests_for(1) == ("quick", "slow", "wide"), "and none that is red without a mutant"
    assert control.tests_for(9) == ()
    assert not control.is_clean
    assert not Control().is_clean, "nothing ran"


def test_the_control_notes_who_runs_whose_code() -> None:
    ledger = ControlLedger()
    for line in ["mutant 0", f"start {A}", "passed 1 3", f"good {A} 0.5", f"start {B}", "passed 3"]:
        ledger.take(read_word(line))
    assert not ledger.is_done
    for line in [f"bad fail {B} 0.1 no", "start x.c", "passed", "bad skip x.c 0.0 not here", "done"]:
        ledger.take(read_word(line))
    assert ledger.is_done
    assert ledger.control() == Control({A: 0.5}, (f"{B}: no",), ("x.c",), {1: (A,), 3: (A, B)})


def words_of(*lines: str) -> list[Word]:
    return [read_word(line) for line in lines]


def test_words_that_checks_say_may_be_anything() -> None:
    (ended,) = words_of(f"bad fail {A} 0.5 expected 'a  b': got -1 (x.py:3)")
    assert ended == read_word(f"bad fail {A} 0.5 expected 'a  b': got -1 (x.py:3)")
    assert getattr(ended, "words", "") == "expected 'a  b': got -1 (x.py:3)"
