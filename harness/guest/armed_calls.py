# SPDX-License-Identifier: GPL-2.0-only
"""System calls with /proc/self/fail-nth set for the call alone: nothing that could allocate runs before or after it.

fail-nth (fs/proc/base.c, ``proc_fail_nth_write``) is counted down by every allocation that the kernel makes for the
thread, so also by those for a page that the interpreter touches between setting it and the call. Whether it touches
one depends on where things lie in memory, and what fails there fails in a page fault: before 5.16 (and 5.10.80) that
starts the OOM killer (mm/oom_kill.c, ``pagefault_out_of_memory``), which takes the interpreter. The stack filter of
fault injection is no way out: up to 6.1 it is not asked when fail-nth is set (lib/fault-inject.c, ``should_fail``).

So machine code does it: set fail-nth, make the call, read what is left, set it to 0. Between two of these it runs a
few instructions of the page that it is on, and touches one page that it has just written; both are locked in memory.
The argument of the call lies in that page, too. What else the call is pointed to must have been written before.
"""

from __future__ import annotations

import mmap
import os
import struct

from harness.guest.registry import CheckSkipped
from harness.guest.system_calls import SystemCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

POSITION_FILE = "/dev/shm/dmabuf-harness-injection"
"""In the guest, there while failures are injected. It survives a process that is killed, and tells where that was."""

_SIZE = mmap.PAGESIZE
# asm/unistd_64.h
_IOCTL, _OPENAT, _MMAP, _MUNMAP = 16, 257, 9, 11
_AT_FDCWD = -100
_MAP_LOCKED = 0x2000  # asm-generic/mman.h: there from the start, and not taken away
_LARGEST_ERRNO = 4095

# The block: where it is in memory, by offset, in 64-bit words unless it says otherwise.
_FD, _TEXT, _TEXT_LENGTH, _POSITION = 0x00, 0x08, 0x10, 0x18  # the position has 32 bits
_ARMED, _RESULT, _READ, _NUMBER, _ARGUMENTS = 0x20, 0x28, 0x30, 0x38, 0x40
_LEFT, _ZERO, _TEXT_BYTES, _ARGUMENT = 0x70, 0x80, 0x90, 0x100  # bytes

# Where it is. What the kernel does in the call is the kernel's doing, whatever fails there.
_IDLE, _BEFORE, _IN_CALL, _AFTER = range(4)

# Calls nothing, and keeps to the one page of code and the block, which %rdi points to. x86-64, System V.
MACHINE_CODE = (
    ("53", "push %rbx"),
    ("48 89 fb", "mov %rdi,%rbx"),
    ("48 8b 3b", "mov (%rbx),%rdi"),  # pwrite64(fd, text, length, 0): from here on allocations count
    ("48 8b 73 08", "mov 0x8(%rbx),%rsi"),
    ("48 8b 53 10", "mov 0x10(%rbx),%rdx"),
    ("45 31 d2", "xor %r10d,%r10d"),
    ("b8 12 00 00 00", "mov $0x12,%eax"),
    ("c7 43 18 01 00 00 00", "movl $0x1,0x18(%rbx)"),
    ("0f 05", "syscall"),
    ("48 89 43 20", "mov %rax,0x20(%rbx)"),
    ("48 8b 7b 40", "mov 0x40(%rbx),%rdi"),  # the call under test
    ("48 8b 73 48", "mov 0x48(%rbx),%rsi"),
    ("48 8b 53 50", "mov 0x50(%rbx),%rdx"),
    ("4c 8b 53 58", "mov 0x58(%rbx),%r10"),
    ("4c 8b 43 60", "mov 0x60(%rbx),%r8"),
    ("4c 8b 4b 68", "mov 0x68(%rbx),%r9"),
    ("48 8b 43 38", "mov 0x38(%rbx),%rax"),
    ("c7 43 18 02 00 00 00", "movl $0x2,0x18(%rbx)"),
    ("0f 05", "syscall"),
    ("c7 43 18 03 00 00 00", "movl $0x3,0x18(%rbx)"),
    ("48 89 43 28", "mov %rax,0x28(%rbx)"),
    ("48 8b 3b", "mov (%rbx),%rdi"),  # pread64(fd, left, 16, 0)
    ("48 8d 73 70", "lea 0x70(%rbx),%rsi"),
    ("ba 10 00 00 00", "mov $0x10,%edx"),
    ("45 31 d2", "xor %r10d,%r10d"),
    ("b8 11 00 00 00", "mov $0x11,%eax"),
    ("0f 05", "syscall"),
    ("48 89 43 30", "mov %rax,0x30(%rbx)"),
    ("48 8b 3b", "mov (%rbx),%rdi"),  # pwrite64(fd, "0", 1, 0): no more
    ("48 8d b3 80 00 00 00", "lea 0x80(%rbx),%rsi"),
    ("ba 01 00 00 00", "mov $0x1,%edx"),
    ("45 31 d2", "xor %r10d,%r10d"),
    ("b8 12 00 00 00", "mov $0x12,%eax"),
    ("0f 05", "syscall"),
    ("c7 43 18 00 00 00 00", "movl $0x0,0x18(%rbx)"),
    ("5b", "pop %rbx"),
    ("c3", "ret"),
)
"""(bytes, instruction)."""

