# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness shell`` in front of a terminal and of pipes; its guest is this machine behind ssh."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.model import RunReport
from harness.paths import PROJECT_ROOT
from harness.report import save
from tests.support.sample_reports import ON, bad_report, kernel, run_report, variant_report
from tests.support.terminal import Terminal

BUILT = run_report(variant_report(kernel=kernel()))
PROGRAM = (sys.executable, "-m", "tests.support.local_guest")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (made := tmp_path / "guest").mkdir()
    return made


def stored(tmp_path: Path, report: RunReport = BUILT) -> Path:
    (made := tmp_path / "run").mkdir(exist_ok=True)
    save(made, report)
    return made


def argv(place: Path, *arguments: str | Path) -> list[str]:
    return [*PROGRAM, str(place), "shell", str(stored(place.parent)), *map(str, arguments)]


def piped(place: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = argv(place, *arguments)
    return subprocess.run(command, input=given, capture_output=True, cwd=PROJECT_ROOT, timeout=600, check=False)


def typed(terminal: Terminal, text: str) -> None:
    os.write(terminal._master, text.encode())


def has(*words: str) -> Callable[[list[str]], bool]:
    return lambda shown: any(all(word in line for word in words) for line in shown)


# --- a command --------------------------------------------------------------------------------


def test_a_command_has_our_streams_and_its_own_status(place: Path) -> None:
    done = piped(place, "--", "cat; echo wrong >&2; exit 7", given=b"from outside\n")
    assert (done.returncode, done.stdout) == (7, b"from outside\n")
    assert b"wrong\n" in done.stderr
    assert (place / "ended").exists()


def test_more_than_the_other_side_takes_at_once_is_passed_through(place: Path) -> None:
    much = bytes(range(256)) * (1 << 14)  # 4 MiB, both ways
    assert piped(place, "--", "cat", given=much).stdout == much


def test_several_words_are_a_program_and_its_arguments(place: Path) -> None:
    assert piped(place, "--", "printf", "%s|", "a  b", "$HOME").stdout == b"a  b|$HOME|"


def test_what_a_person_needs_is_on_path(place: Path) -> None:
    done = piped(place, "--", "command -v check; command -v again")
    assert done.stdout.decode() == f"{place}/bin/check\n"
    assert "--factor 1" in (place / "bin" / "check").read_text()


def test_a_signal_that_ends_the_command_is_told_as_shells_tell_it(place: Path) -> None:
    assert piped(place, "--", "exec sh -c 'kill -9 $$'").returncode == 128 + 9


def test_a_guest_that_is_lost_is_told_in_one_line(place: Path) -> None:
    done = piped(place, "--", "die")
    assert done.returncode == 255
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("dmabuf-harness: the guest was lost: panic: oh; its log: ")


def test_nobody_who_reads_is_no_traceback(place: Path) -> None:
    command = argv(place, "--", "yes")
    with subprocess.Popen(command, stdout=-1, stderr=-1, stdin=subprocess.DEVNULL, cwd=PROJECT_ROOT) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.read(100)
        program.stdout.close()
        said = program.stderr.read().decode()
    assert program.returncode == 3
    assert "Traceback" not in said
    assert (place / "ended").exists()


# --- which kernel -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "arguments", "said"),
    [
        (BUILT, ["--base"], "no kernel was tested there; the run has no base without the patch"),
        (BUILT, ["--variant", "no"], "the run has no such variant; it has move-notify-on"),
        (run_report(variant_report(ON, kernel=None)), ["--variant", "on"], "it did not build in this run"),
        (BUILT, ["ls"], "unrecognized arguments: ls"),
        (BUILT, ["--memory", "5"], "argument --memory: from 512 to"),
    ],
)
def test_what_there_is_no_guest_of_is_bad_input(
    report: RunReport, arguments: list[str], said: str, place: Path
) -> None:
    run = stored(place.parent, report)
    command = [*PROGRAM, str(place), "shell", str(run), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, timeout=600, check=False)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_the_first_variant_in_which_something_is_bad_is_taken(place: Path) -> None:
    run = stored(place.parent, bad_report())
    command = [*PROGRAM, str(place), "shell", str(run), "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, timeout=600, check=False)
    assert f"{ON.name}: booting" in done.stderr


# --- a terminal -------------------------------------------------------------------------------


def test_keys_go_to_the_guest_and_the_terminal_is_as_it_was_afterwards(place: Path) -> None:
    with Terminal(argv(place), cwd=PROJECT_ROOT, columns=100) as terminal:
        terminal.wait_for(has("exit ends the guest"))
        terminal.wait_for(has("[6.12.0 move-notify-on]"))
        typed(terminal, "sh -c 'echo u\"\"p; exec sleep 1000'\r")
        # Its own word, not the echo of the keys: until it has the terminal, Ctrl-C is for the shell alone.
        terminal.wait_for(lambda shown: "up" in [line.strip() for line in shown])
        terminal.press_ctrl_c()  # ends what runs in the guest, and not the visit
        typed(terminal, "tty; echo still $((40 + 2))\r")
        terminal.wait_for(has("still 42"))
        terminal.resize(77, 33)
        typed(terminal, "until [ \"$(stty size)\" = '33 77' ]; do :; done; echo as large\r")
        terminal.wait_for(lambda shown: "as large" in [line.strip() for line in shown])
        typed(terminal, "exit 5\r")
        assert terminal.finish() == 5
        assert terminal.modes_now == terminal.modes
    assert (place / "ended").exists()


@pytest.mark.parametrize(("how", "status"), [("die\r", 255), ("kill", 143)])
def test_the_terminal_is_given_back_whatever_ends_the_visit(how: str, status: int, place: Path) -> None:
    with Terminal(argv(place), cwd=PROJECT_ROOT, columns=100) as terminal:
        terminal.wait_for(has("[6.12.0 move-notify-on]"))
        assert terminal.modes_now != terminal.modes
        if how == "kill":
            os.kill(terminal.process.pid, signal.SIGTERM)
        else:
            typed(terminal, how)
        assert terminal.finish() == status
        assert terminal.modes_now == terminal.modes


def test_a_window_that_is_closed_ends_the_guest(place: Path) -> None:
    with Terminal(argv(place), cwd=PROJECT_ROOT, columns=100) as terminal:
        terminal.wait_for(has("[6.12.0 move-notify-on]"))
        terminal.hang_up()
        terminal.process.wait(60)
    assert (place / "ended").exists()


def test_what_the_kernel_prints_is_shown_beside(place: Path) -> None:
    with Terminal(argv(place, "--kernel-log"), cwd=PROJECT_ROOT, columns=100) as terminal:
        terminal.wait_for(has("[6.12.0 move-notify-on]"))
        typed(terminal, "write-log 'WARNING: at \033[2J me'\r")
        terminal.wait_for(has("kernel: [    9.000000] WARNING: at"))
        typed(terminal, "exit\r")
        terminal.finish()


def test_the_kernel_log_is_no_output_of_the_command(place: Path) -> None:
    done = piped(place, "--kernel-log", "--", "write-log hello; echo done")
    assert done.stdout == b"done\n"
    assert b"kernel: [    9.000000] hello\n" in done.stderr


def test_what_is_typed_ahead_is_for_the_guest(place: Path) -> None:
    """While it boots the terminal is still our own."""
    with Terminal(argv(place), cwd=PROJECT_ROOT, columns=100) as terminal:
        typed(terminal, "exit 6\r")
        assert terminal.finish() == 6
