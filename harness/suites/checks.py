# SPDX-License-Identifier: GPL-2.0-only
"""The Python checks: one start of the interpreter in the guest, one KTAP line per check.

Each suite has its groups of them (``suite_folder``): "contract", what dynamic exporters and importers are promised
(with the module dmabuf_probe), "checks", the ioctl interfaces, and "walks", steps in orders that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.causes import Cause
from harness.errors import UserError
from harness.guest import bundle, configured, counters
from harness.guest.armed_calls import POSITION_FILE, is_outside
from harness.guest.checks import all_checks
from harness.guest.registry import provoked
from harness.guest.runner import (
    ASSERTION,
    ENDED,
    GIVEN_UP,
    LATE,
    NOT_APPLICABLE,
    REACH,
    REPORT,
    SILENCE_LIMIT,
    TIME_LIMIT,
)
from harness.guest.walks.choice import WALKS, patience, single_walk
from harness.interfaces import CommandResult, CounterSink, Guest, GuestLost, SuiteContext
from harness.ktap import KtapParser, KtapTest
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.paths import WRAPPERS
from harness.splat import find_splats, is_oom_of_user_page_fault
from harness.suites.check_source import check_source
from harness.suites.commands import StreamedCommand, log_file
from harness.suites.suite_folder import SuiteKind, load_suite_folder, suite_folders

_START = "# start "
_TIME = "time "
_MEASUREMENT = "measurement "
_REACH = f"# {REACH}"
_GIVEN_UP = f"# {GIVEN_UP}"
_CAUSE = "cause "
# What the runner may say of a check; that a guest or the machine was lost is nothing that a guest can tell.
_CAUSES = {word: Cause(word) for word in (ASSERTION, REPORT, LATE)}

ARCHIVE = "/tmp/dmabuf-harness-checks.zip"  # in the guest
_KILLED = 128 + 9
_MISSED = "a failure that the harness injected missed the call under test and killed the check's own process"


def check_names(suite: str, root: Path = WRAPPERS) -> list[str]:
    """The checks of the suite called ``suite``, which are the same for every kernel; none if it is of another kind."""
    folders = [folder for folder in suite_folders(root) if folder.kind is SuiteKind.CHECKS]
    mine = next((folder for folder in folders if folder.name == suite), None)
    if mine is None:
        return []
    named = {group for folder in folders for group in folder.groups}
    groups = {check: check.partition(".")[0] for check in all_checks()}
    return [check for check, group in groups.items() if group in mine.groups or not (mine.groups or group in named)]


class ChecksSuite:
    """Implements ``harness.interfaces.Suite`` for the folder ``name`` of ``root``."""

    def __init__(self, name: str, root: Path = WRAPPERS) -> None:
        """Raises ``UserError`` for a broken ``suite.toml``, and for one with a group of which there is no check."""
        folder = load_suite_folder(name, root)
        self.name = name
        self._names = check_names(name, root)
        self._needs_probe = folder.needs_probe
        _refuse_empty(self._names, folder.groups, f"{root.name}/{name}/suite.toml")

    def plan(self, kernel: Kernel, tree: Path) -> tuple[PlannedTest, ...]:
        return tuple(PlannedTest(self.name, check) for check in self._names)

    def provoked(self, test: str) -> tuple[str, ...]:
        return provoked(test)

    def run(self, guest: Guest, context: SuiteContext) -> Iterator[TestResult]:
        names = [check for check in self._names if not context.only or check in context.only]
        names += sorted(check for check in context.only if single_walk(check) is not None)
        if self._needs_probe and guest.kernel.probe_failure:
            why = guest.kernel.probe_failure
            yield from (TestResult(self.name, name, Status.MISSING, message=f"never ran: {why}") for name in names)
            return
        # Every check has its own limit in the guest; here is only what a guest that stopped running them runs into.
        slowness = guest.slowness * max(patience(name, context.walks or WALKS) for name in names)
        limit, silence = TIME_LIMIT * (len(names) + 1) * slowness, SILENCE_LIMIT * slowness
        log = log_file(context.logs, self.name)
        ship(guest, context.logs / "checks.zip")
        counting = ("--counters",) if context.counters is not None else ()
        shell = _command([*counting, *names], guest.slowness, context, guest.kernel)
        command = StreamedCommand(guest, shell, limit, log, silence, stdout_only=True)
        logged = f"{context.log_prefix}/{log.name}"
        parser, running, last, failed = KtapParser(), "", "", False
        try:
            for line in _without_counters(_to_the_end(command), context.counters):
                if line.startswith(_START):
                    running = line.removeprefix(_START)
                for ended in parser.feed(line):
                    running, last, failed = "", ended.name, failed or ended.status is Status.FAIL
                    yield self._result(ended, logged)
        except GuestLost as lost:
            if blamed := last if isinstance(lost, _GivenUp) else running:
                yield lost.result(self.name, blamed, logged)
            raise
        if running and _injection_missed(guest, context.logs, self.name, running, command.result):
            missed = GuestLost(_MISSED, Cause.INJECTION)
            yield missed.result(self.name, running, logged)
            raise missed
        if running or command.result.status not in (0, int(failed)):
            # Its own exit is part of the last check: what that left behind is torn down there.
            blamed = running or last or names[0]
            how = _how_it_ended(command, "in" if running else "after" if last else "before")
            cause = Cause.TIME_LIMIT if command.result.timed_out else Cause.PROCESS
            yield TestResult(self.name, blamed, Status.ERROR, message=how, log=logged, cause=cause)
            if blamed != names[-1]:
                # Most of all an oops that killed it: the kernel lives, but nothing it does now would prove anything.
                raise GuestLost(how, cause)

    def _result(self, test: KtapTest, log: str) -> TestResult:
        """The runner's comments before a result are what it says of it, the last one the time it took."""
        said = [
            line
            for line in test.diagnostics
            if not line.startswith(("start ", _TIME, _MEASUREMENT, _CAUSE)) and line not in (NOT_APPLICABLE, ENDED)
        ]
        times = [line.removeprefix(_TIME) for line in test.diagnostics if line.startswith(_TIME)]
        measurements = [line.removeprefix(_MEASUREMENT) for line in test.diagnostics if line.startswith(_MEASUREMENT)]
        causes = _causes(test)
        skipped = test.status is Status.SKIP
        not_applicable = skipped and NOT_APPLICABLE in test.diagnostics
        return TestResult(
            self.name,
            test.name,
            test.status,
            float(times[-1]) if times else 0.0,
            test.reason if skipped else "; ".join(said[:1] or measurements),
            output="\n".join([*said, *measurements]),
            lost_coverage=(test.reason,) if skipped and not not_applicable else (),
            log=log,
            not_applicable=not_applicable,
            measurements=tuple(measurements),
            cause=next(iter(causes), None),
            reported=Cause.REPORT in causes,
            source=check_source(next(iter(said), "")) if test.status is Status.FAIL else "",
        )


