# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own selftests: planned from the source, read from the kernel log, one verdict for the module."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.interfaces import GuestLost, SuiteContext
from harness.model import Status, TestResult
from harness.suites.in_kernel import InKernelSuite
from harness.suites.kernel_tests import kunit_tests, module_tests
from harness.suites.loads import KUNIT, SELFTESTS, SLOW, kunit_loads, selftest_loads
from harness.suites.module_log import KunitLog, SelftestLog
from tests.support.scripted_guest import Answer, ScriptedGuest, scripted_kernel

DATA = Path(__file__).parent.parent / "data"
REAL = (DATA / "dmesg-6.12-dmabuf_selftests-passes.log").read_text()
WAIT_BACKWARD = "dma_fence_chain/wait_backward"


def answer(log: str, status: int | None = 0, extra: str = "") -> Callable[[str], Answer]:
    """The kernel log between our own lines, as the guest shows it."""

    def reply(command: str) -> Answer:
        found = re.search(r"'dmabuf-harness: (\w+) begins'", command)
        assert found is not None
        end = f"[   99.000000] dmabuf-harness: {found.group(1)} ended with {status}\n" if status is not None else ""
        first = f"[    9.000000] dmabuf-harness: {found.group(1)} begins\n"
        return Answer(first + extra + log + end, 0 if status is not None else None)

    return reply


def run(
    tmp_path: Path,
    reply: object,
    *only: str,
    config: str = "DMABUF_SELFTESTS",
    slowness: float = 1.0,
    planned: tuple[str, ...] = (WAIT_BACKWARD,),
) -> list[TestResult]:
    machine = ScriptedGuest(scripted_kernel(tmp_path, f"CONFIG_{config}=m\n"), {"modprobe": reply}, slowness)  # type: ignore[dict-item]
    context = SuiteContext(tmp_path, "logs", frozenset(only), planned=planned)
    return list(InKernelSuite().run(machine, context))


def stamped(*lines: str) -> str:
    return "".join(f"[   {10 + number}.000000] {line}\n" for number, line in enumerate(lines))


# --- up to 6.x --------------------------------------------------------------------------------


def test_real_log_of_a_pass(tmp_path: Path) -> None:
    results = run(tmp_path, answer(REAL))
    names = [result.name for result in results]
    assert {result.status for result in results} == {Status.PASS}
    assert names[:2] == ["sanitycheck", "dma_fence/sanitycheck"]
    assert names[-1] == SELFTESTS
    assert "dma_fence" not in names  # a group, not a test
    # dma_resv runs its five tests once for each of the four usages.
    assert [name for name in names if "test_signaling" in name] == [
        "dma_fence/test_signaling",
        "dma_resv/test_signaling",
        "dma_resv/test_signaling#2",
        "dma_resv/test_signaling#3",
        "dma_resv/test_signaling#4",
    ]


def test_seconds_are_the_kernels(tmp_path: Path) -> None:
    log = stamped("dma-buf: Running a", "dma-buf: Running b", "unrelated", "dma-buf: Running c")
    assert [(result.name, result.seconds) for result in run(tmp_path, answer(log))][:2] == [("a", 1.0), ("b", 2.0)]


def test_failing_test_fails_the_module(tmp_path: Path) -> None:
    log = stamped(
        "dma-buf: Running g", "dma-buf: Running g/one", "dma-buf: Running g/two", "dma-buf/g: two failed with error -22"
    )
    said = "modprobe: ERROR: could not insert 'dmabuf_selftests': Invalid argument\n"
    one, two, module = run(tmp_path, answer(log, 1, said))
    assert (one.name, one.status) == ("g/one", Status.PASS)
    assert (two.name, two.status, two.message) == ("g/two", Status.FAIL, "failed with error -22")
    assert (module.name, module.status) == (SELFTESTS, Status.FAIL)
    assert module.message == f"modprobe ended with 1: {said.strip()}"


def test_last_test_before_an_unexplained_refusal_is_not_a_pass(tmp_path: Path) -> None:
    one, module = run(tmp_path, answer(stamped("dma-buf: Running g", "dma-buf: Running g/one"), 1))
    assert (one.status, module.status) == (Status.FAIL, Status.FAIL)


def test_module_that_tests_nothing_is_not_green(tmp_path: Path) -> None:
    (module,) = run(tmp_path, answer(""))
    assert (module.status, module.message) == (Status.FAIL, "it loaded, but ran no test")


def until_lost(machine: ScriptedGuest, tmp_path: Path, *planned: str) -> tuple[list[tuple[str, Status]], str]:
    """(what ended, why the guest was lost)."""
    found: list[tuple[str, Status]] = []
    with pytest.raises(GuestLost) as lost:
        for result in InKernelSuite().run(machine, SuiteContext(tmp_path, "logs", planned=planned)):
            found.append((result.name, result.status))
    return found, lost.value.reason


