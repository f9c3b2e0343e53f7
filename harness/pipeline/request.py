# SPDX-License-Identifier: GPL-2.0-only
"""What a run is asked to do, and the same with every name looked up: bad input ends here, before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import UserError
from harness.intake import DEFAULT_SERIES, bundled_series, load_series
from harness.interfaces import Suite
from harness.kconfig import load_fragments, load_variants, select
from harness.model import Patch, SymbolRequest, Variant
from harness.pipeline.base import choose_base
from harness.pipeline.patches import take
from harness.source import BaseSpec, parse_base
from harness.suites import PytestSuite, select_suites
from harness.verdict import Expectation, load_expectations

DEFAULT_REPEAT = 3


@dataclass(frozen=True)
class RunRequest:
    """The command line of ``dmabuf-harness run``, still unchecked.

    ``base``: empty: the one that the patches are from, see ``pipeline.base``.
    ``patches``: files and ranges of commits as named by the user. ``worktree``: and the uncommitted changes of the tree
    that the user stands in. ``reverts``: patches and commits to take back first. None of these means the bundled
    series, unless ``no_patch``. ``up_to``: how many patches of what was named are tested, None: all.
    ``pick``: number or subject of the one patch to take of ``patches``.
    ``directory``: of this run. ``junit``: an extra place for the JUnit XML. ``command``: what the user typed.
    ``thorough``: also what takes minutes under software emulation. ``seed``: of tests that draw numbers, None: theirs.
    ``no_base``: do not test the base without the patch. ``repeat``: how often what is bad only with the patch is
    repeated. ``strict``: what is bad on the base, too, counts.
    """

    directory: Path
    command: tuple[str, ...]
    base: str = ""
    patches: tuple[Path, ...] = ()
    worktree: bool = False
    reverts: tuple[Path, ...] = ()
    up_to: int | None = None
    no_patch: bool = False
    variant: str = "all"
    suites: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()
    pytest: tuple[Path, ...] = ()
    accel: str = "auto"
    jobs: int = 2
    thorough: bool = False
    seed: int | None = None
    pick: str | None = None
    junit: Path | None = None
    no_base: bool = False
    repeat: int = DEFAULT_REPEAT
    strict: bool = False


@dataclass(frozen=True)
class Job:
    """A checked request: every name stands for something that exists. ``notes``: what the user should know of it."""

    request: RunRequest
    base: BaseSpec
    patches: tuple[Patch, ...]
    variants: tuple[Variant, ...]
    symbols: tuple[SymbolRequest, ...]
    suites: tuple[Suite, ...]
    expectations: tuple[Expectation, ...]
    notes: tuple[str, ...] = ()

    def plan(self) -> dict[str, object]:
        """What ``plan.json`` says: enough to know what the run was after, should it be cut off."""
        return {
            "command": list(self.request.command),
            "base": self.base.text,
            "patches": [{"subject": patch.subject, "files": list(patch.files)} for patch in self.patches],
            "variants": [variant.name for variant in self.variants],
            "suites": [suite.name for suite in self.suites],
            "only": sorted(self.request.only),
            "base without the patch": self.wants_base,
            "repeat": self.request.repeat,
        }

    @property
    def wants_base(self) -> bool:
        """True if there is a patch, and what it changes is to be told."""
        return bool(self.patches) and not self.request.no_base

    def of_base(self) -> Job:
        """The same without the patch, in a directory of its own inside that of the run."""
        directory = self.request.directory / "base"
        return replace(self, patches=(), request=replace(self.request, directory=directory))


def check(request: RunRequest) -> Job:
    """Look up everything that the request names. Raises ``UserError``; cached trees are read for a guess at most."""
    if request.junit is not None and not request.junit.absolute().parent.is_dir():
        raise UserError("its directory does not exist", where=str(request.junit), mend="make it, or name another file")
    taken = take(
        request.base,
        request.patches,
        request.reverts,
        worktree=request.worktree,
        out=request.directory,
        pick=request.pick,
    )
    patches = taken.patches or (() if request.no_patch else load_series(bundled_series()[DEFAULT_SERIES]))
    if request.up_to is not None and request.up_to > len(patches):
        raise UserError(f"there are only {len(patches)} patches", where=f"--up-to {request.up_to}", mend="name fewer")
    base, why = choose_base(request.base, taken)
    return Job(
        request=request,
        base=parse_base(base),
        patches=patches[: request.up_to],
        variants=select(request.variant, load_variants()),
        symbols=load_fragments(),
        suites=_suites(request.suites, request.pytest),
        expectations=load_expectations(),
        notes=(*why, *taken.notes),
    )


def _suites(names: Sequence[str], pytest_paths: Sequence[Path]) -> tuple[Suite, ...]:
    """The suites asked for; a user's own pytest files come last, and alone if nothing else was named."""
    own = tuple(PytestSuite(path) for path in pytest_paths)
    if own and not names:
        return (*select_suites(()), *own)
    return (*select_suites(names), *own)