def _refuse_empty(names: Sequence[str], groups: Sequence[str], where: str) -> None:
    """A suite that plans nothing by mistake would never be red."""
    known = {name.partition(".")[0] for name in names}
    if wrong := [group for group in groups if group not in known]:
        raise UserError(f"no check is in the group {wrong[0]!r}", where=where, hint="see dmabuf-harness list checks")
    if not names:
        raise UserError("no check is left for it", where=where, hint="name its groups")


def _causes(test: KtapTest) -> list[Cause]:
    """What went wrong in a check that failed, the first counts. A runner that does not say so in its very words says
    that it failed."""
    if test.status is not Status.FAIL:
        return []
    told = [line.removeprefix(_CAUSE) for line in test.diagnostics if line.startswith(_CAUSE)]
    named = [_CAUSES.get(word, Cause.ASSERTION) for word in (told[-1].split(", ") if told else [])]
    return named or [Cause.ASSERTION]


class _GivenUp(GuestLost):
    """The last check left the kernel so that nothing it does now would tell anything."""


def _to_the_end(lines: Iterable[str]) -> Iterator[str]:
    """``lines`` up to that which says that the runner gives up: its own end may never come. Raises ``GuestLost``."""
    for line in lines:
        if line.startswith(_GIVEN_UP):
            raise _GivenUp(line.removeprefix(_GIVEN_UP), Cause.UNUSABLE)
        yield line


