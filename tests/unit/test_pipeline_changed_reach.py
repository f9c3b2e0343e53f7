# SPDX-License-Identifier: GPL-2.0-only
"""Whatever goes wrong with the coverage of the changed lines is told, and costs a finished run nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.changed_coverage import ChangedCoverage
from harness.errors import HarnessError, InfrastructureError, UserError
from harness.events import Event, EventStream, Note
from harness.paths import PROJECT_ROOT
from harness.pipeline import changed_reach, check
from harness.pipeline.reach_measuring import MeasuredReach
from harness.reach import ReachMap
from harness.series import Applied, Tree
from tests.support.run_requests import run_request
from tests.support.sample_reports import ON
from tests.support.scripted_executor import ScriptedExecutor

FAKELINUX = PROJECT_ROOT / "tests/data/fakelinux"
MEASURED = MeasuredReach(Applied(Tree("dir:x", Path("/nowhere"), "c0ffee", "6.12"), (), "tree"))


@pytest.mark.parametrize("trouble", [InfrastructureError("git was killed"), UserError("no such file")])
@pytest.mark.parametrize("step", ["measure", "changed_diff", "base_reach"])
def test_trouble_is_a_note(step: str, trouble: HarnessError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> None:
        raise trouble

    MEASURED.maps[ON.name] = ReachMap("key", {}, {}, {})
    monkeypatch.setattr(changed_reach, "measure", lambda *_arguments: MEASURED)
    monkeypatch.setattr(changed_reach, "changed_diff", lambda _applied: "")
    monkeypatch.setattr(changed_reach, step, fails)
    happened: list[Event] = []
    events = EventStream()
    events.subscribe(lambda _, event: happened.append(event))
    job = check(run_request(f"dir:{FAKELINUX}", no_patch=True, variant="on"), tmp_path)
    found = changed_reach.changed_coverage(job, events, ScriptedExecutor())
    assert found == ChangedCoverage(notes=(f"not measured: {trouble}",))
    assert happened == [Note("", f"changed lines: not measured: {trouble}", "warning")]
