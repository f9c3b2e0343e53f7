# SPDX-License-Identifier: GPL-2.0-only
"""The kselftests of the suites, built from the tree under test (Documentation/dev-tools/kselftest.rst)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.make import Kbuild

_SELFTESTS = Path("tools/testing/selftests")
_LIST, _SCRIPT = "kselftest-list.txt", "run_kselftest.sh"
_PROGRAM = re.compile(r'"([\w.-]+)"\s*\\?')  # a line of its own in the script of an old tree


@dataclass(frozen=True)
class InstalledSelftests:
    """``directory``: holds ``kselftest-list.txt``, or None if nothing was built. ``notes``: what is missing and why."""

    directory: Path | None
    notes: tuple[str, ...]


def install(kbuild: Kbuild, collections: Sequence[str], destination: Path) -> InstalledSelftests:
    """Build ``collections`` against the tree's own uapi headers and install into ``destination``.

    A collection that does not build is left out and said in ``notes``: the kernel can still be tested otherwise.
    """
    present = [name for name in collections if (kbuild.tree / _SELFTESTS / name / "Makefile").is_file()]
    notes = [f"kselftests {name}: not in this tree" for name in collections if name not in present]
    headers, objects = kbuild.objects / "kselftest-headers", kbuild.objects / "kselftest"
    # Neither is made from the tree at hand alone: headers_install leaves headers that are gone, and lib.mk makes a
    # program again only if its own source is newer, whatever became of the headers that it includes.
    for left in (headers, objects):
        shutil.rmtree(left, ignore_errors=True)
    if not kbuild.run("headers_install", f"INSTALL_HDR_PATH={headers}").ok:
        return InstalledSelftests(None, (*notes, "kselftests: headers_install failed, see build.log"))
    kbuild.run(
        f"TARGETS={' '.join(present)}",
        f"KHDR_INCLUDES=-isystem {headers / 'include'}",
        f"INSTALL_PATH={destination}",
        "install",
        directory=str(_SELFTESTS),
        objects=objects,
        # 5.10's Makefiles do not know KHDR_INCLUDES and look for the headers in the source tree.
        environment={"C_INCLUDE_PATH": str(headers / "include")},
        writable=[destination.parent],
    )
    _complete(destination)
    built = _collections(destination)
    notes += [f"kselftests {name}: not built, see build.log" for name in present if name not in built]
    return InstalledSelftests(destination if built else None, tuple(notes))


def _collections(destination: Path) -> set[str]:
    """Collections with at least one test in the list that run_kselftest.sh reads ("sync:sync_test" lines)."""
    listing = destination / _LIST
    lines = listing.read_text().splitlines() if listing.is_file() else []
    return {line.partition(":")[0] for line in lines if ":" in line}


def _complete(destination: Path) -> None:
    """Write the list for a tree from before 5.10, where run_kselftest.sh itself names the programs.

    Up to 5.9 tools/testing/selftests/Makefile writes the script, each collection as "cd sync", "run_many \\" and one
    program a line.
    """
    script = destination / _SCRIPT
    if script.is_file() and not (destination / _LIST).exists():
        named = [f"{collection}:{program}\n" for collection, program in _named(script.read_text())]
        (destination / _LIST).write_text("".join(named))


def _named(script: str) -> Iterator[tuple[str, str]]:
    collection = ""
    for line in map(str.strip, script.splitlines()):
        if line.startswith("cd ") and "$" not in line:
            collection = line.removeprefix("cd ")
        elif collection and (found := _PROGRAM.fullmatch(line)):
            yield collection, found[1]
