# SPDX-License-Identifier: GPL-2.0-only
"""What the reports say of a splat: its name is the same in every run, its place and the patch's lines are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.changes import KERNEL
from harness.model import Frame, Splat
from harness.report.cases import splat_case, stack_text
from tests.support.sample_reports import boot, splat

STACK = (
    Frame("__mutex_lock", "", "kernel/locking/mutex.c", 760, "return __mutex_lock_common(lock);"),
    Frame("dma_resv_lock", "", "include/linux/dma-resv.h", 345, "return ww_mutex_lock(&obj->lock, ctx);", inlined=True),
    Frame("dma_buf_pin", "", "drivers/dma-buf/dma-buf.c", 1024, "dma_resv_lock(dmabuf->resv, NULL);", added=True),
    Frame("probe_pin", "dmabuf_probe"),
)


def test_name_is_the_same_in_every_run() -> None:
    one, two = (
        Splat("atomic", f"BUG: scheduling while atomic: insmod/{pid}/0x0000000{count}", "", 1)
        for pid, count in ((75, 2), (1204, 4))
    )
    assert (
        splat_case(KERNEL, one, ()).name == splat_case(KERNEL, two, ()).name == "atomic: BUG: scheduling while atomic"
    )


@pytest.mark.parametrize(
    ("during", "count", "told"),
    [
        ("checks: udmabuf.create", 1, "printed during checks: udmabuf.create: boots/a/console.log:812"),
        ("after sync", 3, "printed 3 times after sync: boots/a/console.log:812"),
        ("", 1, "printed: boots/a/console.log:812"),
    ],
)
def test_when_and_where_in_the_log(during: str, count: int, told: str) -> None:
    found = replace(splat(), during=during, count=count, log="boots/a/console.log")
    assert told in splat_case(KERNEL, found, ()).message


def test_the_only_boot_is_where_it_was() -> None:
    assert f"{boot().console}:812" in splat_case(KERNEL, replace(splat(), log=""), (boot(),)).message
    assert "line 812 of the console" in splat_case(KERNEL, replace(splat(), log=""), (boot(), boot())).message


def test_the_place_is_the_first_function_that_does_more_than_report() -> None:
    message = splat_case(KERNEL, replace(splat(), stack=STACK), ()).message
    assert message.endswith(
        "in dma_resv_lock at include/linux/dma-resv.h:345, through drivers/dma-buf/dma-buf.c:1024 (added by the patch)"
    )


def test_without_a_decoded_stack_the_line_that_the_kernel_names() -> None:
    assert splat_case(KERNEL, splat(), ()).message.endswith("; at kernel/dma/debug.c:1179")
    assert "; at" not in splat_case(KERNEL, replace(splat(), text="WARNING: x"), ()).message


def test_stack_is_a_table_with_the_source_and_the_patch() -> None:
    assert stack_text(STACK).split("\n") == [
        "stack, 4 functions:",
        "  __mutex_lock              kernel/locking/mutex.c:760      return __mutex_lock_common(lock);",
        "  dma_resv_lock (inlined)   include/linux/dma-resv.h:345    return ww_mutex_lock(&obj->lock, ctx);",
        "  dma_buf_pin               drivers/dma-buf/dma-buf.c:1024  dma_resv_lock(dmabuf->resv, NULL);"
        "  <-- added by the patch",
        "  probe_pin [dmabuf_probe]",
    ]


def test_output_has_fingerprint_stack_and_text() -> None:
    output = splat_case(KERNEL, replace(splat(), stack=STACK, fingerprint="warn-0123456789ab"), ()).output
    assert output.startswith("fingerprint: warn-0123456789ab\n\nstack, 4 functions:\n")
    assert output.endswith(splat().text)
