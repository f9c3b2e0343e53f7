# SPDX-License-Identifier: GPL-2.0-only
"""Functions of reservation objects that no driver in a guest calls, or not with every usage (dma-resv.c).

docs/functions.md lists them.
"""

from __future__ import annotations

from errno import EINVAL, ENOMEM

from harness.guest import uapi
from harness.guest.failing import each_allocation
from harness.guest.kernel import READABLE, WRITABLE, DmaBuf, SyncFile, Timeline, udmabuf, vgem
from harness.guest.probe_functions import BOOKKEEP, KERNEL, READ, WRITE, KernelFunctions
from harness.guest.registry import Group, absent_is_skipped, expect, expect_equal, expect_errno
from harness.guest.waiting import soon

check = Group("functions")

_USAGES = {KERNEL: "KERNEL", WRITE: "WRITE", READ: "READ", BOOKKEEP: "BOOKKEEP"}
_FOR_READING, _FOR_WRITING = uapi.DMA_BUF_SYNC_READ, uapi.DMA_BUF_SYNC_WRITE
_ANY = READABLE | WRITABLE


_WORDS = {0: "nothing", READABLE: "reading", WRITABLE: "writing", _ANY: "both"}


def _polled(buffer: DmaBuf) -> str:
    """What poll tells: a reader waits for writers, a writer for all but BOOKKEEP. It goes on watching them."""
    return _WORDS[buffer.poll(_ANY)]


def _ready(buffer: DmaBuf) -> str:
    """The same, of the fences that are there now: what DMA_BUF_IOCTL_EXPORT_SYNC_FILE tells."""
    ready = 0
    for access, event in ((_FOR_READING, READABLE), (_FOR_WRITING, WRITABLE)):
        with absent_is_skipped("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"), buffer.export_sync_file(access) as exported:
            ready |= event * exported.status()
    return _WORDS[ready]


# --- copies -----------------------------------------------------------------------------------


@check
def copied_fences_are_those_of_the_source() -> None:
    """dma_resv_copy_fences() of vgem's fences, with their kinds: the copy is in use as long as the source is."""
    with KernelFunctions() as kernel, vgem() as node, udmabuf() as writers, udmabuf() as readers:
        for target, flags, while_pending in ((writers, uapi.VGEM_FENCE_WRITE, "nothing"), (readers, 0, "reading")):
            handle = node.create_dumb().handle
            with node.export(handle) as source:
                fence = node.attach_fence(handle, flags)
                expect_equal("result", kernel.copy(source, target), 0)
                expect_equal("ready for, while the fence is pending", _polled(target), while_pending)
                node.signal_fence(fence)
                expect_equal("ready for, when it has signalled", _polled(target), "both")
            node.close_handle(handle)


@check
def copy_takes_the_place_of_what_was_there() -> None:
    """dma_resv_copy_fences() of other fences, and of none."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as source,
        udmabuf() as target,
        udmabuf() as idle,
        Timeline() as old,
        Timeline() as new,
        old.fence(1) as before,
        new.fence(1) as after,
    ):
        with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
            target.import_sync_file(_FOR_WRITING, before.fileno())
        source.import_sync_file(_FOR_WRITING, after.fileno())
        expect_equal("result", kernel.copy(source, target), 0)
        new.advance()
        expect_equal("ready for, when the copied fence has signalled", _ready(target), "both")
        target.import_sync_file(_FOR_WRITING, before.fileno())
        expect_equal("ready for, with a fence of its own again", _ready(target), "nothing")
        expect_equal("result of a copy of no fences", kernel.copy(idle, target), 0)
        expect_equal("ready for, after a copy of no fences", _ready(target), "both")
        old.advance()


@check
def copy_keeps_every_usage() -> None:
    """dma_resv_copy_fences(): each fence is seen by those who ask for its usage or for a wider one."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as source,
        udmabuf() as target,
        _Four(kernel, source) as four,
    ):
        expect_equal("result", kernel.copy(source, target), 0)
        _expect_usages(kernel, target)
        _expect_usages(kernel, source)
        four.end()


