# SPDX-License-Identifier: GPL-2.0-only
"""The command line of ``reproduce``: bad input ends it in one line, before anything is booted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.model import BootOutcome
from harness.report import save
from tests.support.sample_reports import ON, bad_report, boot, run_report, variant_report

PANICKED = run_report(variant_report(ON, (), boots=(boot(outcome=BootOutcome.PANIC),)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no.such.test"], "nothing of that kind is bad in this run"),
        (["warn-0123456789ab"], "nothing of that kind is bad in this run"),
        (["heap.zeroed"], "nothing of that kind is bad in this run"),  # it never ran
        (["vgem.import_twice", "--base"], "nothing of that kind is bad in this run"),
    ],
)
def test_what_is_not_bad_in_the_run(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, bad_report())
    assert main(["reproduce", str(tmp_path), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("stop", [["--shell"], ["--gdb"], ["--trace"]])
def test_nobody_stops_at_a_boot(stop: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, replace(PANICKED, command=("dmabuf-harness", "run")))
    assert main(["reproduce", str(tmp_path), "boot", *stop]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no test runs there, so that nobody can stop at it" in line


def test_a_directory_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", str(tmp_path), "x"]) == 2
    assert "not the directory of a run" in capsys.readouterr().err
