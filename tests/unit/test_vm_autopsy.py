# SPDX-License-Identifier: GPL-2.0-only
"""A guest that hangs is examined by whatever still answers, and nothing that fails there fails the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.vm import autopsy, unwind
from harness.vm.autopsy import Patient, examine
from harness.vm.console import Console
from harness.vm.qmp import Monitor, MonitorError
from harness.vm.unwind import Symbols, processors
from tests.support.fake_qemu import FakeQemu

TEXT = 0xFFFFFFFF81000000
STACK = 0xFFFF888000010000
ENTRY, DEEP, MODULE = TEXT + 0x10, TEXT + 0x110, 0xFFFFFFFFA0000010
# spins() was called by calls(), which an interrupt's entry called; that interrupted_here() was interrupted.
FRAMES = {
    STACK: STACK + 0x20,
    STACK + 8: TEXT + 0x110,  # in calls()
    STACK + 0x20: STACK + 0x101,  # a marked pointer to the registers
    STACK + 0x28: TEXT + 0x210,  # in irq_entry()
    STACK + 0x100 + 4 * 8: 0,
    STACK + 0x100 + 16 * 8: TEXT + 0x310,  # in interrupted_here()
}
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    made = Monitor()
    yield made
    made.close()


class NamedSymbols(Symbols):
    """Of a kernel with four functions."""

    def __init__(self) -> None:
        super().__init__(None)
        self._names = ["spins", "calls", "irq_entry", "interrupted_here"]
        self._addresses = [TEXT + 0x100 * number for number in range(4)]


def patient(
    tmp_path: Path, monitor: Monitor, ask: Callable[[str, float], bool], ended: Callable[[], bool] = lambda: True
) -> Patient:
    return Patient(tmp_path, Console(tmp_path / "console.log"), monitor, None, 1.0, ask, ended)


def log_to(tmp_path: Path, text: str) -> None:
    with (tmp_path / "console.log").open("a") as log:
        log.write(text)


# --- processors -------------------------------------------------------------------------------


def test_processors_are_unwound_across_an_interrupt(monitor: Monitor) -> None:
    qemu = FakeQemu(monitor.theirs, [(TEXT + 0x10, STACK, 0), (TEXT, 0, 1), (0x7F00_0000_1234, 0, 0)], FRAMES)
    stacks, registers = processors(monitor, NamedSymbols(), 5)
    assert [stack.frames for stack in stacks] == [
        ("spins", "calls", "irq_entry", "interrupted_here"),
        ("default_idle_call",),
        (),
    ]
    assert f"RIP={TEXT + 0x10:016x}" in registers and "FCW" not in registers
    assert (qemu.commands[1], qemu.commands[-1]) == ("stop", "cont"), "read while it runs, or left halted"


def test_a_stack_that_leads_nowhere_ends(monitor: Monitor) -> None:
    FakeQemu(monitor.theirs, [(TEXT, STACK, 0)], {STACK: STACK, STACK + 8: TEXT + 0x110})
    stacks, _ = processors(monitor, NamedSymbols(), 5)
    assert stacks[0].frames == ("spins", "calls")


def test_functions_of_modules_are_one_place(monitor: Monitor) -> None:
    frames = {STACK: STACK + 0x20, STACK + 8: MODULE + 0x100, STACK + 0x28: TEXT + 0x110}
    FakeQemu(monitor.theirs, [(MODULE, STACK, 0)], frames)
    assert processors(monitor, NamedSymbols(), 5)[0][0].frames == (unwind.MODULE, "calls")


def test_without_symbols_addresses_stay_addresses(tmp_path: Path) -> None:
    empty = tmp_path / "elf"
    empty.write_bytes(b"no ELF file")
    assert Symbols(empty).name(TEXT) == f"0x{TEXT:x}"
    assert Symbols(None).name(TEXT) == f"0x{TEXT:x}"


def test_what_qemu_refuses_is_said(monitor: Monitor) -> None:
    FakeQemu(monitor.theirs, [])
    with pytest.raises(MonitorError, match="has not been found"):
        monitor.ask("no-such-command", 5)


def test_a_qemu_that_is_gone_is_said(monitor: Monitor) -> None:
    monitor.theirs.close()
    with pytest.raises(MonitorError):
        monitor.ask("stop", 5)


# --- the whole of it --------------------------------------------------------------------------


def test_a_guest_that_answers_is_asked(tmp_path: Path, monitor: Monitor) -> None:
    log_to(tmp_path, "[    1.000000] before\n")
    asked: list[str] = []

    def ask(command: str, _seconds: float) -> bool:
        asked.append(command)
        log_to(tmp_path, (DATA / "state-6.12-waits-for-a-fence.log").read_text())
        return True

    line = examine(patient(tmp_path, monitor, ask), "no word for 20 s").place
    assert line.startswith("hangs in dma_fence_default_wait <- ")
    assert "w l d t" in asked[0] and "sysrq-trigger" in asked[0]
    state = (tmp_path / "state.txt").read_text()
    assert state.startswith(f"no word for 20 s\n{line}\n")
    assert "task:python3" in state and "before" not in state


def test_a_dead_guest_is_read_from_outside(tmp_path: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autopsy, "Symbols", lambda _elf: NamedSymbols())
    qemu = FakeQemu(monitor.theirs, [(TEXT + 0x10, STACK, 0)], FRAMES)
    line = examine(patient(tmp_path, monitor, lambda *_: False), "no answer").place
    assert line == "hangs in spins <- calls <- irq_entry (CPU 0)"
    assert qemu.commands[-1] == "inject-nmi"
    assert "interrupted_here" in (tmp_path / "state.txt").read_text()


def test_what_the_nmi_makes_the_kernel_say_counts_more(tmp_path: Path, monitor: Monitor) -> None:
    text = (DATA / "state-6.12-interrupts-off.log").read_text()
    FakeQemu(monitor.theirs, [(MODULE, 0, 0)], on={"inject-nmi": lambda: log_to(tmp_path, text)})
    line = examine(patient(tmp_path, monitor, lambda *_: False), "no answer").place
    assert line == "hangs in lkdtm_HARDLOCKUP <- lkdtm_do_action <- direct_entry (CPU 0 and CPU 1)"


def test_nothing_answers_and_nothing_fails(tmp_path: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autopsy, "_MONITOR_LIMIT", 0.01)
    FakeQemu(monitor.theirs, [], deaf=True)
    found = examine(patient(tmp_path, monitor, lambda *_: False), "no answer")
    assert (found.place, found.kernel_ran) == ("", False)
    assert "where it hangs is not known" in (tmp_path / "state.txt").read_text()


def test_a_directory_that_is_gone_is_no_failure(tmp_path: Path, monitor: Monitor) -> None:
    FakeQemu(monitor.theirs, [])
    examine(patient(tmp_path / "gone", monitor, lambda *_: True), "no answer")


@pytest.mark.parametrize(
    ("said", "reboots", "ran"),
    [
        (90000, False, True),  # a long panic that had no time to end
        (40, True, True),
        (40, False, False),  # its first line alone: next to nothing runs
    ],
)
def test_a_kernel_that_panics_when_it_is_told_to_ran(
    tmp_path: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch, said: int, reboots: bool, ran: bool
) -> None:
    monkeypatch.setattr(autopsy, "_PANIC_LIMIT", 600.0 if reboots else 0.01)
    FakeQemu(monitor.theirs, [], on={"inject-nmi": lambda: log_to(tmp_path, "x" * said)})
    found = examine(patient(tmp_path, monitor, lambda *_: False, lambda: reboots), "no answer")
    assert found.kernel_ran is ran
