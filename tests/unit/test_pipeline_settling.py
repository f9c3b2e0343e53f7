# SPDX-License-Identifier: GPL-2.0-only
"""The base of a run: when it is tested, and when what is known of it will do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.events import Event, EventStream
from harness.executor import Findings
from harness.model import BootOutcome, Status
from harness.pipeline.comparing import settle_base
from harness.pipeline.kernel_set import VariantRun
from harness.verdict import Expectation
from tests.support.run_requests import run_request
from tests.support.sample_reports import ON, boot, named
from tests.support.scripted_executor import ScriptedExecutor
from tests.unit.test_pipeline_comparing import FAIL, PASS, found, side


class Base:
    """The base of a run in ``directory``, whose tests find ``outcomes``. ``own``: tests of the user."""

    def __init__(self, directory: Path, *outcomes: Findings, own: tuple[Path, ...] = ()) -> None:
        self.side = side(directory, Findings(outcomes[0].planned))
        self.side.job = replace(self.side.job, request=run_request(pytest=own), directory=directory / "base")
        self._executor = ScriptedExecutor(list(outcomes))

    def settled(self) -> tuple[VariantRun, list[Event]]:
        stream, events = EventStream(), list[Event]()
        stream.subscribe(lambda _, event: events.append(event))
        settle_base(self.side, self.side.runs[0], self._executor, stream, "base ")
        return self.side.runs[0], events

    @property
    def count(self) -> int:
        """How often it was tested."""
        return len(self._executor.jobs)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("cache")
def test_the_second_run_does_not_test_the_base_again(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("1", "2"))
    for directory in (first, second):
        directory.mkdir()
    made = Base(first, found(named(a=Status.SKIP, b=PASS)))
    made.settled()
    again = Base(second, found(named(a=PASS, b=PASS)))
    run, events = again.settled()
    assert (made.count, again.count) == (1, 0)
    assert [result.status for result in run.findings.results] == [Status.SKIP, PASS]
    assert run.earlier and "not tested again" in str(events[-1])
    assert (second / "base" / run.findings.boots[0].console).is_file()


@pytest.mark.usefixtures("cache")
def test_a_base_that_does_not_boot_is_tried_once_more_and_never_remembered(tmp_path: Path) -> None:
    dead = Findings(found(named(a=PASS)).planned, boots=(boot(ON, BootOutcome.PANIC),))
    made = Base(tmp_path, dead, dead)
    run, _ = made.settled()
    assert made.count == 2 and not run.earlier
    kept = sorted(path.parent.name for path in (tmp_path / "base").rglob("console.log"))
    assert kept == [f"first-{ON.name}-1", f"{ON.name}-1"]
    (tmp_path / "2").mkdir()
    mended = Base(tmp_path / "2", dead, found(named(a=PASS)))
    mended.settled()
    assert mended.count == 2, "the first outcome was no reason to believe anything"


@pytest.mark.usefixtures("cache")
def test_a_time_out_of_the_base_is_believed_in_this_run_alone(tmp_path: Path) -> None:
    late = found([replace(*named(a=FAIL), cause=Cause.TIME_LIMIT)])
    made = Base(tmp_path, late)
    run, _ = made.settled()
    assert run.findings.notes == ("not remembered for later runs, as a busy host can bring it about: checks a",)
    (tmp_path / "2").mkdir()
    again = Base(tmp_path / "2", found(named(a=PASS)))
    run, _ = again.settled()
    assert (again.count, run.findings.notes) == (1, ())


@pytest.mark.usefixtures("cache")
def test_a_failure_of_the_base_is_believed_in_this_run_and_tested_again_by_the_next(tmp_path: Path) -> None:
    told = "tested again by the next run, as a failure is remembered if it comes twice: checks a"
    notes = []
    for name in "123":
        (tmp_path / name).mkdir()
        run, _ = Base(tmp_path / name, found(named(a=FAIL))).settled()
        notes.append(run.findings.notes)
        assert [result.status for result in run.findings.results] == [FAIL]
    assert notes == [(told,), (), ()]
    assert run.earlier, "it came twice"


@pytest.mark.usefixtures("cache")
def test_a_failure_that_is_expected_is_believed_at_once(tmp_path: Path) -> None:
    entry = Expectation("fail", re.compile("a"), "why", "link", date.max, "x", "checks", bases=("6.12",))
    for name, times in (("1", 1), ("2", 0)):
        (tmp_path / name).mkdir()
        made = Base(tmp_path / name, found(named(a=FAIL)))
        made.side.job = replace(made.side.job, expectations=(entry,))
        run, _ = made.settled()
        assert (made.count, run.findings.notes) == (times, ())


@pytest.mark.usefixtures("cache")
def test_own_tests_are_asked_each_time_as_nobody_knows_what_they_depend_on(tmp_path: Path) -> None:
    """A helper that is imported, a script that is put into the guest, a setting: the file itself stays the same."""
    own = tmp_path / "test_mine.py"
    own.write_text("from helper import ask")
    for name, helper in (("1", "broken"), ("2", "mended")):
        (tmp_path / name).mkdir()
        (tmp_path / "helper.sh").write_text(helper)
        made = Base(tmp_path / name, found(named(a=PASS)), own=(own,))
        run, _ = made.settled()
        assert made.count == 1 and not run.earlier