@check
def copy_without_memory_leaves_what_was_there() -> None:
    """dma_resv_copy_fences() that fails."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as source,
        udmabuf() as target,
        Timeline() as timeline,
        timeline.fence(1) as one,
        timeline.fence(2) as two,
    ):
        with absent_is_skipped("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"):
            source.import_sync_file(_FOR_WRITING, one.fileno())
        target.import_sync_file(_FOR_WRITING, two.fileno())
        each_allocation(
            lambda: _succeeds(kernel.copy(source, target)), lambda _: None, (ENOMEM,), lambda: _is_held(target)
        )
        timeline.advance(2)


def _succeeds(result: int) -> None:
    if result:
        raise OSError(-result, "RESV_COPY")


def _is_held(target: DmaBuf) -> None:
    expect_equal("ready for", _ready(target), "nothing")


# --- usages -----------------------------------------------------------------------------------


class _Four:
    """A pending fence of each usage on ``buffer``, each of a timeline of its own. It ends them, or ``end`` does."""

    def __init__(self, kernel: KernelFunctions, buffer: DmaBuf) -> None:
        self.timelines: list[Timeline] = []
        try:
            for usage in _USAGES:
                self._add(kernel, buffer, usage)
        except BaseException:  # a kernel without usages ends the check here: nothing may stay open
            self.__exit__()
            raise

    def _add(self, kernel: KernelFunctions, buffer: DmaBuf, usage: int) -> None:
        self.timelines.append(Timeline())
        with self.timelines[usage].fence(1) as fence:
            expect_equal("result", kernel.add(buffer, fence, usage), 0)

    def __enter__(self) -> _Four:
        return self

    def end(self, usage: int | None = None) -> None:
        """Signal the fence of ``usage``, or all of them."""
        for timeline in self.timelines if usage is None else [self.timelines[usage]]:
            timeline.advance()

    def __exit__(self, *_error: object) -> None:
        for timeline in self.timelines:
            timeline.close()


def _expect_usages(kernel: KernelFunctions, buffer: DmaBuf) -> None:
    """One fence of each usage is there: so many does each usage see."""
    for usage, name in _USAGES.items():
        count, fences = kernel.fences(buffer, usage)
        if fences is not None:
            fences.close()
        expect_equal(f"fences for {name}", count, usage + 1)


@check
def each_usage_includes_those_before_it() -> None:
    """dma_resv_get_fences(), dma_resv_test_signaled(), dma_resv_wait_timeout(), enum dma_resv_usage."""
    with KernelFunctions() as kernel, udmabuf() as buffer, _Four(kernel, buffer) as four:
        _expect_usages(kernel, buffer)
        for ended, name in _USAGES.items():
            for usage, asked in _USAGES.items():
                want = usage < ended
                expect(kernel.signalled(buffer, usage) is want, f"before {name} has signalled, {asked} is {not want}")
                expect_equal(f"wait for {asked} before {name} has signalled", kernel.wait(buffer, usage), int(want))
            four.end(ended)
        for usage, asked in _USAGES.items():
            expect(kernel.signalled(buffer, usage), f"all have signalled, but not for {asked}")
            expect_equal(f"wait for {asked}", kernel.wait(buffer, usage), 1)


@check
def user_space_waits_for_all_but_bookkeeping() -> None:
    """poll() and DMA_BUF_IOCTL_EXPORT_SYNC_FILE, of fences that drivers and the kernel have added."""
    for usage, ready in ((KERNEL, "nothing"), (WRITE, "nothing"), (READ, "reading"), (BOOKKEEP, "both")):
        with KernelFunctions() as kernel, udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
            expect_equal("result", kernel.add(buffer, fence, usage), 0)
            exported, polled = _ready(buffer), _polled(buffer)
            timeline.advance()
            expect_equal(f"exported as ready for, with a fence of {_USAGES[usage]}", exported, ready)
            expect_equal(f"ready for, with a fence of {_USAGES[usage]}", polled, ready)


@check
def later_fence_of_a_wider_usage_does_not_hide_the_earlier() -> None:
    """dma_resv_add_fence(): a reader after a writer of the same timeline does not take the writer's place."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as buffer,
        Timeline() as timeline,
        timeline.fence(1) as writer,
        timeline.fence(2) as reader,
    ):
        kernel.add(buffer, writer, WRITE)
        kernel.add(buffer, reader, READ)
        expect(not kernel.signalled(buffer, WRITE), "the writer is forgotten")
        timeline.advance()
        expect(kernel.signalled(buffer, WRITE), "the writer has signalled, and is pending")
        expect(not kernel.signalled(buffer, READ), "the reader is forgotten")
        timeline.advance()


