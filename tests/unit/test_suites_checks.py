# SPDX-License-Identifier: GPL-2.0-only
"""The checks suite: what it plans, how it reads the runner, what a lost guest or a dead interpreter leaves behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes import Blame, Cause
from harness.errors import UserError
from harness.guest import bundle, registry
from harness.guest.armed_calls import POSITION_FILE
from harness.guest.checks import all_checks
from harness.guest.runner import GIVEN_UP, SILENCE_LIMIT
from harness.interfaces import CommandResult, GuestLost, LineSink, SuiteContext
from harness.model import Status, TestResult
from harness.suites.checks import ChecksSuite
from tests.support.check_groups import CONTRACT_GROUPS
from tests.support.oom_reports import IN_A_CALL, IN_USER_SPACE
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

OUTPUT = """\
KTAP version 1
1..5
# start a.passes
# has ended
# time 0.0123
ok 1 a.passes
# start a.fails
# has ended
# failed: expected EINVAL, but the call succeeded (a.py:42)
# leaked descriptor 7 -> /dmabuf:
# time 0.5000
not ok 2 a.fails
# start a.skips
# time 0.0001
ok 3 a.skips # SKIP no such device
# start a.measures
# measurement bytes pinned: 0
# time 0.0001
ok 4 a.measures
# start a.not_applicable
# not applicable
# time 0.0001
ok 5 a.not_applicable # SKIP does not apply: nothing is cached on 7.x
"""


def collect(
    tmp_path: Path, answer: Answer, *only: str, slowness: float = 1.0, suite: str = "checks", probe_failure: str = ""
) -> tuple[list[TestResult], ScriptedGuest, str]:
    """(results, guest, why it was lost)."""
    kernel = replace(scripted_kernel(tmp_path), probe_failure=probe_failure)
    machine = ScriptedGuest(kernel, {"harness.guest.runner": answer}, slowness)
    results: list[TestResult] = []
    try:
        results.extend(ChecksSuite(suite).run(machine, SuiteContext(tmp_path, "logs", frozenset(only))))
    except GuestLost as lost:
        return results, machine, lost.reason
    return results, machine, ""


def test_results(tmp_path: Path) -> None:
    passed, failed, skipped, measured, not_applicable = collect(tmp_path, Answer(OUTPUT, 1))[0]
    assert passed == TestResult("checks", "a.passes", Status.PASS, 0.0123, log="logs/checks.log")
    assert (failed.status, failed.seconds) == (Status.FAIL, 0.5)
    assert failed.message == "failed: expected EINVAL, but the call succeeded (a.py:42)"
    assert failed.output.splitlines()[1] == "leaked descriptor 7 -> /dmabuf:"
    assert not passed.output
    assert (skipped.status, skipped.message) == (Status.SKIP, "no such device")
    assert skipped.lost_coverage == ("no such device",)
    assert (measured.measurements, measured.message) == (("bytes pinned: 0",), "bytes pinned: 0")
    assert (not_applicable.status, not_applicable.not_applicable, not_applicable.lost_coverage) == (
        Status.SKIP,
        True,
        (),
    )
    assert not skipped.not_applicable


@pytest.mark.parametrize(
    ("said", "cause", "reported"),
    [
        (("cause time limit",), Cause.TIME_LIMIT, False),
        (("cause assertion, kernel report",), Cause.ASSERTION, True),
        (("cause kernel report",), Cause.REPORT, True),
        (("cause time limit", "cause assertion"), Cause.ASSERTION, False),  # the runner's own line is the last
        ((), Cause.ASSERTION, False),
        (("cause machine",), Cause.ASSERTION, False),  # nothing that a guest can tell
        (("cause time  limit",), Cause.ASSERTION, False),
    ],
)
def test_why_a_check_failed_is_what_the_runner_says_in_its_very_words(
    tmp_path: Path, said: tuple[str, ...], cause: Cause, reported: bool
) -> None:
    lines = "".join(f"# {line}\n" for line in said)
    text = OUTPUT.replace("# time 0.5000\n", f"{lines}# time 0.5000\n")
    passed, failed = collect(tmp_path, Answer(text, 1))[0][:2]
    assert (failed.cause, failed.reported) == (cause, reported)
    assert not any("cause" in line for line in failed.output.splitlines())
    assert passed.cause is None


def test_lost_guest_is_an_error_of_the_check_that_ran(tmp_path: Path) -> None:
    cut = OUTPUT.split("# failed", maxsplit=1)[0]
    results, _, reason = collect(tmp_path, Answer(cut, lost="panic: oh"))
    assert reason == "panic: oh"
    assert [(result.name, result.status) for result in results] == [
        ("a.passes", Status.PASS),
        ("a.fails", Status.ERROR),
    ]
    assert results[1].message == "guest lost: panic: oh"


def test_a_lock_that_is_held_costs_the_guest_and_the_check_that_left_it(tmp_path: Path) -> None:
    """The end of the runner is not waited for: its threads may sleep for good."""
    said = Answer(OUTPUT.partition("# start a.skips")[0] + f"# {GIVEN_UP}a lock is held\n", lost="never reached")
    results, _, reason = collect(tmp_path, said)
    assert reason == "a lock is held"
    assert [(result.name, result.status) for result in results[1:]] == [
        ("a.fails", Status.FAIL),
        ("a.fails", Status.ERROR),
    ]
    assert (results[-1].message, results[-1].cause) == ("guest lost: a lock is held", Cause.UNUSABLE)


def test_guest_lost_between_two_checks_blames_none(tmp_path: Path) -> None:
    results, _, reason = collect(tmp_path, Answer(OUTPUT.split("# start a.fails", maxsplit=1)[0], lost="panic: gone"))
    assert reason == "panic: gone"
    assert [result.name for result in results] == ["a.passes"]


@pytest.mark.parametrize(
    ("status", "message"),
    [(139, "the runner ended in it with status 139: Fatal error: oh"), (None, "still ran after 0 s")],
)
def test_dead_runner_is_an_error_of_the_check_that_ran_and_the_rest_needs_another_guest(
    tmp_path: Path, status: int | None, message: str
) -> None:
    cut = OUTPUT.split("# failed", maxsplit=1)[0] + "Fatal error: oh\n"
    results, _, reason = collect(tmp_path, Answer(cut, status))
    last = results[-1]
    assert (last.name, last.status, last.message) == ("a.fails", Status.ERROR, message)
    assert reason == message, "so the guest's loss is laid to this check, and to no other"


@pytest.mark.parametrize(
    ("lines", "status", "blamed"),
    [
        (OUTPUT.partition("# start a.fails")[0] + "Killed\n", 137, ("a.passes", "the runner ended after it")),
        (OUTPUT.replace("not ok 2", "ok 2"), 139, ("a.not_applicable", "the runner ended after it")),
        (OUTPUT.replace("not ok 2", "ok 2"), 1, ("a.not_applicable", "the runner ended after it")),
        (OUTPUT, 139, ("a.not_applicable", "the runner ended after it")),
        (OUTPUT, None, ("a.not_applicable", "still ran after 0 s")),
        ("sh: 1: /usr/bin/python3: not found\n", 127, (all_checks()[0], "the runner ended before it")),
    ],
)
def test_a_runner_that_ends_badly_between_two_checks_or_after_the_last_is_not_green(
    tmp_path: Path, lines: str, status: int | None, blamed: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suites.checks.all_checks", lambda: [blamed[0], "z.last"])
    results, _, reason = collect(tmp_path, Answer(lines, status))
    last = results[-1]
    assert (last.name, last.status) == (blamed[0], Status.ERROR)
    assert last.message.startswith(blamed[1])
    assert reason == last.message, "what is left needs another guest"
    assert not collect(tmp_path, Answer(OUTPUT, 1))[2], "a check failed, and the runner says no more"


def test_a_guest_without_room_for_the_checks_is_lost_and_no_trouble_with_the_machine(tmp_path: Path) -> None:
    class Full(ScriptedGuest):
        def put(self, local: Path, remote: str) -> None:
            raise OSError(f"in the guest: cat > {remote}: No space left on device")

    with pytest.raises(GuestLost, match=r"it can no longer take files: .*No space left on device"):
        list(ChecksSuite("checks").run(Full(scripted_kernel(tmp_path)), SuiteContext(tmp_path, "logs")))


def test_a_runner_that_dies_in_the_last_check_costs_no_guest(tmp_path: Path) -> None:
    name = all_checks()[3]
    results, _, reason = collect(tmp_path, Answer(f"KTAP version 1\n1..1\n# start {name}\nKilled\n", 137), name)
    assert [(result.name, result.status) for result in results] == [(name, Status.ERROR)]
    assert reason == ""


# --- killed by what it injected -----------------------------------------------------------------

_OUTSIDE, _IN_CALL = (bytes(0x18) + position.to_bytes(4, "little") for position in (1, 2))


class _Injecting(ScriptedGuest):
    """Its runner is killed in the check a.fails; ``says``: its kernel, in that check."""

    says = IN_USER_SPACE

    def kernel_log(self) -> str:
        marks = ("start checks", "check start a.passes", "check end a.passes", "check start a.fails")
        return "".join(f"[    1.000000] dmabuf-harness: {mark}\n" for mark in marks) + self.says


def _killed(tmp_path: Path, position: bytes | None, says: str = IN_USER_SPACE, status: int = 137) -> GuestLost:
    cut = OUTPUT.split("# failed", maxsplit=1)[0] + "Killed\n"
    machine = _Injecting(scripted_kernel(tmp_path), {"harness.guest.runner": Answer(cut, status)})
    machine.says = says
    if position is not None:
        machine.files[POSITION_FILE] = position
    results: list[TestResult] = []
    with pytest.raises(GuestLost) as lost:
        results.extend(ChecksSuite("checks").run(machine, SuiteContext(tmp_path, "logs")))
    assert [(one.name, one.status) for one in results] == [("a.passes", Status.PASS), ("a.fails", Status.ERROR)]
    assert lost.value.reason in results[-1].message, "the loss is laid to this check, and to no other"
    return lost.value


def test_a_check_that_its_own_injection_killed_outside_the_call_says_nothing_of_the_kernel(tmp_path: Path) -> None:
    lost = _killed(tmp_path, _OUTSIDE)
    assert lost.blame is Blame.INJECTION
    assert "missed the call under test" in lost.reason


@pytest.mark.parametrize(
    ("position", "says", "status"),
    [
        (_IN_CALL, IN_USER_SPACE, 137),  # what happens in the call is the kernel's doing
        (bytes(64), IN_USER_SPACE, 137),  # nothing was armed: a mapping of the kernel's failed
        (None, IN_USER_SPACE, 137),  # the check injects nothing
        (_OUTSIDE, IN_A_CALL, 137),
        (_OUTSIDE, "", 137),  # killed, and not for a page fault
        (_OUTSIDE, "[    2.000000] dmabuf-harness: check end a.fails\n" + IN_USER_SPACE, 137),  # in no check
        (_OUTSIDE, IN_USER_SPACE, 139),  # a crash: the call may have spoilt the memory
    ],
)
def test_what_the_kernel_did_to_a_check_stays_the_kernels(
    tmp_path: Path, position: bytes | None, says: str, status: int
) -> None:
    lost = _killed(tmp_path, position, says, status)
    assert lost.blame is Blame.KERNEL
    assert lost.reason == f"the runner ended in it with status {status}: Killed"


def test_command(tmp_path: Path) -> None:
    name = all_checks()[3]
    _, machine, _ = collect(tmp_path, Answer(OUTPUT), name, "not-a-check", slowness=8.0)
    assert machine.commands[0].startswith("/usr/bin/python3 -I -S -c ")
    assert machine.commands[0].endswith(f" --factor 8 {name}")
    assert machine.files["/tmp/dmabuf-harness-checks.zip"] == bundle.contents()
    assert name in collect(tmp_path, Answer(OUTPUT))[1].commands[0].split()


def test_a_seed_reaches_the_guest(tmp_path: Path) -> None:
    machine = ScriptedGuest(scripted_kernel(tmp_path), {"harness.guest.runner": Answer(OUTPUT)})
    list(ChecksSuite("contract").run(machine, SuiteContext(tmp_path, "logs", seed=42)))
    assert machine.commands[0].startswith("HARNESS_SEED=42 /usr/bin/python3 ")


def test_the_guest_is_told_what_the_kernel_has(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path, "CONFIG_UDMABUF=y\nCONFIG_SW_SYNC=m\nCONFIG_DRM_VGEM=y\n# CONFIG_X is not set\n")
    module = tmp_path / "lib/modules/6.12.0/updates/dmabuf_probe.ko"
    module.parent.mkdir(parents=True)
    for told in ("UDMABUF,DRM_VGEM", "UDMABUF,DRM_VGEM,dmabuf_probe"):
        machine = ScriptedGuest(kernel, {"harness.guest.runner": Answer(OUTPUT)})
        list(ChecksSuite("checks").run(machine, SuiteContext(tmp_path, "logs", seed=7)))
        assert machine.commands[0].startswith(f"HARNESS_HAS={told} HARNESS_SEED=7 /usr/bin/python3 ")
        module.touch()


def test_the_suites_plan_every_check_there_is_once(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path)
    names = ("checks", "contract", "walks")
    checks, contract, walks = ([t.name for t in ChecksSuite(name).plan(kernel, tmp_path)] for name in names)
    assert sorted(checks + contract + walks) == sorted(all_checks())
    assert len(checks) >= 100
    assert not any(name.startswith(("contract.", "probe.")) for name in checks)


def test_without_the_probe_module_the_contract_is_missing_never_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "harness.suites.checks.all_checks", lambda: [*(f"{group}.a" for group in CONTRACT_GROUPS), "udmabuf.c"]
    )
    results, machine, _ = collect(tmp_path, Answer(), suite="contract", probe_failure="cannot be built: x.c:1: error")
    assert {result.name: result.status for result in results} == {
        f"{group}.a": Status.MISSING for group in CONTRACT_GROUPS
    }
    assert results[0].message == "never ran: cannot be built: x.c:1: error"
    assert not machine.commands


def test_a_check_that_no_signal_wakes_costs_the_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner says what it begins, and then nothing, for longer than any check may take."""
    monkeypatch.setattr("harness.suites.checks.SILENCE_LIMIT", 0.05)
    goes_on = threading.Event()

    class Hanging(ScriptedGuest):
        def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
            assert on_line is not None
            on_line("stdout", "# start a.hangs")
            goes_on.wait()
            raise GuestLost("ended", Cause.EXIT)

    results: list[TestResult] = []
    with pytest.raises(GuestLost, match=r"^it hangs: no word for 0 s$"):
        results.extend(ChecksSuite("checks").run(Hanging(scripted_kernel(tmp_path)), SuiteContext(tmp_path, "logs")))
    goes_on.set()
    assert SILENCE_LIMIT > 1


