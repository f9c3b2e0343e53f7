# SPDX-License-Identifier: GPL-2.0-only
"""What a run is asked to do, and the same with every name looked up: bad input ends here, before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import UserError
from harness.executor import JobSource, KernelJob
from harness.identities import OWN_TESTS
from harness.intake import DEFAULT_SERIES, Fixup, bundled_series, facts_of, load_fixups, load_series, read_patches
from harness.interfaces import JobLimits, Suite
from harness.kconfig import load_fragments, load_variants, select, variants_of
from harness.model import Kernel, SymbolRequest, Variant
from harness.paths import exists
from harness.pipeline.base import choose_base
from harness.pipeline.patches import Taken, take
from harness.pipeline.plan import refuse_unknown_checks
from harness.process import sandbox_asked
from harness.series import Patch
from harness.source import BaseSpec, parse_base
from harness.static import SUITE as STATIC
from harness.static import load_red
from harness.suites import PytestSuite, by_relevance, select_suites, suite_folders
from harness.verdict import Expectation, load_expectations, own_expectations

DEFAULT_REPEAT = 3


@dataclass(frozen=True)
class SourceRequest:
    """Which source is tested.

    ``base``: empty: the one that the patches are from, see ``pipeline.base``.
    ``patches``: files and ranges of commits as named by the user. ``worktree``: and the uncommitted changes of the tree
    that the user stands in. ``reverts``: patches and commits to take back first. None of these means the bundled
    series, unless ``no_patch``. ``up_to``: how many patches of what was named are tested, None: all.
    ``pick``: number or subject of the one patch to take of ``patches``, or version or message id of the series.
    ``fixups``: patches, or names of bundled series, that the base needs. ``no_fixups``: none of ours.
    ``project``: the file that options were taken from, as a patch would name it; empty if there is none.
    ``written``: reports that the user names: in a tree, they are no work.
    """

    base: str = ""
    patches: tuple[Path, ...] = ()
    worktree: bool = False
    reverts: tuple[Path, ...] = ()
    up_to: int | None = None
    no_patch: bool = False
    pick: str | None = None
    fixups: tuple[Path, ...] = ()
    no_fixups: bool = False
    project: str = ""
    written: tuple[Path, ...] = ()


@dataclass(frozen=True)
class SuiteRequest:
    """Which tests run, on which variants.

    ``variant_of``: symbols whose on and off are the variants. ``suites``: none: all. ``only``: names of tests, groups
    and patterns. ``pytest``: the user's own files.
    """

    variant: str = "all"
    variant_of: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()
    pytest: tuple[Path, ...] = ()


@dataclass(frozen=True)
class RunRequest:
    """The command line of ``dmabuf-harness run``, still unchecked.

    ``command``: what the user typed. ``limits``: of the tests of one kernel. ``accel``: of this machine's guests.
    ``jobs``: of make. ``no_base``: do not test the base without the patch. ``repeat``: how often what is bad only with
    the patch is repeated. ``strict``: what is bad on the base, too, counts. ``coverage``: afterwards measure which
    changed lines run. ``quick``: only the tests that reach the change, as far as a reach map can tell.
    ``expectations``: files of the user's.
    """

    command: tuple[str, ...]
    source: SourceRequest = field(default_factory=SourceRequest)
    tests: SuiteRequest = field(default_factory=SuiteRequest)
    limits: JobLimits = field(default_factory=JobLimits)
    accel: str = "auto"
    jobs: int = 2
    no_base: bool = False
    repeat: int = DEFAULT_REPEAT
    strict: bool = False
    expectations: tuple[Path, ...] = ()
    coverage: bool = False
    quick: bool = False


@dataclass(frozen=True)
class RunJob:
    """A checked request: every name stands for something that exists. ``notes``: what the user should know of it.

    ``directory``: of the run.
    ``suites``: those that need a kernel, as they run; ``order``: why so, empty if it is the usual order.
    ``static``: look at the patch itself, too. ``red``: what of that counts.
    ``prerequisites``: patches that the base needs, as the user says.
    ``fixups``: all of ours; each tree takes what it needs.
    ``counting``: its kernels count which of their lines run (see ``pipeline.reach_measuring``).
    """

    request: RunRequest
    directory: Path
    base: BaseSpec
    patches: tuple[Patch, ...]
    variants: tuple[Variant, ...]
    symbols: tuple[SymbolRequest, ...]
    suites: tuple[Suite, ...]
    expectations: tuple[Expectation, ...]
    notes: tuple[str, ...] = ()
    static: bool = False
    red: frozenset[str] = frozenset()
    prerequisites: tuple[Patch, ...] = ()
    fixups: tuple[Fixup, ...] = ()
    order: str = ""
    counting: bool = False

    def plan(self) -> dict[str, object]:
        """What ``plan.json`` says: enough to know what the run was after, should it be cut off."""
        return {
            "command": list(self.request.command),
            "base": self.base.text,
            "below the patches": [patch.subject for patch in self.prerequisites],
            "patches": [{"subject": patch.subject, "files": list(patch.files)} for patch in self.patches],
            "variants": [variant.name for variant in self.variants],
            "suites": self.suite_names,
            "order of the suites": self.order,
            "only": sorted(self.request.tests.only),
            "base without the patch": self.wants_base,
            "repeat": self.request.repeat,
            "coverage": self.request.coverage,
            "quick": self.request.quick,
            "limits": self.request.limits,
            "sandbox": sandbox_asked(),
            "own fixups": not self.request.source.no_fixups,
        }

    @property
    def suite_names(self) -> list[str]:
        return [*(suite.name for suite in self.suites), *([STATIC] if self.static else [])]

    @property
    def wants_base(self) -> bool:
        """True if there is a patch, and what it changes is to be told of kernels."""
        return bool(self.patches and self.suites) and not self.request.no_base

    def kernel_job(self, variant: Variant, kernel: Kernel, source: JobSource) -> KernelJob:
        """The suites on ``kernel``, which was made from ``source``. What they have is still to be planned."""
        return KernelJob(
            kernel=kernel.key,
            variant=variant,
            suites=tuple(suite.name for suite in self.suites),
            narrowed=bool(self.request.tests.only),
            own_tests={suite.name: str(suite.path) for suite in self.suites if isinstance(suite, PytestSuite)},
            source=source,
            limits=self.request.limits,
        )

    def of_base(self) -> RunJob:
        """The job of the base: without the patch, in a directory of its own inside that of the run."""
        return replace(self, patches=(), directory=self.directory / "base")


def check(request: RunRequest, directory: Path) -> RunJob:
    """Look up everything that the request names; the run is to be in ``directory``.

    Raises ``UserError``; cached trees are read for a guess at most.
    """
    source, tests = request.source, request.tests
    taken, patches = _patches(source, directory)
    _refuse_own_options(source.project, patches)
    prerequisites, fixups = _prerequisites(source.fixups), () if source.no_fixups else load_fixups()
    base, why = choose_base(source.base, taken, prerequisites, fixups)
    suites, order = ((), "") if _only_static(tests) else _suites(tests, patches)
    return RunJob(
        request=request,
        directory=directory,
        base=parse_base(base),
        patches=patches,
        variants=_variants(tests),
        symbols=load_fragments(),
        suites=suites,
        expectations=(*own_expectations(request.expectations), *load_expectations()),
        notes=(*why, *taken.notes, *([f"order of the suites: {order}"] if order else [])),
        static=_wants_static(tests, patches),
        red=load_red(),
        prerequisites=prerequisites,
        fixups=fixups,
        order=order,
    )


def _patches(source: SourceRequest, directory: Path) -> tuple[Taken, tuple[Patch, ...]]:
    """What was taken, and the patches that are tested."""
    ours, work = (directory, *source.written), source.worktree
    taken = take(source.base, source.patches, source.reverts, worktree=work, ours=ours, pick=source.pick)
    patches = taken.patches or (() if source.no_patch else load_series(bundled_series()[DEFAULT_SERIES]))
    if source.up_to is not None and source.up_to > len(patches):
        raise UserError(f"there are only {len(patches)} patches", where=f"--up-to {source.up_to}", hint="name fewer")
    return taken, patches[: source.up_to]


def _refuse_own_options(project: str, patches: Sequence[Patch]) -> None:
    """What is tested must not say how: it could leave out the tests that it fails, and name files that are run."""
    for patch in patches:
        if project and project in patch.files:
            what = f"{patch.subject!r} changes this file, which the options come from"
            raise UserError(what, where=project, hint="say --no-project, and the options on the command line")


def _only_static(tests: SuiteRequest) -> bool:
    """True if only the patch itself is to be looked at: then no kernel is built."""
    named = set(tests.suites) == {STATIC} and not tests.pytest
    return named or (bool(tests.only) and all(name.partition(".")[0] == STATIC for name in tests.only))


def _wants_static(tests: SuiteRequest, patches: Sequence[Patch]) -> bool:
    asked = not tests.suites or STATIC in tests.suites
    if _only_static(tests) and not (asked and patches):
        why = "there is no patch to look at" if asked else "it is not among the suites that were asked for"
        raise UserError(why, where=f"suite {STATIC}", hint="see --suite, --only and --no-patch")
    return asked and bool(patches)


def _variants(tests: SuiteRequest) -> tuple[Variant, ...]:
    known = load_variants()
    return select(tests.variant, variants_of(tests.variant_of, known) if tests.variant_of else known)


def _prerequisites(named: Sequence[Path]) -> tuple[Patch, ...]:
    """Files and directories as they are; a name that is neither is a bundled series."""
    bundled = bundled_series()
    found = [load_series(one) if str(one) in bundled and not exists(one) else read_patches([one]) for one in named]
    return tuple(patch for patches in found for patch in patches)


def _suites(tests: SuiteRequest, patches: Sequence[Patch]) -> tuple[tuple[Suite, ...], str]:
    """The suites asked for, those that tell most of ``patches`` first unless some were named, and why in that order.

    A user's own pytest files come last.
    """
    own = tuple(PytestSuite(path) for path in tests.pytest)
    _refuse_twins(own)
    suites = select_suites(tests.suites)
    if not own:  # whose names may be anything
        refuse_unknown_checks(tests.only, [suite.name for suite in suites])
    if tests.suites or tests.only:
        return (*suites, *own), ""
    order = by_relevance(suite_folders(), facts_of(patches))
    ordered = sorted(suites, key=lambda suite: order.names.index(suite.name))
    return (*ordered, *own), order.reason


def _refuse_twins(own: Sequence[PytestSuite]) -> None:
    """Results are told apart by suite and name: those of one file would stand for those of another of that name."""
    names = [suite.name for suite in own]
    if twins := sorted({name for name in names if names.count(name) > 1}):
        where = f"--pytest {twins[0].removeprefix(OWN_TESTS)}"
        raise UserError("two have this name: their results would be mixed up", where=where, hint="rename one")
