# SPDX-License-Identifier: GPL-2.0-only
"""Reading the kernel's lists of what there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.guest import kernel, oracle
from harness.splat.kinds import BELOW_CUT, STARTS
from harness.splat.lines import kernel_lines, numbered
from tests.support.consoles import splats_in
from tests.unit.test_splat_kinds import DATA, REPORTS

PLACES = ("dma_buf_map_attachment", "dma_buf_pin")
PROVOKED = (
    "WARNING: CPU: 0 PID: 77 at drivers/dma-buf/dma-buf.c:999 dma_buf_pin+0x10/0x40",
    "WARNING: CPU: 0 PID: 77 at drivers/dma-buf/dma-buf.c:999 dma_buf_map_attachment.part.0+0x10/0x40 [dma_buf]",
    "WARNING: CPU: 0 PID: 77 at dma_buf_pin+0x10/0x40",
    "WARNING: drivers/dma-buf/dma-buf.c:999 at dma_buf_pin+0x10/0x40, CPU#0: python3/77",
    "WARNING: [!dmabuf || !attach] drivers/dma-buf/dma-buf.c:999 at dma_buf_pin+0x10/0x40, CPU#0: python3/77",
    "WARNING: at dma_buf_pin+0x10/0x40, CPU#0: python3/77",
)
OTHERS = (
    "BUG: KASAN: slab-use-after-free in dma_buf_map_attachment+0x1a/0x40",
    "BUG: KCSAN: data-race in dma_buf_pin / dma_buf_unpin",
    "WARNING: CPU: 0 PID: 77 at drivers/dma-buf/dma-buf.c:999 dma_buf_map_attachment_NEW+0x10/0x40",
    "WARNING: CPU: 0 PID: 77 at drivers/dma-buf/dma-buf.c:999 __dma_buf_pin+0x10/0x40",
    "WARNING: CPU: 0 PID: 77 at drivers/dma_buf_pin.c:999 other+0x10/0x40",
    "WARNING: dma_buf_pin.c:1 at other+0x10/0x40, CPU#0: python3/77",
    "WARNING: possible recursive locking detected",
    "dma_buf_pin+0x10/0x40",
)


def test_only_a_warning_in_the_very_function_is_provoked() -> None:
    assert oracle.unexpected([*PROVOKED, *OTHERS], PLACES) == list(OTHERS)
    assert oracle.unexpected(list(PROVOKED), ()) == list(PROVOKED)


# --- every kind of report that the host knows -------------------------------------------------

UNPRINTED = {"kmsan": "BUG: KMSAN: uninit-value in f+0x1/0x2"}  # no kernel of ours, and no composed report, has it


def samples() -> dict[str, list[str]]:
    """Kind -> whole reports of it: of real kernels, and composed ones."""
    found: dict[str, list[str]] = {kind: [text] for kind, text in UNPRINTED.items()}
    for log in sorted(DATA.glob("console-*.log")):
        for splat in splats_in(log):
            found.setdefault(splat.kind, []).append(splat.text)
    for name, text in REPORTS.items():
        found.setdefault(name.partition(" ")[0], []).append(text)
    return found


SAMPLES = samples()


def noticed(monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    """Those lines of ``text``, printed by the kernel, that the oracle takes for reports."""
    records = [f"4,{number},5000,-;{line}".encode() for number, line in enumerate(text.splitlines())]
    monkeypatch.setattr(oracle, "KMSG", "/dev/null")
    log = oracle.KernelLog()

    def read(_fd: int, _size: int) -> bytes:
        if not records:
            raise BlockingIOError
        return records.pop(0)

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", read)
        found = log.reports()
    log.close()
    return found


def test_every_kind_has_a_sample() -> None:
    assert {kind for _, kind in (*STARTS, *BELOW_CUT)} <= set(SAMPLES)


@pytest.mark.parametrize("kind", list(dict.fromkeys(kind for _, kind in (*STARTS, *BELOW_CUT))))
def test_every_kind_of_report_that_the_host_knows_is_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in SAMPLES[kind]:
        assert noticed(monkeypatch, text), text


@pytest.mark.parametrize("log", ["clean-boot", "asked-written-injected"])
def test_a_log_without_a_report_is_left_alone(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks that somebody asks for, and what programs write, are none either."""
    lines = kernel_lines(numbered((DATA / f"console-6.12-{log}.log").read_text()))
    said = [line.text for line in lines if not line.by_program]
    assert noticed(monkeypatch, "\n".join(said)) == [] != said


