# SPDX-License-Identifier: GPL-2.0-only
"""From a patched source tree and a resolved config to a kernel that can be booted, or to the reason why not.

``build`` compiles in an object tree that stays for the next time and puts what came out into the kernel cache;
``lookup`` finds a finished kernel of the same content without touching the sources.
"""

from harness.build.build_kernel import build, lone_objects, lookup
from harness.build.build_request import BuildRequest, compiler, key
from harness.build.cache import find as find_kernel
from harness.build.cache import newest as newest_kernel
from harness.build.coverage_kernel import CounterNotes, counter_notes
from harness.build.kernel_digest import kernel_digest
from harness.build.object_trees import COUNTING
from harness.build.scope import Scope, load_scope
from harness.build.source_files import sources_of

__all__ = [
    "COUNTING",
    "BuildRequest",
    "CounterNotes",
    "Scope",
    "build",
    "compiler",
    "counter_notes",
    "find_kernel",
    "kernel_digest",
    "key",
    "load_scope",
    "lone_objects",
    "lookup",
    "newest_kernel",
    "sources_of",
]
