# SPDX-License-Identifier: GPL-2.0-only
"""The suite ``static`` through the real command on real 6.12 sources: no guest, but allmodconfig and real tools."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.model import Status, TestResult
from tests.support.kernel_patches import patch_file
from tests.support.real import Run, run_harness

pytestmark = pytest.mark.vm
DMA_BUF = "drivers/dma-buf/dma-buf.c"
AMDGPU = "drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c"  # not in the test kernel
KCONFIG = "drivers/dma-buf/Kconfig"
PIN = "int dma_buf_pin(struct dma_buf_attachment *attach)\n{\n"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A series with a fault of each kind, and its tests; nothing else is run."""
    directory = tmp_path_factory.mktemp("static")
    planted = [
        (DMA_BUF, PIN, f"{PIN}\tint set_only;  \n\n\tset_only = 1;\n"),
        (AMDGPU, '#include "amdgpu.h"\n', '#include "amdgpu.h"\n\nint no_such_thing[-1];\n'),
        (KCONFIG, 'menu "DMABUF options"\n', 'menu "DMABUF options"\n\nconfig DMABUF_MORE\n\tbool "More"\n'),
    ]
    patches: list[str | Path] = []
    for number, (name, old, new) in enumerate(planted, 1):
        patches += ["-p", patch_file(directory / f"{number}.patch", name, old, new)]
    doc = patch_file(directory / "doc.patch", DMA_BUF, " * dma_buf_unpin - ", " * dma_buf_unpinn - ")
    return run_harness(directory / "run", *patches, "-p", doc, "--suite", "static")


def results(run: Run) -> dict[str, TestResult]:
    assert run.report.static is not None, run.stdout + run.stderr
    return {result.name.removeprefix("static."): result for result in run.report.static.results}


def test_what_breaks_a_file_outside_the_test_kernel_is_red(broken: Run) -> None:
    assert broken.returncode == 1, broken.stdout + broken.stderr
    found = results(broken)
    assert [name for name, result in found.items() if result.status is Status.FAIL] == [f"compile/{AMDGPU}"]
    assert "no_such_thing" in found[f"compile/{AMDGPU}"].message
    assert broken.report.variants == () and not (broken.directory / "kernels").exists()


def test_the_others_are_shown_with_file_and_line(broken: Run) -> None:
    found = results(broken)
    told = {name: result.message for name, result in found.items() if "shown only" in result.message}
    assert "set_only" in told[f"w1/{DMA_BUF}"] and f"{DMA_BUF}:" in told[f"w1/{DMA_BUF}"]
    assert "dma_buf_unpin" in told[f"kernel-doc/{DMA_BUF}"]
    assert any("TRAILING_WHITESPACE" in text for name, text in told.items() if name.startswith("checkpatch/"))
    assert any("CONFIG_DESCRIPTION" in text for name, text in told.items() if name.startswith("kconfig-help/"))
    assert found[f"compile/{DMA_BUF}"].status is found[f"compile/{KCONFIG}"].status is Status.PASS


def test_junit_has_the_suite(broken: Run) -> None:
    root = ElementTree.fromstring((broken.directory / "junit.xml").read_text())
    (suite,) = (one for one in root.iter("testsuite") if one.get("name") == "static")
    assert len(list(suite.iter("testcase"))) == len(results(broken))
    assert len(list(suite.iter("failure"))) == 1


def test_the_bundled_series_is_clean(main_run: Run) -> None:
    assert main_run.returncode == 0, main_run.stdout + main_run.stderr
    found = results(main_run)
    assert found[f"compile/{DMA_BUF}"].status is Status.PASS
    assert not [result.message for result in found.values() if "shown only" in result.message]
