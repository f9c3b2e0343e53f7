# SPDX-License-Identifier: GPL-2.0-only
"""A quick run of a real kernel: the tests that the reach map chooses, and what every report says of the others.

The map is the recorded one, put where ``coverage --base`` would have kept its own; the seed keeps it apart from that.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import secrets
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness import process
from harness.interfaces import JobLimits
from harness.model import PlannedTest, Status
from harness.paths import PROJECT_ROOT
from harness.pipeline import reach_measuring
from harness.reach import load_reach
from tests.support.kernel_patches import BASE, base_tree, patch_file
from tests.support.real import Run, run_harness

pytestmark = pytest.mark.vm

RECORDED = PROJECT_ROOT / "tests/data/reach-6.12.json.xz"
CORE = "drivers/dma-buf/dma-buf.c"
SEEK = "\t\tbase = dmabuf->size;\n"
SEES_IT = PlannedTest("checks", "dmabuf.seeking-tells-the-size")
FAR_AWAY = PlannedTest("checks", "sw-sync.closing-the-timeline-signals-with-an-error")  # it has no buffer


@pytest.fixture(scope="module")
def seed(main_run: Run) -> str:
    """That of a map of the base, which is known under it."""
    number, tree = secrets.randbelow(1 << 30), base_tree()
    kernel = main_run.report.variants[0].kernel
    assert kernel is not None, main_run.stdout[-3000:] + main_run.stderr
    tree_id = process.check(["git", "-C", tree.path, "rev-parse", f"{tree.commit}^{{tree}}"], what="git").strip()
    config = hashlib.sha256(kernel.config.read_bytes()).hexdigest()
    reach = load_reach(lzma.decompress(RECORDED.read_bytes()).decode())
    reach_measuring._keep(reach_measuring._base_file(tree_id, config, JobLimits(seed=number)), reach)
    return str(number)


def _quick(place: Path, new: str, seed: str) -> Run:
    """A quick run of a patch of one line of dma_buf_llseek()."""
    patch = patch_file(place / "seek.patch", CORE, SEEK, new)
    asked = ("--base", BASE, "--variant", "on", "--seed", seed, "--repeat", "0")
    return run_harness(place / "run", "-p", patch, "--quick", *asked)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory, seed: str) -> Run:
    return _quick(tmp_path_factory.mktemp("harmless"), "\t\tbase = (loff_t)dmabuf->size;\n", seed)


def test_a_harmless_patch_is_green_so_far_and_only_so_far(harmless: Run) -> None:
    assert harmless.returncode == 0, harmless.stdout[-3000:] + harmless.stderr
    (variant,) = harmless.report.variants
    ran = {result.test for result in variant.results}
    assert SEES_IT in ran and SEES_IT not in variant.not_chosen
    assert FAR_AWAY in variant.not_chosen and FAR_AWAY not in ran
    assert len(ran) < len(variant.not_chosen)
    assert "PASS SO FAR" in harmless.stdout and "the patch touches dma_buf_llseek" in harmless.stdout


def test_every_report_says_that_it_is_not_the_whole(harmless: Run) -> None:
    assert json.loads((harmless.directory / "results.json").read_text())["whole"] is False
    assert json.loads((harmless.directory / "plan.json").read_text())["choice"]
    assert "SO FAR" in (harmless.directory / "report.html").read_text()
    cases = ElementTree.parse(harmless.directory / "junit.xml").iter("testcase")
    skipped = {case.get("name") for case in cases if case.find("skipped") is not None}
    assert FAR_AWAY.name in skipped and SEES_IT.name not in skipped


def test_a_bug_in_it_is_red_by_the_test_that_sees_it(seed: str, tmp_path: Path) -> None:
    run = _quick(tmp_path, "\t\tbase = dmabuf->size - 1;\n", seed)
    assert run.returncode == 1, run.stdout[-3000:] + run.stderr
    (variant,) = run.report.variants
    assert SEES_IT in {result.test for result in variant.results if result.status is Status.FAIL}
    assert FAR_AWAY in variant.not_chosen
    assert "FAIL SO FAR" in run.stdout
