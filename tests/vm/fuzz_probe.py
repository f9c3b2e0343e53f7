# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: T201 - it runs in a guest, where printing is how results leave
"""Runs in a guest: random calls of the module dmabuf_probe from four threads.

``/usr/bin/python3 -I -S fuzz_probe.py PROJECT SEED CALLS [reckless|racing]``: most arguments are valid at first sight,
with handles and descriptors that other threads close at the same time. ``reckless`` also does what the dma-buf core
warns of; ``racing`` maps, unmaps and detaches few attachments at once. Prints a line for each 1000 calls, then how
often each call succeeded and with which errors it failed. It leaves everything open: the end of the process is part
of the test.
"""

from __future__ import annotations

import _thread
import array
import errno
import fcntl
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from harness.guest import uapi  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = 4096
THREADS = 4
KEPT = 48  # objects of a kind that are remembered; older ones are forgotten, but stay
WILD = (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
SAFE_ERRORS = tuple(code for code in errno.errorcode if code not in (errno.EBUSY, errno.EDEADLK))  # see main.c
MEMORY = array.array("B", bytes(16 * PAGE))


class OpenFile:
    """An open file of the module, and handles in it that are or were good."""

    def __init__(self) -> None:
        self.fd = os.open("/dev/dmabuf-probe", os.O_RDWR | os.O_CLOEXEC)
        self.buffers: list[int] = []
        self.attachments: list[int] = []
        self.mappings: list[int] = []


class Shared:
    """What the threads tread on: open files, dma-bufs, results."""

    def __init__(self, reckless: bool, racing: bool) -> None:
        self.reckless = reckless
        self.racing = racing
        self.kept = 4 if racing else KEPT
        self.files = [OpenFile(), OpenFile()]
        self.dmabufs: list[int] = []
        self.results: dict[str, dict[str, int]] = {}
        self.calls = 0
        self.lock = _thread.allocate_lock()

    def count(self, name: str, outcome: str) -> None:
        with self.lock:
            outcomes = self.results.setdefault(name, {})
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            self.calls += 1
            if self.calls % 1000 == 0:
                print(f"# {self.calls} calls", flush=True)


class Fuzzer:
    """One thread's calls, in an order that its seed makes."""

    def __init__(self, shared: Shared, seed: int) -> None:
        self.shared = shared
        self.random = random.Random(seed)
        self.file = shared.files[0]

    def run(self, calls: int) -> None:
        every = [getattr(self, name) for name in sorted(dir(type(self))) if name.startswith("do_")]
        often = [self.do_map, self.do_map, self.do_unmap, self.do_move, self.do_map_all, self.do_access]
        racing = [self.do_export, *[self.do_attach, self.do_map, self.do_unmap, self.do_detach] * 4, self.do_reopen]
        for _ in range(calls):
            act: Callable[[], None] = self.random.choice(racing if self.shared.racing else every + often)
            self.file = self.random.choice(self.shared.files)
            try:
                act()
            except OSError as error:
                self.shared.count(act.__name__, errno.errorcode[error.errno or 0])
            else:
                self.shared.count(act.__name__, "ok")

    # --- arguments ----------------------------------------------------------------------------

    def rarely(self) -> bool:
        return self.random.random() < 0.04

    def number(self, usual: int) -> int:
        """Below ``usual``; now and then something wild."""
        return self.random.choice(WILD) if self.rarely() else self.random.randrange(usual)

    def kind(self, harmless: tuple[int, ...], refused: tuple[int, ...]) -> int:
        """``refused``: kinds of which the core warns."""
        return self.random.choice(harmless + refused if self.shared.reckless else harmless)

    def one_of(self, known: list[int]) -> int:
        now = list(known)  # others change it meanwhile
        if self.rarely() or not now:
            now = [*WILD, *self.file.buffers, *self.file.mappings]
        return self.random.choice(now)

    def unlocked(self) -> int:
        """Flags: DMABUF_PROBE_UNLOCKED is for the reckless."""
        if self.rarely():
            return self.random.choice(WILD) & ~uapi.DMABUF_PROBE_UNLOCKED
        return self.random.randrange(2) if self.shared.reckless else 0

    def keep(self, known: list[int], value: int) -> None:
        if len(known) < self.shared.kept:
            known.append(value)
        else:
            known[self.random.randrange(self.shared.kept)] = value

    def call(self, request: int, argument: bytearray) -> None:
        """At times with a pointer that is no good."""
        if self.rarely():
            fcntl.ioctl(self.file.fd, request, self.random.choice((0, 1, PAGE)))
        fcntl.ioctl(self.file.fd, request, argument)

    # --- buffers ------------------------------------------------------------------------------

    def do_export(self) -> None:
        size = self.random.choice((1, 1, 1, 2, 16, 64, 4096)) * PAGE + (self.rarely() and self.number(PAGE))
        kind = self.kind((0, 1, 1, 1, 2, 7, 0xFFFFFFFF), (3, 4, 5, 6))
        flags = os.O_RDWR | os.O_CLOEXEC if not self.rarely() else self.number(1 << 20)
        argument = uapi.dmabuf_probe_export.pack(size=size, kind=kind, fd_flags=flags)
        self.call(uapi.DMABUF_PROBE_EXPORT, argument)
        self.keep(self.file.buffers, uapi.dmabuf_probe_export.number(argument, "handle"))
        self.shared.dmabufs.append(uapi.dmabuf_probe_export.number(argument, "fd"))
        if len(self.shared.dmabufs) > self.shared.kept:
            self.do_close()

    def do_close(self) -> None:
        known = self.shared.dmabufs
        with self.shared.lock:
            fd = known.pop(self.random.randrange(len(known))) if known else -1
        os.close(fd)

    def do_fail(self) -> None:
        error = self.random.choice(tuple(errno.errorcode) if self.shared.reckless else SAFE_ERRORS)
        argument = uapi.dmabuf_probe_fail.pack(
            buffer=self.one_of(self.file.buffers), callback=self.number(3), nth=self.number(5), error=error
        )
        self.call(uapi.DMABUF_PROBE_FAIL, argument)

    def do_move(self) -> None:
        argument = uapi.dmabuf_probe_move.pack(buffer=self.one_of(self.file.buffers), flags=self.unlocked())
        self.call(uapi.DMABUF_PROBE_MOVE, argument)

    def do_close_buffer(self) -> None:
        if self.random.randrange(4) == 0:
            argument = uapi.dmabuf_probe_handle.pack(handle=self.one_of(self.file.buffers), flags=self.unlocked())
            self.call(uapi.DMABUF_PROBE_CLOSE_BUFFER, argument)

    # --- importers ----------------------------------------------------------------------------

    def do_attach(self) -> None:
        argument = uapi.dmabuf_probe_attach.pack(
            fd=self.one_of(self.shared.dmabufs) & 0x7FFFFFFF, kind=self.kind((0, 1, 1, 1, 3, 0xFFFFFFFF), (2,))
        )
        self.call(uapi.DMABUF_PROBE_ATTACH, argument)
        self.keep(self.file.attachments, uapi.dmabuf_probe_attach.number(argument, "handle"))

    def _attachment(self, request: int) -> None:
        argument = uapi.dmabuf_probe_handle.pack(handle=self.one_of(self.file.attachments), flags=self.unlocked())
        self.call(request, argument)

    def do_detach(self) -> None:
        argument = uapi.dmabuf_probe_handle.pack(handle=self.one_of(self.file.attachments))
        self.call(uapi.DMABUF_PROBE_DETACH, argument)

    def do_pin(self) -> None:
        self._attachment(uapi.DMABUF_PROBE_PIN)

    def do_unpin(self) -> None:
        self._attachment(uapi.DMABUF_PROBE_UNPIN)

    def do_map(self) -> None:
        argument = uapi.dmabuf_probe_map.pack(
            attachment=self.one_of(self.file.attachments), direction=self.number(3), flags=self.unlocked()
        )
        self.call(uapi.DMABUF_PROBE_MAP, argument)
        self.keep(self.file.mappings, uapi.dmabuf_probe_map.number(argument, "handle"))

    def do_unmap(self) -> None:
        argument = uapi.dmabuf_probe_unmap.pack(mapping=self.one_of(self.file.mappings), flags=self.unlocked())
        self.call(uapi.DMABUF_PROBE_UNMAP, argument)

    def do_map_all(self) -> None:
        attachments = tuple(self.one_of(self.file.attachments) for _ in range(uapi.DMABUF_PROBE_MAX_LOCKS))
        argument = uapi.dmabuf_probe_map_all.pack(
            count=self.number(uapi.DMABUF_PROBE_MAX_LOCKS // 2), direction=self.number(3), attachments=attachments
        )
        self.call(uapi.DMABUF_PROBE_MAP_ALL, argument)

    # --- contents and state -------------------------------------------------------------------

    def do_access(self) -> None:
        mapping = self.random.randrange(2)
        argument = uapi.dmabuf_probe_access.pack(
            handle=self.one_of(self.file.mappings if mapping else self.file.buffers),
            object=uapi.DMABUF_PROBE_MAPPING if mapping else uapi.DMABUF_PROBE_BUFFER,
            flags=self.number(2),
            offset=self.number(2 * PAGE),
            length=self.number(2 * PAGE),
            pointer=0 if self.rarely() else MEMORY.buffer_info()[0],
        )
        self.call(uapi.DMABUF_PROBE_ACCESS, argument)

    def do_state(self) -> None:
        argument = uapi.dmabuf_probe_buffer_state.pack(buffer=self.one_of(self.file.buffers))
        self.call(uapi.DMABUF_PROBE_BUFFER_STATE, argument)
        argument = uapi.dmabuf_probe_attachment_state.pack(attachment=self.one_of(self.file.attachments))
        self.call(uapi.DMABUF_PROBE_ATTACHMENT_STATE, argument)

    def do_events(self) -> None:
        argument = uapi.dmabuf_probe_events.pack(
            after=self.number(1000), pointer=MEMORY.buffer_info()[0], room=self.random.randrange(1000)
        )
        self.call(uapi.DMABUF_PROBE_EVENTS, argument)

    def do_nonsense(self) -> None:
        request = uapi.DMABUF_PROBE_INFO ^ 1 << self.random.randrange(31)
        fcntl.ioctl(self.file.fd, request & 0x7FFFFFFF, bytearray(1 << 14))

    def do_reopen(self) -> None:
        """Close an open file of the module under the others."""
        if self.random.randrange(60) == 0:
            place = self.random.randrange(len(self.shared.files))
            os.close(self.shared.files[place].fd)
            self.shared.files[place] = OpenFile()


def main(seed: int, calls: int, how: str) -> None:
    shared = Shared(how == "reckless", how == "racing")
    running = []

    def thread(number: int, done: _thread.LockType) -> None:
        try:
            Fuzzer(shared, seed * THREADS + number).run(calls // THREADS)
        finally:
            done.release()

    for number in range(THREADS):
        done = _thread.allocate_lock()
        done.acquire()
        running.append(done)
        _thread.start_new_thread(thread, (number, done))
    for done in running:
        done.acquire()
    for name, outcomes in sorted(shared.results.items()):
        print(name.removeprefix("do_"), *(f"{outcome}={times}" for outcome, times in sorted(outcomes.items())))
    print("end", flush=True)


main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "")
