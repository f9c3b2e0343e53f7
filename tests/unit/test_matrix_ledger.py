# SPDX-License-Identifier: GPL-2.0-only
"""Which cell goes where, and what its ends amount to: without a process or a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.matrix.cell_ledger import CellLedger, CellResult, WorkerSeen
from harness.matrix.cell_order import CellOrder
from harness.matrix.matrix_file import CellNeeds, CellPlace
from harness.matrix.worker_facts import WorkerFacts, room_for_cells
from harness.report.matrix_report import CellFate, MatrixCell

PASS, RED, UNUSABLE, TROUBLE = (CellResult(code, f"code {code}", 1.0) for code in range(4))


def worker(machine: str, address: str = "", *, free: int = 1, **facts: object) -> WorkerSeen:
    whole = WorkerFacts(machine, cores=2, memory=8000, kvm=False, room=1)
    return WorkerSeen(address or machine, replace(whole, **facts), free)  # type: ignore[arg-type]


A, B, C = worker("a"), worker("b"), worker("c")


def orders(*names: str) -> list[CellOrder]:
    """ "x:1" is the cell x:1 of the base 1."""
    return [CellOrder(CellPlace(name, "series", name.partition(":")[2]), ()) for name in names]


def ledger(
    *names: str, there: Sequence[WorkerSeen] = (A, B), alone: bool = False, needs: CellNeeds | None = None
) -> CellLedger:
    made = CellLedger(orders(*names), needs or CellNeeds(), alone=alone)
    made.sees(there)
    return made


def given(found: CellLedger, to: WorkerSeen) -> str | None:
    order = found.next_for(to)
    return order.name if order is not None else None


# --- where ----------------------------------------------------------------------------------------


def test_a_worker_goes_on_with_the_base_that_it_has() -> None:
    warm = worker("b", warm=("2",))
    found = ledger("x:1", "y:1", "x:2", "y:2", there=(A, warm))
    assert [given(found, one) for one in (warm, A)] == ["x:2", "x:1"]
    found.ended("x:1", PASS)
    found.ended("x:2", PASS)
    assert [given(found, one) for one in (warm, A)] == ["y:2", "y:1"]


def test_one_that_has_nothing_warm_takes_the_base_that_nobody_has() -> None:
    found = ledger("x:1", "y:1", "x:2", there=(A, B))
    assert [given(found, one) for one in (A, B, C)] == ["x:1", "x:2", "y:1"], "and helps out when none is left"


def test_two_cells_of_a_base_are_not_done_on_one_machine_at_a_time_if_there_is_another() -> None:
    found = ledger("x:1", "y:1", "x:2", there=(A,))
    assert [given(found, A), given(found, A), given(found, A)] == ["x:1", "x:2", "y:1"]


@pytest.mark.parametrize(
    ("needs", "fits"),
    [
        (CellNeeds(kvm=True), False),
        (CellNeeds(memory=8001), False),
        (CellNeeds(cores=3), False),
        (CellNeeds(cores=2), True),
    ],
)
def test_cells_go_to_who_fits(needs: CellNeeds, fits: bool) -> None:
    assert (given(ledger("x:1", needs=needs), A) is not None) is fits
    assert given(ledger("x:1", needs=needs), worker("d", kvm=True, memory=9000, cores=4)) == "x:1"


def test_room_is_counted_by_cores_and_memory() -> None:
    assert [room_for_cells(cores, 64_000) for cores in (1, 2, 3, 4, 8)] == [1, 1, 1, 2, 4]
    assert [room_for_cells(64, memory) for memory in (100, 6_000, 12_000)] == [1, 2, 4]


# --- lost -----------------------------------------------------------------------------------------


def test_a_lost_cell_is_done_elsewhere_twice_and_is_not_decidable_then() -> None:
    found = ledger("x:1", there=(A, B, C))
    for one in (A, B):
        assert given(found, one) == "x:1"
        assert found.lost("x:1", "its worker died").fate is CellFate.WAITING
        assert given(found, one) is None, "elsewhere"
    given(found, C)
    cell = found.lost("x:1", "its worker died")
    assert (cell.fate, cell.losses) == (CellFate.UNDECIDED, tuple(f"{name}: its worker died" for name in "abc"))
    assert found.is_done


def test_where_there_is_no_other_machine_another_worker_of_it_will_do() -> None:
    found = ledger("x:1", there=(A, worker("a", "second")))
    given(found, A)
    found.lost("x:1", "its worker died")
    assert given(found, worker("a", "second")) == "x:1"
    assert found.ended("x:1", PASS).fate is CellFate.PASS


def test_alone_nothing_is_done_again() -> None:
    found = ledger("x:1", "y:1", there=(A,), alone=True)
    given(found, A)
    assert found.ended("x:1", TROUBLE).fate is CellFate.UNDECIDED
    given(found, A)
    assert found.ended("y:1", RED).fate is CellFate.FAIL


def test_a_machine_that_fails_whatever_it_gets_is_left_out() -> None:
    found = ledger("x:1", "y:1", "z:1", "w:1")
    for name in ("x:1", "y:1", "z:1"):
        assert given(found, A) == name
        found.ended(name, TROUBLE)
    assert "3 cells in a row" in found.left_out["a"]
    assert given(found, A) is None
    while (left := given(found, B)) is not None:
        assert found.ended(left, PASS).fate is CellFate.PASS
    assert found.is_done


def test_the_only_machine_is_never_left_out() -> None:
    found = ledger("x:1", "y:1", "z:1", "w:1", there=(A,))
    while (name := given(found, A)) is not None:
        found.ended(name, TROUBLE)
    assert found.left_out == {} and found.is_done


# --- red ------------------------------------------------------------------------------------------


def test_what_is_red_on_two_machines_is_red() -> None:
    found = ledger("x:1")
    given(found, A)
    waiting = found.ended("x:1", RED)
    assert (waiting.fate, waiting.red_on) == (CellFate.WAITING, "a")
    assert given(found, A) is None
    given(found, B)
    cell = found.ended("x:1", RED)
    assert (cell.fate, cell.machine, cell.notes, cell.red_on) == (CellFate.FAIL, "a", ("red on a and on b",), "")
    assert found.left_out == {}


def test_what_is_red_on_one_machine_alone_is_not_and_the_machine_is_left_out() -> None:
    found = ledger("x:1", "y:2", "z:1")
    given(found, A)
    found.ended("x:1", RED)
    assert [given(found, B), given(found, A)] == ["x:1", "z:1"]
    cell = found.ended("x:1", PASS)
    assert (cell.fate, cell.machine) == (CellFate.PASS, "b")
    assert found.left_out == {"a": "x:1 is red there, and not on b"}
    assert found.ended("z:1", RED).fate is CellFate.WAITING, "its word counts no more"
    assert given(found, A) is None
    for name in ("z:1", "y:2"):
        assert given(found, B) == name
        assert found.ended(name, RED).fate is CellFate.FAIL, "nobody else is there that works"
    assert found.is_done


def test_what_nobody_could_confirm_is_no_verdict() -> None:
    found = ledger("x:1")
    given(found, A)
    found.ended("x:1", RED)
    found.sees([A])
    (cell,) = found.give_up("nobody came")
    assert (cell.fate, cell.headline) == (CellFate.UNDECIDED, "nobody came")
    assert cell.notes == ("red on a, where nobody else could do it again: code 1",)


def test_a_confirmation_that_is_lost_is_no_verdict() -> None:
    found = ledger("x:1")
    given(found, A)
    found.ended("x:1", RED)
    for number in range(3):
        assert given(found, B) == "x:1"
        cell = found.lost("x:1", f"died {number}")
        assert given(found, A) is None
    assert cell.fate is CellFate.UNDECIDED


def test_red_where_there_never_was_another_machine_is_red() -> None:
    found = ledger("x:1", there=(A,))
    given(found, A)
    assert found.ended("x:1", RED).fate is CellFate.FAIL


def test_a_base_that_one_machine_lacks_is_looked_for_on_another() -> None:
    found = ledger("x:1", "y:1")
    given(found, A)
    assert found.ended("x:1", UNUSABLE).fate is CellFate.WAITING
    assert given(found, B) == "x:1"
    assert found.ended("x:1", PASS).fate is CellFate.PASS
    given(found, A)
    found.ended("y:1", UNUSABLE)
    given(found, B)
    assert found.ended("y:1", UNUSABLE).fate is CellFate.UNUSABLE
    assert found.left_out == {}


# --- going on -------------------------------------------------------------------------------------


def test_a_verdict_is_kept_and_a_red_that_waits_still_waits() -> None:
    known = [
        MatrixCell("x:1", "series", "1", "all", "all", CellFate.PASS, "good"),
        MatrixCell("y:1", "series", "1", "all", "all", CellFate.WAITING, "bad", "a", red_on="a"),
        MatrixCell("z:1", "series", "1", "all", "all", CellFate.UNDECIDED, "lost"),
    ]
    found = CellLedger(orders("x:1", "y:1", "z:1"), CellNeeds(), known)
    found.sees([A, B])
    assert found.cells["x:1"].headline == "good"
    assert [given(found, A), given(found, B)] == ["z:1", "y:1"]
    assert found.ended("y:1", PASS).fate is CellFate.PASS
    assert "a" in found.left_out
