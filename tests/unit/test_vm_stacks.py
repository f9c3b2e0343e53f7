# SPDX-License-Identifier: GPL-2.0-only
"""Where a guest hangs, read from what real kernels printed about their tasks and processors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.vm.stacks import BLOCKED, RUNNING, TaskStack, parse_stacks, where

DATA = Path(__file__).parent.parent / "data"


def stacks(name: str) -> tuple[TaskStack, ...]:
    return parse_stacks((DATA / name).read_text())


@pytest.mark.parametrize(
    ("log", "answers", "expected"),
    [
        (
            "state-6.12-waits-for-a-fence.log",
            True,
            "hangs in dma_fence_default_wait <- dma_fence_wait_timeout <- dma_resv_wait_timeout (python3, pid 63)",
        ),
        (
            "state-7.3-blocked-task.log",
            True,
            "hangs in lkdtm_HUNG_TASK <- lkdtm_do_action <- direct_entry (sh, pid 67); 1 task blocked",
        ),
        (
            "state-6.12-interrupts-off.log",
            False,
            "hangs in lkdtm_HARDLOCKUP <- lkdtm_do_action <- direct_entry (CPU 0 and CPU 1)",
        ),
        (
            "state-5.10-interrupts-off.log",
            False,
            "hangs in lkdtm_HARDLOCKUP <- lkdtm_do_action <- direct_entry.cold (CPU 0)",
        ),
    ],
)
def test_real_hangs_are_named(log: str, answers: bool, expected: str) -> None:
    assert where(stacks(log), answers) == expected


@pytest.mark.parametrize("log", ["state-6.12-waits-for-a-fence.log", "state-7.3-blocked-task.log"])
def test_every_task_and_processor_that_was_shown_is_found(log: str) -> None:
    text = (DATA / log).read_text()
    found = stacks(log)
    assert sum(stack.state != RUNNING for stack in found) == text.count("] task:")
    assert {"CPU 0", "CPU 1"} <= {stack.who for stack in found}
    assert sum(stack.kernel_thread for stack in found) > 20


def test_what_tasks_do_all_day_is_no_hang() -> None:
    everyday = [
        TaskStack("sh, pid 1", "S", ("schedule", "do_wait", "kernel_wait4")),
        TaskStack("sshd, pid 2", "S", ("schedule", "schedule_hrtimeout_range", "do_sys_poll")),
        TaskStack("kworker, pid 3", "I", ("schedule", "worker_thread"), kernel_thread=True),
        TaskStack("sh, pid 4", "R", ("sched_show_task", "__handle_sysrq", "write_sysrq_trigger")),
        TaskStack("CPU 0", RUNNING, ("default_idle_call", "do_idle")),
        TaskStack("CPU 1", RUNNING, ()),  # in user space
    ]
    assert where(everyday, True) == where(everyday, False) == ""


def test_a_busy_processor_counts_first_where_nobody_answers() -> None:
    busy = TaskStack("CPU 1", RUNNING, ("spins", "calls_it"))
    blocked = TaskStack("sh, pid 9", BLOCKED, ("__schedule", "schedule", "wait_here"))
    assert where([blocked, busy], answers=False) == (
        "hangs in spins <- calls_it (CPU 1); wait_here (sh, pid 9); 1 task blocked"
    )
    assert where([blocked, busy], answers=True) == "hangs in wait_here (sh, pid 9); 1 task blocked"


def test_many_in_one_place_are_told_once() -> None:
    blocked = [TaskStack(f"python3, pid {pid}", BLOCKED, ("schedule", "lock")) for pid in (1, 2, 3, 3)]
    assert where(blocked, True) == "hangs in lock (python3, pid 1 and 2 more); 3 tasks blocked"


def test_an_idle_processor_is_no_stack() -> None:
    (stack,) = parse_stacks("[    1.000000] NMI backtrace for cpu 1 skipped: idling at default_idle+0x9/0x10\n")
    assert stack.is_idle


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    where(parse_stacks(text), True)
