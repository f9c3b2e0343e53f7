# SPDX-License-Identifier: GPL-2.0-only
"""Matrices on a real dask cluster: a scheduler, workers as processes that are really killed, and scripted runs."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import process
from harness.cli.main import main
from harness.errors import InfrastructureError
from harness.matrix.dask_crew import DaskCrew
from harness.report import load
from harness.report.matrix_report import MatrixReport, load_matrix
from tests.support.cell_clusters import ScriptedCluster, scheduler_process, scripted_cluster
from tests.support.matrices import ScriptedMatrix, await_that, scripted_processes
from tests.support.real import processes
from tests.support.scripted_run import begun, say


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedMatrix:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    process.allow_again()  # after another main() in this process
    return ScriptedMatrix(tmp_path)


@pytest.fixture
def cluster(matrix: ScriptedMatrix) -> Iterator[ScriptedCluster]:
    with scripted_cluster(matrix.script) as found:
        yield found


def run(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> tuple[int, str, str]:
    return matrix.run(matrix.file, "--out", matrix.out, "--cluster", cluster.address)


def report(matrix: ScriptedMatrix) -> MatrixReport:
    return load_matrix(matrix.out)


def fates(matrix: ScriptedMatrix) -> list[str]:
    return [cell.fate.value for cell in report(matrix).cells]


def runs_begun(matrix: ScriptedMatrix, count: int) -> bool:
    return len(begun(matrix.script)) == count


def _second_runs_and_first_is_kept(matrix: ScriptedMatrix) -> bool:
    """A worker goes on before the matrix has written down what came of its last cell."""
    return runs_begun(matrix, 2) and "pass" in fates(matrix)


@pytest.mark.parametrize("shared", [False, True])
def test_two_workers_give_the_verdicts_of_single_runs(
    matrix: ScriptedMatrix, cluster: ScriptedCluster, shared: bool
) -> None:
    place = matrix.file.parent / "shared"
    place.mkdir()
    if shared:
        matrix.file.write_text(f'shared = "{place}"\n{matrix.file.read_text()}')
    say(matrix.script, matrix.cells()[2], "fail")
    for machine in ("a", "b"):
        cluster.add(machine)
    code, stdout, stderr = run(matrix, cluster)
    assert (code, stderr) == (1, "")
    assert fates(matrix) == ["pass", "pass", "fail", "pass"]
    assert {machine for _, machine, _ in begun(matrix.script)} == {"a", "b"}
    red = report(matrix).cells[2]
    assert sorted(red.notes[0].split()[2::3]) == ["a", "b"], red.notes
    assert report(matrix).left_out == {}
    for cell in report(matrix).cells:
        assert (matrix.out / "cells" / cell.name / "logs" / "console.txt").read_text() == "what the kernel said\n"
        found = load(matrix.out / "cells" / cell.name)
        assert found.command[2] == f"--patch={matrix.out}/series/{cell.series}/0001-{cell.series}.patch"
        assert found.command[-1] == f"--out={matrix.out}/cells/{cell.name}"
        assert f"--out={matrix.out}" in (matrix.out / "cells" / cell.name / "report.html").read_text()
    assert not list(place.rglob("results.json")), "nothing is left of what came by it"
    assert "is done again on another machine" in stdout


def test_a_killed_worker_loses_nothing(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    """Its cell is done by the other one, and its run does not go on."""
    say(matrix.script, matrix.cells()[0], "once")
    for machine in ("a", "b"):
        cluster.add(machine)
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", cluster.address) as started:
        await_that(lambda: any(name == matrix.cells()[0] for name, _, _ in begun(matrix.script)), started)
        machine = next(where for name, where, _ in begun(matrix.script) if name == matrix.cells()[0])
        cluster.workers[machine].kill()
        stdout, stderr = started.communicate()
    assert (started.returncode, stderr) == (0, "")
    assert fates(matrix) == ["pass"] * 4
    cell = report(matrix).cells[0]
    assert cell.machine != machine and cell.losses == (f"{machine}: its worker died",)
    assert f"is done again: {machine}: its worker died" in stdout
    assert not scripted_processes(matrix.script)


def test_a_cell_that_kills_each_worker_is_not_decidable(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    name = matrix.cells()[0]
    say(matrix.script, name, "hang")
    for machine in "abcd":
        cluster.add(machine)
    killed: list[str] = []
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", cluster.address) as started:
        for count in (1, 2, 3):
            tries: list[str] = []
            await_that(
                lambda count=count, tries=tries: (  # type: ignore[misc]
                    tries.extend(where for cell, where, _ in begun(matrix.script) if cell == name)
                    or len(set(tries)) == count
                ),
                started,
            )
            killed.append(tries[-1])
            cluster.workers[tries[-1]].kill()
        started.communicate()
    assert started.returncode == 3
    assert fates(matrix) == ["not decidable", "pass", "pass", "pass"]
    assert len(set(killed)) == 3, "elsewhere each time"
    assert report(matrix).cells[0].losses == tuple(f"{where}: its worker died" for where in killed)


def test_one_broken_machine_does_not_turn_a_run_red(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    for name in matrix.cells():
        say(matrix.script, name, "broken fail")
    for machine in ("broken", "good"):
        cluster.add(machine)
    code, stdout, _ = run(matrix, cluster)
    assert code == 0
    assert list(report(matrix).left_out) == ["broken"]
    assert "broken is left out: " in stdout and "left out: broken: " in stdout
    assert {cell.machine for cell in report(matrix).cells} == {"good"}
    told = [cell for cell in report(matrix).cells if cell.notes]
    assert told and told[0].notes[0].startswith("red on broken alone, which is left out: FAIL")
    assert (matrix.out / "aside" / f"{told[0].name}--red" / "results.json").is_file()
    assert "left out" in (matrix.out / "matrix.html").read_text().lower()


def test_a_machine_whose_results_are_not_what_it_says_is_not_believed(
    matrix: ScriptedMatrix, cluster: ScriptedCluster
) -> None:
    for name in matrix.cells():
        say(matrix.script, name, "liar lies")
    for machine in ("liar", "good"):
        cluster.add(machine)
    assert run(matrix, cluster)[0] == 0
    assert {cell.machine for cell in report(matrix).cells} == {"good"}
    losses = [loss for cell in report(matrix).cells for loss in cell.losses]
    assert losses and set(losses) == {"liar: it ended with 0, and its results say 1"}


def test_a_worker_that_comes_later_gets_cells(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", cluster.address) as started:
        await_that((matrix.out / "matrix.html").exists, started)
        assert not begun(matrix.script)
        cluster.add("late")
        assert started.wait() == 0
    assert {cell.machine for cell in report(matrix).cells} == {"late"}


def test_killed_it_goes_on_with_the_same_cluster(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    say(matrix.script, matrix.in_turn()[1], "once")
    cluster.add("a")
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", cluster.address) as started:
        await_that(lambda: _second_runs_and_first_is_kept(matrix), started)
        started.kill()
    os.kill(begun(matrix.script)[1][2], signal.SIGKILL)  # the worker would do it to its end
    code, _, _ = matrix.run("--continue", matrix.out, "--cluster", cluster.address)
    assert code == 0
    done = [name for name, _, _ in begun(matrix.script)]
    assert done.count(matrix.in_turn()[0]) == 1 and done.count(matrix.in_turn()[1]) == 2


def test_ctrl_c_ends_the_runs_of_workers_and_not_the_workers(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    say(matrix.script, matrix.in_turn()[0], "hang")
    worker = cluster.add("a")
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", cluster.address) as started:
        await_that(lambda: runs_begun(matrix, 1), started)
        started.send_signal(signal.SIGINT)
        started.communicate()
    assert started.returncode == 130
    await_that(lambda: not scripted_processes(matrix.script))
    assert worker.poll() is None
    say(matrix.script, matrix.in_turn()[0], "pass")
    assert matrix.run("--continue", matrix.out, "--cluster", cluster.address)[0] == 0


def test_a_scheduler_that_dies_costs_no_finished_cell(matrix: ScriptedMatrix, tmp_path: Path) -> None:
    """Who works for it ends, and says so; the matrix goes on with another one."""
    say(matrix.script, matrix.in_turn()[1], "once")
    with scheduler_process(tmp_path) as (address, process):
        cluster = ScriptedCluster(address, matrix.script)
        worker = cluster.add("a")
        with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", address) as started:
            await_that(lambda: _second_runs_and_first_is_kept(matrix), started)
            process.kill()
            stderr = started.communicate()[1]
        assert (started.returncode, len(stderr.splitlines())) == (3, 1), stderr
        assert "the scheduler is gone" in stderr
        assert "the scheduler is gone" in worker.communicate()[1]
        assert worker.returncode == 3
    await_that(lambda: not scripted_processes(matrix.script))
    assert fates(matrix).count("pass") == 1
    with scripted_cluster(matrix.script) as other:
        other.add("b")
        assert matrix.run("--continue", matrix.out, "--cluster", other.address)[0] == 0
    assert [name for name, _, _ in begun(matrix.script)].count(matrix.in_turn()[0]) == 1


def test_a_machine_without_the_shared_directory_is_left_out(
    matrix: ScriptedMatrix, cluster: ScriptedCluster, tmp_path: Path
) -> None:
    """As if there were one: a file where it should be."""
    (tmp_path / "shared").write_text("")
    matrix.file.write_text(f'shared = "{tmp_path}/shared"\n{matrix.file.read_text()}')
    cluster.add("a")
    code, stdout, _ = run(matrix, cluster)
    assert code == 3
    assert set(fates(matrix)) == {"not decidable"}
    assert "Not a directory" in report(matrix).cells[0].losses[0]
    assert len(report(matrix).cells[0].losses) == 3
    assert not begun(matrix.script) and "a: " in stdout


# --- workers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_ends_when_it_is_told_to_and_its_run_with_it(
    matrix: ScriptedMatrix, cluster: ScriptedCluster, number: signal.Signals
) -> None:
    say(matrix.script, matrix.in_turn()[0], "once")
    worker = cluster.add("a")
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", cluster.address) as started:
        await_that(lambda: runs_begun(matrix, 1), started)
        worker.send_signal(number)
        stderr = worker.communicate()[1]
        assert (worker.returncode, stderr) == (0, "")
        assert not scripted_processes(matrix.script)
        cluster.add("b")
        assert started.wait() == 0


def test_local_is_workers_of_this_machine(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    """A red cell is red there: there is no other machine. ``cluster`` is another one, and gets nothing."""
    cluster.add("other")
    say(matrix.script, matrix.cells()[0], "fail")
    code, stdout, stderr = matrix.run(matrix.file, "--out", matrix.out, "--cluster", "local", "-x", "64")
    assert (code, stderr) == (1, "")
    assert "room for" in stdout
    assert fates(matrix) == ["fail", "pass", "pass", "pass"]
    assert {machine for _, machine, _ in begun(matrix.script)} == {"here"}
    assert not scripted_processes(matrix.script)


def test_killed_with_workers_of_this_machine_nothing_runs_on(matrix: ScriptedMatrix) -> None:
    mark = os.environ["XDG_CACHE_HOME"]
    say(matrix.script, matrix.in_turn()[1], "once")
    with matrix.command("matrix", matrix.file, "--out", matrix.out, "--cluster", "local", "-x", "1") as started:
        await_that(lambda: runs_begun(matrix, 2), started)
        assert len(processes(mark)) >= 3, "the matrix, its worker, and a run"
        await_that(lambda: "pass" in fates(matrix), started)
        started.kill()
    await_that(lambda: processes(mark) == [])
    assert matrix.run("--continue", matrix.out, "--cluster", "local")[0] == 0
    assert [name for name, _, _ in begun(matrix.script)].count(matrix.in_turn()[0]) == 1


def test_where_nobody_is_it_is_told_in_one_line(matrix: ScriptedMatrix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.matrix.dask_crew._JOINING", 2)
    with pytest.raises(InfrastructureError) as error:
        DaskCrew("tcp://127.0.0.1:1")
    assert str(error.value).startswith("tcp://127.0.0.1:1: no scheduler there: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("words", [["matrix", "x.toml", "--cluster", "local"], ["worker", "tcp://127.0.0.1:1"]])
def test_without_the_library_it_says_what_to_install(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("harness.matrix.dask_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(words) == 2
    assert "the Python package distributed is missing; pip install" in capsys.readouterr().err


def test_at_once_without_local_is_refused(matrix: ScriptedMatrix, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(matrix.file), "-x", "2"]) == 2
    assert "add --cluster local" in capsys.readouterr().err


def test_the_state_file_is_whole_json(matrix: ScriptedMatrix, cluster: ScriptedCluster) -> None:
    cluster.add("a")
    assert run(matrix, cluster)[0] == 0
    assert json.loads((matrix.out / "matrix.json").read_text())["verdict"] == "pass"
