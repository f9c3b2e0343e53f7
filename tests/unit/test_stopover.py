# SPDX-License-Identifier: GPL-2.0-only
"""Stops around a test: what is done, and in which order; gdb's script, and the tracer's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.errors import UserError
from harness.interfaces import Guest, GuestLost, JobLimits, SuiteContext
from harness.model import PlannedTest, TestResult
from harness.reproduce import TraceStop
from harness.reproduce.gdb_stop import SCRIPT, GdbStop, commands
from harness.suites.guest_tools import GuestTools
from harness.suites.in_kernel import load_commands
from harness.suites.stopover import StopoverSuite
from tests.support.fake_launcher import FakeSuite
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

TESTS = ("one", "bad", "last")
BAD = PlannedTest("suite", "bad")


@dataclass
class Watching:
    """A stop that writes down what it sees."""

    suite: FakeSuite
    seen: list[str] = field(default_factory=list)

    @contextmanager
    def around(self, guest: Guest, context: SuiteContext, results: list[TestResult]) -> Iterator[None]:
        self.seen.append(f"before: ran {self.suite.ran}")
        yield
        self.seen.append(f"after: {[(one.name, one.status.value) for one in results]}")


def context(tmp_path: Path, *only: str) -> SuiteContext:
    (logs := tmp_path / "boot" / "logs").mkdir(parents=True, exist_ok=True)
    return SuiteContext(logs, "boots/on-1/logs", frozenset(only), planned=TESTS)


def guest(tmp_path: Path, **replies: Answer) -> ScriptedGuest:
    return ScriptedGuest(scripted_kernel(tmp_path), {**replies, "": Answer()})


# --- the suite --------------------------------------------------------------------------------


def test_a_stop_stands_between_the_tests_before_and_the_test_itself(tmp_path: Path) -> None:
    suite = FakeSuite(TESTS)
    stop = Watching(suite)
    ran = list(StopoverSuite(suite, [BAD], [stop]).run(guest(tmp_path), context(tmp_path, "one", "bad")))
    assert [one.name for one in ran] == ["one", "bad"]
    assert stop.seen == ["before: ran ['one']", "after: [('bad', 'pass')]"]


def test_without_the_test_there_is_no_stop(tmp_path: Path) -> None:
    suite = FakeSuite(TESTS)
    stop = Watching(suite)
    assert [one.name for one in StopoverSuite(suite, [BAD], [stop]).run(guest(tmp_path), context(tmp_path, "one"))]
    assert stop.seen == []


def test_a_guest_that_is_lost_in_the_test_is_no_place_to_stop(tmp_path: Path) -> None:
    suite = FakeSuite(TESTS, {"bad": [GuestLost("panic: oh", Cause.PANIC)]})
    stop = Watching(suite)
    with pytest.raises(GuestLost, match="panic: oh"):
        list(StopoverSuite(suite, [BAD], [stop]).run(guest(tmp_path), context(tmp_path, "bad")))
    assert stop.seen == ["before: ran []"]


# --- the tracer -------------------------------------------------------------------------------


def test_a_trace_lies_beside_the_logs(tmp_path: Path) -> None:
    traced = guest(tmp_path, **{r"^cat \S+/trace$": Answer("# tracer: function_graph\n")})
    said: list[str] = []
    with TraceStop(["dma_buf_llseek", "dma_buf_*"], said.append).around(traced, context(tmp_path), []):
        assert any("echo 1 > /sys/kernel/tracing/tracing_on" in one for one in traced.commands)
        assert not any(one.startswith("cat") for one in traced.commands)
    assert (tmp_path / "boot" / "trace.txt").read_text() == "# tracer: function_graph\n"
    chosen = [one for one in traced.commands if one.endswith("set_graph_function")]
    assert chosen == [
        "echo dma_buf_llseek > /sys/kernel/tracing/set_graph_function",
        "echo 'dma_buf_*' >> /sys/kernel/tracing/set_graph_function",
    ]
    assert said == [f"trace: {tmp_path / 'boot' / 'trace.txt'}"]


def test_a_function_that_cannot_be_traced_is_bad_input(tmp_path: Path) -> None:
    traced = guest(tmp_path, set_graph_function=Answer(status=1))
    stop = TraceStop(["no_such_thing"], lambda _text: None)
    with pytest.raises(UserError, match="no_such_thing"), stop.around(traced, context(tmp_path), []):
        pytest.fail("nothing is traced")


def test_without_a_function_tracepoints_are_recorded(tmp_path: Path) -> None:
    traced = guest(tmp_path)
    with TraceStop([], lambda _text: None).around(traced, context(tmp_path), []):
        assert any("events/dma_fence/enable" in one for one in traced.commands)
        assert not any("current_tracer" in one for one in traced.commands)


# --- gdb --------------------------------------------------------------------------------------


@dataclass
class StoppedGuest(ScriptedGuest):
    """``states``: what QEMU says of itself, one after the other."""

    states: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    patience: float = 0.0

    def human(self, line: str, seconds: float) -> str:
        assert seconds
        self.asked.append(line)
        return self.states.pop(0) if line == "info status" else ""

    def limit_silence(self, seconds: float) -> None:
        self.patience = seconds


def test_the_test_waits_for_gdb(tmp_path: Path) -> None:
    states = ["VM status: paused", "VM status: running"]
    stopped = StoppedGuest(scripted_kernel(tmp_path), {"": Answer("dmabuf_probe 0xffffffffa0000000\n")}, states=states)
    said: list[str] = []
    with GdbStop(None, "", said.append).around(stopped, context(tmp_path), []):
        assert stopped.states == []
        assert stopped.patience == float("inf")
    asked = [one.split(maxsplit=1)[0] for one in stopped.asked]
    assert asked == ["gdbserver", "stop", "info", "info", "gdbserver", "cont"]
    script = tmp_path / "boot" / SCRIPT
    assert said == [f"the guest waits for gdb; in another terminal: gdb -x {script}"]
    assert script.read_text().splitlines()[-2:] == ["tbreak devkmsg_write", "continue"]


def test_gdb_gets_the_symbols_and_those_of_modules_at_their_addresses(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path)
    (module := tmp_path / "lib/modules/6.12.0/updates/dmabuf-probe.ko").parent.mkdir(parents=True)
    module.touch()
    (symbols := tmp_path / "vmlinux.debug").touch()
    lines = list(commands(kernel, "dmabuf_probe 0xffffffffa0000000\nother 0x1\n", Path("/s"), Path("/src")))
    assert f"file {symbols}" in lines
    assert f"add-symbol-file {module} 0xffffffffa0000000" in lines
    assert "set substitute-path /linux /src" in lines
    assert lines.index("target remote /s") < lines.index("tbreak devkmsg_write")
    assert not any(line.startswith("add-symbol-file") and "0x1" in line.split() for line in lines)


def test_what_a_guest_says_of_its_modules_is_no_order_for_gdb(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path)
    (module := tmp_path / "lib/modules/6.12.0/updates/dmabuf-probe.ko").parent.mkdir(parents=True)
    module.touch()
    lines = list(commands(kernel, 'dmabuf_probe $_shell("touch /tmp/x")\n* 0x1\n', Path("/s"), None))
    assert not any("$_shell" in line or line.startswith("add-symbol-file") for line in lines)


# --- what a person has in hand ----------------------------------------------------------------


def test_again_runs_a_test_of_the_module_alone(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path, "CONFIG_DMABUF_SELFTESTS=m\n")
    lines = load_commands(kernel, "dma_fence/test_wait").splitlines()
    assert "modprobe dmabuf_selftests st_filter='dma_fence/test_wait'" in lines
    assert load_commands(scripted_kernel(tmp_path), "dma_fence/test_wait") == ""


def test_again_is_the_command_of_the_suite(tmp_path: Path) -> None:
    made = guest(tmp_path)
    (tmp_path / "logs").mkdir()
    tools = GuestTools(made, JobLimits(seed=5), "# ", PlannedTest("checks", "udmabuf.x"))
    tools.install(tmp_path / "logs")
    assert made.files["/run/dmabuf-harness/bin/again"] == b"#!/bin/sh\nexec /run/dmabuf-harness/bin/check udmabuf.x\n"
    assert b"HARNESS_SEED=5 " in made.files["/run/dmabuf-harness/bin/check"]
