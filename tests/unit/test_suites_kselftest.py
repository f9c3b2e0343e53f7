# SPDX-License-Identifier: GPL-2.0-only
"""kselftest collections against a scripted guest: what is run, what is reported, what is said to be lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.guest.marks import LISTEN
from harness.interfaces import GuestLost, SuiteContext
from harness.model import Status, TestResult
from harness.suites.kselftest import KselftestSuite
from harness.suites.suite_folder import kselftest_collections, load_suite_folder
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

DATA = Path(__file__).parent.parent / "data"
CONFIG = "CONFIG_UDMABUF=y\nCONFIG_HUGETLBFS=y\nCONFIG_DMABUF_HEAPS_SYSTEM=y\nCONFIG_DRM_VGEM=y\nCONFIG_SW_SYNC=y\n"
PAGES = "dmabuf-harness: huge pages "


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Installed selftests, as ``make install`` leaves them."""
    root = tmp_path / "kselftests"
    root.mkdir()
    (root / "kselftest-list.txt").write_text("drivers/dma-buf:udmabuf\ndmabuf-heaps:dmabuf-heap\nsync:sync_test\n")
    for collection in ("drivers/dma-buf", "dmabuf-heaps", "sync"):
        (root / collection).mkdir(parents=True)
    return root


def guest(tmp_path: Path, installed: Path | None, answer: Answer | None = None, **options: object) -> ScriptedGuest:
    config = str(options.pop("config", CONFIG))
    notes = tuple(str(options.pop("note", "")).splitlines())
    kernel = scripted_kernel(tmp_path, config, installed, notes)
    return ScriptedGuest(kernel, {r"\./": answer} if answer is not None else {}, **options)  # type: ignore[arg-type]


def suite(name: str) -> KselftestSuite:
    return KselftestSuite(load_suite_folder(name))


def run(name: str, machine: ScriptedGuest, tmp_path: Path, *only: str) -> list[TestResult]:
    return list(suite(name).run(machine, SuiteContext(tmp_path, "boots/on-1/logs", frozenset(only))))


def test_passing_program_and_its_results(tmp_path: Path, installed: Path) -> None:
    text = (DATA / "dmabuf-heap-6.12-passes.log").read_text()
    machine = guest(tmp_path, installed, Answer(text))
    results = run("dmabuf-heaps", machine, tmp_path)
    assert [result.status for result in results] == [Status.PASS] * 12
    assert len({result.name for result in results}) == 12
    assert results[-1].name == "dmabuf-heaps/dmabuf-heap"
    assert results[-1].lost_coverage == ()
    assert (tmp_path / "dmabuf-heaps-dmabuf-heap.log").read_text() == text
    assert results[-1].log == "boots/on-1/logs/dmabuf-heaps-dmabuf-heap.log"


def test_a_group_that_fails_by_itself_is_a_result(tmp_path: Path, installed: Path) -> None:
    text = "TAP version 13\n1..1\n    # Subtest: s\n    1..1\n    ok 1 a\nnot ok 1 s\n"
    results = run("dmabuf-heaps", guest(tmp_path, installed, Answer(text)), tmp_path)
    names = [result.name.removeprefix("dmabuf-heaps/dmabuf-heap") for result in results]
    assert list(zip(names, (result.status for result in results), strict=True)) == [
        ("/s/a", Status.PASS),
        ("/s", Status.FAIL),
        ("", Status.FAIL),
    ]


def test_program_runs_in_its_directory_marked_and_limited(tmp_path: Path, installed: Path) -> None:
    machine = guest(tmp_path, installed, Answer("1..1\nok 1 a\n"), slowness=8.0)
    run("dmabuf-heaps", machine, tmp_path)
    (command,) = machine.commands
    assert f"cd {installed}/dmabuf-heaps || exit 1" in command
    assert "timeout --kill-after=10 360 " in command
    assert command.splitlines()[0] == "echo 'dmabuf-harness: start dmabuf-heaps/dmabuf-heap' > /dev/kmsg"
    assert command.splitlines()[1] == LISTEN
    assert machine.timeouts[0] > 360


def test_settings_file_of_the_tree_sets_the_limit(tmp_path: Path, installed: Path) -> None:
    (installed / "dmabuf-heaps" / "settings").write_text("# comment\ntimeout=300\n")
    machine = guest(tmp_path, installed, Answer("1..1\nok 1 a\n"))
    run("dmabuf-heaps", machine, tmp_path)
    assert "timeout --kill-after=10 300 " in machine.commands[0]


def test_absent_feature_is_lost_coverage_of_a_passing_program(tmp_path: Path, installed: Path) -> None:
    text = (DATA / "dmabuf-heap-6.12-passes.log").read_text()
    machine = guest(tmp_path, installed, Answer(text), config=CONFIG.replace("CONFIG_DRM_VGEM=y\n", ""))
    last = run("dmabuf-heaps", machine, tmp_path)[-1]
    assert last.status is Status.PASS
    assert last.lost_coverage == ("the import of a heap's buffer into another driver (CONFIG_DRM_VGEM is off)",)


