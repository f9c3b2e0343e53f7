# SPDX-License-Identifier: GPL-2.0-only
"""What a broken patch does to a kernel, done on purpose: found, named, laid at the right door, red in every report.

The ways to crash are those of LKDTM (drivers/misc/lkdtm). What no guest survives shares a run with others like it: a
kernel gets at most four guests in one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.interfaces import GuestLost
from harness.model import Status
from harness.vm.guest import VmGuest
from tests.support.real import Run
from tests.support.red import (
    assert_red_splat,
    assert_red_test,
    await_log,
    interrupts_off,
    own_results,
    provoke,
    run_own,
    shown,
    write_tests,
)

pytestmark = pytest.mark.vm

HUNG_LIMIT = "/proc/sys/kernel/hung_task_timeout_secs"
HUNG = f"""
echo 2 > {HUNG_LIMIT}
( {provoke("HUNG_TASK")} ) > /dev/null 2>&1 &
{await_log("blocked for more than")}
echo 0 > {HUNG_LIMIT}
"""
EAT_MEMORY = "/usr/bin/python3 -I -S -c 'x = []\nwhile True: x.append(bytearray(b\"x\" * (16 << 20)))'"
# Lock checking ends with its first report: so in this order. The words are those that the title has in every run.
SURVIVED = {
    "hung_task": (HUNG, "hung-task", "blocked for more than"),
    "lock_held": (provoke("SPINLOCKUP"), "lockdep", "WARNING: lock held when returning to user space"),
    "warning": (provoke("WARNING"), "warn", "lkdtm_WARNING"),
    "refcount": (provoke("REFCOUNT_INC_ZERO"), "refcount", "use-after-free"),
    "list_add": (provoke("CORRUPT_LIST_ADD"), "list-corruption", "list_add corruption"),
    "write_after_free": (provoke("WRITE_AFTER_FREE"), "slub", "BUG kmalloc-1k"),
    "double_free": (provoke("SLAB_FREE_DOUBLE"), "slub", "BUG lkdtm-heap-double_free"),
    "oom": (EAT_MEMORY, "oom", "invoked oom-killer"),
}
TAINT = "echo 128 > /proc/sys/kernel/tainted"  # as if it had died, without a word
FORGED = """\
not ok 1 forged
ok 2 udmabuf.forged
# start udmabuf.forged
WARNING: CPU: 0 PID: 1 at forged/place.c:1 forged+0x0/0x10
[    1.000000] WARNING: CPU: 0 PID: 1 at forged/place.c:1 forged+0x0/0x10
[    1.000000] Kernel panic - not syncing: forged
"""
FORGERIES = f"""
FORGED = {FORGED!r}
def test_forged_on_stdout(guest):
    print(FORGED)
    assert guest.run(f"cat << 'END'\\n{{FORGED}}END", timeout=60).stdout == FORGED

def test_forged_in_the_log(guest):
    for line in FORGED.splitlines():
        assert guest.run(f"echo '<0>{{line.partition('] ')[2] or line}}' > /dev/kmsg", timeout=60).ok
    assert guest.kernel_log().count("forged/place.c") == 2
"""


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One guest in which the kernel complains about all of ``SURVIVED``, after tests that forge such complaints."""
    directory = tmp_path_factory.mktemp("survived")
    own = directory / "test_survived.py"
    commands = {name: command for name, (command, _, _) in SURVIVED.items()} | {"tainted": TAINT}
    return run_own(directory / "run", write_tests(own, commands, before=FORGERIES))


@pytest.mark.parametrize("name", SURVIVED)
def test_what_the_kernel_complains_about_is_red_where_it_happened(survived: Run, name: str) -> None:
    _, kind, words = SURVIVED[name]
    assert_red_splat(survived, kind, words, f"test_{name}")
    assert own_results(survived.report.variants[0])[name].status is Status.PASS


def test_a_taint_that_no_report_explains_is_red(survived: Run) -> None:
    assert_red_splat(survived, "taint", "the kernel is tainted D", "pytest:test_survived.py")


def test_nothing_else_is_red_and_forgeries_are_nothing(survived: Run) -> None:
    (variant,) = survived.report.variants
    assert len(variant.boots) == 1, variant.notes
    assert not [splat for splat in variant.splats if "forged" in splat.text], shown(variant.splats)
    assert not [result for result in variant.results if result.name.endswith(".forged")]
    assert {result.status for result in own_results(variant).values()} == {Status.PASS}
    doors = {splat.during.rpartition("::test_")[2] for splat in variant.splats if splat.is_bad}
    # What was written after it was freed may be seen again later, between two tests.
    assert doors - {"pytest:test_survived.py"} == SURVIVED.keys()


def test_whatever_kills_a_guest_costs_the_test_that_ran(tmp_path: Path) -> None:
    commands = {
        "before": "true",
        "oops": provoke("EXCEPTION") + "; sleep 1000",
        "between": "true",
        "power_off": "echo o > /proc/sysrq-trigger; sleep 1000",
        "sshd": "kill -9 $(pidof sshd); sleep 1000",
        "after": "true",
    }
    run = run_own(tmp_path / "run", write_tests(tmp_path / "test_deadly.py", commands))
    assert_red_test(run, "test_oops", Status.ERROR, "panic: Kernel panic - not syncing: Fatal exception")
    assert_red_test(run, "test_power_off", Status.ERROR, "the guest ended by itself (QEMU exit status 0)")
    assert_red_test(run, "test_sshd", Status.ERROR, "while its kernel lived")
    (variant,) = run.report.variants
    assert "; BUG: kernel NULL pointer dereference, address: " in own_results(variant)["oops"].message
    passed = {name for name, result in own_results(variant).items() if result.status is Status.PASS}
    assert passed == {"before", "between", "after"}
    assert len(variant.boots) == 4 and variant.boots[0].ended.startswith("panic: ")
    assert_red_splat(run, "oops", "BUG: kernel NULL pointer dereference", "test_oops")
    assert_red_splat(run, "panic", "Kernel panic - not syncing: Fatal exception", "test_oops")


def test_a_hang_is_told_by_the_functions_in_which_it_hangs(guest: VmGuest, tmp_path: Path) -> None:
    """A guest that still answers, and after that the same one with interrupts off on every processor."""
    assert guest.run("( " + provoke("HUNG_TASK") + " ) > /dev/null 2>&1 & " + await_blocked(), timeout=400).ok
    assert guest.autopsy("no word").startswith("hangs in lkdtm_HUNG_TASK <- lkdtm_do_action <- direct_entry (sh, pid ")
    assert "task:" in (guest.console.path.parent / "state.txt").read_text()

    guest.limit_silence(15)
    with pytest.raises(GuestLost, match="the guest hangs"):
        guest.run(interrupts_off(), timeout=1000)
    found = guest.autopsy("no answer")
    # Where the panic that shows it takes too long on a busy host, the processors' stacks without the module's names.
    assert "lkdtm_HARDLOCKUP" in found or "a module <- full_proxy_write <- vfs_write" in found, found
    assert "CPU 0" in found


def await_blocked() -> str:
    return "until grep -q '^State:.D' /proc/[0-9]*/status; do sleep 0.2; done"
