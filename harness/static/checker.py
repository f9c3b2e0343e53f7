# SPDX-License-Identifier: GPL-2.0-only
"""The suite ``static``: what can be said of a series without booting anything.

It compiles each file that the series touches, and has the tree's own scripts look at it; what the base has, too, is not
the series' fault. Everything that it finds is kept as it comes, so that a run that is cut off has it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness import process
from harness.gitcmd import write_files
from harness.model import PlannedTest, Status, TestResult
from harness.scratch import scratch
from harness.series import Applied, Patch
from harness.static import scripts, settings
from harness.static.allmod_objects import AllmodTree
from harness.static.changed import ChangedFile, Changes, changes
from harness.static.compile_check import CompileCheck, CompileFindings, needs_base
from harness.static.findings import Finding, Remark
from harness.static.telling import compile_case, skipped, told

SUITE = "static"
_TOOLS = {settings.SPARSE: ("sparse", "sparse"), settings.COCCI: ("spatch", "coccinelle")}  # kind: program, package
_SLOW = "takes a minute for each file: --thorough runs it"
_HELP_TYPE = "CONFIG_DESCRIPTION"
_FIXES_TYPES = frozenset({"BAD_FIXES_TAG", "GIT_COMMIT_ID", "COMMIT_LOG_USE_LINK", "BAD_REPORTED_BY_LINK"})
_COMPILED_KINDS = (settings.WARNINGS, settings.EXTRA, settings.SPARSE, settings.COCCI)


@dataclass
class _Found:
    """``patched``, ``base``: of each kind. ``unusable``: why a script said nothing, by kind or patch."""

    patched: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    base: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    remarks: dict[str, tuple[Remark, ...]] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)


class PatchCheck:
    """The suite for the series in ``applied``. First ``plan``, then ``patched``, then ``base`` if it is needed.

    ``directory``: for logs, inside the run directory. ``prefix``: its path from there. ``red``: kinds that count.
    ``thorough``: also what takes a minute for each file.
    """

    def __init__(
        self,
        applied: Applied,
        directory: Path,
        prefix: str,
        jobs: int,
        red: Collection[str],
        notify: Callable[[str], None],
        *,
        thorough: bool = False,
    ) -> None:
        self._applied = applied
        self._directory = directory
        self._prefix = prefix
        self._jobs = jobs
        self._red = red
        self._notify = notify
        self._changes: Changes = changes(applied)
        self._tree = applied.tree.path
        self._lacking = {kind: f"not installed: {package}" for kind, package in _lacking()}
        if not thorough:
            self._lacking.setdefault(settings.COCCI, _SLOW)
        self._wanted: frozenset[PlannedTest] = frozenset()
        self._look: CompileFindings | None = None
        self._base_look: CompileFindings | None = None
        self._found = _Found()

    # --- plan ---------------------------------------------------------------------------------

    def plan(self) -> tuple[PlannedTest, ...]:
        """A test for each kind and file, and for each kind and patch."""
        return tuple(PlannedTest(SUITE, name) for kind in settings.KINDS for name in self._names(kind))

    def _names(self, kind: str) -> Iterator[str]:
        if kind in self._lacking:
            yield f"{SUITE}.{kind}"
        elif kind == settings.MAINTAINERS:
            yield from [f"{SUITE}.{kind}"] if self._changes.moved or self._maintainers_touched else []
        else:
            subjects = [file.path for file in self._files(kind)] or list(self._patches(kind))
            yield from (_name(kind, subject) for subject in subjects)

    def _files(self, kind: str) -> Iterator[ChangedFile]:
        for file in self._changes.files:
            kconfig = file.is_kconfig and kind in (settings.COMPILE, settings.WARNINGS)
            source = file.is_source and (kind == settings.COMPILE or (kind in _COMPILED_KINDS and not file.obstacle))
            comments = kind == settings.DOC and file.has_comments and not file.obstacle
            if kconfig or source or comments:
                yield file

    def _patches(self, kind: str) -> dict[str, Patch]:
        """Those that ``kind`` is about, by what they are called in names of tests."""
        left = [patch for patch in self._applied.patches if patch.subject not in self._applied.already_in_base]
        called = {f"{number} {patch.subject}".strip(): patch for number, patch in enumerate(left, 1)}
        if kind in (settings.STYLE, settings.STYLE_WARNINGS):
            return called
        if kind == settings.FIXES:
            return {name: patch for name, patch in called.items() if patch.message}
        if kind == settings.HELP:
            return {name: patch for name, patch in called.items() if any("Kconfig" in file for file in patch.files)}
        return {}

    @property
    def _maintainers_touched(self) -> bool:
        return any(file.path == "MAINTAINERS" for file in self._changes.files)

    @property
    def _entries_change(self) -> bool:
        """True if an entry of MAINTAINERS may match nothing now. To ask takes the script minutes."""
        return self._maintainers_touched or bool(self._changes.gone)

    # --- work ---------------------------------------------------------------------------------

    def patched(self, wanted: Iterable[PlannedTest]) -> None:
        """Run the tests ``wanted``, part of the plan, on the tree, which holds the series."""
        self._wanted = frozenset(wanted)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._scripts()
        if self._wants(settings.COMPILE, *_COMPILED_KINDS):
            objects = self._object_tree("patched")
            with objects.working():
                self._look = self._looker(objects).patched()

    @property
    def needs_base(self) -> bool:
        """True if something was found of which only the base can tell whether it is new."""
        checked = self._look is not None and needs_base(self._look, self._changes.files)
        return checked or self._asks_about_entries

    def base(self) -> None:
        """Run the tests that found something again on the base, which the tree holds now."""
        if self._look is not None and needs_base(self._look, self._changes.files):
            objects = self._object_tree("base")
            with objects.working():
                self._base_look = self._looker(objects).base(self._look)
        if self._asks_about_entries:
            self._attempt(settings.MAINTAINERS, self._base_maintainers)

    @property
    def _asks_about_entries(self) -> bool:
        """True if something was found in MAINTAINERS, and so perhaps in the base's, too."""
        return self._entries_change and bool(self._found.patched.get(settings.MAINTAINERS))

    def _base_maintainers(self) -> None:
        self._found.base[settings.MAINTAINERS] = tuple(scripts.unmatched(self._tree))

    def _looker(self, objects: AllmodTree) -> CompileCheck:
        cocci = self._wants(settings.COCCI)
        return CompileCheck(self._tree, objects, self._changes, cocci=cocci)

    def _object_tree(self, side: str) -> AllmodTree:
        return AllmodTree(self._applied.tree, self._jobs, self._directory / f"{side}.log", self._notify)

    def _wants(self, *kinds: str) -> bool:
        starts = tuple(f"{SUITE}.{kind}/" for kind in kinds)
        return any(test.name.startswith(starts) for test in self._wanted)

    def _scripts(self) -> None:
        if self._wants(settings.DOC):
            self._attempt(settings.DOC, self._documentation)
        if self._wants(settings.STYLE, settings.STYLE_WARNINGS, settings.FIXES, settings.HELP):
            for name, patch in self._patches(settings.STYLE).items():
                self._attempt(name, partial(self._style, name, patch))
        if PlannedTest(SUITE, f"{SUITE}.{settings.MAINTAINERS}") in self._wanted:
            self._attempt(settings.MAINTAINERS, self._maintainers)

    def _attempt(self, what: str, script: Callable[[], None]) -> None:
        try:
            script()
        except scripts.Unusable as trouble:
            self._found.unusable[what] = str(trouble)

    def _style(self, name: str, patch: Patch) -> None:
        self._found.remarks[name] = scripts.style(self._tree, patch)

    def _maintainers(self) -> None:
        found = tuple(scripts.unmaintained(self._tree, self._changes.added))
        if self._entries_change:
            found += tuple(scripts.unmatched(self._tree))
        self._found.patched[settings.MAINTAINERS] = found

    def _documentation(self) -> None:
        """Needs no work tree for the base: the same script reads both, and nothing else does."""
        files = list(self._files(settings.DOC))
        now = scripts.documentation(self._tree, self._tree, [file.path for file in files])
        self._found.patched[settings.DOC] = now
        said = {one.path for one in now}
        old = {file.old: file.path for file in files if file.old and file.path in said}
        with scratch("doc") as place:
            write_files(self._tree, self._applied.tree.commit, old, place)
            before = scripts.documentation(self._tree, place, old)
        self._found.base[settings.DOC] = tuple(Finding(old.get(f.path, f.path), f.line, f.text) for f in before)

    # --- results ------------------------------------------------------------------------------

    def results(self) -> tuple[TestResult, ...]:
        """The results of the tests that were wanted, as far as they are known."""
        planned = [test.name for test in self.plan() if test in self._wanted]
        return tuple(result for name in planned if (result := self._result(name)) is not None)

    def _result(self, name: str) -> TestResult | None:
        kind, _, subject = name.removeprefix(f"{SUITE}.").partition("/")
        if kind in self._lacking:
            return TestResult(SUITE, name, Status.SKIP, message=self._lacking[kind])
        if why := self._found.unusable.get(kind if kind in (settings.DOC, settings.MAINTAINERS) else subject):
            return skipped(TestResult(SUITE, name, Status.PASS), why)
        if kind in (settings.COMPILE, *_COMPILED_KINDS):
            return self._of_look(kind, name, subject)
        if kind in (settings.DOC, settings.MAINTAINERS):
            if kind not in self._found.patched:
                return None
            return self._told(kind, name, self._found.patched[kind], self._found.base.get(kind, ()), subject)
        remarks = self._found.remarks.get(subject)
        return None if remarks is None else self._told(kind, name, list(_of_kind(kind, remarks)), ())

    def _of_look(self, kind: str, name: str, path: str) -> TestResult | None:
        checked, base = self._look, self._base_look
        if checked is None or (base is None and needs_base(checked, self._changes.files)):
            return None
        base = base or CompileFindings()
        log = f"{self._prefix}/patched.log"
        file = next(file for file in self._changes.files if file.path == path)
        if kind == settings.COMPILE:
            return compile_case(
                TestResult(SUITE, name, Status.PASS, log=log), file, checked, base, self._applied.added, self._red
            )
        if not file.is_kconfig and path not in checked.compiled:
            return TestResult(SUITE, name, Status.SKIP, message="was not compiled", not_applicable=True)
        return self._told(kind, name, *_both(kind, file, checked, base), path, log)

    def _told(
        self,
        kind: str,
        name: str,
        found: Sequence[Finding],
        before: Sequence[Finding],
        path: str = "",
        log: str = "",
    ) -> TestResult:
        mine, old = ([one for one in some if not path or one.path == path] for some in (found, before))
        return told(TestResult(SUITE, name, Status.PASS, log=log), mine, old, self._applied.added, kind in self._red)


