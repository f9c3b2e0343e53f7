# SPDX-License-Identifier: GPL-2.0-only
"""The bindings against the kernel's own headers, as the C compiler sees them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.guest import syncobj, uapi
from harness.guest.kernel import Descriptor
from harness.paths import WRAPPERS, cache_root
from tests.support.c_headers import bindings, c_program, compiled

# No header carries these: transcribed once more from drivers/dma-buf/sw_sync.c, in C.
SW_SYNC = """
struct sw_sync_create_fence_data { __u32 value; char name[32]; __s32 fence; };
struct sw_sync_get_deadline { __u64 deadline_ns; __u32 pad; __s32 fence_fd; };
#define SW_SYNC_IOC_CREATE_FENCE _IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC _IOW('W', 1, __u32)
#define SW_SYNC_GET_DEADLINE _IOWR('W', 2, struct sw_sync_get_deadline)
"""
# First in 6.6: the headers of an older distribution lack them.
NEWER = {"SYNC_IOC_SET_DEADLINE", "struct sync_set_deadline"}


def _is_drm(name: str) -> bool:
    return name.removeprefix("struct ").lower().startswith(("drm_", "vgem_"))


def _theirs(
    headers: list[str],
    extra: str,
    names: Mapping[str, int],
    structs: Mapping[str, uapi.Layout],
    folder: Path,
    *options: str,
) -> dict[str, object]:
    """What the headers of this machine say; a distribution may be too old for what is in NEWER."""
    includes = [f"#include <{header}>" for header in ("stdio.h", "stddef.h", "fcntl.h", *headers)]
    prologue = "\n".join(["#define _GNU_SOURCE", *includes, extra])
    known = {name: layout for name, layout in structs.items() if name not in NEWER}
    return compiled(c_program(prologue, names, known), folder, ["-D__user=", *options])


def _drm_headers() -> list[str] | None:
    """Compiler options that find drm/drm.h: the system's, libdrm's, or the largest of the kernel trees in the cache."""
    if Path("/usr/include/drm/drm.h").exists():
        return []
    if Path("/usr/include/libdrm/drm.h").exists():
        return ["-I/usr/include/libdrm"]
    trees = [*cache_root().glob("trees/*/include/uapi/drm"), *cache_root().glob("trees/*/*/include/uapi/drm")]
    whole = [tree for tree in trees if "linux.part" not in tree.parts and (tree / "drm.h").exists()]
    newest = max(whole, key=lambda tree: (tree / "drm.h").stat().st_size, default=None)
    return [f"-idirafter{newest.parent}"] if newest else None


needs_gcc = pytest.mark.skipif(
    not (shutil.which("gcc") and Path("/usr/include/linux/dma-heap.h").exists()),
    reason="needs gcc and the kernel headers of linux-libc-dev",
)


@needs_gcc
def test_sync_objects_have_the_fields_of_the_header_at_their_places(tmp_path: Path) -> None:
    """Where a later kernel has put more behind them, only the size differs, which drm_ioctl() allows for."""
    include = _drm_headers()
    if include is None:
        pytest.skip("no drm/drm.h: neither libdrm-dev nor a kernel tree in the cache")
    structs = {layout.c_name: layout for layout in syncobj.LAYOUTS}
    header = "drm.h" if include == ["-I/usr/include/libdrm"] else "drm/drm.h"
    theirs, ours = _theirs([header], "", {}, structs, tmp_path, *include), bindings({}, structs)
    assert {name: _places(value) for name, value in ours.items()} == {n: _places(v) for n, v in theirs.items()}


def _places(value: object) -> list[int]:
    """Of a struct's size and fields, the fields."""
    assert isinstance(value, list)
    return value[1:]


def _is_probe(name: str) -> bool:
    return name.removeprefix("struct ").lower().startswith("dmabuf_probe_")


def _is_general(name: str) -> bool:
    return not _is_drm(name) and not _is_probe(name)


@needs_gcc
def test_layouts_and_numbers_are_those_of_the_headers(tmp_path: Path) -> None:
    names = {name: value for name, value in uapi.numbers().items() if _is_general(name)}
    structs = {name: layout for name, layout in uapi.layouts().items() if _is_general(name)}
    headers = [f"linux/{name}.h" for name in ("udmabuf", "dma-buf", "dma-heap", "sync_file")]
    theirs = _theirs(headers, SW_SYNC, names, structs, tmp_path)
    ours = bindings(names, structs)
    assert ours.keys() - theirs.keys() <= NEWER
    assert {name: ours[name] for name in theirs} == theirs


