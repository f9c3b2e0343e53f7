# SPDX-License-Identifier: GPL-2.0-only
"""What ``dmabuf-harness mutants`` refuses before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to put mistakes into"),
        (["--files", "drivers/dma-buf/*.c", "--sample", "5000"], "one kernel holds at most 4095"),
        (["--files", "drivers/dma-buf/*.c", "--variant", "all"], "mutants are tried in one variant"),
        (["-p", "no-such.patch"], "no-such.patch"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["mutants", "--base", "debian:6.12", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [["--sample", "0"], ["--minutes", "x"], ["--seed", "-1"]])
def test_numbers_are_checked(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mutants", "--files", "x.c", *option])
    assert ended.value.code == 2
    assert option[0] in capsys.readouterr().err
