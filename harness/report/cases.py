# SPDX-License-Identifier: GPL-2.0-only
"""What there is to report about a run, as one list of test results.

Building, booting, each lost config symbol, each new warning and each splat is a case of the suite ``kernel``. So every
format shows the same things, and a run is bad exactly if one of its cases is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.causes import is_kernels
from harness.changes import KERNEL
from harness.guest.failing import IN_TURN
from harness.model import (
    BootOutcome,
    BootReport,
    CompilerMessage,
    ConfigProblem,
    Frame,
    RunReport,
    Splat,
    Status,
    TestResult,
    VariantReport,
)
from harness.report.text import one_line, plural
from harness.splat.fingerprint import case_name, identity, only_reports, site_of


def run_case(report: RunReport) -> TestResult:
    """Whether the run came to its end and tested anything."""
    if report.interrupted:
        return TestResult("run", "complete", Status.ERROR, report.seconds, f"stopped early: {report.interrupted}")
    if not report.tested:
        return TestResult("run", "complete", Status.ERROR, report.seconds, nothing_tested(report))
    return TestResult("run", "complete", Status.PASS, report.seconds)


def nothing_tested(report: RunReport) -> str:
    """One line for a run that is not ``tested``."""
    skipped = any(variant.results for variant in report.variants)
    return "nothing was tested" + (": every test skipped itself" if skipped else "")


def resolved(report: RunReport, variant: VariantReport) -> VariantReport:
    """``variant`` with the kernel and results of the one it equals, if any; what was asked of it stays its own."""
    twin = next((other for other in report.variants if other.variant.name == variant.same_as), None)
    if twin is None:
        return variant
    return replace(
        twin,
        variant=variant.variant,
        config_problems=variant.config_problems,
        notes=variant.notes,
        same_as=variant.same_as,
    )


def cases(variant: VariantReport) -> tuple[TestResult, ...]:
    """Everything about one variant, kernel first, then the tests in their order."""
    return (*kernel_cases(variant), *variant.results)


def kernel_cases(variant: VariantReport) -> tuple[TestResult, ...]:
    if variant.of_patch:
        return ()
    return (
        _build(variant),
        _boot(variant),
        *map(_config, variant.config_problems),
        *map(_warning, variant.kernel.warnings if variant.kernel is not None else ()),
        *(splat_case(KERNEL, splat, variant.boots) for splat in variant.splats),
    )


def _build(variant: VariantReport) -> TestResult:
    case = TestResult(KERNEL, "build", Status.PASS, variant.times.get("build", 0.0))
    kernel, failure = variant.kernel, variant.build_failure
    if failure is not None:
        text = "\n".join([*map(describe, failure.messages), "", failure.tail]).strip()
        return replace(case, status=Status.FAIL, message=build_trouble(variant), output=text, log=str(failure.log))
    if kernel is not None:
        how = "taken from the cache" if kernel.reused else "built"
        return replace(case, message=how, output="\n".join(kernel.notes), log=str(kernel.log))
    if variant.same_as:
        return replace(case, status=Status.SKIP, message=f"same resolved config as {variant.same_as}")
    return replace(case, status=Status.MISSING, message="never built")


def build_trouble(variant: VariantReport) -> str:
    """One line for a kernel that does not build: the first error, or what failed."""
    failure = variant.build_failure
    if failure is None:
        return ""
    errors = [message for message in failure.messages if message.severity == "error"]
    first = next(iter([*(error for error in errors if error.added), *errors, *failure.messages]), None)
    if first is None:
        lines = failure.tail.strip().splitlines()
        return f"{failure.stage}: {lines[-1] if lines else 'no message recognised'}"
    return f"{failure.stage}: {describe(first)}"


def describe(message: CompilerMessage) -> str:
    """ "drivers/dma-buf/dma-buf.c:120: error: ... (a line that the patch adds)"."""
    return f"{_place(message)}: {message.severity}: {_said(message)}"


def _place(message: CompilerMessage) -> str:
    return f"{message.path}:{message.line}" if message.line else message.path


def _said(message: CompilerMessage) -> str:
    return message.text + (" (a line that the patch adds)" if message.added else "")


def _boot(variant: VariantReport) -> TestResult:
    if not variant.boots:
        return TestResult(KERNEL, "boot", Status.SKIP, message="not booted")
    last = variant.boots[-1]
    up = last.outcome is BootOutcome.UP
    return TestResult(
        KERNEL,
        "boot",
        Status.PASS if up else Status.FAIL,
        variant.times.get("boot", last.seconds),
        message=f"up under {last.accel}{_restarts(variant.boots)}" if up else boot_trouble(last),
        output="\n".join([*map(_boot_line, variant.boots), *([] if up else ["", last.tail])]),
        log=last.console,
    )


def _restarts(boots: Sequence[BootReport]) -> str:
    return f", booted {len(boots)} times" if len(boots) > 1 else ""


def boot_trouble(boot: BootReport) -> str:
    """One line for a boot that failed."""
    words = {
        BootOutcome.PANIC: "panics while booting",
        BootOutcome.HANG: "hangs while booting" if is_kernels(boot.cause) else "is not up",
        BootOutcome.EXITED: "ended before it was up",
    }
    return words[boot.outcome] + (f": {boot.ended}" if boot.ended else "")


def _boot_line(boot: BootReport) -> str:
    return f"{boot.console}: {boot.outcome.value} after {boot.seconds:.1f} s under {boot.accel}; {boot.ended}".rstrip(
        "; "
    )


def _config(problem: ConfigProblem) -> TestResult:
    request = problem.request
    message = f"asked for {request.value}, got {problem.got}: {problem.why} ({request.origin}: {request.reason})"
    status = Status.FAIL if problem.fatal else Status.SKIP
    return TestResult(KERNEL, f"config: CONFIG_{request.symbol}", status, message=message)


def _warning(message: CompilerMessage) -> TestResult:
    """A new warning is a result, but not one that makes a run red."""
    return TestResult(KERNEL, f"warning: {_place(message)}", Status.SKIP, message=_said(message))


@dataclass(frozen=True)
class Tally:
    """Counts of one suite. ``known``: bad ones that are excused; they count in none of the others."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    missing: int = 0
    known: int = 0
    lost: int = 0  # results that tested less than planned

    @property
    def bad(self) -> int:
        return self.failed + self.errors + self.missing

    def in_words(self, known: str = "known") -> str:
        """ "288 passed, 2 skipped"; empty without a result. ``known``: the word for those that are excused."""
        counts = (
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "died"),
            (self.missing, "never ran"),
            (self.known, known),
            (self.skipped, "skipped"),
        )
        return ", ".join(f"{count} {word}" for count, word in counts if count)


