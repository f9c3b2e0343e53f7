# SPDX-License-Identifier: GPL-2.0-only
"""Programs run, are bounded, and leave nothing behind, whatever becomes of the harness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness import process
from harness.errors import InfrastructureError


def alive(pid: int) -> bool:
    """True if ``pid`` runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def await_gone(pid: int, limit: float = 20) -> bool:
    deadline = time.monotonic() + limit
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def await_file(path: Path, limit: float = 20) -> str:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text().strip()):
            return text
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


def test_streams_status_and_input_come_back() -> None:
    done = process.run(["sh", "-c", "cat; echo err >&2; exit 3"], stdin=b"in\xff")
    assert (done.returncode, done.ok, done.stderr) == (3, False, "err\n")
    assert done.stdout.encode("utf-8", "surrogateescape") == b"in\xff"


def test_lines_are_teed_to_the_log_as_they_come(tmp_path: Path) -> None:
    seen: list[str] = []
    log = tmp_path / "log"
    process.run(["sh", "-c", "echo one; echo two >&2"], log=log, on_line=seen.append, merge=True)
    assert seen == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"


def test_a_signal_is_a_status_as_in_a_shell() -> None:
    assert process.run(["sh", "-c", "kill -9 $$"]).returncode == 128 + signal.SIGKILL


def test_the_deadline_ends_the_whole_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    done = process.run(["sh", "-c", f"sleep 1000 & echo $! > {pid_file}; wait"], timeout=1)
    assert done.timed_out and not done.ok
    assert await_gone(int(await_file(pid_file)))


def test_a_child_left_behind_in_the_group_is_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    done = process.run(["sh", "-c", f"sleep 1000 >/dev/null 2>&1 & echo $! > {pid_file}"])
    assert done.ok
    assert await_gone(int(pid_file.read_text()))


def test_a_missing_program_is_named_with_what_to_do() -> None:
    with pytest.raises(InfrastructureError, match=r"no-such-program: program not found; run ci/setup"):
        process.run(["no-such-program"])


def test_a_failing_program_that_must_succeed_is_one_line() -> None:
    with pytest.raises(InfrastructureError, match=r"^cannot do it: .*sh ended with 4: last$"):
        process.check(["sh", "-c", "echo first >&2; echo last >&2; exit 4"], what="cannot do it")


def test_what_a_surrounding_make_sets_does_not_reach_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-j99")
    monkeypatch.setenv("KEPT", "yes")
    out = process.run(["sh", "-c", 'echo "$MAKEFLAGS|$KEPT|$LC_ALL"']).stdout
    assert out == "|yes|C\n"


def test_usage_is_counted_where_it_is_asked_for() -> None:
    with process.metered() as usage:
        process.run([sys.executable, "-c", "sum(range(3_000_000))"])
    assert usage.cpu_seconds > 0
    assert usage.peak_rss > 1 << 20


def test_stopping_ends_what_runs_and_refuses_more() -> None:
    stopped: list[process.Completed] = []
    started = threading.Event()

    def work() -> None:
        stopped.append(process.run(["sh", "-c", "echo up; sleep 1000"], on_line=lambda _: started.set()))

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(20)
    process.stop_all()
    thread.join(20)
    assert stopped and not stopped[0].ok
    with pytest.raises(process.Stopping):
        process.run(["true"])


def test_background_is_polled_and_killed(tmp_path: Path) -> None:
    with process.Background(["sleep", "1000"], output=tmp_path / "out") as running:
        assert running.poll() is None
    assert running.poll() == 128 + signal.SIGKILL


def test_background_that_ends_by_itself_gives_its_status_and_words(tmp_path: Path) -> None:
    with process.Background(["sh", "-c", "echo why >&2; exit 7"], output=tmp_path / "out") as running:
        assert running.wait(20) == 7
    assert (tmp_path / "out").read_text() == "why\n"


@pytest.mark.parametrize("how", ["run", "background"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_harness(tmp_path: Path, how: str, number: int) -> None:
    pid_file = tmp_path / "pid"
    start = {
        # A grandchild, as make has: only the direct child gets the kernel's parent-death signal.
        "run": f"process.run(['sh', '-c', 'sh -c \"echo \\$\\$ > {pid_file}; sleep 1000; true\"; true'])",
        "background": f"process.Background(['sh', '-c', 'echo $$ > {pid_file}; exec sleep 1000'], "
        f"output=Path('{tmp_path}/out')).wait(1000)",
    }[how]
    code = f"from pathlib import Path\nfrom harness import process\n{start}"
    harness = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        pid = int(await_file(pid_file))
        assert alive(pid)
        os.kill(harness.pid, number)
    finally:
        harness.kill()
        harness.wait()
    assert await_gone(pid)


@pytest.mark.parametrize(
    "name",
    [
        "MAKEFLAGS",
        "KBUILD_MODPOST_WARN",  # undefined symbols of modules are warnings: scripts/Makefile.modpost
        "KBUILD_VERBOSE",  # the lines that announce objects are not printed
        "KBUILD_EXTRA_WARN",
        "KCPPFLAGS",
        "KAFLAGS",
        "USERCFLAGS",
        "CFLAGS",  # tools/testing/selftests/lib.mk adds to it
        "LDFLAGS",
        "SKIP_TARGETS",  # tools/testing/selftests/Makefile
        "CPATH",  # gcc searches it even with -nostdinc
    ],
)
def test_settings_of_the_user_do_not_change_what_is_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in no key: a base with them would be held against a patched kernel without."""
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HARMLESS", "kept")
    environment = process.clean_environment()
    assert name not in environment and environment["HARMLESS"] == "kept"
    assert process.clean_environment({name: "ours"})[name] == "ours"
