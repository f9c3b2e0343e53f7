# SPDX-License-Identifier: GPL-2.0-only
"""A dma-buf in the hands of several: duplicates, other processes, sockets (drivers/dma-buf/dma-buf.c); on udmabufs."""

from __future__ import annotations

import _socket  # what the public module puts around it is slow to import
import array
import os
from errno import EACCES, EBADF, ENXIO

from harness.guest import uapi
from harness.guest.kernel import PAGE, POLLNVAL, WRITABLE, Descriptor, DmaBuf, udmabuf, vgem
from harness.guest.registry import Group, expect, expect_equal, expect_errno
from harness.guest.waiting import SIGKILL, end_of_child, in_child, start_child

check = Group("dmabuf")

_SHELL = "/bin/sh"


# --- duplicates -------------------------------------------------------------------------------


@check
def duplicate_outlives_the_original() -> None:
    """Each descriptor keeps the buffer, whichever closes first."""
    with udmabuf() as buffer, DmaBuf(os.dup(buffer.fileno())) as duplicate:
        with buffer.map(PAGE) as view:
            view[:4] = b"kept"
        buffer.close()
        expect_equal("size", duplicate.size(), PAGE)
        with duplicate.map(PAGE) as view:
            expect_equal("first bytes", view[:4], b"kept")


@check
def path_descriptor_gives_no_right_to_the_buffer() -> None:
    """O_PATH names it and no more, and it cannot be opened by its name."""
    path = "/proc/self/fd/{}"
    with udmabuf() as buffer, DmaBuf(os.open(path.format(buffer.fileno()), os.O_PATH | os.O_CLOEXEC)) as name:
        expect_equal("its inode", name.inode(), buffer.inode())
        for call in (name.size, lambda: name.sync(uapi.DMA_BUF_SYNC_RW), lambda: name.map(PAGE)):
            with expect_errno(EBADF):
                call()
        expect_equal("events", name.poll(WRITABLE), POLLNVAL)
        with vgem() as node, expect_errno(EBADF):
            node.import_fd(name.fileno())
        for fd in (name.fileno(), buffer.fileno()):
            with expect_errno(ENXIO, EACCES), Descriptor(os.open(path.format(fd), os.O_RDWR | os.O_CLOEXEC)):
                pass


# --- other processes --------------------------------------------------------------------------


@check
def child_process_shares_the_memory() -> None:
    """A mapping that a child inherits is the same memory, not a copy."""
    with udmabuf() as buffer, buffer.map(PAGE) as view:

        def write() -> None:
            view[:5] = b"child"

        expect_equal("end of the child", in_child(write), 0)
        expect_equal("first bytes", view[:5], b"child")


@check
def child_process_maps_what_it_inherits() -> None:
    """The descriptor works in the child, and sees what the parent wrote."""
    with udmabuf() as buffer, buffer.map(PAGE) as view:
        view[:6] = b"parent"

        def read() -> None:
            with buffer.map(PAGE) as own:
                expect_equal("first bytes", own[:6], b"parent")

        expect_equal("end of the child", in_child(read), 0)


@check
def close_in_a_child_is_harmless() -> None:
    """The parent keeps its descriptor, its mapping and its importer."""
    with udmabuf() as buffer, buffer.map(PAGE) as view, vgem() as card:
        view[:4] = b"kept"
        handle = card.import_fd(buffer.fileno())

        def close_all() -> None:
            view.close()
            buffer.close()
            card.close()

        expect_equal("end of the child", in_child(close_all), 0)
        expect_equal("first bytes", view[:4], b"kept")
        expect_equal("size", buffer.size(), PAGE)
        with card.export(handle) as again:
            expect_equal("re-exported buffer", again.inode(), buffer.inode())


def _take_all_and_wait(writer: int) -> None:
    buffer, card = udmabuf(), vgem()
    card.attach_fence(card.import_fd(buffer.fileno()))
    view = buffer.map(PAGE)
    view[0] = 1
    os.write(writer, b"x")
    buffer.poll(WRITABLE, 60)


@check
def killed_process_leaves_nothing_behind() -> None:
    """What it had open, mapped, imported and waited for goes with it: nothing is left when it is gone."""
    with udmabuf(), vgem():
        reader, writer = os.pipe()
        child = start_child(lambda: _take_all_and_wait(writer))
        os.close(writer)
        try:
            expect_equal("what the child says", os.read(reader, 1), b"x")
        finally:
            os.close(reader)
            os.kill(child, SIGKILL)
            expect_equal("end of the child", end_of_child(child), -SIGKILL)


@check
def descriptor_closes_on_exec_if_asked() -> None:
    """A program that is started sees the one without FD_CLOEXEC and not the one with it."""
    with udmabuf() as buffer, DmaBuf(os.dup(buffer.fileno())) as inherited:
        os.set_inheritable(inherited.fileno(), True)
        here, gone = inherited.fileno(), buffer.fileno()
        script = f"test -e /proc/self/fd/{here} && test ! -e /proc/self/fd/{gone}"
        child = os.posix_spawn(_SHELL, [_SHELL, "-c", script], {})
        expect_equal("exit status of the program that looks for them", end_of_child(child), 0)


# --- sockets ----------------------------------------------------------------------------------


def _send(socket: _socket.socket, fd: int) -> None:
    socket.sendmsg([b"x"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [fd]))])


def _receive(socket: _socket.socket) -> DmaBuf:
    """With the descriptor that arrived, which closes on exec."""
    room = array.array("i").itemsize
    _, messages, _, _ = socket.recvmsg(1, _socket.CMSG_SPACE(room), _socket.MSG_CMSG_CLOEXEC)
    return DmaBuf(array.array("i", messages[0][2][:room])[0])


@check
def buffer_can_be_sent_through_a_socket() -> None:
    """What arrives is the same buffer, also when the sender has closed it meanwhile."""
    one, two = _socket.socketpair()
    try:
        with udmabuf(2 * PAGE) as buffer:
            inode = buffer.inode()
            with buffer.map(PAGE) as view:
                view[:4] = b"sent"
            _send(one, buffer.fileno())
            buffer.close()
            with _receive(two) as received, received.map(PAGE) as view:
                expect_equal("inode", received.inode(), inode)
                expect_equal("size", received.size(), 2 * PAGE)
                expect_equal("first bytes", view[:4], b"sent")
    finally:
        one.close()
        two.close()


@check
def buffer_goes_with_the_socket_it_waits_in() -> None:
    """Nobody received it: when both ends close it is gone, as the count of buffers shows."""
    one, two = _socket.socketpair()
    try:
        with udmabuf() as buffer:
            _send(one, buffer.fileno())
            count = int(buffer.info()["count"])
            expect(count > 1, f"fdinfo shows {count} references while the buffer is in flight")
    finally:
        one.close()
        two.close()
