# SPDX-License-Identifier: GPL-2.0-only
"""What is asked of a config, and what is built: requests, the resolved config, the kernel or why there is none.

``harness.model`` has these values, too, beside all others of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# --- config -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SymbolRequest:
    """One line of a fragment: ``CONFIG_<symbol>=<value>`` and where and why it is asked for.

    ``value``: "y", "m", "n", a number or a quoted string, as in ``.config``.
    ``required``: without it the run is worthless (fatal); else only coverage is lost.
    ``if_present``: only asked of trees that know the symbol; where it does not exist, nothing is lost.
    """

    symbol: str
    value: str
    origin: str  # "kernel-configs/base.config:12"
    reason: str
    required: bool
    if_present: bool = False


@dataclass(frozen=True)
class ConfigProblem:
    """A requested symbol that did not come out as asked. ``why``: not in the tree, or the dependency that failed."""

    request: SymbolRequest
    got: str
    why: str

    @property
    def fatal(self) -> bool:
        return self.request.required


@dataclass(frozen=True)
class Variant:
    """A named configuration of the kernel under test, from ``kernel-configs/variants.toml``."""

    name: str  # "move-notify-on"
    title: str
    options: Mapping[str, str]  # symbol without CONFIG_ -> value


@dataclass(frozen=True)
class ResolvedConfig:
    """What ``olddefconfig`` made of the fragments for one variant. ``sha256`` is over the text of ``.config``.

    ``unknown``: symbols of the variant that the tree does not have.
    """

    variant: Variant
    text: str
    sha256: str
    problems: tuple[ConfigProblem, ...]
    unknown: tuple[str, ...] = ()


# --- build ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompilerMessage:
    """An error or warning of the compiler, assembler or linker.

    ``line`` is 0 if unknown. ``added``: the line is one that the patch adds. ``path`` is relative to the tree.
    """

    path: str
    line: int
    severity: str  # "error" | "warning"
    text: str
    added: bool = False


SYMBOLS = "vmlinux.debug"  # beside a kernel's image: what is needed to decode its stack traces


@dataclass(frozen=True)
class Kernel:
    """A finished kernel with all that its tests need, in the kernel cache: identified by content.

    ``key``: hash of source tree id, resolved config, compiler and recipe. ``image``: what QEMU boots.
    ``modules``: directory that holds ``lib/modules/<release>``. ``kselftests``: the installed selftests
    (with ``kselftest-list.txt``), or None if they could not be built (``notes`` says why).
    ``probe_failure``: why it has no module dmabuf_probe, empty if it has one.
    """

    key: str
    release: str  # "6.12.117"
    image: Path
    config: Path
    modules: Path
    kselftests: Path | None
    log: Path
    compiler: str
    warnings: tuple[CompilerMessage, ...] = ()  # new ones, in files that the patch touches
    notes: tuple[str, ...] = ()
    probe_failure: str = ""
    reused: bool = False  # came from the cache, nothing was compiled

    @property
    def symbols(self) -> Path | None:
        """ELF file with symbols and line numbers of ``image``, or None."""
        path = self.image.with_name(SYMBOLS)
        return path if path.is_file() else None

    def config_value(self, symbol: str) -> str:
        """Value of ``CONFIG_<symbol>`` in this kernel's config; "n" if unset or unknown."""
        for line in self.config.read_text().splitlines():
            if line.startswith(f"CONFIG_{symbol}="):
                return line.partition("=")[2]
        return "n"


@dataclass(frozen=True)
class BuildFailure:
    """The kernel did not build: a result, shown with file, line and message. ``stage``: "kernel", "modules", ..."""

    stage: str
    messages: tuple[CompilerMessage, ...]
    log: Path
    tail: str  # last lines of the log, for failures without a recognised message