def tally(results: Iterable[TestResult]) -> Tally:
    found = list(results)

    def count(status: Status) -> int:
        return sum(result.status is status and not (status.is_bad and result.excuse) for result in found)

    return Tally(
        passed=count(Status.PASS),
        failed=count(Status.FAIL),
        errors=count(Status.ERROR),
        skipped=count(Status.SKIP),
        missing=count(Status.MISSING),
        known=sum(result.status.is_bad and bool(result.excuse) for result in found),
        lost=sum(bool(result.lost_coverage) for result in found),
    )


_MEASURING = ("contract", "walks")


def measurements(variant: VariantReport) -> tuple[str, ...]:
    """What a reader wants to know of a green run, too: what dynamic handling saves, and the seeds. How many allocations
    failed is for who looks at one test."""
    found = (result.measurements for result in variant.results if result.suite in _MEASURING)
    return tuple(measurement for one in found for measurement in one if IN_TURN not in measurement)


def is_step(case: TestResult) -> bool:
    """True for the building and the booting of a kernel: what every variant goes through."""
    return case.suite == KERNEL and case.name in ("build", "boot")


def not_tested(case: TestResult) -> tuple[str, ...]:
    """Why ``case`` tested less than planned, without being bad or expected: skips, also inside a pass, and warnings."""
    if case.lost_coverage:
        return case.lost_coverage
    unexpected = case.status is Status.SKIP and not (case.known or case.not_applicable or is_step(case))
    return (case.message or "skipped",) if unexpected else ()


def by_suite(results: Iterable[TestResult]) -> dict[str, tuple[TestResult, ...]]:
    """Results by suite, suites in order of appearance."""
    suites: dict[str, list[TestResult]] = {}
    for result in results:
        suites.setdefault(result.suite, []).append(result)
    return {suite: tuple(found) for suite, found in suites.items()}


