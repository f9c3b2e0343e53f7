# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of a mutant, by what guests say of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from harness.trials.fates import Control, Fate, How, MutantOrder, TrialOutcome
from harness.trials.guest_words import Word, read_word
from harness.trials.mutant_ledger import ControlLedger, MutantLedger

A, B = "udmabuf.a", "udmabuf.b"


ORDERS = (MutantOrder(1, (A, B)), MutantOrder(2, (A, B)), MutantOrder(3, ()))
USUAL = {A: 0.1, B: 0.2}


class Told:
    """A ledger, and what it told, in order."""

    def __init__(
        self, orders: tuple[MutantOrder, ...] = ORDERS, usual: Mapping[str, float] = MappingProxyType(USUAL)
    ) -> None:
        self.outcomes: list[TrialOutcome] = []
        self.ledger = MutantLedger(orders, usual, self.outcomes.append)

    def hears(self, *lines: str) -> None:
        for line in lines:
            self.ledger.take(read_word(line))

    def of(self, number: int) -> tuple[Fate, str, How | None]:
        outcome = self.ledger.outcomes[number]
        return outcome.fate, outcome.test, outcome.how


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_no_test_runs_is_not_reached(told: Told) -> None:
    assert told.of(3) == (Fate.NOT_REACHED, "", None)
    assert told.ledger.plan() == ((1, (A, B)), (2, (A, B)))


def test_a_check_that_is_good_only_without_the_mutant_kills_it(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"bad fail {A} 0.1 expected EINVAL", f"start {A}", "again good", "mutant 2")
    assert told.of(1) == (Fate.KILLED, A, How.FAIL)
    assert told.ledger.outcomes[1].detail == "expected EINVAL"
    assert told.ledger.outcomes[1].tried == 1
    assert 2 not in told.ledger.outcomes


def test_what_all_its_tests_leave_alone_survived(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "mutant 2")
    assert told.of(1) == (Fate.SURVIVED, "", None)
    assert told.ledger.outcomes[1].tried == 2
    told.hears(f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "done")
    assert told.of(2) == (Fate.SURVIVED, "", None)
    assert told.ledger.is_done and told.ledger.guest_is_over


def test_nothing_survives_a_plan_that_was_cut_off(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1")
    told.ledger.guest_ended({})
    assert 1 not in told.ledger.outcomes
    assert told.ledger.plan()[0] == (1, (B,)), "what was good need not run again"


@pytest.mark.parametrize("how", [How.SPLAT, How.HANG])
def test_a_report_or_a_hang_needs_no_second_look(told: Told, how: How) -> None:
    told.hears("mutant 1", f"start {A}", f"bad {how.value} {A} 1.5 words of it", "damaged")
    assert told.of(1) == (Fate.KILLED, A, how)
    assert told.ledger.guest_is_over


def test_a_guest_that_was_damaged_before_kills_nobody(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1")
    told.hears("mutant 2", f"start {A}", f"good {A} 0.1", f"start {B}", f"bad leak {B} 0.1 leaked 1 dma-buf")
    told.hears(f"start {B}", "again leak", "damaged")
    assert 2 not in told.ledger.outcomes
    told.ledger.guest_ended({})
    assert told.ledger.plan() == ((2, (B,)),), "first of all in a fresh guest"
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
    assert told.ledger.plan() == ((2, (A, B)),)


def test_a_runner_that_is_killed_once_may_have_been_unlucky(told: Told) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 137", chance=True)
    assert 1 not in told.ledger.outcomes
    told.ledger.guest_ended({})
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 137", chance=True)
    assert told.of(1) == (Fate.KILLED, A, How.DEATH)


def test_a_runner_that_dies_of_a_bus_error_is_the_kernels_doing(told: Told) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 135")
    assert told.of(1) == (Fate.KILLED, A, How.DEATH)


def test_what_noticed_a_mutant_comes_first_for_others_in_its_function() -> None:
    orders = tuple(MutantOrder(number, (A, B), place=place) for number, place in enumerate("ffg", 1))
    told = Told(orders)
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"bad fail {B} 0.1 no")
    assert told.ledger.plan() == ((1, (B,)), (2, (A, B)), (3, (A, B)))
    told.hears(f"start {B}", "again good")
    assert told.ledger.plan() == ((2, (B, A)), (3, (A, B)))


def test_a_guest_in_which_something_is_left_behind_is_of_no_more_use(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"bad leak {A} 0.1 leaked 1 dma-buf", f"start {A}", "again good")
    assert told.of(1) == (Fate.KILLED, A, How.LEAK) and not told.ledger.guest_is_over
    told.hears("damaged since it: leaked 1 dma-buf")
    assert told.ledger.guest_is_over and told.ledger.waiting == 1


def test_a_slow_check_must_run_out_of_time_twice() -> None:
    told = Told((MutantOrder(1, (B, A)), MutantOrder(2, (A,))), {A: 5.0, B: 0.2})
    told.hears("mutant 1", f"start {B}", f"good {B} 0.1", f"start {A}", f"bad hang {A} 20.0 timed out", "damaged")
    assert 1 not in told.ledger.outcomes
    told.ledger.guest_ended({})
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.HANG, "no word for 40 s")
    assert told.of(1) == (Fate.KILLED, A, How.HANG)


