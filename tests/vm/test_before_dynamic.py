# SPDX-License-Identifier: GPL-2.0-only
"""What the harness was first made for, on a base that can be had: patch v15 on 5.10 as it was before that change."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.changes import Change
from harness.events import EventStream
from harness.model import Kernel, ResolvedConfig, Status
from harness.paths import PATCHES
from harness.pipeline import RunJob, check
from harness.pipeline.kernels import KernelMaker, held_source
from tests.support.mail import v15_mail
from tests.support.real import run_harness
from tests.support.run_requests import run_request

pytestmark = pytest.mark.vm
BASE, SERIES = "debian:5.10", "before-dynamic-5.10"


def job_of(directory: Path, *patches: Path) -> RunJob:
    own = (Path(SERIES),)
    return check(run_request(BASE, patches=patches, no_patch=not patches, fixups=own), directory)


def test_series_takes_the_option_away(tmp_path: Path) -> None:
    job = job_of(tmp_path)
    with held_source(job, EventStream()) as held:
        applied = held.applied
        before = KernelMaker(job, applied, EventStream())
        header = (applied.tree.path / "include/linux/dma-buf.h").read_text()
        configs = [before.resolve(variant) for variant in job.variants]
    assert applied.tree.fixups[0].startswith("dma-buf: go back to before")
    assert "bool dynamic_mapping);" in header and "struct dma_buf_attach_ops" not in header
    for config in configs:
        assert isinstance(config, ResolvedConfig)
        assert config.unknown == ("DMABUF_MOVE_NOTIFY",)
    assert len({config.sha256 for config in configs if isinstance(config, ResolvedConfig)}) == 1


@pytest.mark.full  # two whole kernels, for no test of theirs
def test_patch_v15_applies_on_top_and_both_variants_build(tmp_path: Path) -> None:
    job = job_of(tmp_path, v15_mail())
    with held_source(job, EventStream()) as held:
        assert held.applied.already_in_base == ()
        after = KernelMaker(job, held.applied, EventStream())
        for variant in job.variants:
            kernel = after.kernel(variant)
            assert isinstance(kernel, Kernel), kernel
            assert kernel.probe_failure == ""
            assert kernel.config_value("DMABUF_MOVE_NOTIFY") == variant.options["DMABUF_MOVE_NOTIFY"]


@pytest.mark.full
def test_patch_v15_passes_all_suites_and_its_contract(tmp_path: Path) -> None:
    run = run_harness(tmp_path / "run", "-p", v15_mail(), "--base", BASE, "--fixup", SERIES)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    assert "comes with the patch" in " ".join(run.stdout.split())
    for variant in run.report.variants:
        contract = [result for result in variant.results if result.suite == "contract"]
        assert sum(result.status is Status.PASS for result in contract) > 80
        assert not [result for result in contract if result.status.is_bad]
        untested = [result.name for result in contract if result.status is Status.SKIP and not result.not_applicable]
        assert untested == ["contract.row-23-importers-of-huge-pages-see-the-right-ones"]  # 5.10 has none in udmabufs


@pytest.mark.full
def test_bug_on_top_of_patch_v15_is_red_in_both_variants(tmp_path: Path) -> None:
    bug = PATCHES / "faults" / "attach-error-replaced.patch"
    name = "contract.row-21-failed-attach-callback-fails-the-attach"
    chosen = ("--suite", "contract", "--only", name, "--repeat", "1")
    run = run_harness(tmp_path / "run", "-p", v15_mail(), "-p", bug, "--base", BASE, "--fixup", SERIES, *chosen)
    assert run.returncode == 1, run.stdout[-3000:] + run.stderr
    changes = []
    for variant in run.report.variants:
        assert [result.name for result in variant.results if result.is_bad] == [name]
        assert variant.comparison is not None
        told = variant.comparison.of("contract", name)
        changes.append(told.change if told is not None else Change.UNCHANGED)
    # The base has no such option: only where it is off is there something to compare with.
    assert changes == [Change.NOT_COMPARABLE, Change.NEW]
