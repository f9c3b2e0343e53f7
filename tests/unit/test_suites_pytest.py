# SPDX-License-Identifier: GPL-2.0-only
"""A user's pytest file against a scripted guest: a real pytest process, the real plugin, the real socket."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import process
from harness.errors import InfrastructureError, UserError
from harness.interfaces import GuestLost, SuiteContext
from harness.model import Status, TestResult, Variant
from harness.paths import PROJECT_ROOT
from harness.suites import PytestSuite
from harness.suites.pytest_bridge import Bridge
from tests.support.scripted_guest import Answer, Reply, ScriptedGuest, scripted_kernel

Write = Callable[[str], Path]
VARIANT = Variant("move-notify-on", "on", {"DMABUF_MOVE_NOTIFY": "y"})


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the user's test file."""

    def writer(text: str) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        file = folder / "test_mine.py"
        file.write_text(text)
        return file

    return writer


def run(
    suite: PytestSuite, tmp_path: Path, *only: str, **replies: Reply
) -> tuple[list[TestResult], ScriptedGuest, str]:
    """(results, guest, why it was lost)."""
    kernel = scripted_kernel(tmp_path, 'CONFIG_DMABUF_HEAPS=y\nCONFIG_NAME="a=b"\n')
    machine = ScriptedGuest(kernel, dict(replies), slowness=8.0)
    results: list[TestResult] = []
    try:
        results.extend(suite.run(machine, SuiteContext(tmp_path, "logs", frozenset(only), VARIANT)))
    except GuestLost as lost:
        return results, machine, lost.reason
    return results, machine, ""


FILE = """
import pytest

def test_guest(guest, variant, tmp_path):
    done = guest.run("uname -r", timeout=5)
    assert (done.ok, done.stdout) == (True, "6.12\\n")
    assert guest.run("false").status == 3
    (tmp_path / "a").write_text("hello")
    guest.put(tmp_path / "a", "/tmp/a")
    guest.get("/tmp/a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "hello"
    with pytest.raises(OSError, match="No such file"):
        guest.get("/tmp/c", tmp_path / "c")
    guest.mark("from the user")
    assert "from the user" in guest.kernel_log()
    assert (variant.name, variant.options) == ("move-notify-on", {"DMABUF_MOVE_NOTIFY": "y"})
    assert variant.config_value("DMABUF_HEAPS") == variant.config_value("CONFIG_DMABUF_HEAPS") == "y"
    assert variant.config_value("ABSENT") == "n"

def test_fails(guest):
    assert 1 + 1 == 3, "sums are wrong"

@pytest.fixture
def broken():
    raise RuntimeError("no set-up")

def test_setup(broken):
    pass

def test_skips():
    pytest.skip("no device")

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False

@pytest.mark.parametrize("size", [1, 2])
def test_sizes(size):
    pass
"""


def test_results_of_every_kind(write: Write, tmp_path: Path) -> None:
    suite = PytestSuite(write(FILE))
    results, machine, _ = run(suite, tmp_path, uname=Answer("6.12\n"), false=Answer("", 3))
    found = [(result.name.partition("::")[2], result.status, result.message) for result in results]
    assert found == [
        ("test_guest", Status.PASS, ""),
        ("test_fails", Status.FAIL, "AssertionError: sums are wrong"),
        ("test_setup", Status.FAIL, "in setup: RuntimeError: no set-up"),
        ("test_skips", Status.SKIP, "no device"),
        ("test_expected", Status.SKIP, "expected to fail: known"),
        ("test_sizes[1]", Status.PASS, ""),
        ("test_sizes[2]", Status.PASS, ""),
    ]
    planned = [test.name for test in suite.plan(machine.kernel, tmp_path)]
    assert planned == [result.name for result in results]
    assert {result.suite for result in results} == {suite.name} == {"pytest:test_mine.py"}
    assert "1 + 1" in results[1].output
    assert machine.timeouts[0] == 40.0  # stretched as slow as the guest is
    assert machine.marks[:2] == ["start test_mine.py::test_guest", "from the user"]
    assert (tmp_path / "pytest:test_mine.py.log").read_text()


def test_only_narrows(write: Write, tmp_path: Path) -> None:
    results, _, _ = run(PytestSuite(write(FILE)), tmp_path, "test_mine.py::test_sizes[2]")
    assert [result.name for result in results] == ["test_mine.py::test_sizes[2]"]


def test_lost_guest_ends_the_session_and_names_the_test(write: Write, tmp_path: Path) -> None:
    suite = PytestSuite(
        write("def test_a():\n    pass\ndef test_b(guest):\n    guest.run('crash')\ndef test_c():\n    pass\n")
    )
    results, _, reason = run(suite, tmp_path, crash=Answer(lost="panic: oh"))
    assert reason == "panic: oh"
    assert [(result.name, result.status) for result in results] == [
        ("test_mine.py::test_a", Status.PASS),
        ("test_mine.py::test_b", Status.ERROR),
    ]


