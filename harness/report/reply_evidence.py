# SPDX-License-Identifier: GPL-2.0-only
"""What is bad in a run, as a maintainer reads it in a mail: each failure once, with its shortest evidence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.changes import KERNEL
from harness.model import RunReport, Splat, Status, TestResult, VariantReport
from harness.report.case_summary import bad_cases, kind_of, run_again, title_of
from harness.report.cases import ADDED
from harness.report.plain_mail import WIDTH, command_lines, paragraph
from harness.report.series_report import Case
from harness.report.text import one_line, plural
from harness.series import MailHead
from harness.splat.fingerprint import identity, only_reports

MAX_TOLD = 8
"""Failures that are told with their evidence; the others are counted."""

MAX_FRAMES = 6
MAX_LINES = 6
"""Of a test's output, or of a log that ends there."""

MAX_NAMES = 5
_NUMBERED = re.compile(r"\[[^\]]{0,200}?(?<!\d)(\d{1,5})/(\d{1,5})(?!\d)[^\]]*\]")
_ANYWHERE = ("debian:", "kernel.org:")
_OWN_FILES = re.compile(r"; see boots/\S+")  # that nobody else has


@dataclass(frozen=True)
class _Told:
    """A failure, and the names of all variants that have it."""

    variant: VariantReport
    case: TestResult
    names: tuple[str, ...]
    again: int


def failures(report: RunReport, only: Collection[Case] | None = None) -> list[str]:
    """Lines for what is bad in ``report``; ``only``: of that, what is in it."""
    bad = bad_cases(report)
    shown = [(v, c, n) for v, c, n in bad.one_by_one if only is None or (v.variant.name, c.suite, c.name) in only]
    told = _together([one for one in shown if one[1].status is not Status.MISSING])
    others = replace(report, command=for_others(report))
    lines = [line for number, one in enumerate(told[:MAX_TOLD], 1) for line in _failure(others, number, one)]
    left = [f"{len(told) - MAX_TOLD} more failures are left out here."] if len(told) > MAX_TOLD else []
    left += [*_never_ran([case for _, case, _ in shown if case.status is Status.MISSING]), *bad.never]
    return lines + [line for text in left for line in [*paragraph(text), ""]]


def _never_ran(missing: Sequence[TestResult]) -> Iterator[str]:
    """They have nothing to tell but their names."""
    names = list(dict.fromkeys(map(title_of, missing)))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    if names:
        yield f"Never ran: {', '.join(names[:MAX_NAMES])}{more}."


def _together(shown: Sequence[tuple[VariantReport, TestResult, int]]) -> list[_Told]:
    """The same in several variants is one."""
    found: dict[tuple[str, ...], _Told] = {}
    for variant, case, again in shown:
        key = (case.suite, case.name, case.status.value, case.fingerprint or case.message, kind_of(variant, case))
        first = found.get(key, _Told(variant, case, (), 0))
        found[key] = replace(first, names=(*first.names, variant.variant.name), again=first.again + again)
    return list(found.values())


def _failure(report: RunReport, number: int, one: _Told) -> list[str]:
    kind = kind_of(one.variant, one.case) or one.case.status.value
    more = f", {plural(one.again, 'time')} more" if one.again else ""
    head = f"{number}. {title_of(one.case)}: {kind} ({' and '.join(one.names)}{more})"
    compared = one.variant.difference(one.case)
    again = command_lines(run_again(report, one.variant, one.case), 5)
    return [
        *paragraph(head, 0, 3),
        *_evidence(one.variant, one.case),
        *(paragraph(compared.beside, 3) if compared is not None and compared.beside else []),
        "",
        *again,
        "",
    ]


# --- evidence ---------------------------------------------------------------------------------


def _evidence(variant: VariantReport, case: TestResult) -> list[str]:
    splat = next((one for one in variant.splats if case.fingerprint and identity(one) == case.fingerprint), None)
    if splat is not None:
        title = [] if case.name.endswith(splat.title) else paragraph(splat.title, 3, 5)
        when = paragraph(f"printed {_when(splat)}", 3) if splat.during else []
        return [*title, *when, *(f"     {line}" for line in _stack(splat))]
    return [*paragraph(_OWN_FILES.sub("", case.message), 3, 5), *(f"     {line}" for line in _output(variant, case))]


def _when(splat: Splat) -> str:
    return splat.during if splat.moment.after else f"during {splat.during}"


def _stack(splat: Splat) -> Iterator[str]:
    """Where it happened, from the function that went wrong outwards."""
    frames = [frame for frame in splat.stack if not only_reports(frame.function)][:MAX_FRAMES]
    for frame in frames:
        place = f" {frame.path}:{frame.line}" if frame.path else ""
        added = f"  <-- {ADDED}" if frame.added else ""
        yield one_line(f"{frame.function}{place}") + added
    if not frames:
        lines = splat.text.partition("Call Trace:")[2].strip().splitlines()
        yield from (one_line(line) for line in lines[:MAX_FRAMES])


def _output(variant: VariantReport, case: TestResult) -> list[str]:
    """Lines that say more than the message. Of a build the errors stand first, of a boot its last words at the end."""
    lines = [one_line(line) for line in case.output.splitlines() if line.strip() and one_line(line) not in case.message]
    if case.suite == KERNEL and case.name == "boot":
        lines = (
            [one_line(line) for line in variant.boots[-1].tail.splitlines() if line.strip()] if variant.boots else []
        )
        return lines[-MAX_LINES:]
    return lines[:MAX_LINES] if all(len(line) <= 2 * WIDTH for line in lines[:MAX_LINES]) else []


# --- commands that others can type --------------------------------------------------------------


def for_others(report: RunReport) -> tuple[str, ...]:
    """The command of the run as far as somebody else can type it: the patch by its message id, the base by its name."""
    command = _by_message_id(report.command, _only_mail(report))
    named = any(part == "--base" or part.startswith("--base=") for part in command)
    elsewhere = report.base.startswith(_ANYWHERE) and not named
    return (*command, *(["--base", report.base] if elsewhere else []))


def _only_mail(report: RunReport) -> MailHead | None:
    """The mail whose id stands for exactly the patches of ``report``."""
    heads = [patch.mail for patch in report.series.patches]
    if report.series.cover is not None:
        return report.series.cover if _total(report.series.cover) == len(heads) else None
    alone = heads[0] if len(heads) == 1 else None
    return alone if alone is not None and _total(alone) in (0, 1) else None


def _total(mail: MailHead) -> int:
    """How many patches its series has, as its subject says; 0 if that is not said."""
    found = _NUMBERED.match(mail.subject)
    return int(found[2]) if found else 0


def _by_message_id(command: tuple[str, ...], mail: MailHead | None) -> tuple[str, ...]:
    places = [at for at, part in enumerate(command) if part in ("-p", "--patch")]
    if mail is None or not mail.message_id or len(places) != 1 or "--pick" in command:
        return command
    at = places[0] + 1
    return (*command[:at], f"lore:{mail.message_id}", *command[at + 1 :])
