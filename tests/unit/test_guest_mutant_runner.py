# SPDX-License-Identifier: GPL-2.0-only
"""The guest's side of mutants, against a directory that stands for debugfs: what is chosen when, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest import checks as guest_checks
from harness.guest import mutant_runner, oracle, registry, runner
from harness.trials.guest_words import read_word


class Switch:
    """Files as in debugfs. The mutant that is chosen is read by the checks themselves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "active").write_bytes(b"0\n")
        (directory / "passed").write_bytes(bytes([0, 0, 1, 0, 1]))

    @property
    def chosen(self) -> int:
        return int((self.directory / "active").read_text().split()[0])


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, switch: Switch) -> Callable[[str], list[str]]:
    """Runs a plan with two checks of ours and returns what is said, without seconds."""

    def good() -> None:
        pass

    def notices_two() -> None:
        registry.expect(switch.chosen != 2, "the kernel  does\nit wrong")

    def broken_after_three() -> None:
        if switch.chosen == 3:
            broken.append(3)
        registry.expect(not broken, "broken")

    def skips_with_four() -> None:
        if switch.chosen == 4:
            registry.skip("it is gone")

    broken: list[int] = []
    checks = {"x.good": good, "x.two": notices_two, "x.three": broken_after_three, "x.four": skips_with_four}
    monkeypatch.setattr(registry, "registered", lambda: checks)
    monkeypatch.setattr(guest_checks, "load", lambda: None)
    monkeypatch.setattr(mutant_runner, "TAINTED", str(switch.directory / "tainted"))
    (switch.directory / "tainted").write_text("0\n")

    def run(plan: str) -> list[str]:
        lines: list[str] = []
        mutant_runner.run_plan(plan, 1.0, lines.append, str(switch.directory))
        for line in lines:
            read_word(line)  # whatever it says, the host can read it
        return [" ".join(word for word in line.split() if not word.startswith("0.")) for line in lines]

    return run


def test_the_control_tells_whose_code_ran(said: Callable[[str], list[str]], switch: Switch) -> None:
    def refilled(self: mutant_runner._Switch) -> None:
        (switch.directory / "passed").write_bytes(bytes([0, 1, 0, 1]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutant_runner._Switch, "forget_passed", refilled)
        assert said("0 x.good x.two\n") == [
            "mutant 0",
            *("start x.good", "passed 1 3", "good x.good"),
            *("start x.two", "passed 1 3", "good x.two"),
            "done",
        ]


def test_the_first_check_that_notices_ends_it_and_runs_again_without(said: Callable[[str], list[str]]) -> None:
    lines = said("2 x.good x.two x.four\n1 x.two\n")
    assert [line.split(" failed:")[0] for line in lines] == [
        "mutant 2",
        *("start x.good", "good x.good", "start x.two", "bad fail x.two", "start x.two", "again good"),
        *("mutant 1", "start x.two", "good x.two", "done"),
    ]
    assert "the kernel does it wrong" in next(line for line in lines if line.startswith("bad"))


def test_a_kernel_that_stays_wrong_is_of_no_use(said: Callable[[str], list[str]]) -> None:
    lines = said("3 x.three\n1 x.good\n")
    assert [line.split()[0] for line in lines] == ["mutant", "start", "bad", "start", "again", "damaged"]
    assert "done" not in lines


def test_a_check_that_skips_itself_noticed(said: Callable[[str], list[str]]) -> None:
    assert "bad skip x.four it is gone" in said("4 x.four\n")


def test_a_new_taint_damages(said: Callable[[str], list[str]], switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry, "take_measurements", lambda: (switch.directory / "tainted").write_text("4608\n") and []
    )
    lines = said("1 x.good x.two\n")
    assert lines[2].startswith("bad splat x.good") and "taint flags 0 -> 512" in lines[2]
    assert lines[-1].startswith("damaged")


@pytest.mark.parametrize(("taint", "last"), [("512", "done"), ("528", "done"), ("640", "damaged by x.good")])
def test_a_warning_that_a_check_provokes_damages_nothing(
    said: Callable[[str], list[str]], switch: Switch, monkeypatch: pytest.MonkeyPatch, taint: str, last: str
) -> None:
    monkeypatch.setattr(registry, "provoked", lambda name: ("dma_buf_export",) if name == "x.good" else ())
    monkeypatch.setattr(runner, "_splats", lambda *_: (switch.directory / "tainted").write_text(f"{taint}\n"))
    assert said("1 x.good x.two\n")[-1] == last


def test_a_kernel_in_which_something_is_left_behind_is_of_no_use(
    said: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[str] = []

    class Inventory(oracle.Inventory):
        def leaked_objects(self, patience: float = 0.0) -> list[str]:
            return left if patience == 0.0 else []

    monkeypatch.setattr(oracle, "Inventory", Inventory)
    assert said("2 x.two\n1 x.good\n")[-1] == "done"
    left.append("leaked 1 dma-buf: 3 now, before the check 2")
    assert said("2 x.two\n1 x.good\n")[-2:] == [
        "again good",
        "damaged since x.two: leaked 1 dma-buf: 3 now, before the check 2",
    ]


def test_a_module_that_is_loaded_damages_nothing(
    said: Callable[[str], list[str]], switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        registry, "take_measurements", lambda: (switch.directory / "tainted").write_text("4096\n") and []
    )
    assert said("1 x.good x.two\n")[-1] == "done"


def test_nothing_is_chosen_between_checks(switch: Switch, said: Callable[[str], list[str]]) -> None:
    said("2 x.two\n")
    assert switch.chosen == 0


def test_an_interrupt_leaves_no_mutant_chosen(switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutant_runner, "TAINTED", str(switch.directory / "tainted"))
    (switch.directory / "tainted").write_text("0\n")
    monkeypatch.setattr(registry, "registered", lambda: {"x.good": lambda: None})

    def cut_off(*_arguments: object) -> runner.CheckOutcome:
        assert switch.chosen == 7
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_check", cut_off)
    with pytest.raises(KeyboardInterrupt):
        mutant_runner.run_plan("7 x.good\n", 1.0, lambda line: None, str(switch.directory))
    assert switch.chosen == 0


@pytest.mark.parametrize(
    ("trouble", "how"),
    [
        ({}, "good"),
        ({runner.ASSERTION: "failed: x (a.py:1)"}, "fail"),
        ({runner.LATE: "timed out after 10 s", runner.ASSERTION: "leaked 1 dma-buf"}, "hang"),
        ({runner.ASSERTION: "failed: x", runner.REPORT: "kernel report: WARNING: y"}, "splat"),
        ({runner.ASSERTION: "leaked 1 dma-buf: 3 now, before the check 2"}, "leak"),
        ({runner.ASSERTION: f"{runner.UNREADABLE} within 5 s: a lock is held"}, "hang"),
    ],
)
def test_what_gave_it_away(trouble: dict[str, str], how: str) -> None:
    outcome = runner.CheckOutcome()
    for cause, words in trouble.items():
        outcome.fail(cause, words)
    assert mutant_runner.how_it_ended(outcome) == how
