# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness matrix`` on this machine: the command itself, with runs that end as a script says."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness import process
from harness.cli.main import main
from harness.report.matrix_report import CellFate, load_matrix
from tests.support.junit_rules import violations
from tests.support.matrices import ScriptedMatrix, await_that, scripted_processes
from tests.support.scripted_run import begun, say


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedMatrix:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    process.allow_again()  # after another main() in this process
    return ScriptedMatrix(tmp_path)


def fates(matrix: ScriptedMatrix) -> list[str]:
    return [cell.fate.value for cell in load_matrix(matrix.out).cells]


def test_each_cell_is_a_run_and_one_report_is_over_all(matrix: ScriptedMatrix) -> None:
    cells = matrix.cells()
    say(matrix.script, cells[2], "fail")
    code, stdout, stderr = matrix.run(matrix.file, "--out", matrix.out)
    assert (code, stderr) == (1, "")
    assert [name for name, _, _ in begun(matrix.script)] == matrix.in_turn()
    assert fates(matrix) == ["pass", "pass", "fail", "pass"]
    grid = [line.split() for line in stdout.splitlines() if line.startswith(("one ", "two "))]
    assert grid == [["one", "pass", "pass"], ["two", "fail", "pass"]]
    assert "FAIL: 4 cells: 1 red, 3 passed" in stdout
    assert all((matrix.out / "cells" / name / "results.json").is_file() for name in cells)
    assert (matrix.out / "cells" / cells[0] / "output.txt").read_text() == "dmabuf-harness: said by the run\n"
    root = ElementTree.parse(matrix.out / "junit.xml").getroot()
    assert list(violations(root)) == []
    assert [suite.get("name") for suite in root] == cells
    assert [int(suite.get("failures", "")) + int(suite.get("errors", "")) > 0 for suite in root] == [
        *(False, False, True, False)
    ]
    page = (matrix.out / "matrix.html").read_text()
    assert [f'href="cells/{name}/report.html"' in page for name in cells] == [True] * 4
    assert 'http-equiv="refresh"' not in page, "it is over"
    assert json.loads((matrix.out / "matrix.json").read_text())["verdict"] == "fail"


def test_green_is_0_and_quiet_is_one_line(matrix: ScriptedMatrix) -> None:
    code, stdout, _ = matrix.run(matrix.file, "--out", matrix.out, "--quiet")
    assert (code, stdout) == (0, "PASS: 4 cells: 4 passed\n")


@pytest.mark.parametrize(
    ("endings", "code", "told"),
    [
        (("machine", "pass"), 3, "not decidable"),
        (("unusable", "pass"), 2, "unusable"),
        (("unusable", "machine"), 3, "not decidable"),
        (("machine", "fail"), 1, "not decidable"),
        (("lies", "pass"), 3, "not decidable"),
    ],
)
def test_what_has_no_verdict_is_none(matrix: ScriptedMatrix, endings: tuple[str, str], code: int, told: str) -> None:
    for name, ending in zip(matrix.cells(), endings, strict=False):
        say(matrix.script, name, ending)
    done, stdout, _ = matrix.run(matrix.file, "--out", matrix.out)
    assert done == code
    assert told in fates(matrix)
    assert len(begun(matrix.script)) == 4, "there is no other machine"
    if "lies" in endings:
        assert "its results say 1" in stdout
    root = ElementTree.parse(matrix.out / "junit.xml").getroot()
    assert list(violations(root)) == [] and int(root[0].get("errors", "")) == 1


