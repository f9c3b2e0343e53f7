# SPDX-License-Identifier: GPL-2.0-only
"""KTAP and TAP as real programs, KUnit and the kselftest runner print them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ktap import KtapParser, KtapReport, KtapTest, parse
from harness.model import Status

DATA = Path(__file__).parent.parent / "data"


def outcomes(report: KtapReport) -> list[tuple[str, str]]:
    """(name with parents, status) of every leaf."""
    return [("/".join((*test.parents, test.name)), test.status.value) for test in report.leaves()]


def test_real_passing_program_has_no_problems() -> None:
    report = parse((DATA / "dmabuf-heap-6.12-passes.log").read_text())
    assert [test.status for test in report.tests] == [Status.PASS] * 11
    assert (report.plan, report.problems) == (11, ())
    assert report.tests[6].diagnostics == ("Testing (theoretical) older alloc compat:",)


def test_real_program_that_stops_early_has_a_missing_result() -> None:
    report = parse((DATA / "udmabuf-6.12-stops-after-five-of-six.log").read_text())
    assert [test.status for test in report.tests] == [Status.PASS] * 5 + [Status.MISSING]
    assert report.tests[5].number == 6
    assert report.problems == ("1 of 6 planned results are missing",)
    assert report.diagnostics == ("drivers/dma-buf/udmabuf: ubuf_fd mmap fail",)


def test_real_skip_inside_a_pass() -> None:
    report = parse((DATA / "dmabuf-heap-6.12-skip-inside-a-pass.log").read_text())
    assert report.tests[0].status is Status.SKIP
    assert report.tests[0].reason == "Could not open vgem -1"
    assert [test.status for test in report.tests[1:]] == [Status.PASS] * 10


def test_real_plan_that_skips_everything() -> None:
    report = parse((DATA / "sync_test-6.12-skips-the-plan.log").read_text())
    assert (report.plan, report.skipped) == (0, "Sync framework not supported by kernel")


KUNIT = """\
[    5.000000] KTAP version 1
[    5.000001] 1..2
[    5.000002]     KTAP version 1
[    5.000003]     # Subtest: dma-buf-resv
[    5.000004]     # module: dmabuf_kunit
[    5.000005]     1..3
[    5.000006]     ok 1 test_sanitycheck
[    5.000007]         KTAP version 1
[    5.000008]         # Subtest: test_signaling
[    5.000009]         ok 1 kernel
[    5.000010] e1000: an unrelated message of the kernel
[    5.000011]         ok 2 write
[    5.000012]     # test_signaling: pass:2 fail:0 skip:0 total:2
[    5.000013]     ok 2 test_signaling
[    5.000014]     # test_for_each: EXPECTATION FAILED at drivers/dma-buf/st-dma-resv.c:123
[    5.000015]     Expected err == 0, but
[    5.000016]     not ok 3 test_for_each
[    5.000017] # dma-buf-resv: pass:2 fail:1 skip:0 total:3
[    5.000018] not ok 1 dma-buf-resv
[    5.000019]     KTAP version 1
[    5.000020]     # Subtest: dma-buf-fence
[    5.000021]     1..1
[    5.000022]     ok 1 test_wait # SKIP requires at least 2 CPUs
[    5.000023] ok 2 dma-buf-fence # SKIP
"""


def test_kunit_in_the_kernel_log() -> None:
    report = parse(KUNIT)
    assert outcomes(report) == [
        ("dma-buf-resv/test_sanitycheck", "pass"),
        ("dma-buf-resv/test_signaling/kernel", "pass"),
        ("dma-buf-resv/test_signaling/write", "pass"),
        ("dma-buf-resv/test_for_each", "fail"),
        ("dma-buf-fence/test_wait", "skip"),
    ]
    assert [test.name for test in report.tests] == ["dma-buf-resv", "dma-buf-fence"]
    assert [child.name for child in report.tests[0].children] == ["test_sanitycheck", "test_signaling", "test_for_each"]
    failed = report.tests[0].children[2]
    assert failed.diagnostics[0].endswith("EXPECTATION FAILED at drivers/dma-buf/st-dma-resv.c:123")
    # A parameterised test has no plan of its own before 7.x; everything else is in order.
    assert report.problems == ("test_signaling: no plan, so lost results cannot be noticed",)


def test_results_come_at_once() -> None:
    parser = KtapParser()
    ended = [(number, test.name) for number, line in enumerate(KUNIT.splitlines(), 1) for test in parser.feed(line)]
    assert ended[:3] == [(7, "test_sanitycheck"), (10, "kernel"), (12, "write")]


RUNNER = """\
TAP version 13
1..3
# timeout set to 45
# selftests: dmabuf-heaps: dmabuf-heap
# TAP version 13
# 1..2
# # Testing heap: system
# ok 1 # SKIP Could not open vgem -1
# ok 2 sync succeeded
ok 1 selftests: dmabuf-heaps: dmabuf-heap
# timeout set to 45
# selftests: drivers/dma-buf: udmabuf
# drivers/dma-buf/udmabuf: [skip,no-udmabuf]
not ok 2 selftests: drivers/dma-buf: udmabuf # SKIP
# timeout set to 45
# selftests: sync: sync_test
# TAP version 13
# 1..10
# ok 1 [RUN]	test_alloc_timeline
not ok 3 selftests: sync: sync_test # TIMEOUT 45 seconds
"""


def test_kselftest_runner() -> None:
    report = parse(RUNNER)
    first, second, third = report.tests
    assert (first.name, first.status) == ("selftests: dmabuf-heaps: dmabuf-heap", Status.PASS)
    assert [child.status for child in first.children] == [Status.SKIP, Status.PASS]
    assert (second.status, second.directive) == (Status.SKIP, "SKIP")
    assert second.diagnostics[-1] == "drivers/dma-buf/udmabuf: [skip,no-udmabuf]"
    assert (third.status, third.directive, third.reason) == (Status.FAIL, "TIMEOUT", "45 seconds")
    assert sum(child.status is Status.MISSING for child in third.children) == 9


def test_what_looks_like_a_result_in_a_comment_is_none() -> None:
    report = parse("TAP version 13\n1..1\n# ok 7 is what the other program said\nok 1 mine\n")
    assert [test.name for test in report.tests] == ["mine"]


@pytest.mark.parametrize(
    ("line", "status", "directive", "reason"),
    [
        ("ok 1 a", Status.PASS, "", ""),
        ("ok 1 - a", Status.PASS, "", ""),
        ("ok", Status.PASS, "", ""),
        ("not ok 1 a", Status.FAIL, "", ""),
        ("ok 1 a # SKIP no device", Status.SKIP, "SKIP", "no device"),
        ("ok 1 a # skip: no device", Status.SKIP, "SKIP", "no device"),
        ("not ok 1 a # SKIP", Status.SKIP, "SKIP", ""),
        ("ok 1 # XFAIL known", Status.SKIP, "XFAIL", "known"),
        ("not ok 1 a # TODO later", Status.SKIP, "TODO", "later"),
        ("ok 1 a # XPASS surprise", Status.FAIL, "XPASS", "surprise"),
        ("not ok 1 # error broke", Status.FAIL, "ERROR", "broke"),
        ("not ok 1 a # exit=137", Status.FAIL, "exit=137", ""),
        ("ok 1 array #3 of 4", Status.PASS, "", ""),
        (r"ok 1 a \# SKIP is part of the name", Status.PASS, "", ""),
    ],
)
def test_result_lines(line: str, status: Status, directive: str, reason: str) -> None:
    (test,) = KtapParser().feed(line)
    assert (test.status, test.directive, test.reason) == (status, directive, reason)


def test_name_without_number_separator_and_escape() -> None:
    assert [KtapParser().feed(line)[0].name for line in ("ok first one", "not ok 12 - b \\# c")] == [
        "first one",
        "b # c",
    ]


def test_plan_may_come_last() -> None:
    assert parse("ok 1 a\nok 2 b\n1..2\n").problems == ()


def test_okay_is_no_result() -> None:
    assert parse("okay 1 this is prose\nnot okay\n").tests == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1..1\nok 1 a\nok 2 b", "2 results, planned were 1"),
        ("1..2\nok 1 a\nok 3 b", "result number 3 where 2 was due"),
        ("1..2\nok 1 a\nok 1 b", "result number 1 comes twice"),
        ("1..2\n1..3\nok 1 a\nok 2 b", "a second plan, 1..3 after 1..2"),
        ("ok 1 a", "no plan, so lost results cannot be noticed"),
        ("1..1\n    # Subtest: s\n    1..1\n    not ok 1 x\nok 1 s", "s is ok although a subtest of it is not"),
        ("1..1\n    # Subtest: s\n    1..1\n    ok 1 x\n", "subtest s: its own result is missing"),
        ("1..1\n    # Subtest: s\n    1..2\n    ok 1 x\nok 1 s", "s: 1 of 2 planned results are missing"),
    ],
)
def test_contradictions_are_said(text: str, problem: str) -> None:
    assert problem in parse(text).problems


def test_bail_out_ends_it_and_what_is_missing_is_said() -> None:
    report = parse("1..3\nok 1 a\nBail out! open failed: No such file\n")
    assert report.bail_out == "open failed: No such file"
    assert [test.status for test in report.tests] == [Status.PASS, Status.MISSING, Status.MISSING]


def test_huge_plan_makes_no_huge_report() -> None:
    report = parse("1..999999999999\n")
    assert len(report.tests) == 1000
    assert report.problems == ("999999999999 of 999999999999 planned results are missing",)


def test_other_text_is_not_ktap() -> None:
    report = parse((DATA / "dmabuf-heap-5.10-no-tap-passes.log").read_text())
    assert not report.is_ktap
    assert report.diagnostics[0] == "Testing heap: system"


def test_a_wholly_indented_text_is_read_too() -> None:
    assert outcomes(parse("    1..1\n    ok 1 a\n")) == [("a", "pass")]


def test_lost_suite_result_keeps_its_children() -> None:
    report = parse("1..1\n    # Subtest: s\n    1..1\n    ok 1 x\n")
    assert report.tests[0] == KtapTest(
        "s", Status.MISSING, children=(KtapTest("x", Status.PASS, 1, parents=("s",)),), parents=()
    )
