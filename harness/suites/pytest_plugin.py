# SPDX-License-Identifier: GPL-2.0-only
"""The pytest plugin behind ``--pytest``: fixtures ``guest`` and ``variant``, and a result for every test as it ends.

It runs in a pytest process of its own and talks to the harness (``pytest_bridge``) over the unix socket that
``DMABUF_HARNESS_SOCKET`` names: one JSON object per line, requests answered by one line each.

    def test_heap_is_there(guest, variant):
        assert guest.run("ls /dev/dma_heap").stdout.split() == ["system"]
        assert variant.config_value("DMABUF_HEAPS") == "y"
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.interfaces import CommandResult
from harness.suites.pytest_bridge import COLLECTED, LIMIT, SOCKET


@contextlib.contextmanager
def _clock_stopped() -> Iterator[None]:
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


class Harness:
    """Our end of the socket."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._stream = self._socket.makefile("rwb")

    def tell(self, **event: object) -> None:
        """Send an event; no answer."""
        with self._lock:
            self._send(event)

    def ask(self, **request: object) -> Any:
        """Send a request and return its answer. A lost guest ends the whole session: nothing can be tested any more."""
        with self._lock, _clock_stopped():  # an exception between request and answer would mix up all that follow
            self._send(request)
            line = self._stream.readline()
        answer = json.loads(line) if line else {"lost": "the harness is gone"}
        if "lost" in answer:
            pytest.exit(f"guest lost: {answer['lost']}", returncode=pytest.ExitCode.INTERRUPTED)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer["value"]

    def _send(self, message: Mapping[str, object]) -> None:
        self._stream.write(json.dumps(message).encode() + b"\n")
        self._stream.flush()


class GuestFixture:
    """The booted kernel under test. Time limits are in seconds as under KVM; the harness stretches them under TCG."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness

    def run(self, command: str, timeout: float = 60.0) -> CommandResult:
        """Run a shell command as root; a failing command is a value, not an exception."""
        return CommandResult(**self._harness.ask(do="run", command=command, timeout=timeout))

    def put(self, local: str | Path, remote: str) -> None:
        """Copy a file into the guest, where /tmp can be written."""
        self._harness.ask(do="put", local=str(Path(local).absolute()), remote=remote)

    def get(self, remote: str, local: str | Path) -> None:
        """Copy a file out of the guest."""
        self._harness.ask(do="get", remote=remote, local=str(Path(local).absolute()))

    def kernel_log(self) -> str:
        """dmesg up to now."""
        return str(self._harness.ask(do="kernel_log"))

    def mark(self, text: str) -> None:
        """Write a line to the kernel log."""
        self._harness.ask(do="mark", text=text)


class VariantFixture:
    """The kernel's configuration. ``name``: "move-notify-on"; ``options``: what makes it differ, symbol -> value."""

    def __init__(self, name: str, options: Mapping[str, str], config: Mapping[str, str]) -> None:
        self.name = name
        self.options = dict(options)
        self._config = config

    def config_value(self, symbol: str) -> str:
        """Value of ``CONFIG_<symbol>``; "n" if it is not set."""
        return self._config.get(symbol.removeprefix("CONFIG_"), "n")


@pytest.fixture(scope="session")
def guest(pytestconfig: pytest.Config) -> GuestFixture:
    """The booted guest."""
    return GuestFixture(_harness(pytestconfig))


@pytest.fixture(scope="session")
def variant(pytestconfig: pytest.Config) -> VariantFixture:
    """The variant that the guest runs."""
    return VariantFixture(**_harness(pytestconfig).ask(do="variant"))


def _harness(config: pytest.Config) -> Harness:
    reporter = config.pluginmanager.get_plugin(Reporter.NAME)
    if not isinstance(reporter, Reporter):
        pytest.skip("there is no guest: run this through dmabuf-harness run --pytest")
    return reporter.harness


class Reporter:
    """Tells the harness what starts and what became of it."""

    NAME = "dmabuf-harness-reporter"

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self._limit = float(os.environ.get(LIMIT, "0"))
        self._reports: list[pytest.TestReport] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        return (yield from self._limited())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        return (yield from self._limited())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        return (yield from self._limited())

    def _limited(self) -> Iterator[None]:
        """Let a phase of a test fail once it has taken too long; not where somebody else uses the alarm."""
        if self._limit <= 0 or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
            return (yield)
        signal.signal(signal.SIGALRM, self._stop)
        signal.setitimer(signal.ITIMER_REAL, self._limit)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _stop(self, _signum: int, _frame: object) -> None:
        pytest.fail(f"it still ran after {self._limit:g} s, without waiting for the guest")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._reports.clear()
        self.harness.ask(do="start", nodeid=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports.append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        outcome, message = _outcome(self._reports)
        self.harness.tell(
            do="result",
            nodeid=nodeid,
            outcome=outcome,
            message=message,
            seconds=sum(report.duration for report in self._reports),
            output="\n".join(report.longreprtext for report in self._reports if report.failed),
        )


def _outcome(reports: list[pytest.TestReport]) -> tuple[str, str]:
    """(passed, failed or skipped; one line) from the reports of set-up, call and tear-down."""
    for report in reports:
        if report.failed:
            where = "" if report.when == "call" else f"in {report.when}: "
            return "failed", where + _first_words(report)
    for report in reports:
        if report.skipped:
            expected = getattr(report, "wasxfail", None)
            return "skipped", f"expected to fail: {expected}" if expected is not None else _first_words(report)
    return "passed", ""


def _first_words(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    return next(iter(text.strip().splitlines()), "")


def pytest_configure(config: pytest.Config) -> None:
    if path := os.environ.get(SOCKET):
        config.pluginmanager.register(Reporter(Harness(path)), Reporter.NAME)


def pytest_collection_finish(session: pytest.Session) -> None:
    if path := os.environ.get(COLLECTED):
        Path(path).write_text(json.dumps([item.nodeid for item in session.items]))
