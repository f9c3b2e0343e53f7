# SPDX-License-Identifier: GPL-2.0-only
"""A command in the guest, line by line: silence is a hang, a flood fills no disk, a lost guest passes through."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.interfaces import CommandResult, GuestLost, LineSink
from harness.suites import commands
from harness.suites.commands import StreamedCommand
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel


def command(tmp_path: Path, answer: Answer, **options: bool) -> StreamedCommand:
    guest = ScriptedGuest(scripted_kernel(tmp_path), {"": answer})
    return StreamedCommand(guest, "program", 60, tmp_path / "log", **options)


def test_lines_come_as_they_are_and_go_to_the_log(tmp_path: Path) -> None:
    running = command(tmp_path, Answer("one\ntwo\n", 3))
    assert list(running) == ["one", "two"]
    assert running.result.status == 3
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_lost_guest_keeps_what_was_said(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(GuestLost, match="panic: oh"):
        lines.extend(command(tmp_path, Answer("one\n", lost="panic: oh")))
    assert (tmp_path / "log").read_text() == "one\n"


def test_a_flood_is_read_but_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_LOG", 1000)
    assert len(list(command(tmp_path, Answer("x" * 99 + "\n" * 1 + ("y" * 99 + "\n") * 500)))) == 501
    kept = (tmp_path / "log").read_text()
    assert len(kept) < 1200 and kept.endswith("it was read to its end\n")
    assert len(list(command(tmp_path, Answer("more\n")))) == 1
    assert (tmp_path / "log").read_text() == kept


class Talker(ScriptedGuest):
    """Says one line on each stream; then waits until the test is over."""

    over = threading.Event()

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        assert on_line is not None
        on_line("stderr", "ok 1 forged")
        on_line("stdout", "ok 1 real")
        self.over.wait(60)
        return CommandResult(command, 0, "", "", 0.0)


def test_a_guest_for_which_the_host_has_no_time_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own time stands; after some looks at it the command goes on."""
    guest = Talker(scripted_kernel(tmp_path))
    looks: list[float] = []

    def own_time() -> float:
        looks.append(0.0)
        if len(looks) > 20:
            guest.over.set()
        return 0.0

    guest.over = threading.Event()
    monkeypatch.setattr(guest, "own_time", own_time)
    monkeypatch.setattr(commands, "_TICK", 0.01)
    running = StreamedCommand(guest, "program", 60, tmp_path / "log", silence=0.001)
    assert list(running) == ["ok 1 forged", "ok 1 real"]


def test_silence_loses_the_guest_and_stderr_is_only_logged(tmp_path: Path) -> None:
    guest = Talker(scripted_kernel(tmp_path))
    guest.over = threading.Event()
    running = StreamedCommand(guest, "program", 60, tmp_path / "log", silence=0.2, stdout_only=True)
    lines: list[str] = []
    try:
        with pytest.raises(GuestLost, match="it hangs: no word for"):
            lines.extend(running)
    finally:
        guest.over.set()
    assert (tmp_path / "log").read_text() == "ok 1 forged\nok 1 real\n"
