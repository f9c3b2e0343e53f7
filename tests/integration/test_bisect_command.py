# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness bisect`` and ``bisect-step`` as a user types them, as far as no kernel is needed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.cli.bisect_question import asked
from harness.cli.main import parser
from harness.paths import PROJECT_ROOT
from tests.support.bisected import TEST, History
from tests.support.junit_rules import violations
from tests.support.real import LIMIT, harness_command


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    made = History(tmp_path_factory.mktemp("history") / "linux")
    made.plain(2)
    made.add("broken", "int broken")
    return made


def command(where: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "XDG_CACHE_HOME": str(where / "cache")}
    argv = harness_command(*arguments)
    return subprocess.run(argv, cwd=where, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give --test, --splat or --from"),
        (["--test", TEST], "give --good REF"),
        (["--test", TEST, "--good", "nowhere"], "nowhere: no such commit"),
        (["--test", TEST, "--good", "main"], "the same commit"),
        (["--test", TEST, "--good", "main", "--bad", "main~2"], "not before"),
        (["--splat", "WARNING", "--good", "main~2"], "fingerprint"),
        (["--test", TEST, "--series", "x.mbox", "--good", "main~2"], "--good: is about commits"),
        (["--test", TEST, "--series", "x.mbox"], "x.mbox: no such file"),
        (["--test", TEST, "--good", "main~2", "--suite", "chekcs"], "did you mean checks"),
        (["--test", TEST, "--good", "main~2", "--fixup", "x.patch", "main~2.."], "x.patch: no such file"),
        (["--from", "nowhere"], "no such file"),
        (["--continue"], "no bisect was begun here"),
        (["--status", "nowhere"], "no such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    history: History, tmp_path: Path, arguments: list[str], words: str
) -> None:
    tree = [] if {"--series", "--continue", "--status"} & set(arguments) else ["--tree", str(history.path)]
    done = command(tmp_path, "bisect", *arguments, *tree)
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1 and words in done.stderr, done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_end_that_does_not_build_is_told_in_every_report(history: History, tmp_path: Path) -> None:
    asked: list[str | Path] = [
        "--good",
        "main~3",
        "--tree",
        history.path,
        "--test",
        TEST,
        "--suite",
        "checks",
        "--junit",
        "own.xml",
    ]
    done = command(tmp_path, "bisect", *asked, "--out", "walk")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "an end cannot be tested" in done.stdout and "does not build" in done.stdout
    assert "right with" not in done.stdout, "there is no answer that could be right"
    walk = tmp_path / "walk"
    told = json.loads((walk / "bisect.json").read_text())
    assert (told["end"], told["builds"], told["boots"]) == ("an end cannot be tested", 1, 0)
    mail = (walk / "bisect.md").read_text()
    assert "dma-buf.c" in mail and "To check it again" not in mail
    assert "\n1 build and 0 boots for " in mail and ": 1 build, 0 boots, " in done.stdout
    root = ElementTree.fromstring((walk / "junit.xml").read_text())
    assert not list(violations(root)) and root.find(".//error") is not None
    assert (tmp_path / "own.xml").read_text() == (walk / "junit.xml").read_text()
    status = command(tmp_path, "bisect", "--status", "walk")
    assert status.returncode == 0 and "bad end" in status.stdout, status.stderr
    again = command(tmp_path, "bisect", "--continue", "walk")
    assert again.returncode == 1 and "an end cannot be tested" in again.stdout


def test_what_moves_is_nailed_down_at_the_start(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A branch that is the base of a series, and where --junit is relative to."""
    monkeypatch.chdir(tmp_path)
    series = tmp_path / "series"
    history.git("format-patch", "-q", "-o", str(series), "main~2..main")
    given = ["--series", str(series), "--base", f"git:{history.path}@main~2", "--test", TEST, "--junit", "own.xml"]
    question = asked(parser().parse_args(["bisect", *given]), tmp_path)
    assert question.base == f"git:{history.path}@{history.git('rev-parse', 'main~2')}"
    assert question.junit == tmp_path / "own.xml"


# --- bisect-step ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--no-such-option"], "unrecognized"),
        ([], "give --test"),
        (["--test", TEST, "--tree", "."], "no commit"),
        (["--from", "nowhere"], "nowhere"),
        (["--test", TEST, "--variant", "maybe"], "maybe"),
        (["--test", TEST, "--suite", "chekcs"], "did you mean checks"),
        (["--test", TEST, "--pytest", "nowhere.py"], "nowhere.py"),
        (["--test", TEST, "--fixup", "nowhere.patch", "main~1..main"], "nowhere.patch"),
    ],
)
def test_a_step_that_cannot_begin_stops_git(history: History, tmp_path: Path, arguments: list[str], words: str) -> None:
    tree = [] if "--tree" in arguments else ["--tree", str(history.path)]
    done = command(tmp_path, "bisect-step", *tree, *arguments)
    assert done.returncode == 130, done.stdout + done.stderr
    assert words in done.stderr


def test_changes_that_are_not_committed_are_not_tested_by_mistake(history: History, tmp_path: Path) -> None:
    makefile = history.path / "Makefile"
    text = makefile.read_text()
    makefile.write_text(text + "# changed\n")
    try:
        done = command(tmp_path, "bisect-step", "--test", TEST, "--tree", history.path)
    finally:
        makefile.write_text(text)
    assert done.returncode == 130 and "not committed" in done.stderr


def test_a_commit_that_does_not_build_is_125(history: History, tmp_path: Path) -> None:
    done = command(tmp_path, "bisect-step", "--test", TEST, "--suite", "checks", "--tree", history.path)
    assert done.returncode == 125, done.stdout + done.stderr
    assert "does not build" in done.stdout


def test_a_fault_of_the_harness_is_no_verdict() -> None:
    program = "from harness.cli import main as m; m._main = lambda given: {}['x']; m.main(['bisect-step'])"
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 129 and "KeyError" in done.stderr


@pytest.mark.parametrize("streams", ["2> /dev/full", "2>&-", "> /dev/full", "> /dev/full 2>&1", ">&- 2>&-"])
@pytest.mark.parametrize("arguments", ["--no-such-option", "--test x.y --tree .", "--help"])
def test_a_log_that_takes_no_more_words_is_no_verdict(tmp_path: Path, streams: str, arguments: str) -> None:
    """Where all that was to be said could be said, --help is a success like any other."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    line = f"{shlex.join(harness_command('bisect-step'))} {arguments} {streams}"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, check=False)
    said = arguments == "--help" and streams.startswith("2>")
    assert done.returncode == 0 if said else done.returncode >= 128
