# SPDX-License-Identifier: GPL-2.0-only
"""Patches that break nearly every test: red, each test with a result, and one line for what all of them share."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.model import Status, VariantReport
from tests.support.kernel_patches import patch_file
from tests.support.real import Run, run_harness
from tests.support.red import assert_red_run, assert_told

pytestmark = [pytest.mark.vm, pytest.mark.full]

CORE = "drivers/dma-buf/dma-buf.c"
INSTALL = "\tfd_install(fd, dmabuf->file);\n"
LISTED = '\tseq_printf(s, "\\nTotal %d objects, %zu bytes\\n", count, size);\n\n\tmutex_unlock(&debugfs_list_mutex);\n'


def broken(tmp_path: Path, old: str, new: str) -> tuple[Run, VariantReport]:
    """All checks of udmabuf with one line of the core replaced, in one variant, without the base."""
    patch = patch_file(tmp_path / "breaks.patch", CORE, old, new)
    only = ("--no-base", "--variant", "on", "--suite", "checks", "--only", "udmabuf")
    run = run_harness(tmp_path / "run", "-p", patch, *only)
    assert_red_run(run)
    (variant,) = run.report.variants
    assert {result.test for result in variant.results} >= set(variant.planned), "what was planned disappeared"
    return run, variant


def test_a_leak_with_each_descriptor(tmp_path: Path) -> None:
    run, variant = broken(tmp_path, INSTALL, f"\tget_file(dmabuf->file);\n{INSTALL}")
    failed = [result for result in variant.results if result.status is Status.FAIL]
    assert len(failed) > 20 and len(variant.boots) == 1
    assert all("leaked" in result.message or "leaked" in result.output for result in failed)
    assert_told(run, "5 of 5 failures are alike: leaked 1 dma-buf: ", "failures are alike")


def test_a_lock_that_is_never_given_back(tmp_path: Path) -> None:
    """Of the list that is read around each check: each guest has one check, and there are not more than four guests."""
    run, variant = broken(tmp_path, LISTED, LISTED.rpartition("\n\n")[0] + "\n")
    assert {result.status for result in variant.results} >= {Status.ERROR, Status.MISSING}
    assert not [result for result in variant.results if result.status is Status.PASS]
    assert len(variant.boots) == 4
    assert_told(run, "tests never ran: 4 guests were lost, ")
