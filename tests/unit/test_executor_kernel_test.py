# SPDX-License-Identifier: GPL-2.0-only
"""Lost guests: who is blamed, what is tried again, when it is enough, and that nothing disappears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import process
from harness.causes import Blame, Cause
from harness.errors import InfrastructureError
from harness.interfaces import CommandResult, Guest, GuestLost, JobLimits, LineSink, SuiteContext
from harness.model import BootOutcome, Status, TestResult
from harness.splat.fingerprint import fingerprint
from harness.suites.checks import ChecksSuite
from tests.support.fake_launcher import OOPS, Deaths, FakeGuest, FakeLauncher, FakeSuite, run_suite, statuses
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

# --- the kernel's fault -----------------------------------------------------------------------


def test_a_panic_costs_one_test_and_the_rest_goes_on(tmp_path: Path) -> None:
    suite = FakeSuite(
        ("a", "b", "c"), {"b": [GuestLost("panic: Kernel panic - not syncing: Fatal exception", Cause.PANIC)]}
    )
    test = run_suite(tmp_path, suite, FakeLauncher([FakeGuest(1, says=OOPS)]))
    assert statuses(test) == [("a", Status.PASS), ("b", Status.ERROR), ("c", Status.PASS)]
    error = test.findings.results[1]
    assert error.message == (
        "guest lost: panic: Kernel panic - not syncing: Fatal exception; "
        "BUG: kernel NULL pointer dereference, address: 0000000000000018"
    )
    assert "dma_buf_detach" in error.output
    assert "during suite" in test.findings.boots[0].ended and test.findings.boots[1].ended == "ended by the harness"
    assert any("guest 1 was lost: panic" in note for note in test.findings.notes)
    assert {splat.kind for splat in test.findings.splats} == {"oops", "panic"}


def test_a_hang_says_where(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b"), {"a": [GuestLost("it hangs: no word for 20 s", Cause.SILENCE)]})
    place = "hangs in dma_fence_default_wait (python3, pid 9); 1 task blocked"
    test = run_suite(tmp_path, suite, FakeLauncher([FakeGuest(1, place=place)]))
    error = test.findings.results[0]
    assert error.message == f"guest lost: it hangs: no word for 20 s; {place}; see boots/on-1/state.txt"
    assert place in test.findings.boots[0].ended
    assert statuses(test)[1] == ("b", Status.PASS)


def test_reports_of_other_tests_do_not_explain_a_loss(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b"), {"b": [GuestLost("gone", Cause.UNUSABLE)]})
    guest = FakeGuest(1)
    guest.says = "[    9.000000] dmabuf-harness: start inner\n" + OOPS
    test = run_suite(tmp_path, suite, FakeLauncher([guest]))
    assert test.findings.results[1].message == "guest lost: gone"


def test_a_runner_that_dies_costs_the_check_that_ran_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An oops kills it: the next guest runs the rest."""
    names = ["a.a", "a.b", "a.c"]
    monkeypatch.setattr("harness.suites.checks.all_checks", lambda: names)
    dies = Answer("KTAP version 1\n1..3\n# start a.a\nok 1 a.a\n# start a.b\nKilled\n", 137)
    goes_on = Answer("KTAP version 1\n1..1\n# start a.c\nok 1 a.c\n")
    answers = [dies, goes_on]

    class Dying(FakeGuest):
        def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
            machine = ScriptedGuest(self.kernel, {"runner": answers.pop(0)})
            return machine.run(command, timeout=timeout, on_line=on_line)

        def get(self, remote: str, _local: Path) -> None:
            raise OSError(f"in the guest: {remote}: No such file or directory")

        def put(self, _local: Path, _remote: str) -> None:
            pass

        kernel = scripted_kernel(tmp_path)
        slowness = 1.0

    test = run_suite(tmp_path, ChecksSuite("checks"), FakeLauncher([Dying(1), Dying(2)]))
    assert statuses(test) == [("a.a", Status.PASS), ("a.b", Status.ERROR), ("a.c", Status.PASS)]
    assert test.findings.results[1].message == "the runner ended in it with status 137: Killed"


