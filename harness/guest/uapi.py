# SPDX-License-Identifier: GPL-2.0-only
"""Ioctl numbers and structs of the kernel interfaces under test: the only place that knows them.

Names are those of the kernel's headers, which each section names. ``tests/unit/test_guest_uapi.py`` compiles a C
program against these headers and compares every number, size and offset.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# --- include/uapi/asm-generic/ioctl.h ---------------------------------------------------------

_NONE, _WRITE, _READ = 0, 1, 2


def _ioc(direction: int, kind: str, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord(kind) << 8 | number


def _ior(kind: str, number: int, size: int) -> int:
    return _ioc(_READ, kind, number, size)


def _iow(kind: str, number: int, size: int) -> int:
    return _ioc(_WRITE, kind, number, size)


def _iowr(kind: str, number: int, size: int) -> int:
    return _ioc(_READ | _WRITE, kind, number, size)


class Layout:
    """A C struct: packs Python values for an ioctl and reads what the kernel wrote back.

    ``fields``: "code:name" pairs, codes as in the ``struct`` module with native alignment: "I" u32, "i" s32,
    "Q" u64, "N" size_t, "P" pointer, "32s" char[32], "8I" u32[8].
    """

    def __init__(self, c_name: str, fields: str) -> None:
        self.c_name = c_name
        self._codes: dict[str, str] = {}
        self.offsets: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        prefix = ""
        for field in fields.split():
            code, name = field.split(":")
            prefix += code
            self._codes[name] = code
            self.sizes[name] = struct.calcsize(code)
            self.offsets[name] = struct.calcsize(prefix) - self.sizes[name]
        self.size = struct.calcsize(prefix + "0Q") if "Q" in prefix or "P" in prefix else struct.calcsize(prefix)

    def pack(self, **values: int | bytes | tuple[int, ...]) -> bytearray:
        """The struct as the kernel wants it; fields not named are zero. It is writable, for answers."""
        data = bytearray(self.size)
        for name, value in values.items():
            words = value if isinstance(value, tuple) else (value,)
            struct.pack_into(self._codes[name], data, self.offsets[name], *words)
        return data

    def number(self, data: bytes | bytearray, name: str) -> int:
        """The integer field ``name`` of ``data``."""
        return int(struct.unpack_from(self._codes[name], data, self.offsets[name])[0])

    def numbers(self, data: bytes | bytearray, name: str) -> tuple[int, ...]:
        """The array of integers ``name`` of ``data``."""
        return struct.unpack_from(self._codes[name], data, self.offsets[name])

    def text(self, data: bytes | bytearray, name: str) -> str:
        """The char array ``name`` of ``data``, up to its NUL."""
        raw: bytes = struct.unpack_from(self._codes[name], data, self.offsets[name])[0]
        return raw.partition(b"\0")[0].decode("utf-8", "backslashreplace")


# --- linux/fcntl.h, linux/memfd.h -------------------------------------------------------------

F_SEAL_SEAL = 0x0001
F_SEAL_SHRINK = 0x0002
F_SEAL_GROW = 0x0004
F_SEAL_WRITE = 0x0008
F_SEAL_FUTURE_WRITE = 0x0010

# --- linux/udmabuf.h --------------------------------------------------------------------------

udmabuf_create = Layout("struct udmabuf_create", "I:memfd I:flags Q:offset Q:size")
udmabuf_create_item = Layout("struct udmabuf_create_item", "I:memfd I:__pad Q:offset Q:size")
udmabuf_create_list = Layout("struct udmabuf_create_list", "I:flags I:count")

UDMABUF_FLAGS_CLOEXEC = 0x01
UDMABUF_CREATE = _iow("u", 0x42, udmabuf_create.size)
UDMABUF_CREATE_LIST = _iow("u", 0x43, udmabuf_create_list.size)

# --- linux/dma-buf.h --------------------------------------------------------------------------

dma_buf_sync = Layout("struct dma_buf_sync", "Q:flags")
dma_buf_export_sync_file = Layout("struct dma_buf_export_sync_file", "I:flags i:fd")
dma_buf_import_sync_file = Layout("struct dma_buf_import_sync_file", "I:flags i:fd")

DMA_BUF_SYNC_READ = 1 << 0
DMA_BUF_SYNC_WRITE = 2 << 0
DMA_BUF_SYNC_RW = DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE
DMA_BUF_SYNC_START = 0 << 2
DMA_BUF_SYNC_END = 1 << 2
DMA_BUF_NAME_LEN = 32
DMA_BUF_IOCTL_SYNC = _iow("b", 0, dma_buf_sync.size)
# Two numbers for one call: Android sized it by the pointer of a 32 bit process.
DMA_BUF_SET_NAME_A = _iow("b", 1, 4)
DMA_BUF_SET_NAME_B = _iow("b", 1, 8)
DMA_BUF_IOCTL_EXPORT_SYNC_FILE = _iowr("b", 2, dma_buf_export_sync_file.size)
DMA_BUF_IOCTL_IMPORT_SYNC_FILE = _iow("b", 3, dma_buf_import_sync_file.size)

# --- linux/dma-heap.h -------------------------------------------------------------------------

dma_heap_allocation_data = Layout("struct dma_heap_allocation_data", "Q:len I:fd I:fd_flags Q:heap_flags")

DMA_HEAP_IOCTL_ALLOC = _iowr("H", 0x0, dma_heap_allocation_data.size)

# --- linux/sync_file.h ------------------------------------------------------------------------

sync_merge_data = Layout("struct sync_merge_data", "32s:name i:fd2 i:fence I:flags I:pad")
sync_fence_info = Layout("struct sync_fence_info", "32s:obj_name 32s:driver_name i:status I:flags Q:timestamp_ns")
sync_file_info = Layout("struct sync_file_info", "32s:name i:status I:flags I:num_fences I:pad Q:sync_fence_info")
sync_set_deadline = Layout("struct sync_set_deadline", "Q:deadline_ns Q:pad")

SYNC_IOC_MERGE = _iowr(">", 3, sync_merge_data.size)
SYNC_IOC_FILE_INFO = _iowr(">", 4, sync_file_info.size)
SYNC_IOC_SET_DEADLINE = _iow(">", 5, sync_set_deadline.size)

# --- drivers/dma-buf/sw_sync.c (a debugfs interface: no header carries it) ---------------------

sw_sync_create_fence_data = Layout("struct sw_sync_create_fence_data", "I:value 32s:name i:fence")
sw_sync_get_deadline = Layout("struct sw_sync_get_deadline", "Q:deadline_ns I:pad i:fence_fd")

SW_SYNC_IOC_CREATE_FENCE = _iowr("W", 0, sw_sync_create_fence_data.size)
SW_SYNC_IOC_INC = _iow("W", 1, 4)
SW_SYNC_GET_DEADLINE = _iowr("W", 2, sw_sync_get_deadline.size)

# --- drm/drm.h, drm/drm_mode.h ----------------------------------------------------------------

drm_version = Layout(
    "struct drm_version",
    "i:version_major i:version_minor i:version_patchlevel N:name_len P:name N:date_len P:date N:desc_len P:desc",
)
drm_gem_close = Layout("struct drm_gem_close", "I:handle I:pad")
drm_gem_flink = Layout("struct drm_gem_flink", "I:handle I:name")
drm_gem_open = Layout("struct drm_gem_open", "I:name I:handle Q:size")
drm_get_cap = Layout("struct drm_get_cap", "Q:capability Q:value")
drm_prime_handle = Layout("struct drm_prime_handle", "I:handle I:flags i:fd")
drm_mode_create_dumb = Layout("struct drm_mode_create_dumb", "I:height I:width I:bpp I:flags I:handle I:pitch Q:size")
drm_mode_map_dumb = Layout("struct drm_mode_map_dumb", "I:handle I:pad Q:offset")
drm_mode_destroy_dumb = Layout("struct drm_mode_destroy_dumb", "I:handle")

DRM_IOCTL_VERSION = _iowr("d", 0x00, drm_version.size)
DRM_IOCTL_GEM_CLOSE = _iow("d", 0x09, drm_gem_close.size)
DRM_IOCTL_GEM_FLINK = _iowr("d", 0x0A, drm_gem_flink.size)
DRM_IOCTL_GEM_OPEN = _iowr("d", 0x0B, drm_gem_open.size)
DRM_IOCTL_GET_CAP = _iowr("d", 0x0C, drm_get_cap.size)
DRM_IOCTL_PRIME_HANDLE_TO_FD = _iowr("d", 0x2D, drm_prime_handle.size)
DRM_IOCTL_PRIME_FD_TO_HANDLE = _iowr("d", 0x2E, drm_prime_handle.size)
DRM_IOCTL_MODE_CREATE_DUMB = _iowr("d", 0xB2, drm_mode_create_dumb.size)
DRM_IOCTL_MODE_MAP_DUMB = _iowr("d", 0xB3, drm_mode_map_dumb.size)
DRM_IOCTL_MODE_DESTROY_DUMB = _iowr("d", 0xB4, drm_mode_destroy_dumb.size)
DRM_CAP_PRIME = 0x5
DRM_PRIME_CAP_IMPORT = 0x1
DRM_PRIME_CAP_EXPORT = 0x2

# --- drm/vgem_drm.h ---------------------------------------------------------------------------

drm_vgem_fence_attach = Layout("struct drm_vgem_fence_attach", "I:handle I:flags I:out_fence I:pad")
drm_vgem_fence_signal = Layout("struct drm_vgem_fence_signal", "I:fence I:flags")

VGEM_FENCE_WRITE = 0x1
DRM_IOCTL_VGEM_FENCE_ATTACH = _iowr("d", 0x41, drm_vgem_fence_attach.size)
DRM_IOCTL_VGEM_FENCE_SIGNAL = _iow("d", 0x42, drm_vgem_fence_signal.size)

# --- kselftest-wrappers/dmabuf-probe/dmabuf_probe.h -------------------------------------------

dmabuf_probe_info = Layout("struct dmabuf_probe_info", "I:abi I:generation I:features I:reserved")
dmabuf_probe_export = Layout("struct dmabuf_probe_export", "Q:size I:kind I:fd_flags I:handle i:fd")
dmabuf_probe_fail = Layout("struct dmabuf_probe_fail", "I:buffer I:callback I:nth I:error")
dmabuf_probe_move = Layout("struct dmabuf_probe_move", "I:buffer I:flags")
dmabuf_probe_attach = Layout("struct dmabuf_probe_attach", "i:fd I:kind I:handle I:reserved")
dmabuf_probe_handle = Layout("struct dmabuf_probe_handle", "I:handle I:flags")
dmabuf_probe_map = Layout(
    "struct dmabuf_probe_map", "I:attachment I:direction I:flags I:handle Q:size Q:table I:segments I:reserved"
)
dmabuf_probe_unmap = Layout("struct dmabuf_probe_unmap", "I:mapping I:flags")
dmabuf_probe_map_all = Layout(
    "struct dmabuf_probe_map_all", "I:count I:direction 8I:attachments 8I:handles I:retries I:reserved"
)
dmabuf_probe_access = Layout(
    "struct dmabuf_probe_access", "I:handle I:object I:flags I:reserved Q:offset Q:length Q:pointer"
)
dmabuf_probe_buffer_state = Layout(
    "struct dmabuf_probe_buffer_state",
    "I:buffer I:released Q:size Q:generation 8I:calls 8I:unlocked i:pins i:mappings i:attachments I:reserved "
    "Q:pinned_bytes",
)
dmabuf_probe_attachment_state = Layout(
    "struct dmabuf_probe_attachment_state",
    "I:attachment I:mappings 8I:calls 8I:unlocked i:pins I:own_pins I:stale_mappings I:reserved",
)
dmabuf_probe_event = Layout(
    "struct dmabuf_probe_event",
    "Q:sequence Q:generation I:call I:buffer I:attachment i:result I:locked I:reserved",
)
dmabuf_probe_events = Layout("struct dmabuf_probe_events", "Q:after Q:pointer I:room I:count Q:dropped")
dmabuf_probe_fences = Layout("struct dmabuf_probe_fences", "I:count I:flags 8i:fences Q:value i:fd i:result")
dmabuf_probe_resv = Layout("struct dmabuf_probe_resv", "i:buffer i:other i:by I:usage Q:value i:fd i:result")
dmabuf_probe_vmap = Layout("struct dmabuf_probe_vmap", "i:fd I:flags Q:offset Q:length Q:pointer")
dmabuf_probe_gem = Layout("struct dmabuf_probe_gem", "I:act I:handle I:count I:flags Q:pointer Q:value")

DMABUF_PROBE_ABI = 1
DMABUF_PROBE_MAX_SIZE = 1 << 24
DMABUF_PROBE_MAX_BYTES = 1 << 27
DMABUF_PROBE_MAX_HANDLES = 8192
DMABUF_PROBE_MAX_LOCKS = 8
DMABUF_PROBE_MAX_EVENTS = 4096
DMABUF_PROBE_PRE = 0
DMABUF_PROBE_V15 = 1
DMABUF_PROBE_NOTIFY = 2
DMABUF_PROBE_INVALIDATE = 3
DMABUF_PROBE_HAS_MOVE_NOTIFY = 1 << 0
DMABUF_PROBE_HAS_LOCKDEP = 1 << 1
DMABUF_PROBE_HAS_DEBUG = 1 << 2
DMABUF_PROBE_HAS_LOCKED_MAPS = 1 << 3
DMABUF_PROBE_STATIC = 0
DMABUF_PROBE_DYNAMIC = 1
DMABUF_PROBE_CACHING = 2
DMABUF_PROBE_PIN_ALONE = 3
DMABUF_PROBE_UNPIN_ALONE = 4
DMABUF_PROBE_NOT_DYNAMIC = 5
DMABUF_PROBE_CACHING_DYNAMIC = 6
DMABUF_PROBE_ON_ATTACH = 0
DMABUF_PROBE_ON_PIN = 1
DMABUF_PROBE_ON_MAP = 2
DMABUF_PROBE_UNLOCKED = 1 << 0
DMABUF_PROBE_IMPORT_STATIC = 0
DMABUF_PROBE_IMPORT_DYNAMIC = 1
DMABUF_PROBE_IMPORT_NO_CALLBACK = 2
DMABUF_PROBE_MAPPING = 0
DMABUF_PROBE_BUFFER = 1
DMABUF_PROBE_WRITE = 1 << 0
DMABUF_PROBE_CALL_ATTACH = 0
DMABUF_PROBE_CALL_DETACH = 1
DMABUF_PROBE_CALL_PIN = 2
DMABUF_PROBE_CALL_UNPIN = 3
DMABUF_PROBE_CALL_MAP = 4
DMABUF_PROBE_CALL_UNMAP = 5
DMABUF_PROBE_CALL_RELEASE = 6
DMABUF_PROBE_CALL_NOTIFY = 7
DMABUF_PROBE_CALLS = 8
DMABUF_PROBE_MAX_FENCES = 8
DMABUF_PROBE_MAX_WAIT = 60000
DMABUF_PROBE_ANY = 1 << 0
DMABUF_PROBE_GEM_LOCK = 0
DMABUF_PROBE_GEM_WAIT = 1
DMABUF_PROBE_GEM_READ = 2
DMABUF_PROBE_GEM_WRITE = 3
DMABUF_PROBE_GEM_TABLE = 4
DMABUF_PROBE_GEM_SEGMENTS = 5
DMABUF_PROBE_GEM_PIN = 6
DMABUF_PROBE_GEM_ADVISE = 7
DMABUF_PROBE_GEM_PURGE = 8
DMABUF_PROBE_GEM_EVICT = 9
DMABUF_PROBE_GEM_SHRINK = 10
DMABUF_PROBE_GEM_BARE = 11
DMABUF_PROBE_GEM_OPENED = 12
DMABUF_PROBE_MAX_OBJECTS = 16
DMABUF_PROBE_FORGOTTEN = 1 << 0
DMABUF_PROBE_WAIT_ALL = 1 << 0
DMABUF_PROBE_UNMAPPABLE = 1 << 0
DMABUF_PROBE_LOCKED_OUT = 1 << 1
DMABUF_PROBE_IOC_MAGIC = 0xDB

_PROBE = chr(DMABUF_PROBE_IOC_MAGIC)
DMABUF_PROBE_INFO = _ior(_PROBE, 0, dmabuf_probe_info.size)
DMABUF_PROBE_EXPORT = _iowr(_PROBE, 1, dmabuf_probe_export.size)
DMABUF_PROBE_FAIL = _iow(_PROBE, 2, dmabuf_probe_fail.size)
DMABUF_PROBE_MOVE = _iow(_PROBE, 3, dmabuf_probe_move.size)
DMABUF_PROBE_CLOSE_BUFFER = _iow(_PROBE, 4, dmabuf_probe_handle.size)
DMABUF_PROBE_ATTACH = _iowr(_PROBE, 5, dmabuf_probe_attach.size)
DMABUF_PROBE_DETACH = _iow(_PROBE, 6, dmabuf_probe_handle.size)
DMABUF_PROBE_PIN = _iow(_PROBE, 7, dmabuf_probe_handle.size)
DMABUF_PROBE_UNPIN = _iow(_PROBE, 8, dmabuf_probe_handle.size)
DMABUF_PROBE_MAP = _iowr(_PROBE, 9, dmabuf_probe_map.size)
DMABUF_PROBE_UNMAP = _iow(_PROBE, 10, dmabuf_probe_unmap.size)
DMABUF_PROBE_MAP_ALL = _iowr(_PROBE, 11, dmabuf_probe_map_all.size)
DMABUF_PROBE_ACCESS = _iow(_PROBE, 12, dmabuf_probe_access.size)
DMABUF_PROBE_BUFFER_STATE = _iowr(_PROBE, 13, dmabuf_probe_buffer_state.size)
DMABUF_PROBE_ATTACHMENT_STATE = _iowr(_PROBE, 14, dmabuf_probe_attachment_state.size)
DMABUF_PROBE_EVENTS = _iowr(_PROBE, 15, dmabuf_probe_events.size)
DMABUF_PROBE_FENCE_ARRAY = _iowr(_PROBE, 16, dmabuf_probe_fences.size)
DMABUF_PROBE_FENCE_CHAIN = _iowr(_PROBE, 17, dmabuf_probe_fences.size)
DMABUF_PROBE_FENCE_FIND = _iowr(_PROBE, 18, dmabuf_probe_fences.size)
DMABUF_PROBE_FENCE_MATCH = _iowr(_PROBE, 19, dmabuf_probe_fences.size)
DMABUF_PROBE_FENCE_WAIT_ANY = _iowr(_PROBE, 20, dmabuf_probe_fences.size)
DMABUF_PROBE_RESV_ADD = _iowr(_PROBE, 21, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_REPLACE = _iowr(_PROBE, 22, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_COPY = _iowr(_PROBE, 23, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_SINGLETON = _iowr(_PROBE, 24, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_GET = _iowr(_PROBE, 25, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_WAIT = _iowr(_PROBE, 26, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_TEST = _iowr(_PROBE, 27, dmabuf_probe_resv.size)
DMABUF_PROBE_RESV_DEADLINE = _iowr(_PROBE, 28, dmabuf_probe_resv.size)
DMABUF_PROBE_VMAP = _iow(_PROBE, 29, dmabuf_probe_vmap.size)
DMABUF_PROBE_FENCE_DEDUP = _iowr(_PROBE, 30, dmabuf_probe_fences.size)
DMABUF_PROBE_GEM = _iowr("d", 0x40, dmabuf_probe_gem.size)


def layouts() -> Mapping[str, Layout]:
    """Every struct above, by its C name."""
    return {value.c_name: value for value in globals().values() if isinstance(value, Layout)}


def ioctl_name(request: int) -> str:
    """The ioctl with this number: "UDMABUF_CREATE"; only the number if it is none of those above."""
    return next((name for name, number in numbers().items() if number == request), f"ioctl {request:#x}")


def numbers() -> Mapping[str, int]:
    """Every constant above, by the name it has in the kernel's headers."""
    return {name: value for name, value in globals().items() if type(value) is int and not name.startswith("_")}
