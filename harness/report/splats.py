# SPDX-License-Identifier: GPL-2.0-only
"""A splat as a test result: what it is, when it came, where in the source, and the text of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.model import BootReport, Frame, Splat, Status, TestResult, VariantReport
from harness.report.compared import kind_of
from harness.report.text import one_line, plural
from harness.splat.fingerprint import case_name, identity, only_reports, site_of

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


def told_once(bad: Sequence[tuple[VariantReport, TestResult]]) -> list[tuple[VariantReport, TestResult, int]]:
    """``bad`` in its order, the same splat of a variant only where it first came, and how often it came elsewhere.

    A mistake on a path that everything takes makes the kernel print the same report during a hundred tests.
    """
    first: dict[tuple[str, ...], tuple[VariantReport, TestResult]] = {}
    again: Counter[tuple[str, ...]] = Counter()
    for variant, case in bad:  # the names of tests are unique
        key = (variant.variant.name, case.suite, case.name, case.fingerprint, kind_of(variant, case))
        again[key] += key in first
        first.setdefault(key, (variant, case))
    return [(*pair, again[key]) for key, pair in first.items()]


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