def test_series_may_be_ranges_directories_and_nothing(matrix: ScriptedMatrix) -> None:
    folder = matrix.file.parent / "folder"
    folder.mkdir()
    matrix.patches[0].rename(folder / "1.patch")
    matrix.write(
        f'bases = ["git:{matrix.tree}@v1"]',
        'variants = ["on", "off"]',
        'suites = ["checks contract", "walks"]',
        "[series.range]",
        'patch = ["v1..main"]',
        "up-to = 1",
        "[series.folder]",
        'patch = ["folder"]',
        "[series.base]",
        "[options]",
        "repeat = 0",
        'accel = "tcg"',
    )
    code, _, stderr = matrix.run(matrix.file, "--out", matrix.out)
    assert (code, stderr) == (0, "")
    orders = json.loads((matrix.out / "orders.json").read_text())["book"]["orders"]
    assert len(orders) == 12
    assert [tuple(one["patches"]) for one in orders[::4]] == [
        ("range/0001-range",),
        ("folder/0001-folder",),
        (),
    ]
    assert orders[0]["words"] == [
        f"--base=git:{matrix.tree}@v1",
        "--variant=on",
        *("--repeat", "0", "--accel", "tcg", "--no-project"),
        "--up-to=1",
        *("--suite=checks", "--suite=contract"),
    ]
    mails = sorted((matrix.out / "series/range/0001-range").iterdir())
    assert "Subject: [PATCH 2/2] second" in mails[1].read_text()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["bases = 1"], "bases is no list"),
        (["bases = []", "[series.a]"], "bases is empty"),
        (['bases = ["debian:6.12"]'], "series is missing"),
        (['bases = ["debian:6.12"]', "color = 1", "[series.a]"], "unknown key 'color'"),
        (['bases = ["debian:6.12"]', "[series.a]", "pach = []"], "unknown key 'pach'"),
        (['bases = ["debian:6.12", "debian:6.12"]', "[series.a]"], "bases has 'debian:6.12' twice"),
        (['bases = ["debian:6.12"]', '[series."a/b"]'], "'a/b' cannot be the name of a series"),
        (['bases = ["debian:6.12"]', "[series.a]", "[options]", "each = true"], "options: unknown key 'each'"),
        (
            ['bases = ["debian:6.12"]', "[series.a]", "[options]", "repeat = 'x'"],
            "options.repeat: repeat cannot be 'x'",
        ),
        (['bases = ["redhat:1"]', "[series.a]"], "unknown kind of base 'redhat'"),
        (['bases = ["debian:6.12"]', 'variants = ["up"]', "[series.a]"], "up"),
        (['bases = ["debian:6.12"]', "[series.a]", 'patch = ["none.patch"]'], "series.a: none.patch: no such file"),
        (['bases = ["debian:6.12"]', "[series.a]", 'patch = ["matrix.toml"]'], "matrix.toml"),
        (['bases = ["debian:6.12"]', 'shared = "here"', "[series.a]"], "shared is no absolute path"),
        (['bases = ["debian:6.12"]', "[needs]", "cores = 0", "[series.a]"], "there is no such machine"),
        (["["], "not TOML"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    matrix: ScriptedMatrix, lines: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix.write(*lines)
    before = sorted(matrix.file.parent.iterdir())
    code = main(["matrix", str(matrix.file), "--out", str(matrix.out)])
    stdout, stderr = capsys.readouterr()
    assert (code, stdout, len(stderr.splitlines())) == (2, "", 1)
    assert said in stderr and str(matrix.file) in stderr
    cache = matrix.file.parent / "cache"
    assert [path for path in sorted(matrix.file.parent.iterdir()) if path != cache] == before


def test_what_is_typed_wrongly_is_one_line(matrix: ScriptedMatrix, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        ((), "needs a file, or --continue DIR"),
        ((matrix.file, "--continue", matrix.out), "needs a file, or --continue DIR"),
        (("--continue", matrix.tree), "not the directory of a matrix"),
        (("--continue", matrix.tree, "--out", matrix.out), "a matrix goes on where it is"),
        ((matrix.file.parent / "none.toml",), "cannot be read: No such file"),
    ):
        code, stderr = main(["matrix", *map(str, words)]), capsys.readouterr().err
        assert (code, len(stderr.splitlines())) == (2, 1), words
        assert said in stderr


# --- cut off --------------------------------------------------------------------------------------


def test_killed_it_goes_on_and_no_finished_cell_is_lost(matrix: ScriptedMatrix) -> None:
    cells = matrix.in_turn()
    say(matrix.script, cells[0], "fail")
    say(matrix.script, cells[2], "once")
    with matrix.command("matrix", matrix.file, "--out", matrix.out) as started:
        await_that(lambda: len(begun(matrix.script)) == 3, started)
        assert 'http-equiv="refresh"' in (matrix.out / "matrix.html").read_text()
        started.kill()
    await_that(lambda: not scripted_processes(matrix.script))
    assert fates(matrix) == ["fail", "waiting", "pass", "waiting"]
    matrix.patches[1].unlink()  # it has its own
    code, stdout, stderr = matrix.run("--continue", matrix.out)
    assert (code, stderr) == (1, "")
    assert [name for name, _, _ in begun(matrix.script)] == [*cells[:3], *cells[2:]]
    assert fates(matrix) == ["fail", "pass", "pass", "pass"]
    assert "FAIL: 4 cells: 1 red, 3 passed" in stdout
    assert not [path.name for path in (matrix.out / "cells").iterdir() if path.name not in cells]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ended_by_a_signal_it_reports_what_it_knows(matrix: ScriptedMatrix, number: signal.Signals, code: int) -> None:
    cells = matrix.in_turn()
    say(matrix.script, cells[1], "hang")
    with matrix.command("matrix", matrix.file, "--out", matrix.out) as started:
        await_that(lambda: len(begun(matrix.script)) == 2, started)
        started.send_signal(number)
        stdout, stderr = started.communicate()
    assert started.returncode == code
    assert len(stderr.splitlines()) == 1
    assert f"matrix --continue {matrix.out}" in stdout
    assert not scripted_processes(matrix.script)
    assert load_matrix(matrix.out).of(CellFate.PASS)[0].name == cells[0]
    root = ElementTree.parse(matrix.out / "junit.xml").getroot()
    assert [int(suite.get("skipped", "0")) for suite in root][1:] == [1, 1, 1], "those that were not done"
    say(matrix.script, cells[1], "pass")
    assert matrix.run("--continue", matrix.out)[0] == 0


def test_two_at_once_in_one_directory_are_refused(matrix: ScriptedMatrix) -> None:
    say(matrix.script, matrix.cells()[0], "hang")
    with matrix.command("matrix", matrix.file, "--out", matrix.out) as started:
        await_that(lambda: len(begun(matrix.script)) == 1, started)
        code, _, stderr = matrix.run("--continue", matrix.out)
        started.kill()
    assert code == 2 and "another dmabuf-harness matrix is at work there" in stderr


def test_what_a_killed_one_left_half_written_is_an_input_error(matrix: ScriptedMatrix) -> None:
    assert matrix.run(matrix.file, "--out", matrix.out)[0] == 0
    (matrix.out / "matrix.json").write_text("{")
    code, _, stderr = matrix.run("--continue", matrix.out)
    assert (code, len(stderr.splitlines())) == (2, 1)
    (matrix.out / "matrix.json").unlink()
    assert matrix.run("--continue", matrix.out)[0] == 0, "it was killed before its first cell ended"


def test_report_says_where_its_runs_are(matrix: ScriptedMatrix) -> None:
    assert matrix.run(matrix.file, "--out", matrix.out)[0] == 0
    with matrix.command("report", matrix.out) as started:
        assert "it holds the runs of a matrix" in started.communicate()[1]
