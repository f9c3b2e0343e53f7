# SPDX-License-Identifier: GPL-2.0-only
"""A page fault of user space that was told there is no memory, and started the OOM killer for it."""

from __future__ import annotations

import re

from harness.model import Splat

# mm/oom_kill.c: pagefault_out_of_memory() alone knows of no allocation (up to 5.15, and stable kernels without
# "mm, oom: do not trigger out_of_memory from the #PF"). arch/x86: 0033 is user space's code segment.
_NO_ALLOCATION = re.compile(r".{1,16} invoked oom-killer: gfp_mask=0x0\(")
_HANDLER = re.compile(r"^\s*pagefault_out_of_memory\+", re.MULTILINE)
_IN_USER_SPACE = re.compile(r"^RIP: 0033:", re.MULTILINE)
_IN_A_SYSTEM_CALL = re.compile(r"^\s*(?:entry_SYSCALL_64\w*|do_syscall_64)\+", re.MULTILINE)


def is_oom_of_user_page_fault(splat: Splat) -> bool:
    """True if ``splat`` tells of an OOM killer that a page fault started, and the fault was not in a system call."""
    return (
        splat.kind == "oom"
        and _NO_ALLOCATION.match(splat.title) is not None
        and _HANDLER.search(splat.text) is not None
        and _IN_USER_SPACE.search(splat.text) is not None
        and _IN_A_SYSTEM_CALL.search(splat.text) is None
    )
