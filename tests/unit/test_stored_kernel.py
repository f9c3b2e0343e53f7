# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel of a stored run is meant, when its directory is damaged or of another machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from harness import machine_check
from harness.cli.main import main
from harness.errors import InfrastructureError, UserError
from harness.process import SandboxMode
from harness.report import save
from harness.report.store import PLAN
from harness.reproduce import pick_kernel
from harness.reproduce.kernel_again import _pinned
from tests.support.sample_reports import OFF, bad_report, run_report, variant_report

ID = "5" * 40


def planned(run: Path, limits: Mapping[str, object], sandbox: str = "off") -> Path:
    save(run, run_report(variant_report()))
    (run / PLAN).write_text(json.dumps({"version": 1, "limits": dict(limits), "sandbox": sandbox}))
    return run


@pytest.mark.parametrize(
    "limits",
    [{"memory": -5}, {"memory": 0}, {"time_factor": 0.0}, {"boots": 0}, {"walks": -1}],
)
def test_limits_that_no_guest_has_are_bad_input(limits: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no guest has such limits"):
        pick_kernel(planned(tmp_path, limits))


def test_usual_limits_are_taken(tmp_path: Path) -> None:
    assert pick_kernel(planned(tmp_path, {"memory": 1024, "time_factor": 2.5})).limits.memory == 1024


@pytest.mark.parametrize("mode", SandboxMode)
def test_a_kernel_of_a_sandboxed_run_comes_up_in_a_sandbox(mode: SandboxMode, tmp_path: Path) -> None:
    assert pick_kernel(planned(tmp_path, {}, sandbox=mode.value)).sandbox is mode


def test_a_sandbox_that_there_is_not_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not the plan of a run: 'tight'"):
        pick_kernel(planned(tmp_path, {}, sandbox="tight"))


@pytest.mark.parametrize("command", [["shell"], ["reproduce", "vgem.import_twice"]])
@pytest.mark.parametrize(("asked", "holds"), [([], "strict"), (["--sandbox", "off"], "off")])
def test_the_command_line_wins_over_the_sandbox_of_the_run(
    command: list[str], asked: list[str], holds: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(planned(tmp_path, {}, sandbox="strict"), bad_report())
    used: list[SandboxMode] = []
    monkeypatch.setattr("harness.cli.sandbox_option.use_sandbox", used.append)
    monkeypatch.setattr(machine_check, "check_all", _nothing_more)
    assert main([command[0], str(tmp_path), *command[1:], *asked]) == 3
    assert used == [SandboxMode(holds)]


def _nothing_more(_accelerator: object) -> NoReturn:
    raise InfrastructureError("no more is needed here")


def test_a_variant_that_is_said_to_be_one_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    save(tmp_path, run_report(variant_report(OFF, same_as="gone", kernel=None)))
    with pytest.raises(UserError, match="no such variant"):
        pick_kernel(tmp_path)


def test_a_base_is_pinned_behind_its_path(tmp_path: Path) -> None:
    (odd := tmp_path / "a@b" / "linux").mkdir(parents=True)
    assert _pinned(f"git:{odd}", ID) == f"git:{odd}@{ID}"
    assert _pinned(f"git:{odd}@topic/x", ID) == f"git:{odd}@{ID}"
    assert _pinned("git:@topic", ID) == f"git:@{ID}"
    assert _pinned("git:/elsewhere/linux", ID) == f"git:/elsewhere/linux@{ID}"
    assert _pinned("debian:6.12", "") == "debian:6.12"


@pytest.mark.parametrize("name", ["", " ", "dma_buf_pin dma_buf_map"])
def test_a_name_that_would_trace_everything_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", "runs/x", "a.test", "--trace", name])
    assert ended.value.code == 2
    assert "a function, or a pattern" in capsys.readouterr().err
