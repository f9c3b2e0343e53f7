# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on real kernels: a patch answers for what it breaks, and for nothing that was there before it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.changes import Change, Repeats
from harness.model import BootOutcome, Status
from tests.support.kernel_patches import patch_file
from tests.support.real import Run, harness_command, run_harness

pytestmark = pytest.mark.vm
UDMABUF = "drivers/dma-buf/udmabuf.c"
CHECK = "udmabuf.list-has-a-limit"
HOW = ("--variant", "on", "--suite", "checks", "dmabuf-heaps", "--only", CHECK, "dmabuf-heaps", "--repeat", "1")


@pytest.fixture(scope="module")
def broken(main_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A patch that takes a limit away, tested where the base prints a splat of its own."""
    directory = tmp_path_factory.mktemp("broken")
    patch = patch_file(directory / "my.patch", UDMABUF, "head.count > list_limit", "head.count > list_limit + 1")
    return run_harness(directory / "run", "-p", patch, *HOW)


def test_what_the_patch_breaks_is_new_and_was_repeated(broken: Run) -> None:
    assert broken.returncode == 1, broken.stdout[-3000:] + broken.stderr
    (variant,) = broken.report.variants
    assert variant.comparison is not None
    (new,) = variant.comparison.those(Change.NEW)
    assert (new.suite, new.name, new.repeats) == ("checks", CHECK, Repeats(1, 1, 0, 1))
    logs = broken.directory / new.logs
    assert sorted(path.name for path in logs.iterdir()) == ["base-1", "patched-1"]
    assert len(list(logs.rglob("console.log"))) == 2
    assert "patched 1/1 failed, base 0/1" in " ".join(broken.stdout.split())


def test_the_splat_of_the_base_is_pre_existing_in_every_report(broken: Run) -> None:
    (variant,) = broken.report.variants
    (splat,) = variant.splats
    assert splat.kind == "dma-api" and not splat.is_bad
    assert splat.excused.startswith("pre-existing (base: printed") and "vgem declares" in splat.known
    flat = " ".join(broken.stdout.split())
    assert "platform vgem: mapping sg segment longer" in flat and "1 new failure, 1 pre-existing" in flat
    page = (broken.directory / "report.html").read_text()
    assert 'class="badge pre-existing"' in page and "base: printed during dmabuf-heaps" in page
    root = ElementTree.parse(broken.directory / "junit.xml").getroot()
    (skipped,) = [one for one in root.iter("skipped") if "vgem declares" in one.get("message", "")]
    assert skipped.get("message", "").startswith("pre-existing (base: printed")
    assert [one.get("message", "")[:12] for one in root.iter("failure")] == ["new failure:"]


def test_a_patch_that_changes_nothing_is_green_and_the_base_is_not_tested_again(broken: Run, tmp_path: Path) -> None:
    patch = patch_file(tmp_path / "my.patch", UDMABUF, "static int list_limit", "/* why? */\nstatic int list_limit")
    run = run_harness(tmp_path / "run", "-p", patch, *HOW)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    (variant,) = run.report.variants
    assert variant.comparison is not None
    assert {one.change for one in variant.comparison.differences} == {Change.PRE_EXISTING}
    assert variant.comparison.again.startswith("dmabuf-harness run --variant on")
    assert "--no-patch" in variant.comparison.again and variant.comparison.again in run.stdout
    assert "base move-notify-on boot" not in run.stdout
    (base,) = run.report.base_variants
    assert (run.directory / base.boots[0].console).is_file()

    compared = subprocess.run(
        harness_command("compare", run.directory, broken.directory), check=False, capture_output=True, text=True
    )
    assert compared.returncode == 1, compared.stderr
    assert f"checks {CHECK}: fail, new failure" in compared.stdout
    back = subprocess.run(
        harness_command("compare", broken.directory, run.directory), check=False, capture_output=True, text=True
    )
    assert back.returncode == 0 and f"fixed: checks {CHECK}" in back.stdout


def test_a_boot_that_only_the_patch_breaks_is_repeated_once_and_no_more(main_run: Run, tmp_path: Path) -> None:
    anchor = "static int __init dma_buf_init(void)\n{\n"
    planted = anchor + '\tpanic("planted: no way");\n'
    patch = patch_file(tmp_path / "my.patch", "drivers/dma-buf/dma-buf.c", anchor, planted)
    run = run_harness(tmp_path / "run", "-p", patch, "--variant", "on", "--only", CHECK)
    assert run.report.static is None  # nothing of it was asked for
    assert run.returncode == 1, run.stderr
    (variant,) = run.report.variants
    assert variant.boots[-1].outcome is BootOutcome.PANIC
    assert {result.status for result in variant.results} == {Status.MISSING}
    assert variant.comparison is not None
    told = variant.comparison.of("kernel", "boot")
    assert told is not None and (told.change, told.repeats) == (Change.NEW, Repeats(1, 1, 0, 1))