def test_too_little_memory_for_huge_pages_is_a_skip_with_the_reason(tmp_path: Path, installed: Path) -> None:
    text = PAGES + "0\n" + (DATA / "udmabuf-6.12-stops-after-five-of-six.log").read_text()
    results = run("dma-buf", guest(tmp_path, installed, Answer(text, 1)), tmp_path)
    assert [result.status for result in results] == [Status.PASS] * 5 + [Status.SKIP]
    assert results[0].name == "drivers/dma-buf/udmabuf/test-1"
    assert results[-1].message == "needs 1024 huge pages of 2 MiB and got 0: give the guest more memory"


def test_what_comes_before_the_huge_pages_is_not_excused_by_their_lack(tmp_path: Path, installed: Path) -> None:
    text = (DATA / "udmabuf-6.12-stops-after-five-of-six.log").read_text()
    early = text.replace("ok 5 drivers/dma-buf/udmabuf: [PASS,test-5]\n", "")
    whole, cut = (
        run("dma-buf", guest(tmp_path, installed, Answer(f"{PAGES}0\n{one}", 1)), tmp_path)[-1] for one in (text, early)
    )
    assert (whole.status, whole.cut_short) == (Status.SKIP, True)
    assert (cut.status, cut.message) == (
        Status.FAIL,
        "exit status 1 after 4 of 6 results: drivers/dma-buf/udmabuf: ubuf_fd mmap fail",
    )


def test_with_all_huge_pages_the_same_output_is_a_failure(tmp_path: Path, installed: Path) -> None:
    text = PAGES + "1024\n" + (DATA / "udmabuf-6.12-stops-after-five-of-six.log").read_text()
    last = run("dma-buf", guest(tmp_path, installed, Answer(text, 1)), tmp_path)[-1]
    assert last.status is Status.FAIL
    assert last.message == "exit status 1 after 5 of 6 results: drivers/dma-buf/udmabuf: ubuf_fd mmap fail"


def test_old_tree_without_tap(tmp_path: Path, installed: Path) -> None:
    machine = guest(tmp_path, installed, Answer(PAGES + "1024\ndrivers/dma-buf/udmabuf: ok\n"))
    (result,) = run("dma-buf", machine, tmp_path)
    assert (result.name, result.status) == ("drivers/dma-buf/udmabuf", Status.PASS)


def test_lost_guest_leaves_an_error_and_what_was_reported(tmp_path: Path, installed: Path) -> None:
    machine = guest(tmp_path, installed, Answer("1..2\nok 1 a\n", lost="panic: oh"))
    results: list[TestResult] = []
    stream: Iterator[TestResult] = suite("dmabuf-heaps").run(machine, SuiteContext(tmp_path, "logs"))
    with pytest.raises(GuestLost, match="panic: oh"):
        results.extend(stream)
    assert [(result.name, result.status) for result in results] == [
        ("dmabuf-heaps/dmabuf-heap/a", Status.PASS),
        ("dmabuf-heaps/dmabuf-heap", Status.ERROR),
    ]


# --- stress tests on a slow guest -------------------------------------------------------------

SYNC = (DATA / "sync_test-6.12-passes.log").read_text()
QUICK = SYNC.split("ok 8")[0]


def sync_guest(tmp_path: Path, installed: Path, short: Answer, whole: Answer, slowness: float = 8.0) -> ScriptedGuest:
    machine = guest(tmp_path, installed, slowness=slowness)
    machine.replies = {"timeout --kill-after=10 10 ": short, "timeout ": whole}
    return machine


def test_stress_tests_are_cut_short_on_a_slow_guest_and_that_is_said(tmp_path: Path, installed: Path) -> None:
    machine = sync_guest(tmp_path, installed, Answer(QUICK, 124), Answer(SYNC))
    results = run("sync", machine, tmp_path)
    assert [result.status for result in results] == [Status.PASS] * 7 + [Status.SKIP]
    assert results[-1].lost_coverage == ("3 stress tests were not finished",)
    assert results[-1].cut_short
    assert len(machine.commands) == 1


def test_stress_tests_run_whole_when_asked_for_or_under_kvm(tmp_path: Path, installed: Path) -> None:
    for slowness, only in ((8.0, ("sync/sync_test",)), (1.0, ())):
        machine = sync_guest(tmp_path, installed, Answer(QUICK, 124), Answer(SYNC), slowness)
        results = run("sync", machine, tmp_path, *only)
        assert [result.status for result in results] == [Status.PASS] * 11


def test_failure_before_the_cut_is_a_failure(tmp_path: Path, installed: Path) -> None:
    machine = sync_guest(tmp_path, installed, Answer(QUICK.replace("ok 3", "not ok 3"), 124), Answer(SYNC))
    assert run("sync", machine, tmp_path)[-1].status is Status.FAIL


def test_cut_before_the_stress_tests_is_tried_again_with_the_whole_limit(tmp_path: Path, installed: Path) -> None:
    machine = sync_guest(tmp_path, installed, Answer(SYNC.split("ok 3")[0], 124), Answer(SYNC))
    results = run("sync", machine, tmp_path)
    assert [result.status for result in results] == [Status.PASS] * 11
    assert len({result.name for result in results}) == 11