def test_the_machine_kills_nobody_and_a_mutant_has_two_guests(told: Told) -> None:
    for _ in range(2):
        assert 1 not in told.ledger.outcomes
        told.hears("mutant 1", f"start {A}")
        told.ledger.lost(How.PANIC, "QEMU was killed", machine=True)
        told.ledger.guest_ended({})
    assert told.of(1) == (Fate.UNDECIDED, "", None)
    assert told.ledger.outcomes[1].detail == "QEMU was killed"


def test_a_guest_lost_while_the_check_runs_without_the_mutant_is_no_word_on_a_later_one(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1")
    told.hears("mutant 2", f"start {A}", f"bad fail {A} 0.1 no", f"start {A}")
    told.ledger.lost(How.HANG, "no word")
    assert 2 not in told.ledger.outcomes


def test_a_report_that_comes_after_the_check_takes_survival_back(told: Told) -> None:
    told.hears("mutant 1", f"start {A}", f"good {A} 0.1", f"start {B}", f"good {B} 0.1", "mutant 2")
    told.ledger.guest_ended({1: (B, "WARNING: at dma_resv_fini"), 3: (A, "not of a survivor here")})
    assert told.of(1) == (Fate.KILLED, B, How.SPLAT)
    assert told.of(3)[0] is Fate.NOT_REACHED
    assert [one.number for one in told.outcomes] == [3, 1, 1]


def test_what_the_kernel_reported_before_the_runner_died_says_more_than_its_death(told: Told) -> None:
    told.hears("mutant 1", f"start {A}")
    told.ledger.lost(How.DEATH, "status 139")
    told.ledger.guest_ended({1: (A, "WARNING: bad unlock balance detected!")})
    assert told.of(1) == (Fate.KILLED, A, How.SPLAT)
    assert told.ledger.outcomes[1].detail == "WARNING: bad unlock balance detected!"


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
        reached={"wide": (1, 2), "slow": (1,), "quick": (1,), "red": (1,), "other": (2,)},
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
    assert ledger.control() == Control({A: 0.5}, (f"{B}: no",), ("x.c",), {A: (1, 3), B: (3,), "x.c": ()})


def words_of(*lines: str) -> list[Word]:
    return [read_word(line) for line in lines]


def test_words_that_checks_say_may_be_anything() -> None:
    (ended,) = words_of(f"bad fail {A} 0.5 expected 'a  b': got -1 (x.py:3)")
    assert ended == read_word(f"bad fail {A} 0.5 expected 'a  b': got -1 (x.py:3)")
    assert getattr(ended, "words", "") == "expected 'a  b': got -1 (x.py:3)"
