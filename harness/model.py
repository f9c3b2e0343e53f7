# SPDX-License-Identifier: GPL-2.0-only
"""Values that the stages hand each other: frozen, typed, without I/O.

Stages (``source``, ``intake``, ``kconfig``, ``build``, ``vm``, ``suites``, ``verdict``, ``report``)
never import each other. They meet here and are put together in ``pipeline``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.causes import Cause, Observed, Status
from harness.changed_coverage import ChangedCoverage
from harness.changes import Comparison, Difference
from harness.identities import Moment, PlannedTest
from harness.kernel_values import (  # noqa: F401 - all values of a run are had from here
    SYMBOLS,
    BuildFailure,
    CompilerMessage,
    ConfigProblem,
    Kernel,
    ResolvedConfig,
    SymbolRequest,
    Variant,
)
from harness.series import SeriesFacts

# --- tests ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TestResult:
    """The outcome of one test.

    ``seconds``: wall time as seen by the host. ``message``: one line. ``output``: the test's own text.
    ``lost_coverage``: what a passing or skipped test did not test (a skip hidden in a pass), one line each.
    ``log``: path relative to the run directory of its raw text. ``source``: its lines around the one that failed.
    ``known``: reason of the expectation that excuses a bad status (expectations.toml), else empty.
    ``excused``: what the comparison with the base says in its favour ("pre-existing: ..."), else empty.
    ``fingerprint``: of the splat that it stands for, if it does. ``measurements``: what it measured, one line each.
    ``not_applicable``: skipped, and nothing is lost: there is no such promise here.
    ``cut_short``: skipped for want of time or memory in this guest, and the kernel is not to blame: how far it got is
    chance.
    ``started``: seconds from the start of the run until it began, None if that is not known.
    ``cause``: why it is bad; None if it is not, or if it fails and says so itself. ``hangs_in``: the function of the
    kernel in which its guest hangs, if known. ``reported``: the kernel reported something meanwhile, seen from inside.
    """

    __test__ = False  # not for pytest to collect

    suite: str
    name: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    output: str = ""
    lost_coverage: tuple[str, ...] = ()
    log: str = ""
    known: str = ""
    measurements: tuple[str, ...] = ()
    not_applicable: bool = False
    excused: str = ""
    fingerprint: str = ""
    cut_short: bool = False
    started: float | None = None
    cause: Cause | None = None
    hangs_in: str = ""
    reported: bool = False
    source: str = ""

    @property
    def test(self) -> PlannedTest:
        """Which test it is, planned or a part of one that was."""
        return PlannedTest.of(self)

    @property
    def observed(self) -> Observed:
        return Observed(self.status, self.cause, self.message or "; ".join(self.lost_coverage))

    @property
    def excuse(self) -> str:
        """Why a bad status does not count, empty if it does: the comparison's word comes first."""
        return ": ".join(filter(None, [self.excused, self.known]))

    @property
    def is_bad(self) -> bool:
        return self.status.is_bad and not self.excuse


@dataclass(frozen=True)
class Frame:
    """One function of a splat's stack, innermost first; inlined ones stand before the function that holds them.

    ``path`` and ``line``: where in the tree it was, "" and 0 if not decoded. ``source``: the text of that line.
    ``added``: the patch adds that line. ``module``: the module it is in, empty for the kernel itself.
    """

    function: str
    module: str = ""
    path: str = ""
    line: int = 0
    source: str = ""
    added: bool = False
    inlined: bool = False


@dataclass(frozen=True)
class Splat:
    """A report that the kernel printed about itself (WARN, oops, lockdep, ...).

    ``title`` is its first telling line without time stamp; ``line`` is the 1-based line in the console log.
    ``during``: what ran when it was printed, as text; ``moment`` is the value.
    ``known``, ``excused``: as in ``TestResult``. ``log``: path of that console log relative to the run directory.
    ``fingerprint``: equal for the same trouble in another run, variant or build of the kernel.
    ``former``: the same by the rules before, by which it is compared with what was stored then; empty in that.
    ``stack``: decoded, as far as it can be. ``count``: how often it was printed in the same place; the first is shown.
    """

    kind: str  # "warn", "oops", "lockdep", ...
    title: str
    text: str
    line: int
    during: str = ""
    known: str = ""
    log: str = ""
    fingerprint: str = ""
    stack: tuple[Frame, ...] = ()
    count: int = 1
    excused: str = ""
    former: str = ""

    @property
    def moment(self) -> Moment:
        return Moment.parse(self.during)

    @property
    def is_bad(self) -> bool:
        return not (self.known or self.excused)


class BootOutcome(enum.Enum):
    """How a boot ended."""

    UP = "up"
    PANIC = "panic"
    HANG = "hang"  # deadline passed without a ssh login
    EXITED = "exited"  # QEMU ended by itself (triple fault, power-off) before the guest was up


@dataclass(frozen=True)
class BootReport:
    """One boot of one kernel. ``console``: path relative to the run directory. ``tail``: last console lines.

    ``accel``: the accelerator that really ran ("kvm", "tcg"). ``ended``: why the guest ended
    ("powered off by the harness", "panic during kselftest", ...), empty while it runs. ``cause``: the same as a value,
    None if the harness ended it. ``hangs_in``: as in ``TestResult``.
    """

    outcome: BootOutcome
    accel: str
    seconds: float
    console: str
    qemu: str
    tail: str = ""
    ended: str = ""
    cause: Cause | None = None
    hangs_in: str = ""


