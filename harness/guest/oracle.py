# SPDX-License-Identifier: GPL-2.0-only
"""What a check must leave as it found it: descriptors, dma-bufs, attachments, DMA mappings, timelines, a quiet log.

``Inventory`` counts, ``KernelLog`` listens. What was found after one check, and was as before, is what there is before
the next one; else everything is read anew. So whatever is found is the doing of the check that ran.
"""

from __future__ import annotations

import os

from harness.guest import kernel
from harness.guest.kernel_text import text_of
from harness.guest.release_wait import ReleaseWait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SYNC_INFO = "/sys/kernel/debug/sync/info"
DMA_DEBUG = "/sys/kernel/debug/dma-api"
KMSG = "/dev/kmsg"

# Seconds. The last reference to a dma-buf may be dropped by a worker (a fence callback's fput), a moment after close().
RELEASE_LIMIT = 2.0
# Descriptors whose numbers are looked at: checks have fewer open at a time.
_NUMBERS = 32
_RECORD = 8192  # bytes: the longest that one read of /dev/kmsg gives
_NOTHING: Mapping[str, int] = {}
RELEASES = ReleaseWait()  # one in a process: what it learnt after one check is good for the next


def _read(path: str) -> str:
    """The text of a file; empty if it cannot be read."""
    try:
        return text_of(path)
    except OSError:
        return ""


def count_buffers(text: str) -> dict[str, int]:
    """Totals of the text of bufinfo (drivers/dma-buf/dma-buf.c, ``dma_buf_debug_show``); empty if it has none.

    "Total 2 devices attached" stands below each buffer, "Total 3 objects, 12288 bytes" at the end.
    """
    attachments, totals = 0, {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] != ["Total"]:
            continue
        if words[2:3] == ["devices"]:
            attachments += int(words[1])
        elif words[2:3] == ["objects,"]:
            totals = {"dma-buf": int(words[1]), "bytes of dma-bufs": int(words[3])}
    return {**totals, "attachment": attachments} if totals else {}


def count_timelines(text: str) -> dict[str, int]:
    """Number of sw_sync timelines in the text of sync/info (drivers/dma-buf/sync_debug.c); a fence keeps its timeline.

    After "objs:" and a ruled line each timeline begins with "NAME: VALUE", its fences are indented.
    """
    if "objs:" not in text:
        return {}
    timelines = text.partition("objs:")[2].partition("fences:")[0]
    return {"timeline": sum(": " in line and not line.startswith(" ") for line in timelines.splitlines())}


def count_mappings(total: str, free: str) -> dict[str, int]:
    """Number of DMA mappings, of all devices, from the texts of nr_total_entries and num_free_entries.

    They are there with CONFIG_DMA_API_DEBUG (kernel/dma/debug.c); QEMU's devices under test map nothing themselves.
    """
    if not total.strip() or not free.strip():
        return {}
    return {"DMA mapping": int(total) - int(free)}


