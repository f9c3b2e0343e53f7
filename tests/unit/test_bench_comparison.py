# SPDX-License-Identifier: GPL-2.0-only
"""What became slower between two files of figures: told from 15 % on, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.bench_comparison import Figures, as_json, compared, read_figures
from harness.errors import UserError


def run(scenario: str = "same", seconds: float = 100.0, boot: float = 10.0, own: float = 1.0) -> Figures:
    phases = [("", "source", 0.1, 0.0, 0), ("on", "boot", boot, boot / 2, 1 << 20), ("on", "boot", boot, 0.0, 1 << 20)]
    return Figures(scenario, seconds, 0, own, 1 << 20, 1 << 30, phases)


def test_what_takes_more_than_15_percent_longer_is_told() -> None:
    told = compared([run()], [run(seconds=116, boot=12)])
    assert told == [
        "slower  same: in all: 100.0 s -> 116.0 s wall (+16%)",
        "slower  same: on: boot: 20.0 s -> 24.0 s wall (+20%)",
        "slower  same: on: boot: 5.0 s -> 6.0 s CPU (+20%)",
        "3 of 6 figures more than 15% worse",
    ]


def test_less_than_that_is_not(tmp_path: Path) -> None:
    assert compared([run()], [run(seconds=115, boot=11.4, own=1.4)]) == ["0 of 6 figures more than 15% worse"]


def test_what_became_faster_is_told_and_is_no_regression() -> None:
    assert compared([run(seconds=100)], [run(seconds=50)]) == [
        "faster  same: in all: 100.0 s -> 50.0 s wall (-50%)",
        "0 of 6 figures more than 15% worse",
    ]


def test_a_tenth_of_a_second_is_the_hosts() -> None:
    assert compared([run(own=0.1)], [run(own=0.5)])[-1].startswith("0 of")


def test_of_several_runs_the_median_counts() -> None:
    several = [run(seconds=seconds) for seconds in (90, 100, 900)]
    assert compared([run()], several) == ["0 of 6 figures more than 15% worse"]
    assert compared([run()], several[1:])[0].startswith("slower  same: in all: 100.0 s -> 500.0 s")


def test_what_only_one_side_has_is_not_compared() -> None:
    assert compared([run("cold")], [run("same")]) == ["nothing to compare"]
    without = Figures("same", 100.0, 0, 1.0)
    assert compared([without], [run(boot=99)])[-1] == "0 of 2 figures more than 15% worse"


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(as_json([run(), run("cold")]))
    assert compared(read_figures(file), [run(), run("cold")]) == ["0 of 12 figures more than 15% worse"]


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"scenario": "same", "seconds": "x"}]', '{"a": 1}', "[" * 99999])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text)
    with pytest.raises(UserError, match="no figures of bench"):
        read_figures(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_figures(tmp_path / "none.json")