@dataclass(frozen=True)
class VariantReport:
    """All that is known about one variant at the end of a run. ``kernel`` or ``build_failure`` is set, not both.

    ``same_as``: name of the variant whose resolved config (and so kernel and results) is equal, else empty.
    ``times``: phase name -> wall seconds ("config", "build", "boot", "suite:kselftest", ...). ``started``: the same
    names -> seconds from the start of the run until the phase first began.
    ``comparison``: with the base in this variant, None if there was none.
    ``of_patch``: the patch itself was looked at, on the host: there is no kernel.
    ``not_chosen``: tests that a quick run left out. They are no results: nothing is known of them.
    """

    variant: Variant
    planned: tuple[PlannedTest, ...] = ()
    results: tuple[TestResult, ...] = ()
    splats: tuple[Splat, ...] = ()
    boots: tuple[BootReport, ...] = ()
    config_problems: tuple[ConfigProblem, ...] = ()
    kernel: Kernel | None = None
    build_failure: BuildFailure | None = None
    same_as: str = ""
    times: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    comparison: Comparison | None = None
    of_patch: bool = False
    started: Mapping[str, float] = field(default_factory=dict)
    not_chosen: tuple[PlannedTest, ...] = ()

    @property
    def is_bad(self) -> bool:
        """True if this variant alone makes the run red."""
        return (
            self.build_failure is not None
            or (self.kernel is None and not (self.same_as or self.of_patch))
            or any(result.is_bad for result in self.results)
            or any(splat.is_bad for splat in self.splats)
            or any(problem.fatal for problem in self.config_problems)
            or any(boot.outcome is not BootOutcome.UP for boot in self.boots[-1:])
        )

    def difference(self, case: TestResult) -> Difference | None:
        """What the comparison says of ``case``; None if it is unchanged, or nothing was compared."""
        if self.comparison is None:
            return None
        if case.fingerprint:
            return self.comparison.of_splat(case.fingerprint)
        return self.comparison.of(case.suite, case.name)


@dataclass(frozen=True)
class RunReport:
    """A whole run, as stored in ``results.json``: every report can be made again from it alone.

    ``command``: what the user typed, for the reproduce line.
    ``machine``: accelerator answer, QEMU, compiler, virtme-ng versions, ... as label -> text.
    ``interrupted``: why the run stopped early, else empty: such a run is never green.
    ``asked``: suites, and names that ``--only`` took: what the run was narrowed to.
    ``base_variants``: the same variants of the base without the patch, if that was tested, too. They colour nothing.
    ``series``: what the patches say and touch.
    ``static``: what was found in the patch itself, if that was looked at.
    ``fixups``: what the base was mended with before it was patched or tested, one line each.
    ``base_commit``: id of the base, without fixups, in the repository that the user named; empty if the base is no
    commit there (all kinds but ``git:``). ``tree_id``: git's id of the patched source, empty if the run ended before.
    ``architecture``: of the kernels, as in the triple of their compiler ("x86_64"). All are empty in older results.
    ``coverage``: which changed lines ran, None if that was not asked for. It colours nothing.
    """

    run_id: str
    started: str  # ISO 8601, UTC
    command: tuple[str, ...]
    base: str  # spec, "debian:6.12"
    base_version: str
    patches: tuple[str, ...]  # subjects, in order
    already_in_base: tuple[str, ...]
    variants: tuple[VariantReport, ...]
    machine: Mapping[str, str]
    seconds: float
    interrupted: str = ""
    notes: tuple[str, ...] = ()
    base_variants: tuple[VariantReport, ...] = ()
    asked: tuple[str, ...] = ()
    series: SeriesFacts = field(default_factory=SeriesFacts)
    static: VariantReport | None = None
    fixups: tuple[str, ...] = ()
    base_commit: str = ""
    tree_id: str = ""
    architecture: str = ""
    coverage: ChangedCoverage | None = None

    @property
    def parts(self) -> tuple[VariantReport, ...]:
        """All that has results: the variants, and the patch itself."""
        return (*self.variants, *([self.static] if self.static is not None else []))

    @property
    def not_chosen(self) -> int:
        """How many tests a quick run left out, in the variant in which it left out most."""
        return max((len(variant.not_chosen) for variant in self.variants), default=0)

    @property
    def tested(self) -> bool:
        """True if any test could have failed: one that skips itself shows nothing.

        What was found in the patch itself (where a skip is a finding that is only shown) stands for no test of a kernel
        that was to be tested.
        """
        of_kernels = [result for variant in self.variants for result in variant.results]
        if not of_kernels:
            return self.static is not None and bool(self.static.results)
        return any(result.status is not Status.SKIP for result in of_kernels)

    @property
    def is_bad(self) -> bool:
        """True if the run is not green: something in it is bad, it was cut off, or it tested nothing at all."""
        return bool(self.interrupted) or not self.tested or any(part.is_bad for part in self.parts)
