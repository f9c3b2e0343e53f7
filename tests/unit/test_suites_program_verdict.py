# SPDX-License-Identifier: GPL-2.0-only
"""Output and exit status together: never green by silence, never green against its own results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.interfaces import CommandResult
from harness.ktap import KtapTest, parse
from harness.model import Status
from harness.suites.program_verdict import ProgramVerdict, SubtestNames, judge_program

DATA = Path(__file__).parent.parent / "data"
TAP = "TAP version 13\n"


def verdict(
    text: str, status: int | None = 0, *, plain_pass: str | None = None, unmet: str = "", before: int = 0
) -> ProgramVerdict:
    done = CommandResult("./program", status, text, "", 12.0, timed_out=status is None)
    return judge_program(done, parse(text), re.compile(plain_pass) if plain_pass else None, unmet, before)


def data(name: str) -> str:
    return (DATA / name).read_text()


def test_pass() -> None:
    assert verdict(data("dmabuf-heap-6.12-passes.log")) == ProgramVerdict(Status.PASS)


def test_skip_inside_a_pass_is_lost_coverage() -> None:
    assert verdict(data("dmabuf-heap-6.12-skip-inside-a-pass.log")) == ProgramVerdict(
        Status.PASS, "", ("Could not open vgem -1",)
    )


def test_skip_inside_a_pass_without_tap() -> None:
    found = verdict(data("dmabuf-heap-6.1-no-tap-skip-inside-a-pass.log"), plain_pass=r"error cases:\s+OK$")
    assert found.status is Status.PASS
    assert found.lost == ("Testing allocation and importing:  (Could not open vgem - skipping):   OK",)


def test_plain_pass() -> None:
    text = data("dmabuf-heap-5.10-no-tap-passes.log")
    assert verdict(text, plain_pass="^Expected error checking passed$") == ProgramVerdict(Status.PASS)


def test_exit_4_after_five_passes_is_a_skip_that_says_what_was_lost() -> None:
    five = data("udmabuf-6.12-stops-after-five-of-six.log").rsplit("#", 1)[0]
    found = verdict(five + "# drivers/dma-buf/udmabuf: [skip,no-memfd]\n", 4)
    assert found == ProgramVerdict(Status.SKIP, "no-memfd", ("1 of 6 results were never reached",))


def test_skips_give_their_reason() -> None:
    no_device = "no-udmabuf: Unable to access DMA buffer device file"
    assert verdict(data("udmabuf-6.12-no-device.log"), 4).message == no_device
    assert verdict(data("sync_test-6.12-skips-the-plan.log"), 4).message == "Sync framework not supported by kernel"
    assert verdict("drivers/dma-buf/udmabuf: [skip,no-udmabuf]\n", 77) == ProgramVerdict(Status.SKIP, "no-udmabuf")
    assert verdict(TAP + "# No /dev/dma_heap directory?\n", 4).message == "No /dev/dma_heap directory?"


def test_unmet_need_excuses_missing_results_and_nothing_else() -> None:
    stopped = data("udmabuf-6.12-stops-after-five-of-six.log")
    assert verdict(stopped, 1, unmet="too little memory").status is Status.SKIP
    assert verdict(stopped, 1).status is Status.FAIL
    assert verdict(stopped, 139, unmet="too little memory").status is Status.FAIL
    failed = stopped.replace("ok 5", "not ok 5")
    assert verdict(failed, 1, unmet="too little memory").status is Status.FAIL


@pytest.mark.parametrize(
    ("ended", "says", "expected"),
    [
        (5, "ubuf_fd mmap fail", Status.SKIP),  # what it says where it has no huge pages
        (4, "ubuf_fd mmap fail", Status.FAIL),  # it needs none yet: the udmabuf cannot be mapped
        (4, "[FAIL, udmabuf-create]", Status.FAIL),
        (5, "[FAIL, udmabuf-create]", Status.FAIL),
        (0, "[FAIL,memfd-truncate]", Status.FAIL),
    ],
)
def test_unmet_need_excuses_only_what_comes_after_the_results_that_do_not_need_it(
    ended: int, says: str, expected: Status
) -> None:
    lines = data("udmabuf-6.12-stops-after-five-of-six.log").splitlines(keepends=True)
    text = "".join(lines[: 2 + ended]) + f"# drivers/dma-buf/udmabuf: {says}\n"
    found = verdict(text, 1, unmet="too little memory", before=5)
    assert (found.status, found.cut_short) == (expected, expected is Status.SKIP)
    assert expected is Status.SKIP or says in found.message


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("", 0, "exit status 0, but nothing in its output says that it passed"),
        ("all is well\n", 0, "exit status 0, but nothing in its output says that it passed"),
        (TAP + "1..2\n", 0, "exit status 0, but 2 of 2 planned results are missing"),
        (TAP + "1..0\n", 0, ""),
        (TAP + "1..2\nok 1 a\n", 0, "exit status 0, but 1 of 2 planned results are missing"),
        (TAP + "ok 1 a\n", 0, "exit status 0, but no plan, so lost results cannot be noticed"),
        (TAP + "1..1\nnot ok 1 a\n", 0, "not ok: a, yet exit status 0"),
        (TAP + "1..2\nnot ok 1 a\nnot ok 2 b\n", 1, "not ok: a and 1 more"),
        (TAP + "1..1\nnot ok 1 a\n", 4, "not ok: a"),
        (TAP + "1..1\nok 1 a\n", 1, "exit status 1 after 1 of 1 results: ok 1 a"),
        (TAP + "1..2\nok 1 a\nBail out! no memory\n", 1, "exit status 1 after 1 of 2 results: no memory"),
        (TAP + "1..1\nok 1 a\nBail out! late\n", 0, "bailed out with exit status 0: late"),
        (TAP + "1..2\nok 1 a\n", None, "stopped at its time limit after 12 s after 1 of 2 results"),
        (TAP + "1..2\nok 1 a\n", 124, "stopped at its time limit after 12 s after 1 of 2 results"),
        ("", 139, "killed by signal 11"),
        ("drivers/dma-buf/udmabuf: [FAIL,test-3]\n", 1, "exit status 1: drivers/dma-buf/udmabuf: [FAIL,test-3]"),
        ("Failed to open vgem\n", 255, "exit status 255: Failed to open vgem"),
    ],
)
def test_failures(text: str, status: int | None, message: str) -> None:
    found = verdict(text, status, plain_pass="passed$")
    expected = Status.SKIP if "1..0" in text else Status.FAIL
    assert (found.status, found.message) == (expected, message or "no reason given")


NESTED = TAP + "1..1\n    # Subtest: s\n    1..2\n    ok 1 a\n    {second}\n{own}\n"


@pytest.mark.parametrize("status", [0, 4])
def test_a_test_that_fails_beside_its_passing_subtests_has_failed(status: int) -> None:
    """Its own set-up or clean-up went wrong."""
    found = verdict(NESTED.format(second="ok 2 b", own="not ok 1 s"), status)
    assert (found.status, found.message.partition(",")[0]) == (Status.FAIL, "not ok: s")
    told = parse(NESTED.format(second="not ok 2 b", own="not ok 1 s"))
    assert [test.name for test in told.leaves()] == ["a", "b"], "it only repeats what its subtest says"
    assert verdict(NESTED.format(second="ok 2 b # SKIP why", own="ok 1 s")).status is Status.PASS


def test_who_bails_out_does_not_skip() -> None:
    found = verdict(TAP + "1..1\nok 1 a\nBail out! odd bytes\n", 4)
    assert (found.status, found.message) == (Status.FAIL, "exit status 4 after 1 of 1 results: odd bytes")


def test_nothing_but_skips_is_a_skip() -> None:
    assert verdict(TAP + "1..1\nok 1 a # SKIP no device\n").status is Status.SKIP


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("drivers/dma-buf/udmabuf: [PASS,test-1]", "test-1"),
        ("drivers/dma-buf/udmabuf: [FAIL,test-1]", "test-1"),
        ("[RUN]\ttest_alloc_timeline", "test_alloc_timeline"),
        ("Import buffer 0", "Import buffer"),
        ("Error expected on invalid fd -1", "Error expected on invalid fd"),
        ("test_alloc_fence", "test_alloc_fence"),
        ("7", "7"),
    ],
)
def test_names_do_not_depend_on_the_outcome(description: str, name: str) -> None:
    assert SubtestNames("drivers/dma-buf/udmabuf").name(KtapTest(description, Status.PASS, 1)) == name


def test_names_are_unique_and_never_empty() -> None:
    names = SubtestNames("p")
    tests = [
        KtapTest("a", Status.PASS),
        KtapTest("a", Status.PASS),
        KtapTest("", Status.PASS, 3),
        KtapTest("", Status.SKIP, 4, "SKIP", "why"),
    ]
    assert [names.name(test) for test in tests] == ["a", "a#2", "result 3", "why"]
    assert names.name(KtapTest("c", Status.PASS, parents=("s",))) == "s/c"
