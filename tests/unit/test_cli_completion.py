# SPDX-License-Identifier: GPL-2.0-only
"""What a shell gets when it asks what may stand at the cursor; bash asks with the code that ``completion`` prints."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.completion import SHELLS
from harness.cli.main import main, parser
from harness.guest.checks import all_checks
from harness.suites import suite_names

PROGRAM = Path(sys.executable).with_name("dmabuf-harness")


def code_for(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What ``dmabuf-harness completion`` prints."""
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def completed(line: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What bash offers at the end of ``line``, with the code that the command prints."""
    code = code_for("bash", capsys)
    words = line.split(" ")
    script = f"""{code}
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1} COMP_LINE={shlex.quote(line)}
        COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9
        _python_argcomplete {PROGRAM} {shlex.quote(words[-1])} {shlex.quote(words[-2])}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "COMP_WORDBREAKS": " \t\n\"'><=;|&(:"},
    )
    return set(done.stdout.split())


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    offered = completed("dmabuf-harness ", capsys)
    assert {name for group in parser().groups for name in group.parsers} <= offered


def test_options_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed("dmabuf-harness run --var", capsys) == {"--variant", "--variant-of"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dmabuf-harness run --suite ", set(suite_names())),
        ("dmabuf-harness run --only udmabuf.size", {n for n in all_checks() if n.startswith("udmabuf.size")}),
        ("dmabuf-harness run --only udm", {"udmabuf", *(n for n in all_checks() if n.startswith("udmabuf."))}),
        ("dmabuf-harness show --variant move-notify-o", {"move-notify-on", "move-notify-off"}),
        ("dmabuf-harness run --base debian:6.", {"6.1", "6.12"}),  # bash breaks the word at the colon
        ("dmabuf-harness list ch", {"checks"}),
        ("dmabuf-harness faults notify-skips-", {"notify-skips-first", "notify-skips-last"}),
    ],
)
def test_values(line: str, offered: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(line, capsys) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_the_code_is_of_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = code_for(shell, capsys)
    assert code.startswith("#compdef dmabuf-harness\n")  # a file of this in zsh's fpath works as well
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=code, text=True, check=True)


def test_every_value_that_is_named_is_of_an_option_that_exists() -> None:
    from harness.cli import completion

    known = {key for c in parser().commands() for a in c._actions for key in (*a.option_strings, a.dest)}
    assert set(completion._VALUES) <= known