BUFINFO_6_12 = """
Dma-buf Objects:
size    \tflags   \tmode    \tcount   \texp_name\tino     \tname
00004096\t00000002\t00080007\t00000003\tudmabuf\t00000007\t<none>
\tExporter: static
write fence:vgem unbound seq 1 signalled
\tAttached Devices:
\tvgem\tstatic
\tdmabuf-probe\tdynamic
Total 2 devices attached

00008192\t00000002\t00080007\t00000001\tsystem\t00000008\tTotal 7 devices
\tExporter: static
\tAttached Devices:
Total 0 devices attached


Total 2 objects, 12288 bytes
"""
SYNC_INFO_6_12 = """objs:
--------------
python3-87: 0
  fence pending: 1
  fence pending: 2

python3-88: 5

fences:
--------------
[00000000d7a9be4c] sync-file: active
  python3-87_fence pending: 1 / 0

"""


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", {}),
        ("Total 3 devices attached\n", {}),
        (
            "\nDma-buf Objects:\nsize\n\nTotal 0 objects, 0 bytes\n",
            {"dma-buf": 0, "bytes of dma-bufs": 0, "attachment": 0},
        ),
        (BUFINFO_6_12, {"dma-buf": 2, "bytes of dma-bufs": 12288, "attachment": 2}),
    ],
)
def test_buffers_are_counted(text: str, counts: dict[str, int]) -> None:
    assert oracle.count_buffers(text) == counts


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", {}),
        ("objs:\n--------------\nfences:\n--------------\n", {"timeline": 0}),
        (SYNC_INFO_6_12, {"timeline": 2}),
    ],
)
def test_timelines_are_counted(text: str, counts: dict[str, int]) -> None:
    assert oracle.count_timelines(text) == counts


@pytest.mark.parametrize(
    ("total", "free", "counts"),
    [
        ("65536\n", "65533\n", {"DMA mapping": 3}),
        ("65536\n", "65536\n", {"DMA mapping": 0}),
        ("", "", {}),  # without CONFIG_DMA_API_DEBUG
    ],
)
def test_dma_mappings_are_counted(total: str, free: str, counts: dict[str, int]) -> None:
    assert oracle.count_mappings(total, free) == counts


def test_a_dma_mapping_that_stays_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(oracle, "DMA_DEBUG", str(tmp_path))
    monkeypatch.setattr(oracle, "SYNC_INFO", "/nonexistent")
    monkeypatch.setattr(kernel, "BUFINFO", "/nonexistent")
    (tmp_path / "nr_total_entries").write_text("65536\n")
    (tmp_path / "num_free_entries").write_text("65530\n")
    before = oracle.Inventory()
    assert before.leaked_objects() == []
    (tmp_path / "num_free_entries").write_text("65529\n")
    assert before.leaked_objects() == ["leaked 1 DMA mapping: 7 now, before the check 6"]


def test_mappings_are_not_counted_by_a_checker_that_has_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(oracle, "DMA_DEBUG", str(tmp_path))
    monkeypatch.setattr(oracle, "SYNC_INFO", "/nonexistent")
    monkeypatch.setattr(kernel, "BUFINFO", "/nonexistent")
    for name, value in (("nr_total_entries", "65536"), ("num_free_entries", "65530"), ("disabled", "N")):
        (tmp_path / name).write_text(f"{value}\n")
    before = oracle.Inventory()
    (tmp_path / "num_free_entries").write_text("65527\n")
    assert before.leaked_objects() != []
    (tmp_path / "disabled").write_text("Y\n")
    assert before.leaked_objects() == []


def test_a_checker_that_finds_no_memory_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = "DMA-API: cacheline tracking ENOMEM, dma-debug disabled"
    fault = ["------------[ cut here ]------------", "DMA-API: vgem vgem: device driver frees DMA memory"]
    monkeypatch.setattr(oracle.KernelLog, "_records", lambda _self: [ended, *fault])
    assert oracle.KernelLog().reports() == fault[1:]


def test_what_a_worker_still_drops_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    more = BUFINFO_6_12.replace("Total 2 objects", "Total 3 objects")
    texts = [BUFINFO_6_12, more, more, BUFINFO_6_12]
    monkeypatch.setattr(kernel, "bufinfo", lambda: texts.pop(0))
    monkeypatch.setattr(oracle, "SYNC_INFO", "/nonexistent")
    assert oracle.Inventory().leaked_objects(patience=60) == []
    assert texts == []


def test_what_is_gone_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference that is dropped twice takes an object away that somebody else still has."""
    texts = [BUFINFO_6_12, "Total 1 objects, 4096 bytes\n"]
    monkeypatch.setattr(kernel, "bufinfo", lambda: texts.pop(0))
    monkeypatch.setattr(oracle, "SYNC_INFO", "/nonexistent")
    assert oracle.Inventory().leaked_objects() == [
        "lost 1 dma-buf: 1 now, before the check 2",
        "lost 8192 bytes of dma-bufs: 4096 now, before the check 12288",
        "lost 2 attachment: 0 now, before the check 2",
    ]
