# SPDX-License-Identifier: GPL-2.0-only
"""What a watch runs for which change, with a runner that only notes it: one at a time, nothing that is out of date."""

from __future__ import annotations

from harness.watch import TreeState, WatchKind, WatchOrder, WatchSchedule

QUICK, VERDICT = WatchKind.QUICK, WatchKind.VERDICT


class ScriptedRunner:
    """A run goes on until the script ends it. ``log``: what was asked of it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.result: str | None = None
        self.busy = False

    def start(self, order: WatchOrder) -> None:
        assert not self.busy, "two at once"
        self.busy, self.result = True, None
        self.log.append(f"{order.kind.value} {order.state.head} {order.state.work}".strip())

    def interrupt(self) -> None:
        assert self.busy
        self.log.append("interrupt")

    def ended(self) -> str | None:
        return self.result


class Watch:
    """A schedule at the commit "a", and its runner."""

    def __init__(self) -> None:
        self.runner = ScriptedRunner()
        self.told: list[tuple[WatchKind, str]] = []
        self.schedule = WatchSchedule("a", self.runner, lambda order, text: self.told.append((order.kind, text)))

    def sees(self, head: str, work: str = "") -> list[str]:
        """What is asked of the runner after the tree came to be like this."""
        before = len(self.runner.log)
        self.schedule.saw(TreeState(head, work))
        self.schedule.step()
        return self.runner.log[before:]

    def ends(self, result: str = "green") -> list[str]:
        """What is asked of it after the run that goes on has ended."""
        before = len(self.runner.log)
        self.runner.busy, self.runner.result = False, result
        self.schedule.step()
        return self.runner.log[before:]


def test_a_save_is_answered_quickly_and_a_commit_by_the_whole_verdict() -> None:
    watch = Watch()
    assert watch.sees("a") == []
    assert watch.sees("a", "1") == ["quick a 1"]
    assert watch.ends() == []
    assert watch.sees("b") == ["verdict b"]
    assert watch.ends("red") == []
    assert watch.told == [(QUICK, "starts"), (QUICK, "green"), (VERDICT, "starts"), (VERDICT, "red")]


def test_a_save_without_a_change_starts_nothing() -> None:
    watch = Watch()
    watch.sees("a", "1")
    watch.ends()
    assert watch.sees("a", "1") == []
    assert watch.sees("a") == []
    assert watch.sees("a", "1") == ["quick a 1"], "back again: it was not tested since"


def test_a_new_save_ends_the_quick_run_that_is_out_of_date_and_waits_for_its_end() -> None:
    watch = Watch()
    watch.sees("a", "1")
    assert watch.sees("a", "2") == ["interrupt"]
    assert watch.sees("a", "3") == [], "it was asked once"
    assert watch.ends("INTERRUPTED") == ["quick a 3"]
    assert watch.told[1] == (QUICK, "out of date")


def test_taking_all_changes_back_ends_the_quick_run() -> None:
    watch = Watch()
    watch.sees("a", "1")
    assert watch.sees("a") == ["interrupt"]
    assert watch.ends() == []


def test_a_commit_ends_the_quick_run_of_what_was_committed() -> None:
    watch = Watch()
    watch.sees("a", "1")
    assert watch.sees("b") == ["interrupt"]
    assert watch.ends() == ["verdict b"]


def test_the_verdict_makes_way_for_a_quick_answer_and_is_begun_again() -> None:
    watch = Watch()
    watch.sees("b")
    assert watch.sees("b", "1") == ["interrupt"]
    assert watch.schedule.waiting(VERDICT)
    assert watch.ends() == ["quick b 1"]
    assert watch.ends() == ["verdict b"]
    assert (VERDICT, "waits") in watch.told


def test_a_new_commit_ends_the_verdict_of_the_one_before() -> None:
    watch = Watch()
    watch.sees("b")
    assert watch.sees("c") == ["interrupt"]
    assert watch.ends() == ["verdict c"]
    assert watch.ends() == []


def test_uncommitted_changes_are_answered_before_the_commit_below_them() -> None:
    watch = Watch()
    assert watch.sees("b", "1") == ["quick b 1"]
    assert watch.ends() == ["verdict b"]


def test_the_same_changes_on_another_commit_are_another_question() -> None:
    watch = Watch()
    watch.sees("a", "1")
    assert watch.sees("b", "1") == ["interrupt"]
    assert watch.ends() == ["quick b 1"]
    assert watch.ends() == ["verdict b"]


def test_changes_that_cannot_be_read_are_not_tested() -> None:
    watch = Watch()
    watch.sees("a", "1")
    watch.schedule.saw(TreeState("a", trouble="x.c is unmerged"))
    assert watch.runner.log[-1] == "interrupt"
    assert watch.ends() == []