def test_a_test_that_never_ends_on_the_host_is_ended(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suites.pytest_suite._TEST_LIMIT", 0.05)
    suite = PytestSuite(write("import time\ndef test_a():\n    time.sleep(1000)\ndef test_b():\n    pass\n"))
    results, _, _ = run(suite, tmp_path)
    assert [result.status for result in results] == [Status.FAIL, Status.PASS]
    assert "it still ran after 0.4 s, without waiting for the guest" in results[0].message


def test_time_in_the_guest_has_its_own_limit(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.suites.pytest_suite._TEST_LIMIT", 0.05)
    waited = threading.Event()

    def slow(_command: str) -> Answer:
        waited.wait(2 * 0.05 * 8)
        return Answer("done\n")

    suite = PytestSuite(write("def test_a(guest):\n    assert guest.run('slow').ok\n    assert guest.run('slow').ok\n"))
    results, _, _ = run(suite, tmp_path, slow=slow)
    assert [(result.status, result.message) for result in results] == [(Status.PASS, "")]


def test_trouble_with_the_machine_is_no_result(write: Write, tmp_path: Path) -> None:
    def full(_command: str) -> Answer:
        raise InfrastructureError("No space left for the console")

    suite = PytestSuite(write("def test_a():\n    pass\ndef test_b(guest):\n    guest.run('full')\n"))
    with pytest.raises(InfrastructureError, match="No space left"):
        run(suite, tmp_path, full=full)


def test_pytest_that_dies_is_an_error_of_the_test_that_ran(write: Write, tmp_path: Path) -> None:
    results, _, reason = run(PytestSuite(write("import os\ndef test_a():\n    os._exit(9)\n")), tmp_path)
    assert reason == ""
    (result,) = results
    assert result.status is Status.ERROR
    assert result.message.startswith("pytest ended in it with status 9")


AT_THE_END = """
import os
import pytest

def pytest_sessionfinish(session):
    if not session.config.option.collectonly:
        {what}
"""


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("os._exit(139)", "pytest ended after it with status 139"),
        ("session.exitstatus = 1", "pytest ended after it with status 1: 1 passed"),
        ("pytest.exit('the guest is left in a bad state', 6)", "pytest ended after it with status 6: "),
    ],
)
def test_pytest_that_fails_after_its_last_test_is_not_green(
    write: Write, tmp_path: Path, what: str, message: str
) -> None:
    file = write("def test_a():\n    pass\n")
    (file.parent / "conftest.py").write_text(AT_THE_END.format(what=what))
    results, _, _ = run(PytestSuite(file), tmp_path)
    assert [result.status for result in results] == [Status.PASS, Status.ERROR]
    assert results[1].name == "test_mine.py::test_a" and results[1].message.startswith(message)


class SlowToMarkTheEnd(ScriptedGuest):
    """It marks the end of a test no sooner than pytest is known to have ended."""

    ended = threading.Event()

    def mark(self, text: str) -> None:
        assert not text.startswith("end ") or self.ended.wait(60.0)
        super().mark(text)


def test_a_result_told_just_before_pytest_ends_is_heard(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = SlowToMarkTheEnd(scripted_kernel(tmp_path), {})

    def ended(bridge: Bridge, real: Callable[[Bridge], None] = Bridge.pytest_has_ended) -> None:
        machine.ended.set()
        real(bridge)

    monkeypatch.setattr(Bridge, "pytest_has_ended", ended)
    suite = PytestSuite(write("def test_a():\n    pass\n"))
    results = list(suite.run(machine, SuiteContext(tmp_path, "logs", frozenset(), VARIANT)))
    assert [result.status for result in results] == [Status.PASS]


def test_pytest_that_runs_no_test_says_why(write: Write, tmp_path: Path) -> None:
    file = write("def test_a():\n    pass\n")
    suite = PytestSuite(file)
    (file.parent / "conftest.py").write_text("import nothing_of_that_name\n")
    ((result,), _, _) = run(suite, tmp_path)
    assert (result.name, result.status) == ("test_mine.py::test_a", Status.ERROR)
    assert result.message.startswith("pytest ended before it with status 4: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name\n", "test_mine.py: pytest cannot collect it: ModuleNotFoundError"),
        ("def test_a(:\n", "test_mine.py: pytest cannot collect it: "),
        ("def helper():\n    pass\n", "test_mine.py: pytest finds no test in it"),
    ],
)
def test_unusable_files_are_refused_before_anything_runs(write: Write, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        PytestSuite(write(text))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or directory"):
        PytestSuite(tmp_path / "test_absent.py")


def test_directory(write: Write, tmp_path: Path) -> None:
    suite = PytestSuite(write("def test_a():\n    pass\n").parent)
    assert [result.status for result in run(suite, tmp_path)[0]] == [Status.PASS]


def test_users_file_without_the_harness(write: Write) -> None:
    """Run by hand, with the plugin but without a guest, its tests are skipped with a word on how to run them."""
    file = write("def test_a(guest):\n    pass\n")
    command: list[str | Path] = [sys.executable, "-m", "pytest", "-p", "harness.suites.pytest_plugin", "-rs", file]
    done = process.run(command, env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}, merge=True)
    assert "dmabuf-harness run --pytest" in done.stdout
