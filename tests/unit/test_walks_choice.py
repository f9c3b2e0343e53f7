# SPDX-License-Identifier: GPL-2.0-only
"""Which walks are taken: by seed and number, and single ones by name, from the command line to the guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.guest import runner
from harness.guest.checks import all_checks
from harness.guest.registry import registered
from harness.guest.walks.choice import SEED, WALKS, patience, seed, single_walk, walk_name, walks
from harness.guest.walks.drawing import TERRAINS
from harness.interfaces import SuiteContext
from harness.model import PlannedTest
from harness.pipeline.plan import chosen, narrow, refuse_unknown_checks
from harness.suites.checks import ChecksSuite, check_names
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

SINGLE = "walks.seed-17.walk-42"
PLANNED = (PlannedTest("walks", "walks.fences"), PlannedTest("checks", "udmabuf.two"))


def test_a_single_walk_has_one_name() -> None:
    assert walk_name(17, 42) == SINGLE
    assert single_walk(SINGLE) == (17, 42)
    for other in (
        "walks.fences",
        "walks",
        "x.seed-17.walk-42",
        "walks.seed-017.walk-42",
        "walks.seed-1.walk-",
        "walks.*",
        f"walks.seed-{'1' * 5000}.walk-1",
    ):
        assert single_walk(other) is None


def test_environment_says_which_and_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (seed(), walks()) == (SEED, WALKS)
    monkeypatch.setenv("HARNESS_SEED", "17")
    monkeypatch.setenv("HARNESS_WALKS", "3")
    assert (seed(), walks()) == (17, 3)


def test_more_walks_may_take_longer() -> None:
    assert [patience("walks.fences", number) for number in (3, WALKS, 10 * WALKS)] == [1, 1, 10]
    assert patience("udmabuf.two", 10 * WALKS) == 1


def test_a_single_walk_is_planned_where_the_suite_is() -> None:
    only = frozenset({SINGLE})
    assert narrow(PLANNED, only) == (PlannedTest("walks", SINGLE),)
    assert chosen(narrow(PLANNED, only), only) == (PlannedTest("walks", SINGLE),)
    assert narrow(PLANNED, frozenset({SINGLE, "udmabuf"})) == (PLANNED[1], PlannedTest("walks", SINGLE))
    with pytest.raises(UserError, match="no test of the suites asked for is called that"):
        narrow(PLANNED[1:], only)


def test_a_single_walk_is_known_before_anything_is_built() -> None:
    refuse_unknown_checks(frozenset({SINGLE, "walks.fences", "walks"}), ("walks", "checks"))
    for wrong, suites in ((SINGLE, ("checks",)), ("walks.seed-17", ("walks",)), ("walks.fence", ("walks",))):
        with pytest.raises(UserError):
            refuse_unknown_checks(frozenset({wrong}), suites)


def test_the_suite_asks_the_guest_for_it_with_its_seed_and_number(tmp_path: Path) -> None:
    guest = ScriptedGuest(scripted_kernel(tmp_path), {"harness.guest.runner": Answer(f"1..1\nok 1 {SINGLE}\n")})
    context = SuiteContext(tmp_path, "logs", frozenset({SINGLE}), seed=5, walks=7)
    (result,) = ChecksSuite("walks").run(guest, context)
    assert result.name == SINGLE
    (command,) = [command for command in guest.commands if "harness.guest.runner" in command]
    assert "HARNESS_SEED=5 HARNESS_WALKS=7 " in command
    assert command.endswith(SINGLE)


def test_the_runner_makes_it_a_check_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.guest.registry._UNLISTED", {})
    assert SINGLE not in all_checks()
    assert runner.select(["walks.fences", SINGLE]) == ["walks.fences", SINGLE]
    assert registered()[SINGLE] is not None
    with pytest.raises(LookupError):
        runner.select(["walks.seed-x.walk-42"])


def test_the_suite_has_a_test_for_each_terrain() -> None:
    names = check_names("walks")
    assert names[: len(TERRAINS)] == [f"walks.{terrain}" for terrain in TERRAINS]
    assert all(name.endswith("-walked") for name in names[len(TERRAINS) :])  # what they have to do with