def test_a_hang_loses_the_guest_and_names_the_test(tmp_path: Path) -> None:
    hangs = answer(stamped("dma-buf: Running a", "dma-buf: Running g/b"), None)
    kernel = scripted_kernel(tmp_path, "CONFIG_DMABUF_SELFTESTS=m\n")
    found, reason = until_lost(ScriptedGuest(kernel, {"modprobe": hangs}), tmp_path)
    assert found == [("a", Status.PASS), (SELFTESTS, Status.ERROR), ("g/b", Status.ERROR)]
    assert reason.startswith("it hangs: dmabuf_selftests still ran")


def test_test_that_gave_up_by_itself_is_lost_coverage(tmp_path: Path) -> None:
    log = stamped("dma-buf: Running dma_fence/test_wait_timeout", "Timer did not fire within the jiffy!")
    results = run(tmp_path, answer(log))
    assert results[0].status is Status.PASS
    assert results[0].lost_coverage == ("dma_fence/test_wait_timeout: Timer did not fire within the jiffy!",)


def test_lost_guest_leaves_errors_for_the_module_and_what_ran(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path, "CONFIG_DMABUF_SELFTESTS=m\n")
    log = stamped("dma-buf: Running a", "dma-buf: Running g", "dma-buf: Running g/b")
    machine = ScriptedGuest(kernel, {"modprobe": Answer(log, lost="panic: oh")})
    found, reason = until_lost(machine, tmp_path)
    assert found == [("a", Status.PASS), (SELFTESTS, Status.ERROR), ("g/b", Status.ERROR)]
    assert reason == "panic: oh"


def test_kernel_without_the_module_skips(tmp_path: Path) -> None:
    (result,) = run(tmp_path, answer(""), config="OTHER")
    assert (result.name, result.status) == ("in-kernel", Status.SKIP)
    assert result.lost_coverage
    plan = InKernelSuite().plan(scripted_kernel(tmp_path), tmp_path)
    assert [test.name for test in plan] == ["in-kernel"]


def test_slow_test_is_left_out_on_a_slow_guest_and_said(tmp_path: Path) -> None:
    first, *others = run(tmp_path, answer(REAL), slowness=8.0)
    assert (first.name, first.status) == (WAIT_BACKWARD, Status.SKIP)
    assert first.lost_coverage
    assert others[-1].status is Status.PASS


def test_slow_test_that_the_tree_has_not_is_not_missed(tmp_path: Path) -> None:
    """5.6 has no chains to test: nothing is left out, and nothing is to be said."""
    first, *_ = run(tmp_path, answer(REAL), slowness=8.0, planned=("sanitycheck",))
    assert (first.name, first.status) == ("sanitycheck", Status.PASS)


def test_slow_test_runs_when_named(tmp_path: Path) -> None:
    log = stamped("dma-buf: Running sanitycheck", f"dma-buf: Running {WAIT_BACKWARD}")
    results = run(tmp_path, answer(log), WAIT_BACKWARD, slowness=8.0)
    assert [(result.name, result.status) for result in results] == [
        (WAIT_BACKWARD, Status.PASS),
        (SELFTESTS, Status.PASS),
    ]


def _part(tmp_path: Path, *only: str) -> tuple[list[TestResult], list[str]]:
    """Of a suite that is run part by part, on a slow guest."""
    machine = ScriptedGuest(scripted_kernel(tmp_path, "CONFIG_DMABUF_SELFTESTS=m\n"), {"modprobe": answer(REAL)}, 8.0)
    planned = ("sanitycheck", WAIT_BACKWARD, SELFTESTS)
    context = SuiteContext(tmp_path, "logs", frozenset(only), planned=planned, in_parts=True)
    return list(InKernelSuite().run(machine, context)), machine.commands


def test_a_part_with_the_slow_test_alone_loads_nothing(tmp_path: Path) -> None:
    results, commands = _part(tmp_path, WAIT_BACKWARD)
    assert [(result.name, result.status) for result in results] == [(WAIT_BACKWARD, Status.SKIP)]
    assert commands == []


def test_a_part_leaves_out_the_slow_test_and_says_so_once(tmp_path: Path) -> None:
    results, commands = _part(tmp_path, WAIT_BACKWARD, "sanitycheck")
    assert [result.name for result in results] == [WAIT_BACKWARD, "sanitycheck", SELFTESTS]
    assert "st_filter='sanitycheck'" in commands[0]
    assert WAIT_BACKWARD not in [result.name for result in _part(tmp_path, "sanitycheck")[0]]


