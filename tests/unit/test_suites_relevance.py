# SPDX-License-Identifier: GPL-2.0-only
"""Which suites run first: those that test what the series touches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import bundled_series, facts_of, load_series
from harness.pipeline import RunJob, check
from harness.series import SeriesFacts
from harness.suites import by_relevance, suite_folders
from harness.suites.relevance import MAX_NAMED
from harness.suites.suite_folder import SuiteFolder
from tests.support.run_requests import run_request

FOLDERS = suite_folders()
USUAL = [folder.name for folder in FOLDERS]
CORE = "drivers/dma-buf/dma-buf.c"


def order(**touched: tuple[str, ...]) -> list[str]:
    return list(by_relevance(FOLDERS, replace(SeriesFacts(), **touched)).names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("drivers/dma-buf/udmabuf.c", ["checks", "dma-buf"]),
        ("drivers/dma-buf/heaps/system_heap.c", ["dmabuf-heaps", "checks"]),
        ("include/uapi/linux/dma-heap.h", ["dmabuf-heaps", "checks"]),
        ("drivers/dma-buf/sw_sync.c", ["sync", "checks", "walks", "in-kernel"]),
        ("drivers/dma-buf/sync_file.c", ["sync", "checks", "walks", "in-kernel"]),
        ("drivers/dma-buf/dma-fence-chain.c", ["in-kernel", "walks", "sync", "checks"]),
        ("drivers/dma-buf/dma-fence-unwrap.c", ["walks", "in-kernel", "sync", "checks"]),
        ("drivers/dma-buf/dma-resv.c", ["walks", "in-kernel", "contract", "checks"]),
        ("drivers/dma-buf/st-dma-fence.c", ["in-kernel"]),
        (CORE, ["contract", "checks", "walks"]),
        ("include/linux/dma-buf.h", ["contract", "checks"]),
        ("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", ["contract", "checks"]),
        ("drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c", ["contract", "checks"]),
        ("drivers/gpu/drm/drm_prime.c", ["contract", "checks"]),
        ("include/uapi/linux/dma-buf.h", ["checks"]),
        ("drivers/gpu/drm/vgem/vgem_fence.c", ["checks", "walks"]),
        ("tools/testing/selftests/sync/sync_test.c", ["sync"]),
        ("tools/testing/selftests/dmabuf-heaps/dmabuf-heap.c", ["dmabuf-heaps"]),
        ("tools/testing/selftests/drivers/dma-buf/udmabuf.c", ["dma-buf"]),
    ],
)
def test_file_that_is_touched_brings_its_suites_to_the_front(file: str, first: list[str]) -> None:
    assert order(files=(file,)) == [*first, *(name for name in USUAL if name not in first)]


@pytest.mark.parametrize("kind", ["symbols_added", "symbols_removed", "symbols_changed"])
@pytest.mark.parametrize(
    ("symbol", "first"),
    [("DMABUF_MOVE_NOTIFY", "contract"), ("DMABUF_HEAPS_CMA", "dmabuf-heaps"), ("DMABUF_KUNIT_TEST", "in-kernel")],
)
def test_kconfig_symbols_count_even_where_the_file_says_nothing(kind: str, symbol: str, first: str) -> None:
    assert order(files=("drivers/dma-buf/Kconfig",), **{kind: (symbol,)})[0] == first


@pytest.mark.parametrize("kind", ["exports_added", "exports_removed", "functions"])
@pytest.mark.parametrize(
    ("function", "first"),
    [
        ("dma_buf_dynamic_attach", "contract"),
        ("dma_buf_pin", "contract"),
        ("dma_buf_move_notify", "contract"),
        ("dma_buf_invalidate_mappings", "contract"),
        ("dma_fence_wait_timeout", "in-kernel"),
        ("dma_heap_add", "dmabuf-heaps"),
    ],
)
def test_functions_count_wherever_they_are(kind: str, function: str, first: str) -> None:
    assert order(files=("drivers/gpu/drm/ttm/ttm_bo.c",), **{kind: (function,)})[0] == first


def test_equals_keep_the_usual_order_and_the_function_can_decide() -> None:
    assert order(files=(CORE,), functions=("dma_buf_poll",))[:2] == ["checks", "contract"]
    assert order(files=(CORE,), functions=("dma_buf_attach",))[:2] == ["contract", "checks"]
    both = ("drivers/dma-buf/heaps/cma_heap.c", "drivers/dma-buf/sw_sync.c")
    assert (
        order(files=both)
        == order(files=both[::-1])
        == [
            *("dmabuf-heaps", "sync", "checks", "walks", "in-kernel"),
            *("contract", "dma-buf"),
        ]
    )


@pytest.mark.parametrize("touched", [(), ("drivers/net/veth.c",), ("drivers/dma-buf/Kconfig", "MAINTAINERS")])
def test_of_what_is_not_known_nothing_is_said_and_all_stays_as_it_was(touched: tuple[str, ...]) -> None:
    found = by_relevance(FOLDERS, SeriesFacts(files=touched))
    assert (list(found.names), found.reason) == (USUAL, "")


def test_reason_names_what_decided_and_no_more_than_fits_a_line() -> None:
    few = by_relevance(FOLDERS, SeriesFacts(files=(CORE, "MAINTAINERS"), symbols_added=("DMABUF_MOVE_NOTIFY",)))
    assert few.reason == f"contract, checks, walks first: the series touches {CORE}, CONFIG_DMABUF_MOVE_NOTIFY"
    many = tuple(f"drivers/dma-buf/heaps/{number}_heap.c" for number in range(MAX_NAMED + 3))
    assert by_relevance(FOLDERS, SeriesFacts(files=many)).reason.endswith(f"{many[MAX_NAMED - 1]}, and 3 more")


def test_suites_that_are_not_there_are_left_out() -> None:
    folders = [folder for folder in FOLDERS if folder.name in ("sync", "checks")]
    assert by_relevance(folders, SeriesFacts(files=(CORE,))).names == ("checks", "sync")


def test_what_is_named_exactly_leaves_no_say_to_patterns() -> None:
    """``drivers/*dmabuf.[ch]``, of drivers, fits udmabuf.c, too."""
    assert "contract" not in order(files=("drivers/dma-buf/udmabuf.c",))[:2]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_suite_says_what_it_is_for(folder: SuiteFolder) -> None:
    assert folder.title
    assert folder.collection or folder.touched.first


def test_bundled_series_about_dynamic_buffers_run_the_contract_first() -> None:
    series = bundled_series()
    for name in ("bufinfo-dynamic", "before-dynamic-5.10"):
        assert by_relevance(FOLDERS, facts_of(load_series(series[name]))).names[0] == "contract"


# --- in a job ---------------------------------------------------------------------------------

HEAPS = """\
From: A <a@b.example>
Subject: [PATCH {number}/2] {number}

---
diff --git a/{file} b/{file}
--- a/{file}
+++ b/{file}
@@ -1 +1 @@
-int a;
+int b;
"""


Asked = Callable[..., RunJob]
"""A job for two patches, of what is asked for besides."""


@pytest.fixture
def series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    files = ("drivers/dma-buf/heaps/cma_heap.c", CORE)
    for number, file in enumerate(files, 1):
        (tmp_path / f"{number}.patch").write_text(HEAPS.format(number=number, file=file))
    patches = (tmp_path / "1.patch", tmp_path / "2.patch")
    return lambda **asked: check(run_request(**{"patches": patches, **asked}), tmp_path / "run")


def names(job: RunJob) -> list[str]:
    return [suite.name for suite in job.suites]


def test_both_sides_run_in_the_order_that_the_series_asks_for(series: Asked) -> None:
    job = series()
    assert (
        names(job)
        == names(job.of_base())
        == [
            *("contract", "dmabuf-heaps", "checks", "walks"),
            *("dma-buf", "sync", "in-kernel"),
        ]
    )
    assert names(series(up_to=1))[0] == "dmabuf-heaps"


def test_order_and_reason_are_told_in_a_line_and_in_the_plan(series: Asked) -> None:
    job = series()
    (told,) = [note for note in job.notes if note.startswith("order of the suites: ")]
    assert told.endswith(job.order) and CORE in told
    assert job.plan()["order of the suites"] == job.order
    assert job.plan()["suites"] == [*names(job), "static"]


@pytest.mark.parametrize("changes", [{"suites": ("sync", "checks", "contract")}, {"only": frozenset({"udmabuf"})}])
def test_who_says_what_to_run_has_it_in_the_usual_order(series: Asked, changes: dict[str, object]) -> None:
    job = series(**changes)
    assert names(job) == [name for name in USUAL if name in changes.get("suites", USUAL)]  # type: ignore[operator]
    assert not job.order and not any("order" in note for note in job.notes)


def test_without_a_patch_there_is_nothing_to_order_by(series: Asked) -> None:
    job = series(patches=(), no_patch=True)
    assert (names(job), job.order) == (USUAL, "")


def test_own_tests_come_last(series: Asked, tmp_path: Path) -> None:
    own = tmp_path / "test_own.py"
    own.write_text("def test_it(): pass\n")
    assert names(series(pytest=(own,)))[-1] == "pytest:test_own.py"


def test_two_own_files_of_one_name_are_refused(series: Asked, tmp_path: Path) -> None:
    """What passes in one would stand for what never ran in the other."""
    files = [tmp_path / folder / "test_own.py" for folder in "ab"]
    for file in files:
        file.parent.mkdir()
        file.write_text("def test_it(): pass\n")
    with pytest.raises(UserError, match=r"--pytest test_own\.py: two have this name"):
        series(pytest=tuple(files))
