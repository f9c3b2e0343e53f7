# SPDX-License-Identifier: GPL-2.0-only
"""Runs in a guest: fails an allocation as it should not be done, outside of any call under test.

``/usr/bin/python3 -I -S missed_call.py PROJECT``: fail-nth is set, and then the process touches pages that are not
there yet, as an interpreter may between setting it and a call. A kernel up to 5.15 kills it for that; later ones say so
and try again.
"""

from __future__ import annotations

import mmap
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from harness.guest.failing import FAIL_NTH, Failing  # noqa: E402

if __name__ == "__main__":
    fail_nth = os.open(FAIL_NTH, os.O_RDWR)
    with Failing("page"), mmap.mmap(-1, 1 << 22) as untouched:
        os.write(fail_nth, b"1")
        for page in range(0, 1 << 22, mmap.PAGESIZE):
            untouched[page] = 1
        os.write(fail_nth, b"0")