@needs_gcc
def test_drm_layouts_and_numbers_are_those_of_the_headers(tmp_path: Path) -> None:
    include = _drm_headers()
    if include is None:
        pytest.skip("no drm/drm.h: neither libdrm-dev nor a kernel tree in the cache")
    names = {name: value for name, value in uapi.numbers().items() if _is_drm(name)}
    structs = {name: layout for name, layout in uapi.layouts().items() if _is_drm(name)}
    prefix = "" if include == ["-I/usr/include/libdrm"] else "drm/"
    headers = [f"{prefix}{name}.h" for name in ("drm", "drm_mode", "vgem_drm")]
    assert bindings(names, structs) == _theirs(headers, "", names, structs, tmp_path, *include)


@needs_gcc
def test_the_probes_layouts_and_numbers_are_those_of_its_header(tmp_path: Path) -> None:
    names = {name: value for name, value in uapi.numbers().items() if _is_probe(name)}
    structs = {name: layout for name, layout in uapi.layouts().items() if _is_probe(name)}
    include = [f"-I{WRAPPERS / 'dmabuf-probe'}"]
    theirs = _theirs(["dmabuf_probe.h"], "", names, structs, tmp_path, *include)
    assert bindings(names, structs) == theirs


def test_nothing_of_the_probes_header_is_forgotten() -> None:
    header = (WRAPPERS / "dmabuf-probe" / "dmabuf_probe.h").read_text()
    assert set(re.findall(r"#define (DMABUF_PROBE_\w+)", header)) == set(filter(_is_probe, uapi.numbers()))
    assert set(re.findall(r"^struct \w+", header, re.MULTILINE)) == set(filter(_is_probe, uapi.layouts()))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("DRM_IOCTL_VERSION", 0xC0406400),  # as strace prints them on x86-64
        ("DRM_IOCTL_PRIME_HANDLE_TO_FD", 0xC00C642D),
        ("DRM_IOCTL_MODE_CREATE_DUMB", 0xC02064B2),
        ("UDMABUF_CREATE", 0x40187542),
        ("DMA_BUF_IOCTL_SYNC", 0x40086200),
        ("SYNC_IOC_SET_DEADLINE", 0x40103E05),
    ],
)
def test_known_numbers(name: str, number: int) -> None:
    assert uapi.numbers()[name] == number


def test_an_error_names_the_ioctl() -> None:
    assert uapi.ioctl_name(uapi.UDMABUF_CREATE_LIST) == "UDMABUF_CREATE_LIST"
    with Descriptor(os.open("/dev/null", os.O_RDWR)) as null:
        with pytest.raises(OSError, match=r"^\[Errno 25\] .*: 'DMA_BUF_IOCTL_SYNC'$"):
            null.ioctl(uapi.DMA_BUF_IOCTL_SYNC, bytearray(8))
        with pytest.raises(OSError, match="'ioctl 0x7fff7fff'"):
            null.ioctl(0x7FFF7FFF, bytearray(8))


def test_a_struct_is_packed_and_read_back() -> None:
    data = uapi.sync_merge_data.pack(name=b"abc", fd2=-1, pad=7)
    assert len(data) == 48
    assert uapi.sync_merge_data.text(data, "name") == "abc"
    assert uapi.sync_merge_data.number(data, "fd2") == -1
    assert uapi.sync_merge_data.number(data, "flags") == 0
    assert data[-4:] == b"\7\0\0\0"


def test_an_array_is_packed_and_read_back() -> None:
    data = uapi.dmabuf_probe_map_all.pack(count=2, attachments=(3, 4, 0, 0, 0, 0, 0, 9))
    assert uapi.dmabuf_probe_map_all.numbers(data, "attachments") == (3, 4, 0, 0, 0, 0, 0, 9)
    assert uapi.dmabuf_probe_map_all.numbers(data, "handles") == (0,) * 8
    assert uapi.dmabuf_probe_map_all.number(data, "count") == 2


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(KeyError):
        uapi.dma_buf_sync.pack(flag=1)