def test_hang_before_the_stress_tests_is_a_failure(tmp_path: Path, installed: Path) -> None:
    hang = Answer(SYNC.split("ok 3")[0], 124)
    last = run("sync", sync_guest(tmp_path, installed, hang, hang), tmp_path)[-1]
    assert last.status is Status.FAIL
    assert last.message.startswith("stopped at its time limit")


class Starved(ScriptedGuest):
    """The host gives it a third of the time."""

    def own_time(self) -> float:
        return super().own_time() / 3


@pytest.mark.parametrize(
    ("second", "status"), [(Answer(SYNC), Status.PASS), (Answer(SYNC.split("ok 3")[0], 124), Status.FAIL)]
)
def test_a_limit_that_ended_while_the_host_was_busy_is_given_again(
    tmp_path: Path, installed: Path, second: Answer, status: Status
) -> None:
    """The clock of the guest, which keeps it, goes on meanwhile. A program that hangs is still stopped."""
    answers = iter([Answer(SYNC.split("ok 3")[0], 124), second])
    machine = Starved(guest(tmp_path, installed).kernel, {r"\./": lambda _command: next(answers)})
    results = run("sync", machine, tmp_path)
    assert results[-1].status is status
    limits = [float(found[1]) for found in re.finditer(r"--kill-after=10 (\d+)", "".join(machine.commands))]
    assert limits[1] == pytest.approx(3 * limits[0], rel=0.1)


def test_a_limit_is_not_given_again_to_who_had_its_time(tmp_path: Path, installed: Path) -> None:
    machine = guest(tmp_path, installed, Answer(SYNC.split("ok 3")[0], 124))
    assert run("sync", machine, tmp_path)[-1].status is Status.FAIL
    assert len(machine.commands) == 1


# --- planning ---------------------------------------------------------------------------------


def test_plan_holds_what_is_expected_and_what_the_tree_has_besides(tmp_path: Path, installed: Path) -> None:
    (installed / "kselftest-list.txt").write_text("dmabuf-heaps:dmabuf-heap\ndmabuf-heaps:new-one\nsync:sync_test\n")
    kernel = scripted_kernel(tmp_path, kselftests=installed)
    names = [test.name for test in suite("dmabuf-heaps").plan(kernel, tmp_path)]
    assert names == ["dmabuf-heaps/dmabuf-heap", "dmabuf-heaps/new-one"]
    assert [test.name for test in suite("dma-buf").plan(kernel, tmp_path)] == ["drivers/dma-buf/udmabuf"]


def test_programs_that_were_not_built_are_errors_with_the_reason(tmp_path: Path) -> None:
    note = "kselftests sync: not built, see build.log"
    (result,) = run("sync", guest(tmp_path, None, note=note), tmp_path)
    assert (result.name, result.status, result.message) == ("sync/sync_test", Status.ERROR, note)


def test_only_narrows(tmp_path: Path, installed: Path) -> None:
    assert run("sync", guest(tmp_path, installed), tmp_path, "sync/other") == []


def test_shipped_wrappers_can_be_read() -> None:
    assert {"drivers/dma-buf", "dmabuf-heaps", "sync"} <= set(kselftest_collections())


def test_runner_beside_the_wrapper_starts_the_program(tmp_path: Path, installed: Path) -> None:
    folder = tmp_path / "wrappers" / "mine"
    folder.mkdir(parents=True)
    (folder / "suite.toml").write_text(
        'title = "t"\ncollection = "sync"\ntime_limit = 5\n[[program]]\nname = "sync_test"\n'
    )
    (folder / "run").write_text("#!/bin/sh\n")
    machine = guest(tmp_path, installed, Answer("1..1\nok 1 a\n"))
    list(KselftestSuite(load_suite_folder("mine", tmp_path / "wrappers")).run(machine, SuiteContext(tmp_path, "logs")))
    assert f"{folder}/run ./sync_test" in machine.commands[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "wrappers/mine/suite.toml: not TOML"),
        ('title = "t"', "wrappers/mine/suite.toml: collection is missing"),
        ('title = "t"\ncollection = "c"\ntime_limit = "long"\nprogram = []', "time_limit is no number: 'long'"),
        ('title = "t"\ncollection = "c"\ntime_limit = 1\nprogram = [1]', "program 1 is no table: 1"),
        (
            'title = "t"\ncollection = "c"\ntime_limit = 1\n[[program]]\nname = "n"\nplain_pass = "("',
            "wrappers/mine/suite.toml, program 1: plain_pass is no regular expression",
        ),
        ('kind = "checks"\ntitle = "t"\ngroup = "x"', "unknown key 'group'; possible: title, kind, order"),
        ('kind = "check"\ntitle = "t"', "unknown kind 'check'; possible: checks, kselftest, in-kernel"),
    ],
)
def test_broken_wrapper_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder = tmp_path / "wrappers" / "mine"
    folder.mkdir(parents=True)
    (folder / "suite.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        load_suite_folder("mine", tmp_path / "wrappers")
