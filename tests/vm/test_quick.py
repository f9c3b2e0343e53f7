# SPDX-License-Identifier: GPL-2.0-only
"""A quick run of a real kernel: the tests that the reach map chooses, and what every report says of the others.

The map is the one that comes with the harness. The seed keeps it apart from one that was measured on this machine.
"""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.model import PlannedTest, Status
from tests.support.kernel_patches import BASE, patch_file
from tests.support.real import Run, run_harness

pytestmark = pytest.mark.vm

SEED = "8"
CORE = "drivers/dma-buf/dma-buf.c"
SEEK = "\t\tbase = dmabuf->size;\n"
SEES_IT = PlannedTest("checks", "dmabuf.seeking-tells-the-size")
FAR_AWAY = PlannedTest("checks", "sw-sync.closing-the-timeline-signals-with-an-error")  # it has no buffer


def _quick(place: Path, new: str) -> Run:
    """A quick run of a patch of one line of dma_buf_llseek()."""
    patch = patch_file(place / "seek.patch", CORE, SEEK, new)
    asked = ("--base", BASE, "--variant", "on", "--seed", SEED, "--repeat", "0")
    return run_harness(place / "run", "-p", patch, "--quick", *asked)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _quick(tmp_path_factory.mktemp("harmless"), "\t\tbase = (loff_t)dmabuf->size;\n")


def test_a_harmless_patch_is_green_so_far_and_only_so_far(harmless: Run) -> None:
    assert harmless.returncode == 0, harmless.stdout[-3000:] + harmless.stderr
    (variant,) = harmless.report.variants
    ran = {result.test for result in variant.results}
    assert SEES_IT in ran and SEES_IT not in variant.not_chosen
    assert FAR_AWAY in variant.not_chosen and FAR_AWAY not in ran
    assert len(ran) < len(variant.not_chosen)
    assert "PASS SO FAR" in harmless.stdout
    assert "the patch touches dma_buf_llseek (by the reach map that comes with the harness)" in harmless.stdout


def test_every_report_says_that_it_is_not_the_whole(harmless: Run) -> None:
    assert json.loads((harmless.directory / "results.json").read_text())["whole"] is False
    assert json.loads((harmless.directory / "plan.json").read_text())["choice"]
    assert "SO FAR" in (harmless.directory / "report.html").read_text()
    cases = ElementTree.parse(harmless.directory / "junit.xml").iter("testcase")
    skipped = {case.get("name") for case in cases if case.find("skipped") is not None}
    assert FAR_AWAY.name in skipped and SEES_IT.name not in skipped


def test_a_bug_in_it_is_red_by_the_test_that_sees_it(tmp_path: Path) -> None:
    run = _quick(tmp_path, "\t\tbase = dmabuf->size - 1;\n")
    assert run.returncode == 1, run.stdout[-3000:] + run.stderr
    (variant,) = run.report.variants
    assert SEES_IT in {result.test for result in variant.results if result.status is Status.FAIL}
    assert FAR_AWAY in variant.not_chosen
    assert "FAIL SO FAR" in run.stdout
