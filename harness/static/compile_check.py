# SPDX-License-Identifier: GPL-2.0-only
"""Compiling what a series touches, with it and without it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from harness.kconfig.lost_symbols import parse_config
from harness.static.allmod_objects import AllmodTree, Compiled, Configured
from harness.static.changed import ChangedFile, Changes
from harness.static.findings import Finding
from harness.static.makefiles import Makefiles
from harness.static.units import Units


@dataclass
class CompileFindings:
    """The results of compiling one state of the tree. ``units``: for each file the objects that were made for its sake.

    ``compiled``: by whom, for each file that went into an object. ``parts``: of each object, as far as the series
    touches them: what a header is warned of can depend on who includes it. ``off``: why a file is not enabled.
    ``plain``: what the compiler warns of at the kernel's own level; ``extra``: only with W=1.
    """

    config: Configured = field(default_factory=Configured)
    units: dict[str, tuple[str, ...]] = field(default_factory=dict)
    compiled: dict[str, str] = field(default_factory=dict)
    parts: dict[str, frozenset[str]] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)
    errors: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    plain: tuple[Finding, ...] = ()
    extra: tuple[Finding, ...] = ()
    sparse: tuple[Finding, ...] = ()
    cocci: tuple[Finding, ...] = ()

    def errors_of(self, path: str) -> tuple[Finding, ...]:
        """Why none of the objects for ``path`` could be made."""
        return tuple(dict.fromkeys(one for name in self.units.get(path, ()) for one in self.errors.get(name, ())))

    @property
    def objects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for names in self.units.values() for name in names))


class CompileCheck:
    """``objects``: of the work tree ``tree``, in which ``changes`` were made. ``cocci``: run coccicheck, too."""

    def __init__(self, tree: Path, objects: AllmodTree, changes: Changes, *, cocci: bool) -> None:
        self._tree = tree
        self._objects = objects
        self._changes = changes
        self._cocci = cocci
        self._files = [file for file in changes.files if file.is_source and not file.obstacle]

    def patched(self) -> CompileFindings:
        """Compile the objects of all files of the series; the tree holds it."""
        checked = CompileFindings(config=self._configure())
        if checked.config.errors or not self._files:
            return checked
        units = Units(self._tree, parse_config(self._objects.config))
        self._make(checked, {file.path: own for file in self._files if (own := units.own(file.path))})
        left = [
            file.path for file in self._files if file.path not in checked.units and file.path not in checked.compiled
        ]
        self._make_including(checked, left, units)
        for file in self._files:
            if file.path not in checked.compiled and (off := self._why_off(units, file.path, checked)):
                checked.off[file.path] = off
        self._sort_warnings(checked)
        if self._cocci:
            checked.cocci = self._objects.coccicheck([name for name in checked.objects if name not in checked.errors])
        return checked

    def base(self, patched: CompileFindings) -> CompileFindings:
        """The tree is at the base: what was bad with the series is tried again, under the names that it has there."""
        checked = CompileFindings(config=self._configure())
        if checked.config.errors:
            return checked
        wanted = {path: names for path, names in patched.units.items() if self._is_bad(path, names, patched)}
        old = {path: tuple(map(self._old_object, names)) for path, names in wanted.items()}
        made = self._objects.compile(list(dict.fromkeys(n for names in old.values() for n in names)), extra=True)
        checked.units = old
        checked.errors = {name: self._as_now(found) for name, found in made.errors.items()}
        checked.extra, checked.sparse = self._as_now(made.warnings), self._as_now(made.sparse)
        checked.compiled = {path: name for path, names in old.items() for name in names if name in made.made}
        if patched.cocci:
            checked.cocci = self._as_now(self._objects.coccicheck(sorted(made.made)))
        return checked

    def _configure(self) -> Configured:
        touched = any(file.is_kconfig for file in self._changes.files)
        makefiles = Makefiles(self._tree)
        wanted = {symbol for file in self._files for chain in makefiles.chains(file.path) for symbol in chain}
        return self._objects.configure(wanted, anew=touched)

    # --- with the series ----------------------------------------------------------------------

    def _make(self, checked: CompileFindings, units: dict[str, str]) -> None:
        checked.units |= {path: (name,) for path, name in units.items()}
        self._take(checked, self._objects.compile(list(units.values()), extra=True))

    def _make_including(self, checked: CompileFindings, paths: Iterable[str], units: Units) -> None:
        """Headers, and what others include like one, that went into none of the objects so far."""
        for path in paths:
            if path in checked.compiled:
                continue  # by what was made for the one before
            checked.units[path] = tuple(units.including(path))
            fresh = [name for name in checked.units[path] if name not in checked.errors]
            if fresh:
                self._take(checked, self._objects.compile(fresh, extra=True))

    def _take(self, checked: CompileFindings, made: Compiled) -> None:
        checked.errors |= made.errors
        checked.extra = (*checked.extra, *self._touched(made.warnings))
        checked.sparse = (*checked.sparse, *self._touched(made.sparse))
        paths = {file.path for file in self._files}
        for name in sorted(made.made):
            own = {path for path, names in checked.units.items() if names == (name,) and not path.endswith(".h")}
            checked.parts[name] = frozenset(paths & (self._objects.sources(name) | own))
            for path in checked.parts[name]:
                checked.compiled.setdefault(path, name)

    def _why_off(self, units: Units, path: str, checked: CompileFindings) -> str:
        if checked.errors_of(path) and (path.endswith(".h") or units.is_on(path)):
            return ""  # the errors say more
        if path.endswith(".h"):
            return "no file that this kernel compiles includes it"
        return units.off(path)

    def _sort_warnings(self, checked: CompileFindings) -> None:
        """Which of the warnings do not need W=1."""
        paths = {one.path for one in checked.extra}
        objects = sorted(name for name, parts in checked.parts.items() if parts & paths and name not in checked.errors)
        if objects:
            plain = set(self._objects.compile(objects, extra=False).warnings)
            checked.plain = tuple(one for one in checked.extra if one in plain)
            checked.extra = tuple(one for one in checked.extra if one not in plain)

    def _touched(self, found: Sequence[Finding]) -> tuple[Finding, ...]:
        paths = {file.path for file in self._changes.files}
        return tuple(one for one in found if one.path in paths)

    # --- without it ---------------------------------------------------------------------------

    def _is_bad(self, path: str, names: Collection[str], patched: CompileFindings) -> bool:
        said = {one.path for one in (*patched.plain, *patched.extra, *patched.sparse, *patched.cocci)}
        beside = any(patched.parts.get(name, frozenset()) & said for name in names)
        return bool(patched.errors_of(path)) or path in said or beside

    def _old_object(self, name: str) -> str:
        for suffix in (".c", ".S"):
            source = str(PurePosixPath(name).with_suffix(suffix))
            old = self._changes.old_path(source)
            if old != source:
                return str(PurePosixPath(old).with_suffix(".o"))
        return name

    def _as_now(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(replace(one, path=self._changes.new_path(one.path)) for one in found)


def needs_base(checked: CompileFindings, files: Iterable[ChangedFile]) -> bool:
    """True if anything was found that the base may have, too."""
    off = set(checked.off)
    failed = any(checked.errors_of(file.path) for file in files if file.path not in (off | set(checked.compiled)))
    config = checked.config.errors or checked.config.warnings
    return bool(failed or config or checked.plain or checked.extra or checked.sparse or checked.cocci)
