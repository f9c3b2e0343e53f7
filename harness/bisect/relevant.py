# SPDX-License-Identifier: GPL-2.0-only
"""Which files can matter: those that took part in the builds of both ends, and those of which nobody can tell. Pure.

Only a file of a kind that the compiler reads, and that it read for neither end, is left out for sure; so are
documents, other architectures and default configurations. Makefiles, Kconfig files, scripts, tools and tables count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from harness.architecture import ARCHITECTURE

_COMPILED = frozenset({".c", ".h", ".S", ".rs"})
_NEVER = frozenset({".rst", ".yaml", ".dts", ".dtsi", ".dtso", ".gitignore", ".config"})
# What runs on the host, or beside the kernel, leaves no such record.
_HOST = ("scripts/", "tools/objtool/", "tools/lib/", "tools/build/", "tools/include/", "tools/arch/")
_SELFTESTS = "tools/testing/selftests/"
_BUILD_FILES = ("Makefile", "Kbuild", "Kconfig")
_TOPICS = ("Documentation/", "LICENSES/")


def relevant_files(touched: Mapping[str, Iterable[str]], sources: Collection[str]) -> tuple[str, ...]:
    """Of the files that the commits of ``touched`` change, those that can matter, sorted."""
    names = {name for files in touched.values() for name in files}
    return tuple(sorted(name for name in names if matters(name, sources)))


def matters(name: str, sources: Collection[str]) -> bool:
    """``sources``: the files that took part in building the ends."""
    path = PurePosixPath(name)
    if name in sources or name.startswith((*_HOST, _SELFTESTS)):
        return True
    if not ARCHITECTURE.owns(name):
        return False
    if path.name.startswith(_BUILD_FILES):
        return True
    is_default = path.name.endswith("_defconfig") or path.name.startswith(".git")
    return not (path.suffix in _COMPILED | _NEVER or is_default or name.startswith(_TOPICS))