def test_what_a_check_provokes_is_known_to_its_suite() -> None:
    @registry.Group("test-suites-checks").provokes("dma_buf_export")
    def provoking() -> None:
        pass

    try:
        assert ChecksSuite("checks").provoked("test-suites-checks.provoking") == ("dma_buf_export",)
        assert ChecksSuite("checks").provoked("udmabuf.size-must-be-page-aligned") == ()
    finally:
        registry._CHECKS.pop("test-suites-checks.provoking")
        registry._PROVOKED.pop("test-suites-checks.provoking")


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ('groups = ["dmabuf", "contarct"]', "no check is in the group 'contarct'; see dmabuf-harness list checks"),
        ("", "no check is left for it; name its groups"),
    ],
)
def test_a_suite_without_checks_is_refused(tmp_path: Path, groups: str, told: str) -> None:
    """It would plan nothing, and a run of it would miss nothing."""
    every = sorted({check.partition(".")[0] for check in all_checks()})
    for name, named in (("mine", groups), ("others", f"groups = {every}".replace("'", '"'))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "suite.toml").write_text(f'title = "Of mine"\nkind = "checks"\n{named}\n')
    with pytest.raises(UserError) as raised:
        ChecksSuite("mine", tmp_path)
    assert str(raised.value) == f"{tmp_path.name}/mine/suite.toml: {told}"
