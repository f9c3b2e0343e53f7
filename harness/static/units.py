# SPDX-License-Identifier: GPL-2.0-only
"""Which objects have to be made so that a file is compiled: its own, or that of a C file which includes it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from harness.gitcmd import run_git
from harness.kconfig.lost_symbols import why
from harness.kconfig.tree import read
from harness.model import SymbolRequest
from harness.static.makefiles import Makefiles

MAX_INCLUDERS = 3  # objects that are tried for one header
_NEAR = ("drivers/dma-buf/", "drivers/gpu/drm/", "lib/", "kernel/", "mm/", "drivers/")  # where small files are likely


class Units:
    """``tree``: as it is now. ``config``: values of its symbols."""

    def __init__(self, tree: Path, config: Mapping[str, str]) -> None:
        self._tree = tree
        self._config = config
        self._makefiles = Makefiles(tree)

    def own(self, path: str) -> str:
        """The object of a C or assembler file that some Makefile names, else empty."""
        return _object(path) if not path.endswith(".h") and self._makefiles.chains(path) else ""

    def including(self, path: str) -> Sequence[str]:
        """Objects of enabled C files that include ``path``, or a header that does; those near it first."""
        direct = list(self._includers(path))
        named = _enabled_first(self._objects(direct, path))
        if named:
            return named
        headers = [name for name in direct if name.endswith(".h")][: 3 * MAX_INCLUDERS]
        return _enabled_first(self._objects((far for name in headers for far in self._includers(name)), path))

    def is_on(self, path: str) -> bool:
        return any(not self._off(chain) for chain in self._makefiles.chains(path))

    def off(self, path: str) -> str:
        """Why no configuration that we know of compiles ``path``: the symbol that is off, and what keeps it off."""
        found = [self._off(chain) for chain in self._makefiles.chains(path)]
        if not found:
            return "no Makefile of the tree names it"
        symbol = min(found, key=len)[0] if all(found) else ""
        if not symbol:
            return ""
        request = SymbolRequest(symbol, "m", "", "", required=False)
        return f"needs CONFIG_{symbol}: {why(request, read(self._tree), self._config)}"

    def _off(self, chain: Iterable[str]) -> list[str]:
        return [symbol for symbol in dict.fromkeys(chain) if self._config.get(symbol, "n") == "n"]

    def _objects(self, names: Iterable[str], about: str) -> Iterator[str]:
        sources = sorted({name for name in names if name.endswith(".c")}, key=lambda name: _distance(name, about))
        return (_object(name) for name in sources if self.is_on(name))

    def _includers(self, path: str) -> list[str]:
        """Files with an #include line for something called as ``path`` is."""
        name = re.escape(PurePosixPath(path).name)
        line = rf'^[ \t]*#[ \t]*include[ \t]*["<](.*/)?{name}[">]'
        return run_git(self._tree, "grep", "--untracked", "-lE", line, "--", "*.c", "*.h").stdout.splitlines()


def _object(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(".o"))


def _enabled_first(objects: Iterator[str]) -> list[str]:
    return [name for name, _ in zip(objects, range(MAX_INCLUDERS), strict=False)]


def _distance(name: str, about: str) -> tuple[int, int, str]:
    """Sorts what shares most of its path with ``about`` first, then what is likely to compile fast."""
    shared = len(os.path.commonpath([name, about]))
    place = next((number for number, start in enumerate(_NEAR) if name.startswith(start)), len(_NEAR))
    return -shared, place, name
