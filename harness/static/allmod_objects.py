# SPDX-License-Identifier: GPL-2.0-only
"""Single objects of a kernel tree, with everything enabled that can be.

An object tree of its own, apart from those of the kernels under test, is configured with ``allmodconfig``, less what
only makes compiling slow. Preparing it takes 25 s of CPU time, once for each work tree; then an object costs seconds.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.build.make import Kbuild
from harness.build.messages import parse, relative
from harness.cache_users import note_use
from harness.machine_failures import refuse_machine_failure
from harness.model import CompilerMessage
from harness.paths import cache_dir, write_atomic
from harness.scratch import unbroken
from harness.series import Tree
from harness.static.findings import Finding, coccicheck, sparse

# Instrumentation that costs time and finds nothing here; signatures and rust need more tools; and warnings must stay
# warnings, so that all are seen. objtool of old trees does not compile with new compilers, and is not needed.
_OFF = (
    *("WERROR", "DRM_WERROR", "DRM_I915_WERROR", "DRM_AMDGPU_WERROR", "DRM_XE_WERROR", "KVM_WERROR", "PPC_WERROR"),
    *("GCC_PLUGINS", "KASAN", "KMSAN", "KCSAN", "UBSAN", "KCOV", "GCOV_KERNEL", "DEBUG_INFO", "DEBUG_INFO_BTF"),
    *("MODULE_SIG", "MODVERSIONS", "RUST", "HEADERS_INSTALL", "UAPI_HEADER_TEST", "SYSTEM_TRUSTED_KEYRING"),
    *("STACK_VALIDATION", "UNWINDER_ORC"),
)
_ON = ("DEBUG_INFO_NONE", "UNWINDER_FRAME_POINTER")
_LENIENT = "WERROR=0"  # for tools/lib, which the build itself needs (tools/lib/subcmd/Makefile)
_KCONFIG = re.compile(
    r"(?P<path>[\w./-]*Kconfig[\w.-]*):(?P<line>\d+):\s*(?:(?P<level>error|warning):)?\s*(?P<text>.+)"
)
_UNMET = re.compile(r"WARNING: (unmet direct dependencies detected for \w+)")
_DEPENDENCIES = re.compile(r"^deps_\S+ := (.+?)\n\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Compiled:
    """The result of compiling the objects that were asked for.

    ``made``: those that are there now. ``errors``: of each of the others. ``warnings``: of the compiler, about C files
    and headers. ``sparse``: of sparse, if it ran.
    """

    made: frozenset[str] = frozenset()
    errors: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    warnings: tuple[Finding, ...] = ()
    sparse: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Configured:
    """``errors``: why there is no config. ``warnings``: of Kconfig."""

    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


class AllmodTree:
    """The object tree of a work tree, which the caller holds. ``log`` receives all output."""

    def __init__(self, tree: Tree, jobs: int, log: Path, notify: Callable[[str], None]) -> None:
        source = tree.path
        digest = hashlib.sha256(str(source).encode()).hexdigest()[:16]
        self._source = source
        self._commit = tree.commit
        place = cache_dir("static", digest)
        note_use(place)
        self.path = place / "objects"
        self._kbuild = Kbuild(source, self.path, jobs, log, notify)

    def working(self) -> AbstractContextManager[None]:
        """A context for what follows. A tree in which make was killed is made anew: files in it may be half written."""
        return unbroken(self.path)

    def configure(self, wanted: Collection[str], *, anew: bool) -> Configured:
        """Bring ``.config`` to what the source makes of it; ``wanted``: symbols that are not to be off.

        ``anew``: the Kconfig files are not those of the base; else what was made of these is taken again.
        """
        asked = "".join(f"# CONFIG_{symbol} is not set\n" for symbol in _OFF if symbol not in wanted)
        asked += "".join(f"CONFIG_{symbol}=y\n" for symbol in _ON)
        stamp, key = self.path / ".asked.done", f"{self._commit}\n{_compiler()}\n{asked}"
        if not anew and stamp.is_file() and stamp.read_text() == key:
            return Configured()
        stamp.unlink(missing_ok=True)
        write_atomic(self.path / ".asked", asked)
        fresh = self.path / ".config.new"
        env = {"KCONFIG_ALLCONFIG": str(self.path / ".asked"), "KCONFIG_CONFIG": str(fresh)}
        done = self._kbuild.run("allmodconfig", environment=env)
        found = list(_kconfig_messages(done.stdout, self._source))
        if not done.ok:
            errors = tuple(one for one in found if not one.text.startswith("warning")) or _last_words(done.stdout)
            return Configured(errors=errors)
        config, text = self.path / ".config", fresh.read_text()
        fresh.unlink()
        # A newer .config makes kbuild look at everything again.
        if not config.is_file() or config.read_text() != text:
            write_atomic(config, text)
        if not anew:
            write_atomic(stamp, key)
        return Configured(warnings=tuple(found))

    @property
    def config(self) -> str:
        """The text of ``.config``."""
        return (self.path / ".config").read_text()

    def compile(self, objects: Sequence[str], *, extra: bool) -> Compiled:
        """Make ``objects`` anew. ``extra``: with W=1, and sparse if it is installed."""
        for name in objects:
            (self.path / name).unlink(missing_ok=True)
        found_by_sparse = self.path / ".sparse"
        write_atomic(found_by_sparse, b"")
        checks = [f"C=1 CHECK=sh -c 'sparse \"$$@\" 2>>{found_by_sparse} || :' sh"] if process.which("sparse") else []
        options = ["W=1", *(checks[0].split(" ", 1) if checks else [])] if extra else []
        done = self._kbuild.run("-k", _LENIENT, *options, *objects)
        made = frozenset(name for name in objects if (self.path / name).is_file())
        located = list(parse(done.stdout.splitlines(), self._source, {}))
        errors: dict[str, list[Finding]] = {name: [] for name in objects if name not in made}
        elsewhere: list[Finding] = []
        warnings = []
        for one in located:
            said = one.message
            if said.severity == "error":
                errors.get(one.target, elsewhere).append(_finding(said))
            elif said.path.endswith((".c", ".h")) and "[-W" in said.text:  # W=1 also runs kernel-doc
                warnings.append(_finding(said))
        return Compiled(
            made,
            {name: tuple(own or elsewhere) for name, own in errors.items()},
            tuple(warnings),
            tuple(sparse(found_by_sparse.read_text(errors="surrogateescape"), str(self._source))),
        )

    def coccicheck(self, objects: Sequence[str]) -> tuple[Finding, ...]:
        """What the tree's semantic patches match in the sources of ``objects``, which are there."""
        check = f"CHECK=sh -c '{self._source}/scripts/coccicheck \"$$@\" || :' sh"
        done = self._kbuild.run("-k", _LENIENT, "C=2", check, "MODE=report", *objects)
        return tuple(coccicheck(done.stdout, str(self._source)))

    def sources(self, name: str) -> frozenset[str]:
        """The files of the tree that went into the object ``name``, as kbuild wrote down; empty if it is not there."""
        recorded = self.path / Path(name).parent / f".{Path(name).name}.cmd"
        match = _DEPENDENCIES.search(recorded.read_text()) if recorded.is_file() else None
        words = match[1].replace("\\\n", " ").split() if match else []
        paths = (
            relative(os.path.normpath(self.path / word), self._source) for word in words if not word.startswith("$(")
        )
        return frozenset(paths)


def _finding(message: CompilerMessage) -> Finding:
    """amdgpu and others name their headers "drivers/x/../y.h"."""
    return Finding(os.path.normpath(message.path) if message.path else "", message.line, message.text)


def _compiler() -> str:
    return process.check([ARCHITECTURE.tool("gcc"), "--version"], what="compiler").splitlines()[0]


def _kconfig_messages(output: str, source: Path) -> Iterator[Finding]:
    for line in output.splitlines():
        if match := _KCONFIG.match(line):
            level = f"{match['level']}: " if match["level"] else ""
            yield Finding(relative(match["path"], source), int(match["line"]), level + match["text"])
        elif match := _UNMET.search(line):
            yield Finding("", 0, match[1])


def _last_words(output: str) -> tuple[Finding, ...]:
    refuse_machine_failure(output, "object tree of the suite static")
    lines = [line for line in output.splitlines() if line.strip()]
    return (Finding("", 0, lines[-1] if lines else "make allmodconfig failed and said nothing"),)