@check
def later_fence_of_a_narrower_usage_takes_the_place() -> None:
    """dma_resv_add_fence(): a writer after a reader of the same timeline is a writer, and alone."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as buffer,
        Timeline() as timeline,
        timeline.fence(1) as reader,
        timeline.fence(2) as writer,
    ):
        kernel.add(buffer, reader, READ)
        kernel.add(buffer, writer, WRITE)
        count, fences = kernel.fences(buffer, BOOKKEEP)
        if fences is not None:
            fences.close()
        expect_equal("fences", count, 1)
        expect(not kernel.signalled(buffer, WRITE), "the writer is forgotten")
        timeline.advance(2)


# --- one fence for all ------------------------------------------------------------------------


@check
def singleton_is_all_fences_in_one() -> None:
    """dma_resv_get_singleton() of no fence, of one and of some, for each usage."""
    with KernelFunctions() as kernel, udmabuf() as buffer:
        expect(kernel.singleton(buffer, BOOKKEEP) is None, "a fence of a buffer without one")
        with _Four(kernel, buffer) as four:
            for usage, name in _USAGES.items():
                with _there(kernel.singleton(buffer, usage)) as fence:
                    expect_equal(f"fences for {name}", len(fence.fences()), usage + 1)
                    expect_equal(f"status for {name}", fence.status(), 0)
            with _there(kernel.singleton(buffer, READ)) as fence:
                for usage in (READ, KERNEL, WRITE):
                    expect_equal("ready events before the last of them has signalled", fence.poll(READABLE), 0)
                    four.end(usage)
                expect_equal("ready events", fence.poll(READABLE, 5), READABLE)
            four.end(BOOKKEEP)
        expect(kernel.singleton(buffer, BOOKKEEP) is None, "a fence of a buffer of which all have signalled")


def _there(fence: SyncFile | None) -> SyncFile:
    if fence is None:
        expect(False, "no fence, though one is pending")
        raise AssertionError
    return fence


@check
def singleton_without_memory_keeps_nothing() -> None:
    """dma_resv_get_singleton() that fails gives back the fences that it has taken."""
    with KernelFunctions() as kernel, udmabuf() as buffer, _Four(kernel, buffer) as four:
        each_allocation(lambda: kernel.singleton(buffer, BOOKKEEP), _closed, (ENOMEM,))
        each_allocation(lambda: kernel.fences(buffer, BOOKKEEP)[1], _closed, (ENOMEM,))
        four.end()


def _closed(made: object) -> None:
    if isinstance(made, SyncFile):
        made.close()


# --- replacing --------------------------------------------------------------------------------


@check
def only_fences_of_the_context_are_replaced() -> None:
    """dma_resv_replace_fences(), as a driver does that has ended the access earlier than it said."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as buffer,
        Timeline() as first,
        Timeline() as second,
        first.fence(5) as old,
        second.fence(1) as other,
        first.fence(1) as by,
    ):
        kernel.add(buffer, old, READ)
        kernel.add(buffer, other, READ)
        kernel.replace(buffer, old, by, BOOKKEEP)
        count, fences = kernel.fences(buffer, READ)
        if fences is not None:
            fences.close()
        expect_equal("fences for READ, after one was replaced for BOOKKEEP", count, 1)
        second.advance()
        expect(kernel.signalled(buffer, READ), "the other reader was replaced, too, or the old one is still there")
        expect(not kernel.signalled(buffer, BOOKKEEP), "what replaces it is not there")
        first.advance()
        expect(kernel.signalled(buffer, BOOKKEEP), "the old fence is still there")
        first.advance(4)


# --- waiting ----------------------------------------------------------------------------------


@check
def wait_ends_with_the_last_fence_or_its_time() -> None:
    """dma_resv_wait_timeout()."""
    with KernelFunctions() as kernel, udmabuf() as buffer, Timeline() as one, Timeline() as two:
        expect_equal("a look at a buffer without fences", kernel.wait(buffer, BOOKKEEP), 1)
        with one.fence(1) as first, two.fence(1) as second:
            kernel.add(buffer, first, READ)
            kernel.add(buffer, second, WRITE)
            expect_equal("a wait of 20 ms", kernel.wait(buffer, READ, 20), 0)
            one.advance()
            with soon(two.advance):
                expect_equal(
                    "a wait till both have signalled", kernel.wait(buffer, READ, uapi.DMABUF_PROBE_MAX_WAIT), 1
                )
            expect(kernel.signalled(buffer, READ), "the wait ended before the fence did")


@check
def deadline_reaches_the_fences_of_the_usage() -> None:
    """dma_resv_set_deadline()."""
    with (
        KernelFunctions() as kernel,
        udmabuf() as buffer,
        Timeline() as one,
        Timeline() as two,
        one.fence(1) as writer,
        two.fence(1) as reader,
    ):
        kernel.add(buffer, writer, WRITE)
        kernel.add(buffer, reader, READ)
        kernel.set_deadline(buffer, WRITE, 2000)
        with absent_is_skipped("SW_SYNC_GET_DEADLINE"):
            expect_equal("deadline of the writer", one.deadline(writer), 2000)
        kernel.set_deadline(buffer, READ, 1000)
        expect_equal("deadline of the writer", one.deadline(writer), 1000)
        expect_equal("deadline of the reader", two.deadline(reader), 1000)
        one.advance()
        two.advance()


# --- what the module refuses ------------------------------------------------------------------


@check
def containers_and_unknown_usages_are_refused() -> None:
    """By the module: the kernel would warn, or look beyond its usages."""
    with KernelFunctions() as kernel, udmabuf() as buffer, Timeline() as timeline, timeline.fence(1) as fence:
        with kernel.fence_array(fence, fence) as both, expect_errno(EINVAL):
            kernel.add(buffer, both, WRITE)
        for call in (
            lambda: kernel.add(buffer, fence, BOOKKEEP + 1),
            lambda: kernel.singleton(buffer, BOOKKEEP + 1),
            lambda: kernel.wait(buffer, READ, uapi.DMABUF_PROBE_MAX_WAIT + 1),
        ):
            with expect_errno(EINVAL):
                call()
        timeline.advance()
