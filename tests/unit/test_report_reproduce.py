# SPDX-License-Identifier: GPL-2.0-only
"""The command that repeats one test."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.cli.main import parser
from harness.model import PlannedTest, Status, TestResult
from harness.report import save
from harness.report.case_summary import reproduce, run_again, without_patch
from harness.report.cases import cases
from harness.reproduce import seek
from tests.support.sample_reports import ON, bad_report, compared_report, run_report, splat, variant_report

FAILED = TestResult("checks", "udmabuf.x", Status.FAIL)


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("run", ""),
        ("run -p a.patch -p b.patch --base debian:6.1", " -p a.patch -p b.patch --base debian:6.1"),
        ("run --suite checks sync --no-patch", " --no-patch"),
        ("run --variant off --out /d --junit=j.xml -j 2", " -j 2"),
        ("run --only a b --accel tcg", " --accel tcg"),
        ("run --report html=a.html --report=kcidb=b.json --repeat 5", " --repeat 5"),
        ("run --var=on --acc tcg", " --acc tcg"),
        ("run --pytest mine.py", " --pytest mine.py"),
    ],
)
def test_what_narrowed_the_run_is_replaced_and_all_else_kept(command: str, kept: str) -> None:
    report = run_report(command=("dmabuf-harness", *command.split()))
    again = run_again(report, variant_report(), FAILED)
    assert again == f"dmabuf-harness run{kept} --variant {ON.name} --suite checks --only udmabuf.x"


def test_a_subtest_is_repeated_with_the_test_above_it() -> None:
    planned = (PlannedTest("sync", "sync/sync_test"), PlannedTest("sync", "sync/sync"))
    failed = TestResult("sync", "sync/sync_test/merge", Status.FAIL)
    assert run_again(run_report(), variant_report(planned=planned), failed).endswith(
        "--suite sync --only sync/sync_test"
    )


def test_a_users_own_tests_are_named_by_the_file() -> None:
    report = run_report(command=("dmabuf-harness", "run", "--pytest", "mine.py"))
    again = run_again(report, variant_report(), TestResult("pytest:mine.py", "mine.py::test_x", Status.FAIL))
    assert again == f"dmabuf-harness run --pytest mine.py --variant {ON.name} --only mine.py::test_x"


def test_a_splat_is_repeated_with_all_tests_of_the_variant() -> None:
    report = run_report(variant_report(splats=(splat(),)))
    assert run_again(report, variant_report(), TestResult("kernel", "warn: x", Status.FAIL)).endswith(
        f"'my patch.mbox' --variant {ON.name}"
    )


def test_a_splat_of_a_narrowed_run_is_repeated_with_the_tests_that_ran() -> None:
    """``--variant-of`` is another option than ``--variant``, and stays."""
    command = "dmabuf-harness run --variant-of KASAN --variant all --suite contract --only probe --out /d"
    again = run_again(
        run_report(command=tuple(command.split())), variant_report(), TestResult("kernel", "kasan: x", Status.FAIL)
    )
    assert again == (f"dmabuf-harness run --variant-of KASAN --suite contract --only probe --variant {ON.name}")


def test_names_are_quoted_for_the_shell() -> None:
    odd = TestResult("checks", "x; rm -rf ~", Status.FAIL)
    assert run_again(run_report(), variant_report(), odd).endswith("--only 'x; rm -rf ~'")


@pytest.mark.parametrize(
    ("command", "base"),
    [
        ("run", "run"),
        ("run -p a.patch -pb.patch --base debian:6.1", "run --base debian:6.1"),
        ("run --patch=a.patch --repeat 5 --strict --variant on", "run --variant on"),
        ("run --worktree --revert v1 --each --up-to 2 --strict -j 2", "run -j 2"),
        ("run -p - --out /d --junit=j.xml --pytest mine.py", "run --pytest mine.py"),
    ],
)
def test_the_base_alone_is_the_same_run_without_the_patch(command: str, base: str) -> None:
    assert without_patch(("dmabuf-harness", *command.split())) == f"dmabuf-harness {base} --no-patch"


def test_the_base_that_was_guessed_from_the_patch_is_named_without_it() -> None:
    again = without_patch(("dmabuf-harness", "run", "-p", "a.patch"), "git:/linux@abc")
    assert again == "dmabuf-harness run --base git:/linux@abc --no-patch"


def test_a_test_that_is_gone_cannot_be_asked_for() -> None:
    report = compared_report()
    (gone,) = [result for result in report.variants[0].results if result.name == "was.there"]
    assert run_again(report, report.variants[0], gone).endswith(f"--variant {ON.name} --suite checks")


# --- in the directory of the run --------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "where"),
    [
        ("run -p a.patch", f"runs/{run_report().run_id}"),
        ("run --out /d -p a.patch", "/d"),
        ("run --out=my/d -p a.patch", "my/d"),
        ("run --out a=b -p a.patch", "a=b"),
        ("run --out=a=b -p a.patch", "a=b"),
        ("run --out=-d -p a.patch", "./-d"),
    ],
)
def test_what_failed_in_a_guest_is_shown_by_the_run_itself(command: str, where: str) -> None:
    report = run_report(command=("dmabuf-harness", *command.split()))
    once_more = reproduce(report, variant_report(), FAILED)
    assert once_more == f"dmabuf-harness reproduce {where} 'checks: udmabuf.x' --variant {ON.name}"


def test_the_accelerator_stays() -> None:
    report = run_report(command=("dmabuf-harness", "run", "--accel", "tcg", "-p", "a.patch"))
    assert reproduce(report, variant_report(), FAILED).endswith(f"--variant {ON.name} --accel tcg")


def test_a_splat_is_named_by_its_fingerprint() -> None:
    case = TestResult("kernel", "warn: x", Status.FAIL, fingerprint="warn-0123456789ab")
    assert " warn-0123456789ab --variant " in reproduce(run_report(), variant_report(), case)


@pytest.mark.parametrize(
    ("command", "case"),
    [
        ("run --each -p a.patch", FAILED),  # each patch has a directory of its own
        ("faults one", FAILED),
        ("run", TestResult("checks", "udmabuf.x", Status.MISSING)),
        ("run", TestResult("checks", "udmabuf.x", Status.SKIP)),
        ("run", TestResult("checks", "udmabuf.x", Status.ERROR, cause=Cause.MACHINE)),
        ("run", TestResult("checks", "udmabuf.x", Status.FAIL, cause=Cause.SKIPPED)),
        ("run", TestResult("pytest:mine.py", "mine.py::test_x", Status.FAIL)),
        ("run", TestResult("kernel", "build", Status.FAIL)),
        ("run", TestResult("kernel", "config: CONFIG_X", Status.FAIL)),
    ],
)
def test_what_no_guest_would_show_takes_a_run(command: str, case: TestResult) -> None:
    report = run_report(command=("dmabuf-harness", *command.split()))
    assert reproduce(report, variant_report(), case) == run_again(report, variant_report(), case)


def test_what_it_says_can_be_typed(tmp_path: Path) -> None:
    """Each kind of these commands is understood, and finds what it is about."""
    report = replace(bad_report(), command=("dmabuf-harness", "run", "--out", str(tmp_path)))
    save(tmp_path, report)
    asked = []
    for variant in report.variants:
        for case in cases(variant):
            words = shlex.split(reproduce(report, variant, case))
            arguments = parser(words[1]).parse_args(words[1:])
            if words[1] == "reproduce":
                asked.append(seek(arguments.run, arguments.test, arguments.variant).name)
    assert {"checks: dmabuf.sync_refuses_unknown_flags", "checks: vgem.import_twice"} <= set(asked)
