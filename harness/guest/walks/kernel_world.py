# SPDX-License-Identifier: GPL-2.0-only
"""Takes the steps of a walk on the kernel that runs."""

from __future__ import annotations

import _thread
import os
import time
from errno import ENOTTY

from harness.guest import configured, kernel
from harness.guest.kernel import PAGE, READABLE, WRITABLE, Descriptor, DmaBuf, Drm, Heap, SyncFile, Timeline
from harness.guest.probe import Attachment, Probe
from harness.guest.registry import CheckSkipped
from harness.guest.uapi import DMA_BUF_SYNC_END, DMABUF_PROBE_IMPORT_STATIC, VGEM_FENCE_WRITE, sync_file_info
from harness.guest.walks.steps import BEYOND, BOTH, WRITE, FenceInfo, Info, Seen, Step
from harness.guest.walks.walk_model import Features

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal  # the public module imports enum, which costs 0.3 s under software emulation

COMM = "/proc/self/comm"  # a timeline of sw_sync has the name of the process that opens it
_INTERRUPT = _signal.SIGUSR1


class Interrupter:
    """Context manager: interrupts the calls of the block again and again, from a thread of its own.

    Again and again: a signal that comes before the call is entered interrupts nothing. A call that has nothing to
    wait for does not mind.
    """

    def __init__(self) -> None:
        self._ended = False
        self._done = _thread.allocate_lock()

    def __enter__(self) -> None:
        _signal.signal(_INTERRUPT, _on_interrupt)
        self._done.acquire()
        _thread.start_new_thread(self._run, (_thread.get_ident(),))

    def _run(self, waiting: int) -> None:
        while not self._ended:
            time.sleep(0.002)
            _signal.pthread_kill(waiting, _INTERRUPT)
        self._done.release()

    def __exit__(self, *_error: object) -> None:
        self._ended = True
        self._done.acquire()


def interrupted_sync(buffer: DmaBuf, access: int) -> None:
    """Begin an access; if that has to wait for a fence, it ends with EINTR."""
    with Interrupter():
        buffer.sync(access)


def _on_interrupt(_number: int, _frame: object) -> None:
    """Stays the handler: the interpreter may come to run it after the block."""