def test_a_test_that_the_suite_cannot_name_is_guessed_from_the_plan(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b", "c"), {"b": [GuestLost("panic: oh", Cause.PANIC)]}, knows=False)
    test = run_suite(tmp_path, suite, FakeLauncher([]))
    assert statuses(test) == [("a", Status.PASS), ("b", Status.ERROR), ("c", Status.PASS)]


def test_two_guests_lost_in_vain_are_enough_for_a_suite_that_cannot_tell(tmp_path: Path) -> None:
    deaths: Deaths = {test: [GuestLost("panic: oh", Cause.PANIC)] * 9 for test in "abcdef"}
    suite = FakeSuite(tuple("abcdef"), deaths, knows=False)
    test = run_suite(tmp_path, suite, launcher := FakeLauncher([]))
    assert len(launcher.booted) == 2
    assert statuses(test) == [("a", Status.ERROR), ("b", Status.ERROR)]
    assert any("4 of its tests are missing: it lost two guests" in note for note in test.findings.notes)


@pytest.mark.parametrize(
    ("limits", "boots", "told"),
    [(JobLimits(), 4, "4 guests were lost before"), (JobLimits(boots=1), 1, "1 guest was lost before")],
)
def test_guests_are_bounded_whoever_kills_them(tmp_path: Path, limits: JobLimits, boots: int, told: str) -> None:
    deaths: Deaths = {test: [GuestLost("panic: oh", Cause.PANIC)] for test in "abcdef"}
    test = run_suite(tmp_path, FakeSuite(tuple("abcdef"), deaths), launcher := FakeLauncher([]), limits=limits)
    assert len(launcher.booted) == boots and all(guest.ended for guest in launcher.booted)
    assert [status for _, status in statuses(test)] == [Status.ERROR] * boots
    assert any(f"{6 - boots} of its tests are missing: {told}" in note for note in test.findings.notes)


def test_a_guest_that_dies_after_the_last_test_is_an_error(tmp_path: Path) -> None:
    class DiesAtItsEnd(FakeSuite):
        def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
            yield from super().run(guest, context)
            raise GuestLost("panic: late", Cause.PANIC)

    test = run_suite(tmp_path, DiesAtItsEnd(("a",)), FakeLauncher([]))
    assert statuses(test) == [("a", Status.PASS), ("guest", Status.ERROR)]


def test_an_error_that_did_not_lose_the_guest_is_told_as_it_is(tmp_path: Path) -> None:
    class NotBuilt(FakeSuite):
        def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
            if "a" in (context.only or self.tests):
                yield TestResult(self.name, "a", Status.ERROR, message="a was not built")
            yield from FakeSuite.run(self, guest, SuiteContext(context.logs, "", frozenset("b"), planned=self.tests))

    test = run_suite(tmp_path, NotBuilt(("a", "b"), {"b": [GuestLost("panic: oh", Cause.PANIC)]}), FakeLauncher([]))
    assert [(result.name, result.message) for result in test.findings.results] == [
        ("a", "a was not built"),
        ("b", "guest lost: panic: oh"),
    ]


def test_a_kernel_that_is_tainted_and_does_not_say_why_is_told(tmp_path: Path) -> None:
    test = run_suite(tmp_path, FakeSuite(("a",)), FakeLauncher([FakeGuest(1, tainted=128 + 4096)]))
    [splat] = test.findings.splats
    assert (splat.kind, splat.fingerprint, splat.during, splat.is_bad) == ("taint", "taint-D", "suite", True)


HUNG = "INFO: task sh:68 blocked for more than 16 seconds.\nCall Trace:\n dma_fence_default_wait+0x1/0x2"


def test_a_task_that_a_suite_left_stuck_is_told(tmp_path: Path) -> None:
    test = run_suite(tmp_path, FakeSuite(("a",)), FakeLauncher([FakeGuest(1, blocked=(HUNG,))]))
    [splat] = test.findings.splats
    assert (splat.kind, splat.title, splat.during) == ("hung-task", HUNG.partition("\n")[0], "suite")
    assert (splat.is_bad, [frame.function for frame in splat.stack]) == (True, ["dma_fence_default_wait"])


def test_a_task_that_the_kernel_told_of_itself_is_told_once(tmp_path: Path) -> None:
    says = "".join(f"[    5.000000] {line}\n" for line in HUNG.replace("16", "122").splitlines())
    test = run_suite(tmp_path, FakeSuite(("a",)), FakeLauncher([FakeGuest(1, says=says, blocked=(HUNG,))]))
    assert [splat.title for splat in test.findings.splats] == ["INFO: task sh:68 blocked for more than 122 seconds."]
    assert test.findings.splats[0].fingerprint == fingerprint("hung-task", HUNG.partition("\n")[0], HUNG)


WARN = """\
[    5.000000] ------------[ cut here ]------------
[    5.000001] !exp_info->ops->pin != !exp_info->ops->unpin
[    5.000002] WARNING: drivers/dma-buf/dma-buf.c:722 at {place}+0x2b3/0x370, CPU#0: python3/342
[    5.000003] Call Trace:
[    5.000004]  f+0x20/0x40
[    5.000005] ---[ end trace 0000000000000000 ]---
"""


@pytest.mark.parametrize(("place", "count"), [("dma_buf_export", 0), ("dma_buf_attach", 1)])
def test_what_a_test_provokes_is_no_splat_whatever_stands_above_its_place(
    tmp_path: Path, place: str, count: int
) -> None:
    mark = "[    4.000000] dmabuf-harness: start suite\n[    4.000001] dmabuf-harness: start provokes\n"
    guest = FakeGuest(1, says=mark + WARN.format(place=place))
    test = run_suite(tmp_path, FakeSuite(("provokes",)), FakeLauncher([guest]))
    assert len(test.findings.splats) == count


KASAN = """\
[    5.000000] ==================================================================
[    5.000001] BUG: KASAN: slab-use-after-free in dma_buf_export+0x1a/0x40
[    5.000002] Read of size 8 at addr ffff888003a01230 by task python3/77
[    5.000003] Call Trace:
[    5.000004]  dma_buf_export+0x1a/0x40
[    5.000005] ==================================================================
"""


@pytest.mark.parametrize(("says", "kind"), [(KASAN, "kasan"), (WARN.format(place="dma_buf_export_unlocked"), "warn")])
def test_what_else_happens_in_a_provoked_function_is_told(tmp_path: Path, says: str, kind: str) -> None:
    mark = "[    4.000000] dmabuf-harness: start suite\n[    4.000001] dmabuf-harness: start provokes\n"
    test = run_suite(tmp_path, FakeSuite(("provokes",)), FakeLauncher([FakeGuest(1, says=mark + says)]))
    assert [splat.kind for splat in test.findings.splats] == [kind]


@pytest.mark.parametrize(("config", "count"), [("CONFIG_LOCKDEP=y\n", 1), ("# CONFIG_LOCKDEP is not set\n", 0)])
def test_the_end_of_lock_checking_is_said(tmp_path: Path, config: str, count: int) -> None:
    starts = [f"[    {second}.000000] dmabuf-harness: start {what}\n" for second, what in ((4, "suite"), (5, "b"))]
    report = "[    4.000001] WARNING: possible recursive locking detected\n[    4.000002] Call Trace:\n"
    guest = FakeGuest(1, says=starts[0] + report + starts[1])
    test = run_suite(tmp_path, FakeSuite(("a",)), FakeLauncher([guest]), config)
    told = "lockdep: WARNING: possible recursive locking detected, during suite: what ran there later was not checked"
    assert test.findings.notes == (f"lock checking ended in guest 1 with {told}",) * count


def test_a_kernel_that_does_not_boot_is_not_booted_again(tmp_path: Path) -> None:
    test = run_suite(tmp_path, FakeSuite(("a",)), launcher := FakeLauncher([], {1: BootOutcome.PANIC}))
    assert len(launcher.booted) == 1 and not test.findings.results
    assert test.findings.notes == ("suite did not run: the kernel did not boot (panic: oh)",)


# --- the machine's fault ----------------------------------------------------------------------

KILLED = "QEMU was killed or failed (QEMU exit status 137)"


def test_a_test_whose_qemu_was_killed_is_tried_once_more(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b"), {"a": [GuestLost(KILLED, Cause.MACHINE)]})
    test = run_suite(tmp_path, suite, FakeLauncher([]))
    assert statuses(test) == [("a", Status.PASS), ("b", Status.PASS)]
    assert suite.ran == ["a", "a", "b"]
    assert KILLED in test.findings.boots[0].ended
    assert any("guest 1 was lost" in note and "a tried once more" in note for note in test.findings.notes)


def test_a_test_whose_guest_lost_the_files_it_runs_from_is_tried_once_more(tmp_path: Path) -> None:
    suite = FakeSuite(
        ("a", "b"), {"a": [GuestLost("the ssh connection was lost, while the guest's kernel lived", Cause.CONNECTION)]}
    )
    test = run_suite(tmp_path, suite, FakeLauncher([FakeGuest(1, files_replaced=True)]))
    assert statuses(test) == [("a", Status.PASS), ("b", Status.PASS)] and suite.ran == ["a", "a", "b"]


def test_a_second_time_it_is_an_error(tmp_path: Path) -> None:
    suite = FakeSuite(("a", "b"), {"a": [GuestLost(KILLED, Cause.MACHINE)] * 2})
    assert statuses(run_suite(tmp_path, suite, FakeLauncher([]))) == [("a", Status.ERROR), ("b", Status.PASS)]


@pytest.mark.parametrize("reason", ["panic: oh", KILLED, "no answer for 80 s", "as said by nobody"])
def test_what_is_done_about_a_lost_guest_goes_by_the_cause_and_by_no_word(tmp_path: Path, reason: str) -> None:
    seen = {}
    for cause in (Cause.PANIC, Cause.SILENCE, Cause.MACHINE):
        place = tmp_path / cause.name
        place.mkdir()
        test = run_suite(place, FakeSuite(("a", "b"), {"a": [GuestLost(reason, cause)]}), FakeLauncher([]))
        seen[cause] = [(result.status, result.cause) for result in test.findings.results]
        assert test.findings.boots[0].cause is cause
    assert seen == {
        Cause.PANIC: [(Status.ERROR, Cause.PANIC), (Status.PASS, None)],
        Cause.SILENCE: [(Status.ERROR, Cause.SILENCE), (Status.PASS, None)],
        Cause.MACHINE: [(Status.PASS, None)] * 2,
    }


def test_where_a_guest_hangs_is_a_value_too(tmp_path: Path) -> None:
    guest = FakeGuest(1, place="whatever is said of it", hangs_in="dma_fence_default_wait")
    suite = FakeSuite(("a",), {"a": [GuestLost("no answer for 80 s", Cause.SILENCE)]})
    test = run_suite(tmp_path, suite, FakeLauncher([guest]))
    for told in (test.findings.results[0], test.findings.boots[0]):
        assert (told.cause, told.hangs_in) == (Cause.HANG, "dma_fence_default_wait")


def test_a_boot_whose_qemu_was_killed_is_tried_once_more(tmp_path: Path) -> None:
    launcher = FakeLauncher([FakeGuest(1, blame=Blame.MACHINE)], {1: BootOutcome.EXITED})
    test = run_suite(tmp_path, FakeSuite(("a",)), launcher)
    assert statuses(test) == [("a", Status.PASS)]
    assert len(test.findings.boots) == 2 and "guest 1 was not lost by its kernel" in test.findings.notes[0]


def test_a_guest_that_we_end_ourselves_is_not_tried_again(tmp_path: Path) -> None:
    suite = FakeSuite(("a",), {"a": [GuestLost(KILLED, Cause.MACHINE)]})
    launcher = FakeLauncher([])
    process.stop_all()
    try:
        with pytest.raises(process.Stopping):
            run_suite(tmp_path, suite, launcher)
    finally:
        process.allow_again()
    assert len(launcher.booted) == 1 and launcher.booted[0].ended


def test_trouble_with_the_machine_passes_through_and_ends_the_guest(tmp_path: Path) -> None:
    class FullDisk(FakeSuite):
        def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
            raise InfrastructureError("No space left for the console")
            yield

    launcher = FakeLauncher([])
    with pytest.raises(InfrastructureError, match="No space left"):
        run_suite(tmp_path, FullDisk(("a",)), launcher)
    assert launcher.booted[0].ended


def test_stretched_limits_are_said(tmp_path: Path) -> None:
    test = run_suite(tmp_path, FakeSuite(("a",)), FakeLauncher([FakeGuest(1, slow_features=("KASAN x3",))]))
    assert test.findings.notes == ("time limits are stretched for what this kernel checks: KASAN x3",)
