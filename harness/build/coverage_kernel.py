# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that count which of their lines run: gcov's counters (Documentation/dev-tools/gcov.rst) in chosen objects.

Nothing in the tree or its config is changed, so such a kernel costs these objects and a link. All is said on make's
command line:

- ``CONFIG_GCOV_KERNEL=y`` makes kernel/gcov and has scripts/Makefile.lib ask ``GCOV_PROFILE_<stem>.o`` of each object;
- kbuild writes the arguments of objtool into each object's command: they stay as they are in the object tree;
- the symbol CONSTRUCTORS, which GCOV_KERNEL selects, is set for the two places that call constructors: init/main.c
  (``do_ctors``), and the linker script (``KERNEL_CTORS`` in include/asm-generic/vmlinux.lds.h). Elsewhere it is a part
  of struct module, and nearly all objects would be made again. Modules do not count for want of it;
- ``CFLAGS_GCOV``: at -O2 the compiler drops assignments of constants, joins "return -EINVAL;" of many places, and
  inlines functions, before it puts the counters in. With these passes off, the lines that count are those of -O0 but
  for a few.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.architecture import ARCHITECTURE
from harness.model import Kernel
from harness.paths import KERNEL_CONFIGS, write_atomic

_HEADER = KERNEL_CONFIGS / "coverage" / "counted_return.h"
_CONSTRUCTORS = KERNEL_CONFIGS / "coverage" / "constructors.h"
_OBJTOOL = re.compile(r"; \S*objtool/objtool((?: +--[\w=-]+)*) ")
_NOTES = "gcov"  # directory of a coverage kernel with the .gcno files, at their paths in the object tree
_FACTS = "trees.json"
_FLAGS = (
    *("-fprofile-arcs", "-ftest-coverage", "-fno-tree-loop-im"),  # as the kernel's own Makefile
    "-fprofile-update=prefer-atomic",  # old trees lack it: two CPUs that count at once lose a count
    f"-include {_HEADER.name}",
    *("-fno-early-inlining", "-fno-ssa-phiopt", "-fno-tree-ccp", "-fno-tree-copy-prop", "-fno-tree-dce"),
    *("-fno-tree-dse", "-fno-tree-forwprop", "-fno-tree-fre", "-fno-tree-switch-conversion", "-fno-tree-vrp"),
)
# Where each variable is set to zero first, its declaration would be a line that runs.
_PLAIN_VARIABLES = "-ftrivial-auto-var-init=uninitialized"
_INITIALISING = ("CONFIG_INIT_STACK_ALL_ZERO=y", "CONFIG_INIT_STACK_ALL_PATTERN=y")


@dataclass(frozen=True)
class CounterNotes:
    """What gcov needs to read the counters of a kernel. ``directory``: holds the .gcno files, at their paths in the
    object tree. ``objects``, ``source``: where that tree and the sources were when it was built."""

    directory: Path
    objects: str
    source: str


def recipe(profiled: Sequence[str]) -> list[str]:
    """The part of a kernel's key that names its counters; empty for a kernel without any."""
    if not profiled:
        return []
    return [
        *_FLAGS,
        _PLAIN_VARIABLES,
        *(hashlib.sha256(header.read_bytes()).hexdigest() for header in (_HEADER, _CONSTRUCTORS)),
        *profiled,
    ]


def prepare(objects: Path, profiled: Sequence[str], config: str) -> list[str]:
    """Variables for make with which the objects of ``profiled`` (C files) count; ``config``: the text of .config."""
    if not profiled:
        return []
    for header in (_HEADER, _CONSTRUCTORS):  # in the object tree the path has no spaces, and is the same for every user
        copy = objects / header.name
        if not copy.is_file() or copy.read_bytes() != header.read_bytes():
            write_atomic(copy, header.read_bytes())
    flags = [*_FLAGS, *([_PLAIN_VARIABLES] if any(line in config for line in _INITIALISING) else [])]
    stems = sorted({PurePosixPath(path).stem for path in profiled})
    return [
        "CONFIG_GCOV_KERNEL=y",
        f"CFLAGS_GCOV={' '.join(flags)}",
        *(f"GCOV_PROFILE_{stem}.o=y" for stem in stems),
        f"CFLAGS_main.o=-include {_CONSTRUCTORS.name}",
        f"CPPFLAGS_vmlinux.lds=-DCONFIG_CONSTRUCTORS=1 -U{ARCHITECTURE.name}",
        *_objtool(objects),
    ]


def _objtool(objects: Path) -> list[str]:
    """The arguments that objtool has in the object tree, if it has any: those with CONFIG_GCOV_KERNEL are others."""
    command = objects / "init" / ".main.o.cmd"
    found = _OBJTOOL.search(command.read_text(errors="replace")) if command.is_file() else None
    return [f"objtool-args-y={found[1].strip()}"] if found else []


def keep_notes(part: Path, objects: Path, source: Path, profiled: Sequence[str]) -> None:
    """Put what gcov needs of ``profiled`` into the directory of a kernel. What was not compiled has none."""
    for path in profiled:
        notes = PurePosixPath(path).with_suffix(".gcno")
        if (objects / notes).is_file():
            kept = part / _NOTES / notes
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(objects / notes, kept)
    if profiled:
        (part / _NOTES).mkdir(exist_ok=True)
        (part / _NOTES / _FACTS).write_text(json.dumps({"objects": str(objects), "source": str(source)}))


def counter_notes(kernel: Kernel) -> CounterNotes | None:
    """The notes of a coverage kernel; None for a kernel without counters."""
    directory = kernel.modules / _NOTES
    try:
        facts = json.loads((directory / _FACTS).read_text())
        return CounterNotes(directory, str(facts["objects"]), str(facts["source"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
