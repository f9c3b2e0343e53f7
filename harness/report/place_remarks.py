# SPDX-License-Identifier: GPL-2.0-only
"""What a run says of single lines of the patched source: new messages of the compiler, what was found in the patch
itself, stacks of kernel reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.changes import KERNEL
from harness.model import CompilerMessage, RunReport, Splat, VariantReport
from harness.report.case_summary import kind_of
from harness.report.cases import groups, splat_case

ERROR, WARNING = "error", "warning"
_FINDING = re.compile(r"(?P<path>[^\s:]+):(?P<line>[1-9]\d{0,6}): (?P<text>.+)")  # str(harness.static.findings.Finding)
_COMPILER = ("compile", "warnings")


@dataclass(frozen=True)
class PlaceRemark:
    """``path``, ``line``: in the patched source. ``level``: "error" if it makes the run red, else "warning".

    ``variants``: the titles of those that have it.
    """

    path: str
    line: int
    text: str
    level: str
    variants: tuple[str, ...] = ()


def place_remarks(report: RunReport) -> list[PlaceRemark]:
    """Each once, in the order in which they were found. Of a stack only lines that the patch adds count."""
    found: dict[tuple[str, int, str], PlaceRemark] = {}
    for title, variant in groups(report):
        for remark in (*_of_compiler(variant), *_of_patch_itself(variant), *_of_splats(variant)):
            key = (remark.path, remark.line, remark.text)
            known = found.get(key, remark)
            level = ERROR if ERROR in (known.level, remark.level) else WARNING
            found[key] = replace(known, level=level, variants=tuple(dict.fromkeys((*known.variants, title))))
    return list(found.values())


def _of_compiler(variant: VariantReport) -> Iterator[PlaceRemark]:
    warnings = variant.kernel.warnings if variant.kernel is not None else ()
    errors = variant.build_failure.messages if variant.build_failure is not None else ()
    yield from (_message(one) for one in (*errors, *warnings) if one.line)


def _message(message: CompilerMessage) -> PlaceRemark:
    level = ERROR if message.severity == "error" else WARNING
    return PlaceRemark(message.path, message.line, f"{message.severity}: {message.text}", level)


def _of_patch_itself(variant: VariantReport) -> Iterator[PlaceRemark]:
    """What is new in the results of the suite ``static``. The compiler's words are those that it has for a kernel."""
    for result in variant.results if variant.of_patch else ():
        kind = result.name.partition("/")[0].rpartition(".")[2]
        level = ERROR if result.is_bad else WARNING
        for match in filter(None, map(_FINDING.fullmatch, result.output.splitlines())):
            text = match["text"] if kind in _COMPILER else f"{kind}: {match['text']}"
            yield PlaceRemark(match["path"], int(match["line"]), text, level)


def _of_splats(variant: VariantReport) -> Iterator[PlaceRemark]:
    for splat in variant.splats:
        yield from _of_splat(splat, kind_of(variant, splat_case(KERNEL, splat, variant.boots)))


def _of_splat(splat: Splat, kind: str) -> Iterator[PlaceRemark]:
    words = ", ".join(filter(None, [splat.kind, kind]))
    for number, frame in enumerate(splat.stack):
        if frame.added and frame.line:
            how = "here" if number == 0 else f"through {frame.function}"
            level = ERROR if splat.is_bad else WARNING
            yield PlaceRemark(frame.path, frame.line, f"{words}: {splat.title}, {how}", level)