def _without_counters(lines: Iterable[str], sink: CounterSink | None) -> Iterator[str]:
    """``lines``, less those with counters, which go to ``sink``. Raises ``GuestLost`` for one that is damaged."""
    running = ""
    for line in lines:
        if line.startswith(_START):
            running = line.removeprefix(_START)
        if sink is None or not line.startswith(_REACH):
            yield line
            continue
        try:
            sink(running, counters.unpack(line.removeprefix(_REACH)))
        except ValueError as error:
            raise GuestLost(f"its counters cannot be read: {error}", Cause.UNUSABLE) from error


def ship(guest: Guest, local: Path) -> None:
    """Copy the checks into the guest; ``local``: kept with the run, to know what was run.

    Raises ``GuestLost`` if it has no room for them: what ran before may have left none.
    """
    local.write_bytes(bundle.contents())
    try:
        guest.put(local, ARCHIVE)
    except OSError as error:
        raise GuestLost(f"it can no longer take files: {error}", Cause.UNUSABLE) from error


def _has(kernel: Kernel) -> tuple[str, ...]:
    """What the checks are told that ``kernel`` has, so that a device which is not there is no skip."""
    symbols = (*configured.SYMBOLS, configured.QUARANTINE)
    built_in = tuple(symbol for symbol in symbols if kernel.config_value(symbol) == "y")
    modules = (configured.PROBE, configured.PROBE_NODE)
    return (*built_in, *(one for one in modules if any(kernel.modules.glob(f"lib/modules/*/**/{one}.ko*"))))


def _command(names: list[str], factor: float, context: SuiteContext, kernel: Kernel) -> str:
    """For ``HARNESS_SEED`` and ``HARNESS_WALKS`` see checks/contract_stress.py and walks/choice.py."""
    environment = told(kernel) + ("" if context.seed is None else f"HARNESS_SEED={context.seed} ")
    environment += "" if context.walks is None else f"HARNESS_WALKS={context.walks} "
    return environment + bundle.command(ARCHIVE, "--factor", f"{factor:g}", *names)


def told(kernel: Kernel) -> str:
    """What goes before the command that runs checks: what they are told of ``kernel`` (harness/guest/configured.py)."""
    has = _has(kernel)
    return f"HARNESS_HAS={','.join(has)} " if has else ""


def _injection_missed(guest: Guest, logs: Path, suite: str, check: str, result: CommandResult) -> bool:
    """True if ``check`` was killed by what it injected itself, so that its end says nothing of the kernel.

    Both must be so: it had an injection armed and was not in the call under test, as the position says that it left;
    and in it the kernel killed for a page fault of user space that found no memory. What the kernel does in the call,
    or to a process that injects nothing just then, is the kernel's.
    """
    if result.status != _KILLED:
        return False
    left = logs / "injection-position"
    try:
        guest.get(POSITION_FILE, left)
        log = guest.kernel_log()
    except (OSError, GuestLost):
        return False
    test = PlannedTest(suite, check)
    told = [splat for splat in find_splats(log) if splat.moment.is_in(test)]
    return is_outside(left.read_bytes()) and any(map(is_oom_of_user_page_fault, told))


def _how_it_ended(command: StreamedCommand, when: str) -> str:
    if command.result.timed_out:
        return f"still ran after {command.result.seconds:.0f} s"
    words = (command.result.stderr.strip() or command.result.stdout.strip()).splitlines()
    return f"the runner ended {when} it with status {command.result.status}: {words[-1] if words else 'no output'}"
