# SPDX-License-Identifier: GPL-2.0-only
"""Let the n-th allocation inside one system call fail (Documentation/fault-injection/fault-injection.rst).

/proc/self/fail-nth holds a number that every allocation of this thread counts down; the one that reaches zero fails.
So calling again and again with 1, 2, 3, ... makes each error path run once. What counts are the allocations of the
system calls in kernel.py that a check makes (ioctl, open, mmap), and no other: armed_calls.py sees to that.
"""

from __future__ import annotations

import os

from harness.guest.armed_calls import POSITION_FILE, ArmedCalls
from harness.guest.registry import CheckFailed, CheckSkipped, errno_name, expect, measurement
from harness.guest.system_calls import made_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FAIL_NTH = "/proc/self/fail-nth"
SETTINGS = "/sys/kernel/debug"
# Beyond any ioctl's number of allocations; reached only if the kernel counts none.
IN_TURN = "allocations failed in turn"  # in what a test measured
_MOST = 400

# One kind of allocation at a time: whether a slab needs a page is chance, and would shift the count of the others.
# ignore-gfp-*: without it only allocations that must not sleep, and none for user memory, would fail.
# cache-filter and min-order: how to have none of the other kind.
_KINDS = {
    "slab": {"failslab/ignore-gfp-wait": "N", "fail_page_alloc/min-order": "99"},
    "page": {
        "failslab/cache-filter": "Y",
        "fail_page_alloc/ignore-gfp-wait": "N",
        "fail_page_alloc/ignore-gfp-highmem": "N",
        "fail_page_alloc/min-order": "0",
    },
}
_QUIET = {"failslab/verbose": "0", "fail_page_alloc/verbose": "0"}
# How often a failure may be injected: counted down by each, though fail-nth does not ask it.
_COUNTERS = ("failslab/times", "fail_page_alloc/times")


def _read(name: str) -> str:
    with open(f"{SETTINGS}/{name}") as file:  # noqa: PTH123 - pathlib is slow to import
        return file.read().strip()


def _write(name: str, value: str) -> None:
    with open(f"{SETTINGS}/{name}", "w") as file:  # noqa: PTH123
        file.write(value)


class Failing:
    """Context manager: allocations of ``kind`` ("slab", "page") can be made to fail; it restores the settings."""

    def __init__(self, kind: str) -> None:
        self._wanted = {**_KINDS[kind], **_QUIET}

    def __enter__(self) -> Failing:
        try:
            self._fd = os.open(FAIL_NTH, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError) as error:
            raise CheckSkipped(f"{FAIL_NTH} cannot be opened: needs root and CONFIG_FAULT_INJECTION") from error
        try:
            self._before = {name: _read(name) for name in (*self._wanted, *_COUNTERS)}
        except OSError as error:
            os.close(self._fd)
            raise CheckSkipped(f"{error.filename} cannot be read: needs CONFIG_FAULT_INJECTION_DEBUG_FS") from error
        try:
            self._calls = ArmedCalls(self._fd, POSITION_FILE).__enter__()
        except BaseException as error:
            os.close(self._fd)
            if isinstance(error, FileNotFoundError):
                raise CheckSkipped(f"{POSITION_FILE} cannot be made: its directory is not there") from error
            raise
        for name, value in self._wanted.items():
            _write(name, value)
        return self

    def __exit__(self, *error: object) -> None:
        for name, value in self._before.items():
            _write(name, value)
        self._calls.__exit__(*error)
        os.close(self._fd)

    def once(self, number: int, call: Callable[[], object]) -> tuple[object, OSError | None, bool]:
        """Do ``call`` with its allocation ``number`` (from 1) failing.

        Gives what it returned, or the error that it raised, and whether anything failed: if not, it makes fewer.
        """
        result, raised = None, None
        self._calls.left = number
        with made_by(self._calls):
            try:
                result = call()
            except OSError as error:
                raised = error
        return result, raised, self._calls.left == 0


def each_allocation(
    call: Callable[[], object],
    undo: Callable[[object], object],
    allowed: tuple[int, ...],
    look: Callable[[], object] = lambda: None,
) -> None:
    """Do ``call`` once for each allocation that it makes, with this one failing; then once with none failing.

    It must succeed, and then ``undo`` gets what it returned, or end with an error of ``allowed``. ``look`` is called
    after each and raises ``CheckFailed`` if something is not as it should be.
    """
    told, errors = [], 0
    for kind in _KINDS:
        with Failing(kind) as allocations:
            numbers, last = [1], 0
            while numbers:
                number = numbers.pop(0)
                expect(number < _MOST, f"still failing after {_MOST} calls")
                result, error, failed = allocations.once(number, call)
                errors += error is not None
                where = f"when {kind} allocation {number} fails" if failed else "although no allocation failed"
                _judge(error, allowed if failed else (), where)
                if error is None:
                    undo(result)
                _look(look, where)
                if failed and number > last:
                    last, numbers = number, [number + 1, *_again(number)]
            told.append(f"{last} {kind}")
    expect(errors > 0, f"no error at all when {' and '.join(told)} allocations failed in turn")
    measurement(f"{' and '.join(told)} {IN_TURN}: {errors} errors")


def _again(last: int) -> list[int]:
    """The numbers to try once more when ``last`` seems to be that of the last allocation.

    A call makes one more if something that was set aside is used up: idr_preload() keeps nodes for each processor. The
    last allocation then fails under another number, or was never the one.
    """
    return [number for number in (last, last - 1, last + 1, last + 2) if number > 0]


def _judge(error: OSError | None, allowed: tuple[int, ...], where: str) -> None:
    if error is not None:
        expect(error.errno in allowed, f"{errno_name(error.errno or 0)} {where}")


def _look(look: Callable[[], object], where: str) -> None:
    try:
        look()
    except CheckFailed as trouble:
        raise CheckFailed(f"{trouble} {where}") from trouble
