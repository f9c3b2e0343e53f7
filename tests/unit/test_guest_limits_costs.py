# SPDX-License-Identifier: GPL-2.0-only
"""What failed calls cost: only an allocation whose failure is one of the call each time is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from errno import EINVAL, ENOMEM

import pytest

from harness.guest import registry
from harness.guest.checks import limits_costs
from harness.guest.failing import Failing

Fails = Callable[[int], int | None]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often each call was repeated while slabs were counted to its end."""
    found: list[int] = []

    def count(action: Callable[[], object], rounds: int) -> None:
        for _ in range(rounds):
            action()
        found.append(rounds)

    monkeypatch.setattr(limits_costs, "expect_slabs_given_back", count)
    yield found
    registry.take_measurements()


def _cost(monkeypatch: pytest.MonkeyPatch, fails: Fails) -> None:
    """``fails``: the errno of the call whose allocation of this number fails; None if it succeeds."""

    def once(_self: Failing, number: int, _call: object) -> tuple[object, OSError | None, bool]:
        code = fails(number)
        return None, None if code is None else OSError(code, "call"), True

    monkeypatch.setattr(Failing, "__enter__", lambda self: nullcontext(self).__enter__())
    monkeypatch.setattr(Failing, "__exit__", lambda *_error: None)
    monkeypatch.setattr(Failing, "once", once)
    limits_costs._costs_nothing(lambda: None)


def test_what_fails_each_time_is_counted(monkeypatch: pytest.MonkeyPatch, counted: list[int]) -> None:
    _cost(monkeypatch, lambda number: ENOMEM if number <= 3 else None)
    assert counted == [16, 16, 16]
    assert registry.take_measurements() == ["3 of the first 8 allocations failed 16 times each"]


def test_what_succeeds_when_it_is_repeated_is_not(monkeypatch: pytest.MonkeyPatch, counted: list[int]) -> None:
    """The second allocation is made once, and never again."""
    seen: list[int] = []

    def fails(number: int) -> int | None:
        seen.append(number)
        return ENOMEM if number == 1 or seen.count(number) == 1 else None

    _cost(monkeypatch, fails)
    assert counted == [16]
    assert seen.count(2) == 2


def test_a_call_that_never_fails_proves_nothing(monkeypatch: pytest.MonkeyPatch, counted: list[int]) -> None:
    with pytest.raises(registry.CheckFailed, match="none of the first 8 allocations made the call fail each time"):
        _cost(monkeypatch, lambda _number: None)
    assert counted == []


@pytest.mark.usefixtures("counted")
def test_another_error_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(registry.CheckFailed, match="when allocation 1 fails"):
        _cost(monkeypatch, lambda _number: EINVAL)