def _lacking() -> Iterator[tuple[str, str]]:
    """Kinds whose program is not there, and its package."""
    return ((kind, package) for kind, (program, package) in _TOOLS.items() if not process.which(program))


def _name(kind: str, subject: str) -> str:
    return f"{SUITE}.{kind}/{subject}"


def _both(
    kind: str, file: ChangedFile, checked: CompileFindings, base: CompileFindings
) -> tuple[Sequence[Finding], Sequence[Finding]]:
    """What was found with the series and without it. At the base nobody asked which warnings need W=1."""
    if file.is_kconfig:
        return (_config_warnings(file, checked), _config_warnings(file, base))
    return {
        settings.WARNINGS: (checked.plain, (*base.plain, *base.extra)),
        settings.EXTRA: (checked.extra, (*base.plain, *base.extra)),
        settings.SPARSE: (checked.sparse, base.sparse),
        settings.COCCI: (checked.cocci, base.cocci),
    }[kind]


def _config_warnings(file: ChangedFile, checked: CompileFindings) -> list[Finding]:
    """An unmet dependency has no place: it is told of each Kconfig file that the series touches."""
    return [replace(one, path=one.path or file.path) for one in checked.config.warnings]


def _of_kind(kind: str, remarks: Iterable[Remark]) -> Iterator[Finding]:
    for remark in remarks:
        own = settings.STYLE if remark.level == "ERROR" else settings.STYLE_WARNINGS
        own = settings.HELP if remark.type == _HELP_TYPE else settings.FIXES if remark.type in _FIXES_TYPES else own
        if own == kind and remark.level != "CHECK":
            yield remark.finding
