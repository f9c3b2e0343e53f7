# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: what user space may expect of each step, whatever order the steps come in.

It knows no more than what user space is promised: where kernels are free, all that they may do is right, and what one
did is remembered. What some kernels lack is not drawn (``Features``); nothing here asks for a version.
"""

from __future__ import annotations

from errno import EBUSY, EINTR, EINVAL, ENOENT

from harness.guest.walks.buffers import BufferModel
from harness.guest.walks.fences import UNKNOWN, Point, SyncFileModel, TimelineModel, latest
from harness.guest.walks.steps import WRITE, Info, Mismatch, Seen, Step, error_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

POLLIN, POLLOUT = 1, 4


class Features:
    """What a kernel can do, as it was found by trying.

    ``kinds``: of buffers. ``imports``: sync_files into and out of dma-bufs (6.0 on). ``deadlines``: of fences (6.4 on).
    ``handles``: vgem's. ``attaches``: the module dmabuf_probe. ``ended_names``: see ``SyncFileModel.judge_list``.
    ``keeps_time``: a merge of what has signalled has the time of the last (6.5 on), else any.
    ``polls``: the file of a dma-buf is held as long as a fence may wake its poll (ff2d23843f7f, 5.16). A kernel that
    does not dies of closing it (BUG_ON() in dma_buf_release()), so this is not tried but taken from ``imports``.
    """

    def __init__(self) -> None:
        self.kinds: tuple[str, ...] = ("udmabuf",)
        self.imports = self.deadlines = self.handles = self.attaches = self.keeps_time = self.polls = True
        self.ended_names: tuple[str, str] | None = None


class HandleModel:
    """A GEM handle of ``buffer``."""

    def __init__(self, buffer: BufferModel) -> None:
        self.buffer = buffer


class Model:
    """The state of all objects of a walk. ``judge`` holds a step against it, and takes it over."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self.timelines: dict[str, TimelineModel] = {}
        self.files: dict[str, SyncFileModel] = {}
        self.buffers: dict[str, BufferModel] = {}
        self.handles: dict[str, HandleModel] = {}
        self.device_fences: dict[str, Point] = {}
        self.attachments: dict[str, BufferModel] = {}
        self._lingering: list[Point] = []  # parts of closed containers that listen to them, and hold them until then
        self._polled: list[Point] = []  # for which a poll of a dma-buf may listen, and hold them until then

    def open_names(self) -> set[str]:
        """Objects that a step can be done with."""
        buffers = {name for name, buffer in self.buffers.items() if buffer.open}
        timelines = {name for name, timeline in self.timelines.items() if timeline.open}
        return buffers | timelines | {*self.files, *self.handles, *self.device_fences, *self.attachments}

    def is_possible(self, step: Step) -> bool:
        """True if all is there that ``step`` needs, and kernels live through it."""
        if not self.open_names().issuperset(step.needs()):
            return False
        if step.call == "poll-buffer":
            return self.features.polls or not self.buffers[str(step.operands[0])].in_the_way(WRITE)
        return step.call != "close-timeline" or not self._hangs(self.timelines[str(step.operands[0])])

    def _hangs(self, timeline: TimelineModel) -> bool:
        """True if closing ``timeline`` may never end: docs/found.md, "a timeline that is closed"."""
        return any(point in self._polled and not self._is_held(point) for point in timeline.pending.values())

    def judge(self, step: Step, seen: Seen) -> Mismatch | None:
        """None if ``seen`` is what ``step`` may bring about."""
        judge: Callable[..., Mismatch | None] = getattr(self, "_" + step.call.replace("-", "_"))
        return judge(seen, *step.operands, *([step.makes] if step.makes else []))

    # --- timelines ----------------------------------------------------------------------------

    def _timeline(self, seen: Seen, makes: str) -> Mismatch | None:
        self.timelines[makes] = TimelineModel(makes)
        return _error(seen, 0)

    def _advance(self, seen: Seen, timeline: str, steps: int) -> Mismatch | None:
        self.timelines[timeline].advance(steps, (seen.before, seen.after))
        return _error(seen, 0)

    def _close_timeline(self, seen: Seen, timeline: str) -> Mismatch | None:
        self.timelines[timeline].close((seen.before, seen.after))
        return _error(seen, 0)

    def _fence(self, seen: Seen, timeline: str, value: int, makes: str) -> Mismatch | None:
        point = self.timelines[timeline].point(value, (seen.before, seen.after))
        if not self._is_held(point):
            # Its deadline goes with the last reference, and who else has one (a reservation) is not promised.
            point.deadline = UNKNOWN if self._may_be_held(point) else None
        self.files[makes] = SyncFileModel([point], [])
        return _error(seen, 0)

    def _is_held(self, point: Point) -> bool:
        return any(point in file.parts for file in self.files.values())

    def _may_be_held(self, point: Point) -> bool:
        listed = point in self._lingering or any(point in file.maybe for file in self.files.values())
        return listed or any(point is one for buffer in self.buffers.values() for one, _ in buffer.added)

    # --- sync_files ---------------------------------------------------------------------------

    def _merge(self, seen: Seen, one: str, other: str, name: str, makes: str) -> Mismatch | None:
        files = (self.files[one], self.files[other])
        points = [point for file in files for point in (*file.parts, *file.maybe)]
        pending = latest(point for point in points if point.status == 0)
        parts = pending or [_ended(points, seen, self.features.keeps_time)]
        self.files[makes] = SyncFileModel(parts, [], name)
        return _error(seen, 0)

    def _close(self, seen: Seen, file: str) -> Mismatch | None:
        model = self.files.pop(file)
        self._lingering += [*model.parts, *model.maybe] if model.watched else []
        return _error(seen, 0)

    def _status(self, seen: Seen, file: str) -> Mismatch | None:
        return _error(seen, 0) or self.files[file].judge_status(_info(seen))

    def _list(self, seen: Seen, file: str) -> Mismatch | None:
        return _error(seen, 0) or self.files[file].judge_list(_info(seen), self.features.ended_names)

    def _poll(self, seen: Seen, file: str) -> Mismatch | None:
        model = self.files[file]
        model.watched = model.watched or model.pending
        return _error(seen, 0) or _equal("ready events", seen.answer, 0 if model.pending else POLLIN)

    def _set_deadline(self, seen: Seen, file: str, deadline: int) -> Mismatch | None:
        """The soonest counts. It goes to all that is pending, also to what it may stand for besides."""
        model = self.files[file]
        for point in model.parts:
            if point.status == 0 and point.deadline != UNKNOWN:
                point.deadline = min(deadline, point.deadline or deadline)
        for point in model.maybe:
            if point.status == 0:
                point.deadline = UNKNOWN
        return _error(seen, 0)

    def _get_deadline(self, seen: Seen, timeline: str, file: str) -> Mismatch | None:
        """Only a point of a timeline has one to tell; what may be one or several is not asked for."""
        point = self.files[file].single
        if point is None:
            return None if self.files[file].maybe else _error(seen, EINVAL)
        if point.driver != "sw_sync":
            return _error(seen, EINVAL)
        if point.deadline == UNKNOWN:
            return None
        if point.deadline is None:
            return _error(seen, ENOENT)
        return _error(seen, 0) or _equal("deadline", seen.answer, point.deadline)

    # --- buffers ------------------------------------------------------------------------------

    def _buffer(self, seen: Seen, kind: str, makes: str) -> Mismatch | None:
        self.buffers[makes] = BufferModel(kind)
        return _error(seen, 0)

    def _import(self, seen: Seen, buffer: str, file: str, access: int) -> Mismatch | None:
        model = self.files[file]
        for point in (*model.parts, *model.maybe):
            self.buffers[buffer].add(point, bool(access & WRITE))
        return _error(seen, 0)

    def _export(self, seen: Seen, buffer: str, access: int, makes: str) -> Mismatch | None:
        needed, spare = self.buffers[buffer].exported(access)
        self.files[makes] = SyncFileModel(needed or [_stub(seen)], spare)
        return _error(seen, 0)

    def _poll_buffer(self, seen: Seen, buffer: str, events: int) -> Mismatch | None:
        self._polled += self.buffers[buffer].in_the_way(WRITE)
        return _error(seen, 0) or _equal("ready events", seen.answer, events & self.ready(buffer))

    def ready(self, buffer: str) -> int:
        """What poll() says of a dma-buf: POLLIN without writers, POLLOUT without anybody."""
        model = self.buffers[buffer]
        return (0 if model.in_the_way(0) else POLLIN) | (0 if model.in_the_way(WRITE) else POLLOUT)

    def _sync(self, seen: Seen, buffer: str, access: int) -> Mismatch | None:
        """A wait that has something to wait for ends with the signal that interrupts it, and only then."""
        return _error(seen, EINTR if self.buffers[buffer].in_the_way(access) else 0)

    def _sync_end(self, seen: Seen, _buffer: str, _access: int) -> Mismatch | None:
        return _error(seen, 0)

    def _rename(self, seen: Seen, buffer: str, name: str) -> Mismatch | None:
        """One with attachments may refuse (up to 5.18); who imports it attaches, but vgem to its own."""
        model = self.buffers[buffer]
        imported = bool(model.handle) and model.kind != "vgem"
        if seen.error == EBUSY and (model.attached or imported):
            return None
        model.name = name
        return _error(seen, 0)

    def _ask_name(self, seen: Seen, buffer: str) -> Mismatch | None:
        return _error(seen, 0) or _equal("name", seen.answer, self.buffers[buffer].name or "")

    def _close_buffer(self, seen: Seen, buffer: str) -> Mismatch | None:
        self.buffers[buffer].open = False
        return _error(seen, 0)

    # --- importers: vgem, and the probe -------------------------------------------------------

    def _open_handle(self, seen: Seen, buffer: str, makes: str) -> Mismatch | None:
        """A buffer has one handle in an open file."""
        model = self.buffers[buffer]
        others = {other.handle for other in self.buffers.values() if other is not model} - {0}
        if seen.error or not isinstance(seen.answer, int):
            return _error(seen, 0)
        if model.handle and seen.answer != model.handle:
            return Mismatch("handle", seen.answer, model.handle)
        if seen.answer in others:
            return Mismatch("handle", seen.answer, "one that no other buffer has")
        model.handle = seen.answer
        self.handles[makes] = HandleModel(model)
        return None

    def _close_handle(self, seen: Seen, handle: str) -> Mismatch | None:
        buffer = self.handles[handle].buffer
        buffer.handle = 0
        for name in [name for name, one in self.handles.items() if one.buffer is buffer]:
            del self.handles[name]
        return _error(seen, 0)

    def _attach_fence(self, seen: Seen, handle: str, access: int, makes: str) -> Mismatch | None:
        buffer = self.handles[handle].buffer
        if buffer.in_the_way(access):
            return _error(seen, EBUSY)
        if not seen.error:
            point = self.device_fences[makes] = Point(makes, 1, "vgem", "unbound")
            buffer.add(point, bool(access & WRITE))
        return _error(seen, 0)

    def _signal_fence(self, seen: Seen, fence: str) -> Mismatch | None:
        self.device_fences.pop(fence).end(1, (seen.before, seen.after))
        return _error(seen, 0)

    def _attach(self, seen: Seen, buffer: str, makes: str) -> Mismatch | None:
        if not seen.error:
            self.attachments[makes] = self.buffers[buffer]
            self.buffers[buffer].attached += 1
        return _error(seen, 0)

    def _detach(self, seen: Seen, attachment: str) -> Mismatch | None:
        self.attachments.pop(attachment).attached -= 1
        return _error(seen, 0)


def _error(seen: Seen, want: int) -> Mismatch | None:
    return None if seen.error == want else Mismatch("result", error_name(seen.error), error_name(want))


def _equal(aspect: str, got: object, want: object) -> Mismatch | None:
    return None if got == want else Mismatch(aspect, got, want)


def _info(seen: Seen) -> Info:
    assert isinstance(seen.answer, Info)
    return seen.answer


def _stub(seen: Seen) -> Point:
    """What stands for no fence at all; it signalled once, no matter when."""
    point = Point("stub", 0, "", "")
    point.end(1, (0, seen.after))
    return point


def _ended(points: list[Point], seen: Seen, keeps_time: bool) -> Point:
    """The one fence of a merge of which nothing is pending any more; if it tells an error of a part is not promised."""
    point = _stub(seen)
    point.also = min(one.status for one in points)
    if keeps_time:
        point.window = (max(one.window[0] for one in points), max(one.window[1] for one in points))
    return point