def suite_seconds(variant: VariantReport, suite: str) -> float:
    """Wall time of a suite: as timed, else the sum of its tests."""
    timed = variant.times.get(f"suite:{suite}")
    return timed if timed is not None else sum(result.seconds for result in variant.results if result.suite == suite)


def groups(report: RunReport) -> tuple[tuple[str, VariantReport], ...]:
    """The variants with results of their own; the title of each names all that equal it, and it has their problems."""
    names = {variant.variant.name for variant in report.variants}
    return tuple(_group(report, own) for own in report.parts if own.same_as not in names)


def _group(report: RunReport, own: VariantReport) -> tuple[str, VariantReport]:
    equal = [own, *(other for other in report.variants if other.same_as == own.variant.name)]
    problems = dict.fromkeys(problem for variant in equal for problem in variant.config_problems)
    kernel_notes = own.kernel.notes if own.kernel is not None else ()
    notes = dict.fromkeys([*kernel_notes, *(note for variant in equal for note in variant.notes)])
    title = " = ".join(variant.variant.name for variant in equal)
    return title, replace(own, config_problems=tuple(problems), notes=tuple(notes))


# --- splats as cases --------------------------------------------------------------------------


ADDED = "added by the patch"


def splat_case(suite: str, splat: Splat, boots: Sequence[BootReport]) -> TestResult:
    """The case of ``splat``. Its name is the same in every run; what differs (addresses, numbers) is in its output."""
    log = splat.log or (boots[0].console if len(boots) == 1 else "")
    console = f"{log}:{splat.line}" if log else f"line {splat.line} of the console"
    name = case_name(splat)
    told = [splat.title if not name.endswith(splat.title) else "", f"{_when(splat)}: {console}", _where(splat)]
    return TestResult(
        suite,
        name,
        Status.FAIL,
        message="; ".join(part for part in told if part),
        output=_output(splat),
        log=log,
        known=splat.known,
        excused=splat.excused,
        fingerprint=identity(splat),
    )


def _when(splat: Splat) -> str:
    """ "printed during checks: udmabuf.create", "printed 3 times after sync"."""
    times = f" {splat.count} times" if splat.count > 1 else ""
    place = splat.during if splat.moment.after else f"during {splat.during}"
    return f"printed{times}" + (f" {place}" if splat.during else "")


def _where(splat: Splat) -> str:
    """The function that went wrong and its line; a line of the patch on the stack is told in any case."""
    place = next((frame for frame in splat.stack if frame.path and not only_reports(frame.function)), None)
    told = [f"in {place.function} at {_line(place)}"] if place is not None else [f"at {site_of(splat.text)}"]
    told += [f"through {_line(frame)}" for frame in splat.stack if frame.added and frame is not place][:1]
    return ", ".join(told) if place is not None or site_of(splat.text) else ""


def _line(frame: Frame) -> str:
    return f"{frame.path}:{frame.line}" + (f" ({ADDED})" if frame.added else "")


def _output(splat: Splat) -> str:
    name = f"fingerprint: {splat.fingerprint}" if splat.fingerprint else ""
    return "\n\n".join(part for part in (name, stack_text(splat.stack), splat.text) if part)


def stack_text(stack: Sequence[Frame]) -> str:
    """The stack, innermost first: function, file and line, the text of that line, and whether the patch adds it."""
    rows = [(_function(frame), f"{frame.path}:{frame.line}" if frame.path else "", frame) for frame in stack]
    names = max((len(name) for name, _, _ in rows), default=0)
    places = max((len(place) for _, place, _ in rows), default=0)
    lines = [
        f"  {name:{names}}  {place:{places}}  {one_line(frame.source)}".rstrip() + f"  <-- {ADDED}" * frame.added
        for name, place, frame in rows
    ]
    return "\n".join([f"stack, {plural(len(lines), 'function')}:", *lines]) if lines else ""


def _function(frame: Frame) -> str:
    name = one_line(frame.function) + (f" [{frame.module}]" if frame.module else "")
    return f"{name} (inlined)" if frame.inlined else name
