# SPDX-License-Identifier: GPL-2.0-only
"""Memory of particular kinds: at a known address, of huge pages, and how much of it there is."""

from __future__ import annotations

import mmap
import os
from errno import EBADFD

from harness.guest.kernel import PAGE, DmaBuf, Memfd, Udmabuf
from harness.guest.registry import CheckFailed, CheckSkipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HUGE_PAGES = "/proc/sys/vm/nr_hugepages"
# Python hands a plain number to ioctl() as a C int: only memory below 2 GiB can be named. x86-64, asm/mman.h.
_MAP_32BIT = 0x40


class Window(Memfd):
    """A page of memory with a known address, which the kernel is given as an ioctl's argument.

    ``contents`` end at the end of the page, and nothing follows it: reading or writing beyond is EFAULT.
    ``writable``: False lets the kernel read it and not answer there.
    """

    def __init__(self, contents: bytes = b"", writable: bool = True) -> None:
        super().__init__(2 * PAGE, seals=0)
        os.pwrite(self.fileno(), contents, PAGE - len(contents))
        prot = mmap.PROT_READ | mmap.PROT_WRITE if writable else mmap.PROT_READ
        self._view = mmap.mmap(self.fileno(), 2 * PAGE, mmap.MAP_SHARED | _MAP_32BIT, prot)
        self.resize(PAGE)  # the second page now lies beyond the end of the file
        self.address = _address_of(self.fileno()) + PAGE - len(contents)

    def close(self) -> None:
        self._view.close()
        super().close()


def _address_of(fd: int) -> int:
    """Where the file of ``fd`` is mapped."""
    inode = str(os.fstat(fd).st_ino)
    with open("/proc/self/maps") as lines:  # noqa: PTH123 - pathlib is slow to import
        words = next(words for words in map(str.split, lines) if words[4] == inode)
    return int(words[0].partition("-")[0], 16)


def memory(field: str) -> int:
    """A line of /proc/meminfo ("MemFree", "Shmem"), in bytes; or a number of pages ("HugePages_Free"). -1: no such."""
    with open("/proc/meminfo") as lines:  # noqa: PTH123
        for line in lines:
            name, _, value = line.partition(":")
            if name == field:
                number, *unit = value.split()
                return int(number) << 10 if unit else int(number)
    return -1


def expect_freed(action: Callable[[], object], limit: int) -> None:
    """Do ``action``, and fail if ``limit`` bytes or more of the machine's free memory are gone for good.

    Others take memory, too: the page cache, sshd. What a kernel loses it loses each time: so it is tried three times.
    """
    lost = 0
    for _ in range(3):
        before = memory("MemFree")
        action()
        lost = before - memory("MemFree")
        if lost < limit:
            return
    raise CheckFailed(f"{lost >> 20} MiB of memory less than before")


class HugePages:
    """Context manager: ``count`` huge pages are set aside, and given back at the end. ``size``: of one, in bytes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.size = memory("Hugepagesize")

    def __enter__(self) -> HugePages:
        if self.size < 0:
            raise CheckSkipped("no huge pages: needs CONFIG_HUGETLBFS")
        self._before = _reserved()
        _reserve(self._before + self._count)
        if _reserved() < self._before + self._count:
            _reserve(self._before)
            raise CheckSkipped(f"the guest has no memory for {self._count} huge pages")
        return self

    def __exit__(self, *_error: object) -> None:
        _reserve(self._before)

    def memfd(self, count: int) -> Memfd:
        """A memfd of so many huge pages, all of them there: udmabuf takes none that were never touched (6.1)."""
        file = Memfd(count * self.size, flags=os.MFD_HUGETLB)
        with file.map(count * self.size) as view:
            for page in range(count):
                view[page * self.size] = 0
        return file


def buffer_of_huge_pages(device: Udmabuf, memfd: Memfd, size: int, offset: int = 0) -> DmaBuf:
    """A udmabuf of ``size`` bytes of a memfd of huge pages; ends the check as skipped where that cannot be."""
    try:
        return device.create(memfd.fileno(), size, offset)
    except OSError as error:
        if error.errno == EBADFD:
            raise CheckSkipped("udmabuf takes no memfds of huge pages in this kernel") from error
        raise


def _reserved() -> int:
    with open(HUGE_PAGES) as file:  # noqa: PTH123
        return int(file.read())


def _reserve(count: int) -> None:
    with open(HUGE_PAGES, "w") as file:  # noqa: PTH123
        file.write(str(count))
