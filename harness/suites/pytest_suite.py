# SPDX-License-Identifier: GPL-2.0-only
"""A user's own pytest files, run on the host against the guest: ``--pytest PATH``."""

from __future__ import annotations

import json
import os
import queue
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import process
from harness.causes import Cause
from harness.errors import UserError
from harness.identities import OWN_TESTS
from harness.interfaces import Guest, SuiteContext
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.paths import PROJECT_ROOT, exists
from harness.scratch import scratch
from harness.suites.commands import log_file
from harness.suites.pytest_bridge import COLLECTED, LIMIT, SOCKET, Bridge, BridgeMessage

_PLUGIN = "harness.suites.pytest_plugin"
_COLLECT_LIMIT = 120.0  # seconds
_TEST_LIMIT = 300.0  # seconds under KVM that one test may take outside the guest: what it runs there has its own limit
_GUEST_LIMIT = 600.0  # seconds under KVM, for what all tests run in the guest
_STATUS = {"passed": Status.PASS, "failed": Status.FAIL, "skipped": Status.SKIP}


class PytestSuite:
    """Implements ``harness.interfaces.Suite``. A test's name is its node id, relative to the directory of ``path``."""

    def __init__(self, path: Path, collected: tuple[str, ...] = ()) -> None:
        """Collects at once, so that a broken file is said before anything is built. Raises ``UserError``.

        ``collected``: what it has, if that is known: it is not asked again.
        """
        if not exists(path):
            raise UserError("no such file or directory", where=str(path), hint="give a pytest file or directory")
        self.path = path.resolve()
        self._root = self.path if self.path.is_dir() else self.path.parent
        self.name = f"{OWN_TESTS}{self.path.name}"
        self._collected = collected or self._collect(str(path))

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        return tuple(PlannedTest(self.name, nodeid) for nodeid in self._collected)

    def _command(self, *arguments: str) -> list[str]:
        options = ["-p", _PLUGIN, "-p", "no:cacheprovider", f"--rootdir={self._root}", "--tb=short", "-q"]
        return [sys.executable, "-m", "pytest", *options, *arguments]

    def _collect(self, shown: str) -> tuple[str, ...]:
        with scratch("collected") as directory:
            listing = directory / "collected"
            environment = _environment({COLLECTED: str(listing)})
            command = self._command("--collect-only", str(self.path))
            done = process.run(command, cwd=self._root, env=environment, timeout=_COLLECT_LIMIT, merge=True)
            nodeids = json.loads(listing.read_text()) if listing.is_file() else []
        if done.returncode not in (0, 5):
            raise UserError(f"pytest cannot collect it: {_first_error(done.stdout)}", where=shown, hint="mend the file")
        if not nodeids:
            raise UserError("pytest finds no test in it", where=shown, hint="see pytest --collect-only")
        return tuple(nodeids)

    def provoked(self, test: str) -> tuple[str, ...]:
        return ()

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        log = log_file(context.logs, self.name)
        logged = f"{context.log_prefix}/{log.name}"
        events: queue.SimpleQueue[BridgeMessage | None] = queue.SimpleQueue()
        chosen = [str(self._root / nodeid) for nodeid in self._collected if nodeid in context.only]
        running, last, failed = "", "", False
        with Bridge(guest, context.variant, events) as bridge:
            pool = ThreadPoolExecutor(1, thread_name_prefix="pytest")
            done = pool.submit(
                process.run,
                self._command(*(chosen or [str(self.path)])),
                cwd=self._root,
                env=_environment({SOCKET: str(bridge.path), LIMIT: str(_TEST_LIMIT * guest.slowness)}),
                timeout=(_GUEST_LIMIT + _TEST_LIMIT * len(self._collected)) * guest.slowness,
                log=log,
                merge=True,
            )
            done.add_done_callback(lambda _: bridge.pytest_has_ended())
            pool.shutdown(wait=False)
            while (event := events.get()) is not None:
                running = event["nodeid"] if event["do"] == "start" else ""
                if event["do"] == "result":
                    last, failed = event["nodeid"], failed or event["outcome"] == "failed"
                    yield self._result(event, logged)
        if bridge.trouble is not None:
            raise bridge.trouble
        if bridge.lost is not None:
            if running:
                yield bridge.lost.result(self.name, running, logged)
            raise bridge.lost
        ended = done.result()
        if running or ended.returncode not in (0, int(failed)):
            # A hook or an interpreter that fails at the end belongs to no test; the run must not be green for that.
            blamed = running or last or self._collected[0]
            how = _how_it_ended(ended, "in" if running else "after" if last else "before")
            cause = Cause.TIME_LIMIT if ended.timed_out else Cause.PROCESS
            yield TestResult(self.name, blamed, Status.ERROR, message=how, log=logged, cause=cause)

    def _result(self, event: BridgeMessage, log: str) -> TestResult:
        skipped = (f"{event['nodeid']}: {event['message']}",) if event["outcome"] == "skipped" else ()
        return TestResult(
            self.name,
            event["nodeid"],
            _STATUS[event["outcome"]],
            event["seconds"],
            event["message"],
            output=event["output"],
            lost_coverage=skipped,
            log=log,
        )


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """The user's own, with the harness importable for the plugin."""
    paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **extra}


def _first_error(output: str) -> str:
    """The line in which pytest says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line.removeprefix("E").strip() for line in lines if line.startswith(("E  ", "ERROR: "))]
    return (told or lines or ["it said nothing"])[0]


def _how_it_ended(done: process.Completed, when: str) -> str:
    if done.timed_out:
        return f"still ran after {done.seconds:.0f} s: pytest was stopped"
    words = done.stdout.strip().splitlines()
    return f"pytest ended {when} it with status {done.returncode}: {words[-1] if words else 'no output'}"
