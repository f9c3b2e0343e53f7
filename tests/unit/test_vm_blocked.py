# SPDX-License-Identifier: GPL-2.0-only
"""Which tasks count as stuck: those that did not run once while they were watched."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.vm.blocked import PAUSES, blocked

STACK = "sh\n[<0>] lkdtm_HUNG_TASK+0x27/0x30 [lkdtm]\n[<0>] vfs_write+0xd4/0x520\n[<0>] 0xffffffff\n"


@dataclass
class Machine:
    """``looks``: (state, switches) of each task by its number, at each look at it; the last one holds."""

    looks: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    stack: str = STACK
    asked: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def ask(self, command: str) -> str:
        self.asked.append(command)
        if command.startswith("grep -l"):
            return "".join(f"{_file(task)}\n" for task, looks in self.looks.items() if looks[0][0] == "D")
        if command.startswith("cat "):
            return self.stack
        return "".join(self._look(task) for task in self.looks if _file(task) in command)

    def _look(self, task: int) -> str:
        state, switches = self.looks[task].pop(0) if len(self.looks[task]) > 1 else self.looks[task][0]
        words = [f"State:\t{state} (words)", f"voluntary_ctxt_switches:\t{switches}", "nonvoluntary_ctxt_switches:\t0"]
        return "".join(f"{_file(task)}:{line}\n" for line in words)

    def found(self, *known: str) -> dict[str, str]:
        return blocked(self.ask, self.slept.append, 8.0, known)


def _file(task: int) -> str:
    return f"/proc/{task}/task/{task}/status"


def test_where_nothing_sleeps_one_look_is_all() -> None:
    machine = Machine({1: [("S", 4)], 2: [("I", 9)]})
    assert machine.found() == {}
    assert (len(machine.asked), machine.slept) == (1, [])


def test_what_never_ran_while_it_was_watched_is_told_as_the_kernel_would() -> None:
    machine = Machine({1: [("S", 4)], 68: [("D", 1)]})
    frames = "\n lkdtm_HUNG_TASK+0x27/0x30 [lkdtm]\n vfs_write+0xd4/0x520"
    told = f"INFO: task sh:68 blocked for more than 16 seconds.\nCall Trace:{frames}"
    assert machine.found() == {_file(68): told}
    assert machine.slept == [seconds * 8 for seconds in PAUSES]


def test_a_name_with_a_line_feed_is_one_line() -> None:
    machine = Machine({68: [("D", 1)]}, stack=STACK.replace("sh\n", "a\nb c\n", 1))
    assert machine.found()[_file(68)].startswith(
        "INFO: task a b c:68 blocked for more than 16 seconds.\nCall Trace:\n lkdtm"
    )


def test_a_task_that_wakes_is_none() -> None:
    """One that waits for the host's files, one that sleeps again and again, one that ends."""
    machine = Machine({5: [("D", 1), ("S", 1)], 6: [("D", 1), ("D", 2), ("D", 3)], 7: [("D", 1), ("Z", 1)]})
    assert machine.found() == {}
    assert machine.slept == [PAUSES[0] * 8]


def test_what_is_known_is_not_watched_again() -> None:
    machine = Machine({68: [("D", 1)]})
    assert machine.found(_file(68)) == {}
    assert machine.slept == []