def open_files() -> dict[str, str]:
    """Descriptor -> what it is open on."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib is slow to import
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
        except FileNotFoundError:  # the one that listed the directory
            continue
    return found


_reserved: set[int] = set()  # for good: each is told once, and belongs to the check that ran


def reserved_numbers(opened: Iterable[str]) -> set[int]:
    """Numbers of descriptors that none of ``opened`` has and nobody gets: a call took one with get_unused_fd_flags(),
    failed, and did not give it back. /proc/self/fd does not show them."""
    free = [os.open("/", os.O_PATH | os.O_CLOEXEC)]
    try:
        while free[-1] < _NUMBERS:
            free.append(os.dup(free[0]))
    except OSError:  # no more are allowed
        return set()
    finally:
        for fd in free:
            os.close(fd)
    return set(range(_NUMBERS)).difference(free, map(int, opened))


class Inventory:
    """What there was when it was made."""

    def __init__(self) -> None:
        self._files = open_files()
        self._counts = self._count()
        RELEASES.look_again(self._counts)

    def _count(self, before: Mapping[str, int] = _NOTHING) -> dict[str, int]:
        """How many objects there are. ``before``: how many there were, if that is known."""
        mappings = count_mappings(_read(f"{DMA_DEBUG}/nr_total_entries"), _read(f"{DMA_DEBUG}/num_free_entries"))
        # What was mapped before stays in the lists of a checker that has ended for ever.
        if not mappings.items() <= before.items() and _read(f"{DMA_DEBUG}/disabled").strip() == "Y":
            mappings = {}
        return {**count_buffers(kernel.bufinfo() or ""), **count_timelines(_read(SYNC_INFO)), **mappings}

    def leaked_files(self) -> list[str]:
        """A line for each descriptor that is open now and was not before, or is open on something else; and for each
        number that stays reserved."""
        now, before = open_files(), self._files
        self._files = now  # a descriptor is told once
        reserved = reserved_numbers(now) - _reserved
        _reserved.update(reserved)
        return [
            *(f"leaked descriptor {fd} -> {what}" for fd, what in now.items() if before.get(fd) != what),
            *(f"leaked descriptor {fd} -> nothing: its number stays reserved" for fd in sorted(reserved)),
        ]

    def leaked_objects(self, patience: float = 0.0) -> list[str]:
        """A line for each kind of kernel object of which there are more, or fewer, than before.

        ``patience``: seconds that they may take to go: a worker may drop the last reference, which tells nobody.
        """
        found = RELEASES.until_gone(self._changed, patience)
        return [
            f"{'leaked' if now > before else 'lost'} {abs(now - before)} {kind}: {now} now, before the check {before}"
            for kind, (before, now) in found.items()
        ]

    def _changed(self) -> dict[str, tuple[int, int]]:
        """Kind -> number before, and now, where they differ."""
        now = self._count(self._counts)
        return {kind: (before, now[kind]) for kind, before in self._counts.items() if now.get(kind, before) != before}


class KernelLog:
    """Listens to the kernel log from now on (Documentation/ABI/testing/dev-kmsg); silent where that is not allowed."""

    def __init__(self) -> None:
        self._fd = -1
        self._cut = False  # a line "cut here" came, and no report below it yet
        try:
            self._fd = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._fd, 0, os.SEEK_END)
        except OSError:
            self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def reports(self) -> list[str]:
        """First lines of the reports that the kernel printed since the last call; of an oops or a WARN, its others."""
        return [text for text in self._records() if self._is_report(text)]

    def _is_report(self, text: str) -> bool:
        # The host's own list, which the bundle holds (bundle.py). It needs re, which costs where nothing else does.
        from harness.splat.kinds import CUT_HERE, kind_of  # noqa: PLC0415

        if CUT_HERE.match(text):
            self._cut = True
            return False
        found = bool(kind_of(text, self._cut))
        self._cut = self._cut and not found
        return found

    def _records(self) -> list[str]:
        found: list[str] = []
        while self._fd >= 0:
            try:
                record = os.read(self._fd, _RECORD)
            except BrokenPipeError:  # some were overwritten before they were read: go on with the oldest there is
                continue
            except OSError:  # no more
                break
            priority, _, text = record.decode("utf-8", "replace").partition(";")
            # What programs write there (facility above 0) is no report of the kernel's.
            if int(priority.partition(",")[0]) < 8:
                found.append(text.partition("\n")[0])
        return found


def unexpected(reports: list[str], places: tuple[str, ...]) -> list[str]:
    """Those of ``reports`` that are no warnings in one of the functions ``places``."""
    return [report for report in reports if not warns_in(report, places)]


def warns_in(line: str, places: tuple[str, ...]) -> bool:
    """True for the line of a WARN that names the place, if that is one of the functions ``places``.

    "WARNING: CPU: 0 PID: 77 at drivers/a.c:12 f.isra.0+0x10/0x40 [module]" up to 6.x, "WARNING: drivers/a.c:12 at
    f+0x10/0x40, CPU#0: python3/77" from 7.x; no file without CONFIG_DEBUG_BUGVERBOSE.
    """
    if not line.startswith("WARNING: "):
        return False
    symbols = [word for word in line.split() if "+0x" in word and "/0x" in word]
    return bool(symbols) and symbols[0].partition("+0x")[0].partition(".")[0] in places
