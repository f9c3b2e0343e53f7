# SPDX-License-Identifier: GPL-2.0-only
"""A device that is not there: the kernel's failure where its driver is built in, else nothing to test."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest import configured, kernel, probe, syncobj
from harness.guest.registry import CheckFailed, CheckSkipped

OPEN: dict[str, Callable[[], object]] = {
    "UDMABUF": kernel.Udmabuf,
    "DMABUF_HEAPS_SYSTEM": kernel.Heap,
    "SW_SYNC": kernel.Timeline,
    "DRM_VGEM": kernel.vgem,
    "dmabuf_probe": probe.Probe,
    "dmabuf_probe_drm": syncobj.SyncNode,
}


@pytest.fixture(autouse=True)
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No device at all: a directory in which there may be others."""
    monkeypatch.delenv("HARNESS_HAS", raising=False)
    monkeypatch.setattr(kernel, "UDMABUF_NODE", str(tmp_path / "udmabuf"))
    monkeypatch.setattr(kernel, "HEAP_DIRECTORY", str(tmp_path / "dma_heap"))
    monkeypatch.setattr(kernel, "SW_SYNC_NODE", str(tmp_path / "sw_sync"))
    monkeypatch.setattr(kernel, "DRI_DIRECTORY", str(tmp_path / "dri"))
    monkeypatch.setattr(probe, "NODE", str(tmp_path / "dmabuf-probe"))
    monkeypatch.setattr(probe, "_tried_to_load", [configured.PROBE, configured.PROBE_NODE])
    return tmp_path


def test_every_device_of_the_checks_is_told_of() -> None:
    assert set(OPEN) == {*configured.SYMBOLS, configured.PROBE, configured.PROBE_NODE}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("told", ["", "NOT_{}", "{}_NOT", "OTHER,ANOTHER"])
def test_a_kernel_that_does_not_have_it_is_not_tested(monkeypatch: pytest.MonkeyPatch, name: str, told: str) -> None:
    monkeypatch.setenv("HARNESS_HAS", told.format(name))
    with pytest.raises(CheckSkipped, match="needs root and"):
        OPEN[name]()


@pytest.mark.parametrize("name", OPEN)
def test_a_kernel_that_has_it_and_does_not_show_it_is_wrong(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HARNESS_HAS", f"OTHER,{name},ANOTHER")
    with pytest.raises(CheckFailed, match=f"though this kernel has .*{name}$"):
        OPEN[name]()


def test_a_heap_of_another_name_is_none_to_test(monkeypatch: pytest.MonkeyPatch, nothing_there: Path) -> None:
    monkeypatch.setenv("HARNESS_HAS", "DMABUF_HEAPS_SYSTEM")
    (nothing_there / "dma_heap").mkdir()
    with pytest.raises(CheckFailed):
        kernel.Heap()
    (nothing_there / "dma_heap" / "default_cma_region").touch()
    with pytest.raises(CheckSkipped):
        kernel.Heap()


@pytest.mark.parametrize(
    ("drivers", "expected"),
    [
        ({"card0": "virtio_gpu"}, CheckFailed),
        ({"renderD128": "virtio_gpu"}, CheckFailed),
        ({"renderD128": "vgem"}, CheckSkipped),  # it is there, but has no such node
        ({"by-path": "vgem"}, CheckFailed),
    ],
)
def test_vgem_may_have_another_kind_of_node(
    monkeypatch: pytest.MonkeyPatch, nothing_there: Path, drivers: dict[str, str], expected: type[Exception]
) -> None:
    monkeypatch.setenv("HARNESS_HAS", "DRM_VGEM")
    (nothing_there / "dri").mkdir()
    for name in drivers:
        (nothing_there / "dri" / name).touch()
    monkeypatch.setattr(kernel.Drm, "driver", lambda _self: next(iter(drivers.values())))
    with pytest.raises(expected, match=r"no vgem node .*/card\*"):
        kernel.vgem()


def test_a_list_of_nodes_that_cannot_be_read_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check makes each allocation of an open fail: that there is no memory does not mean that there is no node."""

    def refused(_path: str) -> list[str]:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(os, "listdir", refused)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        kernel.vgem()
