# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel says against itself: found in its log, laid at the right door, named, explained.

``find_splats`` reads a console log; ``decode`` tells where in the source it was.
"""

from harness.splat.decode import Decoded, decode
from harness.splat.finder import find_splats
from harness.splat.fingerprint import Known, case_name, identity, is_among, is_called, is_proof
from harness.splat.hung import hung
from harness.splat.page_fault import is_oom_of_user_page_fault
from harness.splat.taint import silent
from harness.splat.unchecked import lock_checking_ended

__all__ = [
    "Decoded",
    "Known",
    "case_name",
    "decode",
    "find_splats",
    "hung",
    "identity",
    "is_among",
    "is_called",
    "is_oom_of_user_page_fault",
    "is_proof",
    "lock_checking_ended",
    "silent",
]
