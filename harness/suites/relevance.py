# SPDX-License-Identifier: GPL-2.0-only
"""Which suites tell most about a series: these run first, so that a run that is cut off has their results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.series import SeriesFacts
from harness.suites.checks import CHECKS, CONTRACT
from harness.suites.in_kernel import InKernelSuite

MAX_NAMED = 4
"""Touched names that are shown as the reason; the others are counted."""

_DMA_BUF, _HEAPS, _SYNC, _IN_KERNEL = "dma-buf", "dmabuf-heaps", "sync", InKernelSuite.name

# What a series touches -> suites that test it, the most telling one first. A file has its path, a Kconfig symbol has
# CONFIG_, the rest are functions. In drivers, the file that deals with dma-bufs is called dma_buf, dmabuf or prime.
_RULES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("drivers/dma-buf/udmabuf.c", "include/uapi/linux/udmabuf.h", "CONFIG_UDMABUF"), (CHECKS, _DMA_BUF)),
    (("drivers/dma-buf/heaps/*", "drivers/dma-buf/dma-heap.c", "include/*/dma-heap.h"), (_HEAPS, CHECKS)),
    (("CONFIG_DMABUF_HEAPS*", "dma_heap_*"), (_HEAPS, CHECKS)),
    (("drivers/dma-buf/sw_sync.c", "drivers/dma-buf/sync_*", "include/*/sync_file.h"), (_SYNC, CHECKS, _IN_KERNEL)),
    (("CONFIG_SW_SYNC", "CONFIG_SYNC_FILE", "sync_file_*"), (_SYNC, CHECKS, _IN_KERNEL)),
    (("drivers/dma-buf/dma-fence*", "include/*/dma-fence*.h", "dma_fence_*"), (_IN_KERNEL, _SYNC, CHECKS)),
    (("drivers/dma-buf/dma-resv.c", "include/linux/dma-resv.h", "dma_resv_*"), (_IN_KERNEL, CONTRACT, CHECKS)),
    (("drivers/dma-buf/st-*", "drivers/dma-buf/selftest*", "CONFIG_DMABUF_*TEST*"), (_IN_KERNEL,)),
    (("drivers/dma-buf/dma-buf*.c", "include/linux/dma-buf*.h", "CONFIG_DMABUF_MOVE_NOTIFY"), (CONTRACT, CHECKS)),
    (("drivers/*dma_buf.[ch]", "drivers/*dmabuf.[ch]", "drivers/*prime.[ch]"), (CONTRACT, CHECKS)),
    # What importers have of a buffer, and what applications have.
    (("dma_buf_*attach*", "dma_buf_detach", "dma_buf_*pin"), (CONTRACT, CHECKS)),
    (("dma_buf_move_notify", "dma_buf_invalidate_mappings"), (CONTRACT, CHECKS)),  # 7.3 has the second name
    (("include/uapi/linux/dma-buf.h", "dma_buf_poll*", "dma_buf_ioctl", "dma_buf_mmap*", "dma_buf_llseek"), (CHECKS,)),
    (("drivers/gpu/drm/vgem/*", "drivers/gpu/drm/drm_gem_shmem*", "CONFIG_DRM_VGEM"), (CHECKS,)),
    (("tools/testing/selftests/drivers/dma-buf/*",), (_DMA_BUF,)),
    (("tools/testing/selftests/dmabuf-heaps/*",), (_HEAPS,)),
    (("tools/testing/selftests/sync/*",), (_SYNC,)),
)


@dataclass(frozen=True)
class Order:
    """``names``: of suites, as they are to run. ``reason``: one line, empty if the series had no say in it."""

    names: tuple[str, ...]
    reason: str = ""


def by_relevance(names: Sequence[str], series: SeriesFacts) -> Order:
    """The suites ``names``, those that test what ``series`` touches first. Pure.

    A suite comes as early as anything that is touched puts it; equals, and all the others, stay in their order.
    """
    places: dict[str, int] = {}
    because = []
    for touched in _touched(series):
        telling = [suite for suite in _telling(touched) if suite in names]
        because += [touched] if telling else []
        for place, suite in enumerate(telling):
            places[suite] = min(place, places.get(suite, place))
    ordered = sorted(names, key=lambda name: places.get(name, len(names)))
    return Order(tuple(ordered), _reason(ordered[: len(places)], because))


def _touched(series: SeriesFacts) -> Iterator[str]:
    symbols = (*series.symbols_added, *series.symbols_removed, *series.symbols_changed)
    functions = (*series.exports_added, *series.exports_removed, *series.functions)
    yield from dict.fromkeys((*series.files, *(f"CONFIG_{symbol}" for symbol in symbols), *functions))


def _telling(touched: str) -> tuple[str, ...]:
    """What the first rule that fits says."""
    for patterns, suites in _RULES:
        if any(fnmatchcase(touched, pattern) for pattern in patterns):
            return suites
    return ()


def _reason(first: Sequence[str], because: Sequence[str]) -> str:
    if not because:
        return ""
    named = ", ".join(because[:MAX_NAMED])
    more = f", and {len(because) - MAX_NAMED} more" if len(because) > MAX_NAMED else ""
    return f"{', '.join(first)} first: the series touches {named}{more}"