class KernelWorld:
    """The objects of one walk; closed, in the order of their making, at the end of the ``with`` block."""

    def __init__(self) -> None:
        self._objects: dict[str, Descriptor] = {}
        self._node: Drm | None = None
        self._probe: Probe | None = None
        self._handles: dict[str, int] = {}
        self._device_fences: dict[str, int] = {}
        self._attachments: dict[str, Attachment] = {}
        self._comm = os.open(COMM, os.O_RDWR | os.O_CLOEXEC)
        self._own_name = os.read(self._comm, 64).rstrip(b"\n")  # what is written there is the name, to the last byte

    def __enter__(self) -> KernelWorld:
        return self

    def __exit__(self, *_error: object) -> None:
        os.write(self._comm, self._own_name)
        for made in self._objects.values():
            if isinstance(made, Timeline):
                made.advance(
                    BEYOND
                )  # closing one with a pending fence that only a poll holds never ends: docs/found.md
        for one in (*self._objects.values(), self._node, self._probe):
            if one is not None:
                one.close()
        os.close(self._comm)

    def take(self, step: Step) -> Seen:
        """Do it, and tell what came of it. An error of the call is an answer; what only the harness can do wrong is not
        caught."""
        act: Callable[..., Info | int | str | None] = getattr(self, "_" + step.call.replace("-", "_"))
        operands = (*step.operands, *([step.makes] if step.makes else []))
        before = time.monotonic_ns()
        try:
            answer, error = act(*operands), 0
        except OSError as raised:
            if raised.errno is None:
                raise
            answer, error = None, raised.errno
        return Seen(error, answer, before, time.monotonic_ns())

    def _timeline_of(self, name: str) -> Timeline:
        found = self._objects[name]
        assert isinstance(found, Timeline)
        return found

    def _file(self, name: str) -> SyncFile:
        found = self._objects[name]
        assert isinstance(found, SyncFile)
        return found

    def _dma_buf(self, name: str) -> DmaBuf:
        found = self._objects[name]
        assert isinstance(found, DmaBuf)
        return found

    def _vgem(self) -> Drm:
        if self._node is None:
            self._node = kernel.vgem()
        return self._node

    # --- timelines and sync_files -------------------------------------------------------------

    def _timeline(self, makes: str) -> None:
        os.write(self._comm, makes.encode())
        self._objects[makes] = Timeline()

    def _advance(self, timeline: str, steps: int) -> None:
        self._timeline_of(timeline).advance(steps)

    def _close_timeline(self, timeline: str) -> None:
        self._objects.pop(timeline).close()

    _close = _close_buffer = _close_timeline

    def _fence(self, timeline: str, value: int, makes: str) -> None:
        self._objects[makes] = self._timeline_of(timeline).fence(value)

    def _merge(self, one: str, other: str, name: str, makes: str) -> None:
        self._objects[makes] = self._file(one).merge(self._file(other).fileno(), name.encode())

    def _status(self, file: str) -> Info:
        data = self._file(file).file_info()
        return Info(
            sync_file_info.text(data, "name"),
            sync_file_info.number(data, "status"),
            sync_file_info.number(data, "num_fences"),
        )

    def _list(self, file: str) -> Info:
        data, fences = self._file(file).file_info_with_fences()
        parts = [FenceInfo(fence.driver, fence.timeline, fence.status, fence.timestamp) for fence in fences]
        return Info(sync_file_info.text(data, "name"), sync_file_info.number(data, "status"), len(parts), parts)

    def _poll(self, file: str) -> int:
        return self._file(file).poll(READABLE | WRITABLE)

    def _set_deadline(self, file: str, deadline: int) -> None:
        self._file(file).set_deadline(deadline)

    def _get_deadline(self, timeline: str, file: str) -> int:
        return self._timeline_of(timeline).deadline(self._file(file))

    # --- buffers ------------------------------------------------------------------------------

    def _buffer(self, kind: str, makes: str) -> None:
        if kind == "udmabuf":
            made = self._objects[makes] = kernel.udmabuf()
            # The first access maps it for good; one in another direction is a mistake to the DMA checks (6.12).
            made.sync(BOTH)
        elif kind == "heap":
            with Heap() as heap:
                self._objects[makes] = heap.allocate(PAGE)
        elif kind == "vgem":
            dumb = self._vgem().create_dumb(16, 16)
            self._objects[makes] = self._vgem().export(dumb.handle)
            self._vgem().close_handle(dumb.handle)
        else:
            self._objects[makes] = self._module().export(PAGE)

    def _import(self, buffer: str, file: str, access: int) -> None:
        self._dma_buf(buffer).import_sync_file(access, self._file(file).fileno())

    def _export(self, buffer: str, access: int, makes: str) -> None:
        self._objects[makes] = self._dma_buf(buffer).export_sync_file(access)

    def _poll_buffer(self, buffer: str, events: int) -> int:
        return self._dma_buf(buffer).poll(events)

    def _sync(self, buffer: str, access: int) -> None:
        interrupted_sync(self._dma_buf(buffer), access)

    def _sync_end(self, buffer: str, access: int) -> None:
        self._dma_buf(buffer).sync(access | DMA_BUF_SYNC_END)

    def _rename(self, buffer: str, name: str) -> None:
        self._dma_buf(buffer).set_name(name.encode())

    def _ask_name(self, buffer: str) -> str:
        return self._dma_buf(buffer).info().get("name", "")

    # --- importers ----------------------------------------------------------------------------

    def _open_handle(self, buffer: str, makes: str) -> int:
        handle = self._handles[makes] = self._vgem().import_fd(self._dma_buf(buffer).fileno())
        return handle

    def _close_handle(self, handle: str) -> None:
        self._vgem().close_handle(self._handles[handle])

    def _attach_fence(self, handle: str, access: int, makes: str) -> None:
        flags = VGEM_FENCE_WRITE if access & WRITE else 0
        self._device_fences[makes] = self._vgem().attach_fence(self._handles[handle], flags)

    def _signal_fence(self, fence: str) -> None:
        self._vgem().signal_fence(self._device_fences[fence])

    def _module(self) -> Probe:
        if self._probe is None:
            self._probe = Probe()
        return self._probe

    def _attach(self, buffer: str, makes: str) -> None:
        fd = self._dma_buf(buffer).fileno()
        self._attachments[makes] = self._module().attach(fd, DMABUF_PROBE_IMPORT_STATIC)

    def _detach(self, attachment: str) -> None:
        self._attachments.pop(attachment).detach()


# --- what this kernel can do ------------------------------------------------------------------


def features() -> Features:
    """Found by trying. A device that is missing though the kernel has its driver fails the check, as anywhere."""
    found = Features()
    found.handles = _has(kernel.vgem)
    found.attaches = configured.has(configured.PROBE) and _has(Probe)
    openers: dict[str, Callable[[], Descriptor]] = {"udmabuf": kernel.Udmabuf, "heap": Heap, "vgem": kernel.vgem}
    found.kinds = tuple(kind for kind, opener in openers.items() if _has(opener))
    found.kinds += ("probe",) if found.attaches else ()
    found.imports = found.polls = bool(found.kinds) and _can_export(found.kinds[0])
    with Timeline() as timeline, timeline.fence(1) as fence, timeline.fence(2) as later:
        found.deadlines = _answers(lambda: fence.set_deadline(1))
        timeline.advance()
        timeline.advance()
        found.ended_names = _names_when_ended(fence)
        found.keeps_time = _keeps_time(fence, later)
    return found


def _has(opener: Callable[[], Descriptor]) -> bool:
    try:
        opener().close()
    except CheckSkipped:
        return False
    return True


def _answers(call: Callable[[], object]) -> bool:
    """False if this kernel does not have the call."""
    try:
        call()
    except OSError as error:
        return error.errno != ENOTTY
    return True


def _can_export(kind: str) -> bool:
    with KernelWorld() as world:
        world.take(Step("buffer", kind, makes="b1"))
        return world.take(Step("export", "b1", WRITE, makes="s1")).error != ENOTTY


def _names_when_ended(fence: SyncFile) -> tuple[str, str] | None:
    """Driver and timeline of a fence that has signalled, if they are no longer its own (6.17 or so and later)."""
    told = fence.fences()[0]
    return None if told.driver == "sw_sync" else (told.driver, told.timeline)


def _keeps_time(fence: SyncFile, later: SyncFile) -> bool:
    """True if a merge of what has signalled has the time of the last (6.5 on); 5.10 gives the first of its parts."""
    with fence.merge(later.fileno()) as merged:
        return merged.fences()[0].timestamp == later.fences()[0].timestamp