# --- loads ------------------------------------------------------------------------------------


def test_loads_of_the_selftests() -> None:
    assert [load.modprobe for load in selftest_loads(frozenset(), frozenset())] == ["modprobe dmabuf_selftests"]
    (without,) = selftest_loads(frozenset(), SLOW[SELFTESTS])
    assert without.modprobe == f"modprobe dmabuf_selftests st_filter='!{WAIT_BACKWARD}'"
    (two,) = selftest_loads(frozenset({"a/b", "c/d", SELFTESTS}), frozenset())
    assert two.modprobe == "modprobe dmabuf_selftests st_filter='a/b,c/d'"
    assert [two.reports(name) for name in ("a/b", "a/b#2", "a/c", "sanitycheck")] == [True, True, False, False]


def test_filter_never_exceeds_what_the_kernel_takes() -> None:
    names = frozenset(f"group/test_with_a_long_name_{number:04}" for number in range(200))
    loads = selftest_loads(names, frozenset())
    assert max(len(load.modprobe) for load in loads) < 1024
    assert frozenset().union(*(load.wanted for load in loads)) == names


def test_loads_of_kunit() -> None:
    (whole,) = kunit_loads(frozenset(), frozenset())
    assert "printf %s '*' > /sys/module/kunit/parameters/filter_glob" in whole.setup
    (one,) = kunit_loads(frozenset({"dma-buf-resv/test_signaling"}), frozenset())
    assert "printf %s 'dma-buf-resv.test_signaling' > /sys/module/kunit/parameters/filter_glob" in one.setup
    assert one.reports("dma-buf-resv/test_signaling/kernel")


def test_quick_kunit_patterns_miss_nothing_but_the_slow_test() -> None:
    """Names as in 7.3; each must match exactly one pattern."""
    patterns = [re.findall(r"printf %s '([^']+)'", load.setup[1])[0] for load in kunit_loads(frozenset(), SLOW[KUNIT])]
    globs = [
        re.compile(pattern.replace(".", r"\.").replace("*", ".*").replace("[!", "[^") + "$") for pattern in patterns
    ]
    for name in ("find_race", "wait", "wait_timeout", "wait_forward", "wait_random", "sanitycheck", "unwrap_merge"):
        assert sum(bool(glob.match(f"s.test_{name}")) for glob in globs) == 1, name
    assert not any(glob.match("s.test_wait_backward") for glob in globs)


# --- 7.x --------------------------------------------------------------------------------------

KUNIT_LOG = stamped(
    "KTAP version 1",
    "1..1",
    "    KTAP version 1",
    "    # Subtest: dma-buf-resv",
    "    1..3",
    "    ok 1 test_sanitycheck",
    "        KTAP version 1",
    "        # Subtest: test_signaling",
    "        ok 1 kernel",
    "        ok 2 write",
    "    ok 2 test_signaling",
    "    # test_for_each: EXPECTATION FAILED at drivers/dma-buf/st-dma-resv.c:99",
    "    not ok 3 test_for_each",
    "not ok 1 dma-buf-resv",
)


def test_kunit_results(tmp_path: Path) -> None:
    results = run(tmp_path, answer(KUNIT_LOG), config="DMABUF_KUNIT_TEST")
    assert [(result.name, result.status) for result in results] == [
        ("dma-buf-resv/test_sanitycheck", Status.PASS),
        ("dma-buf-resv/test_signaling/kernel", Status.PASS),
        ("dma-buf-resv/test_signaling/write", Status.PASS),
        ("dma-buf-resv/test_signaling", Status.PASS),
        ("dma-buf-resv/test_for_each", Status.FAIL),
        (KUNIT, Status.PASS),
    ]
    assert "EXPECTATION FAILED at drivers/dma-buf/st-dma-resv.c:99" in results[4].message


def test_kunit_suite_that_fails_by_itself_is_said() -> None:
    log = KunitLog()
    lines = ["1..1", "    # Subtest: s", "    1..1", "    ok 1 t # SKIP no CPU", "not ok 1 s"]
    ended = [(one.name, one.status, one.lost) for line in lines for one in log.feed(line)]
    assert ended == [("s/t", Status.SKIP, ("t: no CPU",)), ("s", Status.FAIL, ())]


RACE = """\
[    1.000000]     KTAP version 1
[    1.000001]     # Subtest: dma-buf-fence
[    1.000002]     1..1
[    1.000003]     # test_race_signal_callback: EXPECTATION FAILED at drivers/dma-buf/st-dma-fence.c:477
                   Expected ret == 0, but
                       ret == {error} (0xfffffffffffffffc)
[    1.000004]     not ok 1 test_race_signal_callback
[    1.000005] not ok 1 dma-buf-fence
"""


