# SPDX-License-Identifier: GPL-2.0-only
"""Lines in the kernel log that tell what runs; and where a test starts, the kernel may complain again.

kernel/dma/debug.c prints the first error of a boot and is silent from then on, unless somebody gives it more to say.
So is what warns once (WARN_ON_ONCE() and its like), until that is cleared (admin-guide/clearing-warn-once.rst).
"""

from __future__ import annotations

import os

KMSG = "/dev/kmsg"
DMA_ERRORS = "/sys/kernel/debug/dma-api/num_errors"
REPORTS = 5
"""Errors that each test may print. A report has 50 lines, which a slow console takes half a second to write."""

WARNED_ONCE = "/sys/kernel/debug/clear_warn_once"

LISTEN = (
    f"{{ [ ! -w {DMA_ERRORS} ] || echo {REPORTS} > {DMA_ERRORS}; "
    f"[ ! -w {WARNED_ONCE} ] || echo 1 > {WARNED_ONCE}; }} 2> /dev/null || :"
)
"""Shell command that allows the next test its ``REPORTS``, where the kernel checks DMA mappings, and its warnings."""


def listen() -> None:
    """The same from Python."""
    _write(DMA_ERRORS, str(REPORTS))
    _write(WARNED_ONCE, "1")


def mark(text: str) -> None:
    """Write to the kernel log, if we may. Opened anew each time: the kernel limits the rate per open file."""
    _write(KMSG, f"dmabuf-harness: check {text}\n")


def _write(path: str, text: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