_code: list[tuple[mmap.mmap, Callable[[int], None]]] = []  # of this process


def is_outside(block: bytes) -> bool:
    """True if the process that left ``block`` in POSITION_FILE ended with fail-nth set, and outside the call."""
    return len(block) >= _POSITION + 4 and struct.unpack_from("I", block, _POSITION)[0] in (_BEFORE, _AFTER)


def _machine() -> Callable[[int], None]:
    """The machine code, to be called with the address of a block."""
    if os.uname().machine != "x86_64":
        raise CheckSkipped("failures are injected by machine code for x86-64")
    if not _code:
        import ctypes  # noqa: PLC0415 - only what runs these checks pays for it

        page = mmap.mmap(-1, _SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_LOCKED, 7)
        page.write(b"".join(bytes.fromhex(code) for code, _ in MACHINE_CODE))
        start = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        _code.append((page, start))
    return _code[0][1]


class ArmedCalls(SystemCalls):
    """Context manager: makes system calls of which an allocation fails.

    ``left``: how many allocations until the one that fails; calls count it down, 0: none fails (any more).
    """

    def __init__(self, fail_nth: int, position_file: str) -> None:
        """``fail_nth``: descriptor of this thread's fail-nth. ``position_file``: POSITION_FILE, but for tests."""
        self.left = 0
        self._fail_nth = fail_nth
        self._position_file = position_file

    def __enter__(self) -> ArmedCalls:
        import ctypes  # noqa: PLC0415

        self._machine = _machine()
        fd = os.open(self._position_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, _SIZE)
            self._block = mmap.mmap(fd, _SIZE, mmap.MAP_SHARED | _MAP_LOCKED)
        finally:
            os.close(fd)
        self._anchor: ctypes.c_char | None = ctypes.c_char.from_buffer(self._block)
        self._address = ctypes.addressof(self._anchor)
        self._put(_ZERO, b"0")
        return self

    def __exit__(self, *_error: object) -> None:
        self._anchor = None  # else the mapping could not be closed
        self._block.close()
        os.unlink(self._position_file)  # noqa: PTH108 - pathlib is slow to import

    # --- the calls ----------------------------------------------------------------------------

    def ioctl(self, fd: int, request: int, argument: bytearray | int) -> int:
        if isinstance(argument, int):
            return self._make(_IOCTL, fd, request, argument)
        where = self._argument(argument)
        try:
            return self._make(_IOCTL, fd, request, where)
        finally:
            argument[:] = self._block[_ARGUMENT : _ARGUMENT + len(argument)]

    def open(self, path: str, flags: int) -> int:
        return self._make(_OPENAT, _AT_FDCWD, self._argument(os.fsencode(path) + b"\0"), flags, 0)

    def map(self, fd: int, length: int, offset: int = 0) -> BareMapping:
        prot = mmap.PROT_READ | mmap.PROT_WRITE
        return BareMapping(self._make(_MMAP, 0, length, prot, mmap.MAP_SHARED, fd, offset), length, self)

    def unmap(self, address: int, length: int) -> None:
        """munmap(), for which nothing fails."""
        left, self.left = self.left, 0
        self._make(_MUNMAP, address, length)
        self.left = left

    def _argument(self, data: bytes | bytearray) -> int:
        """The address of a copy of ``data`` in the block."""
        if len(data) > _SIZE - _ARGUMENT:
            raise ValueError(f"an argument of {len(data)} bytes; there is room for {_SIZE - _ARGUMENT}")
        self._put(_ARGUMENT, data)
        return self._address + _ARGUMENT

    def _make(self, number: int, *arguments: int) -> int:
        """Make one system call; what it returned, or its ``OSError``. ``left`` is counted down."""
        text = b"%d" % self.left
        self._put(_TEXT_BYTES, text)
        self._put(_FD, struct.pack("3Q", self._fail_nth, self._address + _TEXT_BYTES, len(text)))
        words = [word & (1 << 64) - 1 for word in (number, *arguments, *[0] * (6 - len(arguments)))]
        self._put(_NUMBER, struct.pack("7Q", *words))
        self._machine(self._address)
        armed, result, read = struct.unpack_from("3q", self._block, _ARMED)
        _refuse(armed, "set")
        _refuse(read, "read")
        self.left = int(self._block[_LEFT : _LEFT + read])
        if -_LARGEST_ERRNO <= result < 0:
            raise OSError(-result, os.strerror(-result))
        return int(result)

    def _put(self, offset: int, data: bytes | bytearray) -> None:
        self._block[offset : offset + len(data)] = bytes(data)


def _refuse(result: int, what: str) -> None:
    """fail-nth cannot be used: a fault of ours, or of the kernel's /proc, never of the call under test."""
    if result <= 0:
        raise RuntimeError(f"fail-nth could not be {what}: {os.strerror(-result)}")


class BareMapping:
    """Memory mapped by a bare mmap(): no object of the interpreter was made for it while an allocation could fail."""

    def __init__(self, address: int, length: int, calls: ArmedCalls) -> None:
        self._address, self._length, self._calls = address, length, calls

    def __setitem__(self, offset: int, value: int) -> None:
        import ctypes  # noqa: PLC0415

        ctypes.memset(self._address + offset, value, 1)

    def close(self) -> None:
        self._calls.unmap(self._address, self._length)