@pytest.mark.parametrize(("error", "status"), [(-4, Status.SKIP), (-22, Status.FAIL), (-45, Status.FAIL)])
def test_threads_that_a_busy_host_never_ran_are_no_failure_of_the_kernel(error: int, status: Status) -> None:
    log = KunitLog()
    [ended] = [one for line in RACE.format(error=error).splitlines() for one in log.feed(line)]
    assert (ended.name, ended.status) == ("dma-buf-fence/test_race_signal_callback", status)
    assert bool(ended.lost) is (status is Status.SKIP)


def test_a_skip_for_a_busy_host_is_not_held_against_the_kernel_a_skip_of_its_own_is(tmp_path: Path) -> None:
    results = run(tmp_path, answer(RACE.format(error=-4)), config="DMABUF_KUNIT_TEST")
    assert [(one.status, one.cut_short) for one in results] == [(Status.SKIP, True), (Status.PASS, False)]
    own = KUNIT_LOG.replace("ok 1 test_sanitycheck", "ok 1 test_sanitycheck # SKIP no CPU")
    first = run(tmp_path, answer(own), config="DMABUF_KUNIT_TEST")[0]
    assert (first.status, first.cut_short) == (Status.SKIP, False)


def test_kunit_test_that_runs_is_told_from_the_plan() -> None:
    log = KunitLog(["s/a", "s/b", "t/c"])
    running = []
    for line in (
        "1..2",
        "    # Subtest: s",
        "        # Subtest: a",
        "        ok 1 x",
        "    ok 1 a",
        "    ok 2 b",
        "ok 1 s",
    ):
        list(log.feed(line))
        running.append(log.current)
    assert running == ["", "s/a", "s/a", "s/a", "s/b", "", ""]


def test_lost_guest_is_laid_at_the_door_of_the_kunit_test_that_ran(tmp_path: Path) -> None:
    kernel = scripted_kernel(tmp_path, "CONFIG_DMABUF_KUNIT_TEST=m\n")
    lines = stamped("    # Subtest: s", "    1..2", "    ok 1 a")
    machine = ScriptedGuest(kernel, {"modprobe": Answer(lines, lost="panic: oh")})
    found, _ = until_lost(machine, tmp_path, "s/a", "s/b", KUNIT)
    assert found == [("s/a", Status.PASS), (KUNIT, Status.ERROR), ("s/b", Status.ERROR)]


def test_lines_without_a_stamp_are_not_the_kernels() -> None:
    assert list(SelftestLog().feed("dma-buf: Running a")) == []


# --- planning ---------------------------------------------------------------------------------


def source(root: Path, **files: str) -> Path:
    folder = root / "drivers" / "dma-buf"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".").replace("_", "-")).write_text(text)
    return root


SELFTESTS_H = """\
/* List each unit test as selftest(name, function) */
selftest(sanitycheck, __sanitycheck__) /* keep first (igt selfcheck) */
selftest(fence, dma_fence)
"""
ST_DMA_FENCE_C = """\
int other(void)
{
	static const struct subtest tests[] = { SUBTEST(wrong) };
}

int dma_fence(void)
{
	static const struct subtest tests[] = {
		SUBTEST(one),
		SUBTEST(two),
	};
}
"""
ST_DMA_RESV_C = """\
static struct kunit_case dma_resv_cases[] = {
	KUNIT_CASE(test_sanitycheck),
	KUNIT_CASE_PARAM(test_signaling, dma_resv_usage_gen_params),
	{}
};

static struct kunit_suite dma_resv_test_suite = {
	.name = "dma-buf-resv",
	.test_cases = dma_resv_cases,
};
"""


def test_plan_of_the_selftests_comes_from_the_source(tmp_path: Path) -> None:
    tree = source(tmp_path, selftests__h=SELFTESTS_H, st_dma_fence__c=ST_DMA_FENCE_C)
    assert module_tests(tree) == ("sanitycheck", "fence/one", "fence/two")
    plan = InKernelSuite().plan(scripted_kernel(tmp_path, "CONFIG_DMABUF_SELFTESTS=m\n"), tree)
    assert [test.name for test in plan] == ["sanitycheck", "fence/one", "fence/two", SELFTESTS]


def test_plan_of_kunit_comes_from_the_source(tmp_path: Path) -> None:
    tree = source(tmp_path, st_dma_resv__c=ST_DMA_RESV_C)
    assert kunit_tests(tree) == ("dma-buf-resv/test_sanitycheck", "dma-buf-resv/test_signaling")
    assert module_tests(tree) == ()
